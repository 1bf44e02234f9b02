// SPDX-License-Identifier: GPL-2.0
/*
 * The states of migration v2 on a vGPU: every pair of them, the arcs between,
 * features, owners, and reset from everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "migration2.h"
#include "rig.h"
#include "trace.h"

#define START	VFIO_DEVICE_STATE_START
#define STOP	VFIO_DEVICE_STATE_STOP

FIXTURE(state) {
	struct rig rig;
	int device;
	int fd;
};

FIXTURE_SETUP(state)
{
	self->fd = -1;
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
}

FIXTURE_TEARDOWN(state)
{
	if (self->fd >= 0)
		close(self->fd);
	rig_destroy(&self->rig);
}

TEST_F(state, all_flags_are_offered)
{
	EXPECT_EQ(MIG_STOP_COPY_FLAG | MIG_P2P_FLAG | MIG_PRE_COPY_FLAG,
		  mig_flags(self->device));
}

TEST_F(state, runs_after_open)
{
	EXPECT_EQ(MIG_RUNNING, mig_get(self->device));
}

/* QEMU takes any other errno for a broken device. */
TEST_F(state, unknown_features_are_enotty)
{
	__u64 data[4] = {};
	__u32 nr;

	for (nr = 13; nr < 200; nr++) {
		ASSERT_EQ(-ENOTTY, mig_feature(self->device,
					       VFIO_DEVICE_FEATURE_PROBE | nr,
					       data, sizeof(data)))
			TH_LOG("feature %u", nr);
	}
	/* a vf token; low power; bus master; for DMA logging see logging_test */
	for (nr = 0; nr < 12; nr++) {
		if (nr == MIG_FEATURE_FLAGS || nr == MIG_FEATURE_STATE ||
		    nr == MIG_FEATURE_DATA_SIZE ||
		    (nr >= VFIO_DEVICE_FEATURE_DMA_LOGGING_START &&
		     nr <= VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT))
			continue;
		EXPECT_EQ(-ENOTTY, mig_feature(self->device,
					       VFIO_DEVICE_FEATURE_PROBE | nr,
					       data, sizeof(data)))
			TH_LOG("feature %u", nr);
	}
}

TEST_F(state, precopy_info_v2_is_the_cores_or_enotty)
{
	int ret = mig_feature(self->device, VFIO_DEVICE_FEATURE_SET |
			      MIG_FEATURE_PRECOPY_V2, NULL, 0);

	EXPECT_TRUE(ret == 0 || ret == -ENOTTY) TH_LOG("%d", ret);
}

TEST_F(state, data_size_is_a_feature_to_get)
{
	__u64 size = 0;

	EXPECT_LT(0, mig_data_size(self->device));
	EXPECT_EQ(0, mig_feature(self->device, VFIO_DEVICE_FEATURE_PROBE |
				 VFIO_DEVICE_FEATURE_GET |
				 MIG_FEATURE_DATA_SIZE, &size, sizeof(size)));
	EXPECT_EQ(-EINVAL, mig_feature(self->device, VFIO_DEVICE_FEATURE_SET |
				       MIG_FEATURE_DATA_SIZE, &size,
				       sizeof(size)));
	EXPECT_EQ(-EINVAL, mig_feature(self->device, VFIO_DEVICE_FEATURE_GET |
				       MIG_FEATURE_DATA_SIZE, &size, 4));
}

TEST_F(state, numbers_that_are_no_states_are_einval)
{
	static const __u32 numbers[] = { MIG_ERROR, MIG_NR_STATES, 100, ~0U };
	unsigned int i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		EXPECT_EQ(-EINVAL, mig_set(self->device, numbers[i], NULL));
	EXPECT_EQ(MIG_RUNNING, mig_get(self->device));
}

/*
 * The answer to each pair, rows are from, columns to: . is 0, f is 0 and a data
 * fd, - is EINVAL and nothing else; r is EINVAL and ERROR, because a load
 * was cut short.
 */
