// SPDX-License-Identifier: GPL-2.0
/*
 * Migration v2 beside a VMM that does not keep still: that writes to a device
 * which stands while its stream is read, that writes to the region of a device
 * which v2 owns, that waits for no more than a hang-up, and that is killed while
 * it writes a stream of zeros without an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "stream_edit.h"

#define PAGE	RIG_PAGE
#define MIB	(1024 * 1024ULL)
#define COMMAND	4

FIXTURE(still) {
	struct rig rig;
	int device;
	int fd;
	struct mig_stream stream;
};

FIXTURE_SETUP(still)
{
	memset(&self->stream, 0, sizeof(self->stream));
	self->fd = -1;
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
}

FIXTURE_TEARDOWN(still)
{
	if (self->fd >= 0)
		close(self->fd);
	mig_stream_free(&self->stream);
	rig_destroy(&self->rig);
}

TEST_F(still, the_region_is_busy_wherever_it_is_written_while_v2_owns_an_error)
{
	static const __u64 offsets[] = { 1, 2, 17, 65, 4097, 100000 };
	unsigned char data[64] = {};
	unsigned int i;

	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
		EXPECT_EQ(-EBUSY, devstate_pwrite(&self->rig.vmm.state, data,
						  sizeof(data), offsets[i]));
	EXPECT_EQ(-EINVAL, mig_set(self->device, MIG_STOP, NULL));
	ASSERT_EQ(MIG_ERROR, mig_get(self->device));
	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
		EXPECT_EQ(-EBUSY, devstate_pwrite(&self->rig.vmm.state, data,
						  sizeof(data), offsets[i]));
}

TEST_F(still, the_error_of_an_earlier_open_is_not_told)
{
	unsigned char data[64];

	memset(data, 0xff, sizeof(data));
	EXPECT_EQ(-EINVAL, devstate_pwrite(&self->rig.vmm.state, data, 64, 1));
	rig_close(&self->rig);
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-EINVAL, mig_set(self->device, MIG_STOP, NULL));
	EXPECT_EQ(-EBUSY, devstate_pwrite(&self->rig.vmm.state, data, 64,
					  4097));
}

struct waiter {
	int fd;
	int epoll;
	short events;
	int tid;
	int revents;
};

static void *wait_for(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { .fd = w->fd, .events = w->events };
	struct epoll_event e = { .events = 0 };

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (w->epoll < 0)
		w->revents = poll(&p, 1, RIG_TIMEOUT_MS) == 1 ? p.revents : 0;
	else
		w->revents = epoll_wait(w->epoll, &e, 1, RIG_TIMEOUT_MS) == 1 ?
			     (int)e.events : 0;
	return NULL;
}

/* Does a thread wait in poll or epoll_wait? */
static bool waits(int tid)
{
	char path[64], line[64] = "";
	FILE *file;
	long nr = -1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		sscanf(line, "%ld", &nr);
	fclose(file);
	return nr == SYS_poll || nr == SYS_epoll_wait;
}

/* What ends a stream. */
static int hang_up(struct rig *rig, int way)
{
	switch (way) {
	case 0:
		return vfio_reset(rig->vmm.vfio.device);
	case 1:
		return mig_set(rig->vmm.vfio.device, MIG_RUNNING, NULL);
	default:
		rig_close(rig);
		return 0;
	}
}

