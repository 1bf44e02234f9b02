// SPDX-License-Identifier: GPL-2.0
/*
 * Runs probes on containers of their own: see type1_probe.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio_device_state.h>

#include "type1_script.h"

/* Longer than anything here takes, also on a debug kernel. */
#define SECONDS		120

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int type1_limit_set(const char *value)
{
	return write_file("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit",
			  value);
}

/* Open as much as the probe asks for. */
static int begin(struct type1_run *run, enum type1_begin where, bool ours)
{
	struct vfio_client *vfio = &run->devices[0].vfio;
	int ret;

	vfio->container = vfio_open_container();
	if (vfio->container < 0)
		return vfio->container;
	if (where == TYPE1_CONTAINER)
		return 0;
	vfio->group = vfio_open_group(run->devices[0].uuid);
	if (vfio->group < 0)
		return vfio->group;
	ret = vfio_group_set_container(vfio->group, vfio->container);
	if (ret || where == TYPE1_GROUP)
		return ret;
	ret = vfio_set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU);
	if (ret)
		return ret;
	/* Is it whose it should be? */
	if (vfio_check_extension(vfio->container,
				 VFIO_DIRTY_GET_DIRTY_BITMAP_EXT) != ours)
		return -EXDEV;
	if (where == TYPE1_SERVED)
		return 0;
	vfio->device = vfio_open_device(vfio->group, run->devices[0].uuid);
	return vfio->device < 0 ? vfio->device : 0;
}

/* How often the devices that are open were told of an unmap. */
static void say_calls(struct type1_run *run)
{
	int i;

	for (i = 0; i < TYPE1_DEVICES; i++) {
		long calls = 0;

		if (run->devices[i].vfio.device >= 0)
			calls = dirty_set(&run->devices[i], PINTEST_CALLS, 0);
		if (calls)
			type1_say(run, " calls%s=%ld", i ? "2" : "", calls);
	}
}

static int run_one(const struct type1_probe *probe, bool ours,
		   struct type1_run *run)
{
	int ret = begin(run, probe->begin, ours);

	if (ret) {
		type1_say(run, "[begin: %s]", strerrorname_np(-ret));
	} else {
		ret = type1_script_run(run, probe->script);
		say_calls(run);
		if (dirty_locked())
			type1_say(run, " lck=%ld", dirty_locked());
	}
	vfio_close_device(&run->devices[1].vfio);
	vfio_close(&run->devices[0].vfio);
	if (dirty_locked())
		type1_say(run, " left=%ld", dirty_locked());
	return ret;
}

static int run_all(const struct type1_probe *probe,
		   const struct dirty_rig *rigs, bool ours,
		   struct type1_results *results)
{
	struct type1_run run = {};
	__u64 bits, data;
	int i, ret;

	ret = type1_memory("arg", 3, &run.arg);
	if (!ret)
		ret = type1_memory("bits", 4, &bits);
	if (!ret)
		ret = type1_memory("data", 4, &data);
	if (ret)
		return ret;
	run.bits = (void *)(unsigned long)bits;
	run.data = (void *)(unsigned long)data;

	for (run.i = probe->from; !ret && run.i <= probe->to; run.i++) {
		if (results->count == TYPE1_RESULTS)
			return -E2BIG;
		for (i = 0; i < TYPE1_DEVICES; i++) {
			run.devices[i] = rigs[i];
			run.devices[i].vfio =
				(struct vfio_client)VFIO_CLIENT_CLOSED;
		}
		run.text = results->text[results->count++];
		run.len = 0;
		ret = run_one(probe, ours, &run);
	}
	return ret;
}

int type1_probe_run(const struct type1_probe *probe,
		    const struct dirty_rig *rigs, bool ours,
		    struct type1_results *results)
{
	int status, ret;
	pid_t pid;

	memset(results, 0, sizeof(*results));
	ret = dirty_param("claim", ours ? "all" : "none", NULL);
	if (!ret)
		ret = type1_limit_set(TYPE1_LIMIT);
	if (ret)
		return ret;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		alarm(SECONDS);
		_exit(-run_all(probe, rigs, ours, results));
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