static const char * const pairs[MIG_NR_STATES] = {
	/*		       ESRCLpMm */
	[MIG_ERROR] =	      "--------",
	[MIG_STOP] =	      "-..ff.ff",
	[MIG_RUNNING] =	      "-..ff.ff",
	[MIG_STOP_COPY] =     "-...f.--",
	[MIG_RESUMING] =      "-rrr.rrr",
	[MIG_RUNNING_P2P] =   "-..ff.ff",
	[MIG_PRE_COPY] =      "-...f...",
	[MIG_PRE_COPY_P2P] =  "-...f...",
};

TEST_F(state, every_pair)
{
	int from, to, fd, ret, cell;

	for (from = 0; from < MIG_NR_STATES * MIG_NR_STATES; from++) {
		int first = from / MIG_NR_STATES;

		to = from % MIG_NR_STATES;
		cell = pairs[first][to];
		ASSERT_EQ(0, vfio_reset(self->device));
		ASSERT_EQ(0, mig_bring(self->device, first, &self->fd));
		ASSERT_EQ(first, mig_get(self->device));
		ret = mig_set(self->device, to, &fd);
		EXPECT_EQ(cell == '.' || cell == 'f' ? 0 : -EINVAL, ret)
			TH_LOG("%s to %s", mig_name(first), mig_name(to));
		EXPECT_EQ(cell == 'f', fd >= 0)
			TH_LOG("%s to %s", mig_name(first), mig_name(to));
		EXPECT_EQ(cell == 'r' ? MIG_ERROR : cell == '-' ? first : to,
			  mig_get(self->device))
			TH_LOG("%s to %s", mig_name(first), mig_name(to));
		if (fd >= 0)
			close(fd);
		if (self->fd >= 0)
			close(self->fd);
		self->fd = -1;
	}
}

/* Does a text name an arc? The trace has the library's names. */
static bool is_arc(const char *text, const char *arc)
{
	const char *at = strstr(text, ": ");

	return at && !strcmp(at + 2, arc);
}

TEST_F(state, every_arc_is_traced)
{
	static const char * const arcs[] = {
		"running -> running_p2p", "running_p2p -> stopped",
		"stopped -> stop_copy", "stop_copy -> stopped",
		"stopped -> running_p2p", "running_p2p -> running",
		"running -> pre_copy", "pre_copy -> pre_copy_p2p",
		"pre_copy_p2p -> stop_copy", "stop_copy -> stopped",
		"stopped -> loading", "loading -> refused",
	};
	const unsigned int nr = sizeof(arcs) / sizeof(*arcs);
	struct trace_line *lines;
	struct trace trace;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, trace_open(&trace, "mdev_migration",
				"mdev_migration_state"));
	EXPECT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &fd));
	close(fd);
	EXPECT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	EXPECT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &fd));
	close(fd);
	EXPECT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(0, mig_set(self->device, MIG_RESUMING, &fd));
	close(fd);
	EXPECT_EQ(-EINVAL, mig_set(self->device, MIG_STOP, NULL));
	ASSERT_EQ(nr, trace_read(&trace, self->rig.vmm.uuid, &lines));
	for (i = 0; i < nr; i++) {
		EXPECT_TRUE(is_arc(lines[i].text, arcs[i]))
			TH_LOG("arc %u: %s", i, lines[i].text);
	}
	free(lines);
	trace_close(&trace);
}

/* What QEMU does when a guest boots, pauses and goes on. */
TEST_F(state, run_pause_and_go_on_100_times)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING_P2P, NULL));
		ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
		ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING_P2P, NULL));
		ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	}
	EXPECT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, 4096, 1, 0, 1)));
}

/* Cancel: the data fd goes first, in pre-copy. */
TEST_F(state, cancelled_precopy_leaves_a_device_that_works)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
		close(self->fd);
		ASSERT_EQ(0, rig_run(&self->rig,
				     gpu_fill(RIG_VRAM, 1 << 20, 1, 0, i)));
		ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	}
	self->fd = -1;
}

