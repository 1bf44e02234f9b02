// SPDX-License-Identifier: GPL-2.0
/*
 * Saving and loading contexts, see context.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "stream_edit.h"

int context_run_control(const struct devstate *state)
{
	__u8 run = 0xff;
	int ret = devstate_get_run(state, &run);

	return ret ? ret : run;
}

int context_save(const struct devstate *state, struct context *context)
{
	void *data;
	int ret;

	context->data = NULL;
	ret = devstate_save(state, &data, &context->length);
	if (!ret)
		context->data = data;
	return ret;
}

void context_free(struct context *context)
{
	free(context->data);
	context->data = NULL;
}

int context_fill_save(const struct fixture_vmm *vmm, __u32 seed,
		      struct context *context)
{
	int ret;

	ret = guest_state_fill(vmm, seed);
	if (!ret)
		ret = devstate_stop(&vmm->state);
	if (!ret)
		ret = context_save(&vmm->state, context);
	return ret;
}

bool context_is_saved(const struct devstate *state,
		      const struct context *context)
{
	struct context now;
	bool same;

	if (context_save(state, &now))
		return false;
	same = now.length == context->length &&
	       !memcmp(now.data, context->data, context->length);
	context_free(&now);
	return same;
}

/* Give the clock of @now the value of @then; false if it went backwards. */
static bool turn_back(struct stream *now, const struct context *then)
{
	struct stream_section *newer, *older;
	struct stream before;
	bool forward = false;
	int at;

	if (stream_parse(&before, then->data, then->length))
		return false;
	at = stream_find(&before, MVGPU_STREAM_CLOCK, 0);
	older = at < 0 ? NULL : &before.sections[at];
	at = stream_find(now, MVGPU_STREAM_CLOCK, 0);
	newer = at < 0 ? NULL : &now->sections[at];
	if (older && newer) {
		forward = stream_get64(newer->payload) >=
			  stream_get64(older->payload);
		memcpy(newer->payload, older->payload, older->length);
	}
	stream_free(&before);
	return forward;
}

bool context_is_saved_later(const struct devstate *state,
			    const struct context *context)
{
	struct stream_bytes bytes;
	struct context now;
	struct stream stream;
	bool same;

	if (context_save(state, &now))
		return false;
	same = !stream_parse(&stream, now.data, now.length);
	context_free(&now);
	if (!same)
		return false;
	same = turn_back(&stream, context);
	bytes = stream_build(&stream);
	same = same && bytes.length == context->length &&
	       !memcmp(bytes.data, context->data, context->length);
	free(bytes.data);
	stream_free(&stream);
	return same;
}

int context_read(const struct devstate *state, void *data, __u64 length,
		 __u64 offset, size_t cut)
{
	__u64 done = 0;

	while (done < length) {
		size_t piece = length - done < cut ? length - done : cut;
		ssize_t ret = devstate_pread(state, (char *)data + done, piece,
					     offset + done);

		if (ret != (ssize_t)piece)
			return ret < 0 ? ret : -EIO;
		done += piece;
	}
	return 0;
}

int context_write(const struct devstate *state, const void *data, __u64 length,
		  __u64 offset, size_t cut)
{
	__u64 done = 0;

	while (done < length) {
		size_t piece = length - done < cut ? length - done : cut;
		ssize_t ret = devstate_pwrite(state, (const char *)data + done,
					      piece, offset + done);

		if (ret != (ssize_t)piece)
			return ret < 0 ? ret : -EIO;
		done += piece;
	}
	return 0;
}