/* Each way, from @state; @events < 0 is epoll for nothing. */
static int check_hang_up(struct rig *rig, int state, int events)
{
	int way, fd, ret = 0;

	for (way = 0; way < 3 && !ret; way++) {
		struct waiter w = { .events = events, .epoll = -1 };
		struct epoll_event e = { .events = 0 };
		pthread_t thread;

		ret = mig_set(rig->vmm.vfio.device, state, &fd);
		if (ret)
			return ret;
		w.fd = fd;
		if (events < 0) {
			w.epoll = epoll_create1(EPOLL_CLOEXEC);
			epoll_ctl(w.epoll, EPOLL_CTL_ADD, fd, &e);
		}
		if (pthread_create(&thread, NULL, wait_for, &w))
			return -EAGAIN;
		while (!waits(__atomic_load_n(&w.tid, __ATOMIC_ACQUIRE)))
			sched_yield();
		ret = hang_up(rig, way);
		pthread_join(thread, NULL);
		if (!ret && !(w.revents & POLLHUP))
			ret = -ETIMEDOUT;
		close(fd);
		if (w.epoll >= 0)
			close(w.epoll);
		if (way == 1 && !ret)
			ret = vfio_reset(rig->vmm.vfio.device);
		if (way == 2 && !ret)
			ret = rig_open(rig);
	}
	return ret;
}

TEST_F_TIMEOUT(still, poll_for_nothing_is_woken_by_a_hang_up, 1200)
{
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_PRE_COPY, 0));
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_STOP_COPY, 0));
}

TEST_F_TIMEOUT(still, poll_for_errors_is_woken_by_a_hang_up, 1200)
{
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_PRE_COPY, POLLERR));
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_PRE_COPY, POLLHUP));
}

TEST_F_TIMEOUT(still, epoll_for_nothing_is_woken_by_a_hang_up, 1200)
{
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_PRE_COPY, -1));
	EXPECT_EQ(0, check_hang_up(&self->rig, MIG_STOP_COPY, -1));
}

/* Of a writer, who is ready as long as there is something to write to. */
TEST_F(still, a_writer_sees_the_hang_up)
{
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(POLLOUT, mig_poll(self->fd, POLLOUT));
	ASSERT_EQ(0, vfio_reset(self->device));
	EXPECT_EQ(POLLERR | POLLHUP, mig_poll(self->fd, POLLOUT));
}

/* Ways to change the state of a device, and its memory. */
#define WAYS	4

/* Through a mapping that stays, so that its page may be writable already. */
static int write_mapped(struct rig *rig, __u64 offset, __u32 value)
{
	static char *vram;

	if (!vram)
		vram = gpu_vram_map(&rig->vmm.gpu);
	if (!vram)
		return -errno;
	__atomic_store_n((__u32 *)(vram + offset), value, __ATOMIC_RELAXED);
	return 0;
}

static int change(struct rig *rig, int way, unsigned int value)
{
	const __u16 command = 2 | (value & 4);
	__u32 byte = value;

	switch (way) {
	case 0:
		return vfio_config_write(rig->vmm.vfio.device, COMMAND,
					 &command, sizeof(command));
	case 1:
		return gpu_gtt_bind(&rig->vmm.gpu, 1000, 1,
				    MVGPU_GTT_VALID | value * PAGE);
	case 2:
		return gpu_vram_write(&rig->vmm.gpu, 5 * MIB, &byte, 4);
	default:
		return write_mapped(rig, 6 * MIB, byte);
	}
}

/* Is it in the device of a rig? */
static bool changed(struct rig *rig, int way, unsigned int value)
{
	__u16 command = 0;
	__u32 byte = 0;
	__u64 entry = 0;

	switch (way) {
	case 0:
		return !vfio_config_read(rig->vmm.vfio.device, COMMAND,
					 &command, sizeof(command)) &&
		       command == (2 | (value & 4));
	case 1:
		return !gpu_gtt_read(&rig->vmm.gpu, 1000, &entry) &&
		       entry == (MVGPU_GTT_VALID | value * PAGE);
	default:
		return !gpu_vram_read(&rig->vmm.gpu, (3 + way) * MIB, &byte,
				      4) && byte == value;
	}
}

TEST_F(still, what_is_written_in_time_travels)
{
	struct rig target = {};
	int way;

	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &self->fd));
	for (way = 0; way < WAYS; way++)
		ASSERT_EQ(0, change(&self->rig, way, 7));
	EXPECT_EQ(1, mig_drain_some(self->fd, &self->stream, 100, 200));
	for (way = 0; way < WAYS; way++)
		ASSERT_EQ(0, change(&self->rig, way, 3));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
	mig_seal(&self->stream);
	ASSERT_EQ(0, rig_create(&target));
	EXPECT_EQ(0, rig_open(&target));
	EXPECT_EQ(0, mig_load(target.vmm.vfio.device, &self->stream, 1 << 20));
	for (way = 0; way < WAYS; way++)
		EXPECT_TRUE(changed(&target, way, 3)) TH_LOG("way %d", way);
	rig_destroy(&target);
}