TEST_F(state, run_control_reads_1_where_the_device_stands)
{
	static const int reads[MIG_NR_STATES] = {
		[MIG_ERROR] = STOP,
		[MIG_STOP] = STOP,
		[MIG_RUNNING] = START,
		[MIG_STOP_COPY] = STOP,
		[MIG_RESUMING] = STOP,
		[MIG_RUNNING_P2P] = START,
		[MIG_PRE_COPY] = START,
		[MIG_PRE_COPY_P2P] = START,
	};
	int state;

	for (state = 0; state < MIG_NR_STATES; state++) {
		ASSERT_EQ(0, vfio_reset(self->device));
		ASSERT_EQ(0, mig_bring(self->device, state, &self->fd));
		EXPECT_EQ(reads[state],
			  context_run_control(&self->rig.vmm.state))
			TH_LOG("%s", mig_name(state));
		if (self->fd >= 0)
			close(self->fd);
		self->fd = -1;
	}
}

static int sysfs_owner(const char *uuid, char *owner, size_t size)
{
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/mvgpu/owner",
		 uuid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, owner, size - 1);
	close(fd);
	owner[len < 0 ? 0 : len] = '\0';
	owner[strcspn(owner, "\n")] = '\0';
	return 0;
}

TEST_F(state, the_first_to_change_it_owns_it)
{
	struct devstate *state = &self->rig.vmm.state;
	char owner[32];
	__u8 byte = 0;

	ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	ASSERT_EQ(0, sysfs_owner(self->rig.vmm.uuid, owner, sizeof(owner)));
	EXPECT_STREQ("v2", owner);
	EXPECT_EQ(-EBUSY, devstate_start(state));
	EXPECT_EQ(-EBUSY, devstate_stop(state));
	EXPECT_EQ(-EBUSY, devstate_pwrite(state, &byte, 1, 1));
	ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	EXPECT_EQ(-EBUSY, devstate_stop(state));

	ASSERT_EQ(0, vfio_reset(self->device));
	ASSERT_EQ(0, sysfs_owner(self->rig.vmm.uuid, owner, sizeof(owner)));
	EXPECT_STREQ("none", owner);
	ASSERT_EQ(0, devstate_stop(state));
	EXPECT_EQ(MIG_STOP, mig_get(self->device));
	EXPECT_EQ(-EBUSY, mig_set(self->device, MIG_RUNNING, NULL));
	EXPECT_EQ(-EBUSY, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(-EBUSY, mig_set(self->device, MIG_RESUMING, NULL));
	EXPECT_EQ(0, devstate_start(state));
}

TEST_F(state, the_region_is_not_read_while_a_data_fd_is)
{
	struct devstate *state = &self->rig.vmm.state;
	struct mig_stream stream = {};
	__u8 byte;

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_EQ(-EBUSY, devstate_pread(state, &byte, 1, 1));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(-EBUSY, devstate_pread(state, &byte, 1, 1));
	EXPECT_EQ(0, mig_drain(self->fd, &stream, 4096));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	EXPECT_EQ(1, devstate_pread(state, &byte, 1, 1));
	mig_stream_free(&stream);
}

/* The device still does what it is told: no DMA without bus mastering. */
static const char *not_reset(struct rig *rig)
{
	struct gpu_queue_state queue;
	unsigned char byte = 1;

	if (mig_get(rig->vmm.vfio.device) != MIG_RUNNING)
		return "it does not run";
	if (context_run_control(&rig->vmm.state) != START)
		return "run control does not read 0";
	if (gpu_vram_read(&rig->vmm.gpu, 0, &byte, 1) || byte)
		return "VRAM is not zero";
	if (gpu_queue_state(&rig->vmm.gpu, 0, &queue) || queue.control)
		return "a queue is enabled";
	if (rig_setup(rig) ||
	    rig_run(rig, gpu_fill(RIG_VRAM, 4096, 1, 0, 0x11111111)))
		return "it does not work";
	return NULL;
}

static int flr(int device)
{
	/* Device Control of the PCI Express capability, see hardware.rst */
	const __u16 value = 0x8000;

	return vfio_config_write(device, 0x80 + 8, &value, sizeof(value));
}

TEST_F(state, reset_and_flr_from_every_state)
{
	int state, way;

	for (state = 0; state < MIG_NR_STATES; state++) {
		for (way = 0; way < 2; way++) {
			const char *wrong;
			__u8 byte = 0;

			ASSERT_EQ(0, rig_run(&self->rig,
					     gpu_fill(RIG_VRAM, 4096, 1, 0, 1)));
			ASSERT_EQ(0, mig_bring(self->device, state,
					       &self->fd));
			ASSERT_EQ(0, way ? flr(self->device) :
					   vfio_reset(self->device));
			wrong = not_reset(&self->rig);
			EXPECT_EQ(NULL, wrong)
				TH_LOG("%s, %s: %s", way ? "FLR" : "reset",
				       mig_name(state), wrong ?: "");
			if (self->fd < 0)
				continue;
			EXPECT_EQ(-ENODEV, state == MIG_RESUMING ?
				  mig_write(self->fd, &byte, 1) :
				  mig_read(self->fd, &byte, 1));
			close(self->fd);
			self->fd = -1;
		}
	}
}

TEST_F(state, data_fds_are_closed_by_exec_and_have_no_position)
{
	static const int states[] = { MIG_PRE_COPY, MIG_RESUMING };
	unsigned int i;
	__u8 byte = 0;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, mig_set(self->device, states[i], &self->fd));
		EXPECT_TRUE(fcntl(self->fd, F_GETFD) & FD_CLOEXEC);
		EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pread(self->fd, &byte, 1, 0));
		EXPECT_EQ(-1, pwrite(self->fd, &byte, 1, 0));
		EXPECT_EQ(-EBADF, states[i] == MIG_PRE_COPY ?
			  mig_write(self->fd, &byte, 1) :
			  mig_read(self->fd, &byte, 1));
		EXPECT_EQ(-1, ioctl(self->fd, VFIO_DEVICE_RESET));
		EXPECT_EQ(ENOTTY, errno);
		close(self->fd);
	}
	self->fd = -1;
}

