/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What most tests begin with: two vGPUs, and VMMs that have one open, each
 * behind a container of its own with guest RAM mapped.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef _SELFTESTS_FIXTURE_H
#define _SELFTESTS_FIXTURE_H

#include <linux/types.h>

#include "devstate.h"
#include "gpu.h"
#include "mdev.h"
#include "memory.h"
#include "vfio.h"

#define FIXTURE_VMMS		2
#define FIXTURE_RAM_SIZE	(8UL * 1024 * 1024)
#define FIXTURE_RAM_IOVA	0x100000000ULL

/**
 * struct fixture_vmm - a VMM with one vGPU
 * @uuid: of the vGPU, which exists
 * @is_open: all below is valid
 * @vfio: container, group, device
 * @gpu: the BARs
 * @state: the device-state region; size 0 where the container is not served
 * @ram: FIXTURE_RAM_SIZE bytes of guest RAM, mapped at FIXTURE_RAM_IOVA
 */
struct fixture_vmm {
	char uuid[MDEV_UUID_SIZE];
	int is_open;
	struct vfio_client vfio;
	struct gpu gpu;
	struct devstate state;
	struct ram ram;
};

/**
 * struct fixture - two vGPUs
 * @vmm: their VMMs
 */
struct fixture {
	struct fixture_vmm vmm[FIXTURE_VMMS];
};

/* Create the vGPUs; those that a killed test left behind are removed first. */
int fixture_create(struct fixture *fixture);
/* Close what is open, remove the vGPUs. Also after a fixture_create() failed. */
void fixture_destroy(struct fixture *fixture);

/*
 * Open the vGPU behind a fresh container with zeroed RAM mapped. The device is
 * as after reset: no bus mastering.
 */
int fixture_open(struct fixture_vmm *vmm);
void fixture_close(struct fixture_vmm *vmm);

/* Create the vGPUs and open them all. */
int fixture_create_open(struct fixture *fixture);

/* Longest value of vfio_dirty's parameter claim, NUL included. */
#define FIXTURE_CLAIM_SIZE	16

/* Which groups containers opened from now on are served for; old is kept. */
int fixture_claim(const char *claim, char old[FIXTURE_CLAIM_SIZE]);

#endif /* _SELFTESTS_FIXTURE_H */