TEST_F(still, what_is_written_too_late_makes_the_stream_stale)
{
	char byte;
	int way;

	for (way = 0; way < WAYS; way++) {
		ASSERT_EQ(0, change(&self->rig, way, 7));
		ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &self->fd));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
		EXPECT_EQ(0, mig_read(self->fd, &byte, 1));
		ASSERT_EQ(0, change(&self->rig, way, 3));
		EXPECT_EQ(-ESTALE, mig_read(self->fd, &byte, 1))
			TH_LOG("way %d", way);
		EXPECT_EQ(-ESTALE, mig_read(self->fd, &byte, 1));
		EXPECT_EQ(POLLIN, mig_poll(self->fd, POLLIN));
		close(self->fd);
		/* another stream is a good one */
		ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
		ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &self->fd));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
		close(self->fd);
		self->fd = -1;
		ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	}
}

static long long moved(struct rig *rig)
{
	char path[128];
	long long bytes = -1;
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/bus/mdev/devices/%s/mvgpu/bytes_migrated",
		 rig->vmm.uuid);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &bytes) != 1)
		bytes = -EIO;
	fclose(file);
	return bytes;
}

/* A stream's beginning, and then zeros for all of VRAM again and again. */
static unsigned char *make_zeros(const struct mig_stream *good, size_t size)
{
	unsigned char *data = calloc(1, size), *end;
	struct stream stream;
	size_t at, head;
	__u64 offset;

	if (!data || stream_parse(&stream, good->data, good->length))
		return NULL;
	/* up to the first section behind the compatibility section */
	head = stream.sections[1].offset - STREAM_PREFIX;
	memcpy(data, good->data + STREAM_PREFIX, head);
	end = data + size;
	stream_free(&stream);

	for (at = head; data + at + 16 <= end;) {
		unsigned char *section = data + at;

		stream_put16(section + 4, 1);
		stream_put32(section, 4);
		stream_seal_section(section);
		at += STREAM_SECTION_HEADER;
		for (offset = 0; offset < 16 * MIB; offset += STREAM_MEM_MAX) {
			section = data + at;
			if (section + 28 > end)
				return data;
			stream_put32(section, 5);
			stream_put16(section + 4, 1);
			stream_put32(section + 8, 12);
			stream_put64(section + 16, offset);
			stream_put32(section + 24, STREAM_MEM_MAX);
			stream_seal_section(section);
			at += 28;
		}
	}
	return data;
}

/* 16 MiB of them are 36 GiB of memory. */
TEST_F_TIMEOUT(still, who_writes_zeros_can_be_killed, 1200)
{
	const size_t size = 16 * MIB;
	unsigned char *data;
	long long before, bytes;
	int status = 0;
	pid_t child;

	ASSERT_EQ(0, mig_save(self->device, &self->stream));
	data = make_zeros(&self->stream, size);
	ASSERT_NE(NULL, data);
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	before = moved(&self->rig);
	ASSERT_LE(0, before);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		mig_write(self->fd, data, size);
		_exit(0);
	}
	do {
		bytes = moved(&self->rig) - before;
	} while (!bytes);
	EXPECT_LT(0, bytes);
	/* others get in between */
	EXPECT_EQ(POLLOUT, mig_poll(self->fd, POLLOUT));
	EXPECT_EQ(MIG_RESUMING, mig_get(self->device));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	bytes = moved(&self->rig) - before;
	TH_LOG("%lld of %zu bytes were taken", bytes, size);
	EXPECT_LT(bytes, (long long)size);
	free(data);
}

TEST_HARNESS_MAIN
