// SPDX-License-Identifier: GPL-2.0
/*
 * A vGPU that contexts are loaded into, see receiver.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "receiver.h"

/* Every stream up to this long is also loaded by small pieces. */
#define RECEIVER_SHORT	(32 * 1024)

void receiver_keep_memory(struct stream *stream, unsigned int keep)
{
	int nr = -1;

	while ((nr = stream_find(stream, STREAM_MEM, nr + 1)) >= 0) {
		if (keep) {
			keep--;
			continue;
		}
		stream_remove(stream, nr--);
	}
}

int receiver_create(struct receiver *receiver)
{
	struct stream_bytes bytes;
	struct context full;
	int ret;

	receiver->vmm = &receiver->fixture.vmm[0];
	receiver->state = &receiver->vmm->state;
	ret = fixture_create(&receiver->fixture);
	if (!ret)
		ret = fixture_open(receiver->vmm);
	if (!ret)
		ret = context_fill_save(receiver->vmm, 7, &full);
	if (ret)
		return ret;
	if (stream_parse(&receiver->stream, full.data, full.length))
		ret = -EPROTO;
	context_free(&full);
	if (ret)
		return ret;
	receiver_keep_memory(&receiver->stream, 3);
	bytes = stream_build(&receiver->stream);
	receiver->good.data = bytes.data;
	receiver->good.length = bytes.length;
	return 0;
}

void receiver_destroy(struct receiver *receiver)
{
	stream_free(&receiver->stream);
	context_free(&receiver->good);
	fixture_destroy(&receiver->fixture);
}

int receiver_load_cut(struct receiver *receiver, const __u8 *data,
		      size_t length, size_t cut)
{
	int ret = context_write(receiver->state, data, length, 1, cut);
	int start;

	if (context_run_control(receiver->state) != VFIO_DEVICE_STATE_STOP)
		return RECEIVER_BROKEN;
	start = devstate_start(receiver->state);
	if (ret)
		return start == -EINVAL ? ret : RECEIVER_BROKEN;
	if (start)
		return start == -EINVAL ? RECEIVER_INCOMPLETE : RECEIVER_BROKEN;
	return RECEIVER_TAKEN;
}

int receiver_load(struct receiver *receiver, const __u8 *data, size_t length)
{
	int ret = receiver_load_cut(receiver, data, length, CONTEXT_UNCUT);

	if (length > RECEIVER_SHORT)
		return ret;
	if (receiver_load_cut(receiver, data, length, 61) != ret)
		return RECEIVER_BROKEN;
	return ret;
}

int receiver_load_stream(struct receiver *receiver)
{
	struct stream_bytes bytes = stream_build(&receiver->stream);
	int ret = receiver_load(receiver, bytes.data, bytes.length);

	free(bytes.data);
	return ret;
}

bool receiver_refused(int result)
{
	return result == -EINVAL || result == -EBADMSG || result == -ENODEV ||
	       result == -EOPNOTSUPP || result == -EOVERFLOW;
}

bool receiver_works(struct receiver *receiver)
{
	struct devstate *state = receiver->state;

	return !devstate_load(state, receiver->good.data,
			      receiver->good.length) &&
	       context_is_saved(state, &receiver->good) &&
	       !devstate_start(state) &&
	       !vfio_reset(receiver->vmm->vfio.device) &&
	       !guest_state_fill(receiver->vmm, 5);
}
