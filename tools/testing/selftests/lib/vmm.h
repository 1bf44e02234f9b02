/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VMM in a process of its own, which can have limits of its own, and be
 * killed.
 */
#ifndef _SELFTESTS_VMM_H
#define _SELFTESTS_VMM_H

#include <sys/types.h>

#include "rig.h"

/**
 * struct vmm - the process
 * @rig: its vGPU, which exists; opened by the process alone
 * @pid: 0 once it was waited for
 * @pipe: what it says comes this way
 * @go: shared with it, 0 at first
 */
struct vmm {
	struct rig rig;
	pid_t pid;
	int pipe[2];
	int *go;
};

/*
 * Runs @life, whose result is 0, or the line of its file where it went wrong:
 * then the exit status is 1. Returns 0 or -errno.
 */
int vmm_start(struct vmm *vmm, int (*life)(struct vmm *vmm));

/* It says how far it is by a byte; 0 is heard if it does not. */
void vmm_say(struct vmm *vmm, char byte);
char vmm_heard(struct vmm *vmm);

/* Its wait status. */
int vmm_wait(struct vmm *vmm);

/* Whatever became of it. */
void vmm_destroy(struct vmm *vmm);

#endif /* _SELFTESTS_VMM_H */