/*
 * iommufd tells nobody which pages a device wrote: only a device that logs them
 * itself can be moved from there with none missing.
 */
TEST_F(state, is_sent_from_iommufd_with_a_log_only)
{
	const __u32 probe = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_START;
	int iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC), expected;
	struct vfio_client client = VFIO_CLIENT_CLOSED;

	if (iommufd < 0)
		SKIP(return, "needs IOMMUFD");
	rig_close(&self->rig);
	client.group = vfio_open_group(self->rig.vmm.uuid);
	ASSERT_LE(0, client.group);
	ASSERT_EQ(0, vfio_group_set_container(client.group, iommufd));
	client.device = vfio_open_device(client.group, self->rig.vmm.uuid);
	ASSERT_LE(0, client.device);
	expected = mig_feature(client.device, probe, NULL, 0) ? -EOPNOTSUPP : 0;
	EXPECT_EQ(expected, mig_set(client.device, MIG_PRE_COPY, &self->fd));
	if (!expected)
		close(self->fd);
	EXPECT_EQ(expected, mig_set(client.device, MIG_PRE_COPY_P2P, NULL));
	EXPECT_EQ(expected, mig_set(client.device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(expected ? MIG_RUNNING : MIG_STOP_COPY,
		  mig_get(client.device));
	EXPECT_EQ(0, mig_set(client.device, MIG_STOP, NULL));
	EXPECT_EQ(0, mig_set(client.device, MIG_RUNNING, NULL));
	EXPECT_EQ(0, mig_set(client.device, MIG_RESUMING, &self->fd));
	vfio_close_device(&client);
	close(iommufd);
}

TEST_HARNESS_MAIN
