// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM in a process of its own: see vmm.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

void vmm_say(struct vmm *vmm, char byte)
{
	if (write(vmm->pipe[1], &byte, 1) != 1)
		_exit(99);
}

char vmm_heard(struct vmm *vmm)
{
	struct pollfd fd = { .fd = vmm->pipe[0], .events = POLLIN };
	char byte;

	if (poll(&fd, 1, RIG_TIMEOUT_MS) != 1 ||
	    read(vmm->pipe[0], &byte, 1) != 1)
		return 0;
	return byte;
}

int vmm_start(struct vmm *vmm, int (*life)(struct vmm *vmm))
{
	int ret;

	ret = rig_create(&vmm->rig);
	if (!ret && pipe(vmm->pipe))
		ret = -errno;
	vmm->go = mmap(NULL, sizeof(*vmm->go), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!ret && vmm->go == MAP_FAILED)
		ret = -errno;
	if (ret)
		return ret;
	vmm->pid = fork();
	if (vmm->pid)
		return vmm->pid < 0 ? -errno : 0;
	close(vmm->pipe[0]);
	ret = life(vmm);
	fprintf(stderr, "# the VMM ended with %d\n", ret);
	_exit(ret ? 1 : 0);
}

int vmm_wait(struct vmm *vmm)
{
	int status = -1;

	if (waitpid(vmm->pid, &status, 0) != vmm->pid)
		status = -1;
	vmm->pid = 0;
	return status;
}

void vmm_destroy(struct vmm *vmm)
{
	if (vmm->pid > 0) {
		kill(vmm->pid, SIGKILL);
		vmm_wait(vmm);
	}
	close(vmm->pipe[0]);
	close(vmm->pipe[1]);
	rig_destroy(&vmm->rig);
}
