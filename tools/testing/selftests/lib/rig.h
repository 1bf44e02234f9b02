/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device under test with work to do: an mdev of its own, open, with guest
 * memory and VRAM bound to the GPU address space and a ring to submit to.
 * The ring lies in guest memory of its own, so that tests can unmap the rest.
 */
#ifndef _SELFTESTS_RIG_H
#define _SELFTESTS_RIG_H

#include <stdbool.h>
#include <linux/types.h>

#include "effort.h"
#include "fixture.h"

#define RIG_PAGE		4096ULL

/* GPU addresses, and the IOVAs behind the first two. */
#define RIG_RAM			0x00000000ULL
#define RIG_RAM_SIZE		((__u64)FIXTURE_RAM_SIZE)
#define RIG_RAM_IOVA		FIXTURE_RAM_IOVA
#define RIG_RING		0x01800000ULL
#define RIG_RING_SIZE		0x00010000ULL
#define RIG_RING_IOVA		0x00010000ULL
#define RIG_VRAM		0x02000000ULL
/* Nothing is bound from here to the end, 0x10000000. */
#define RIG_FREE		0x08000000ULL

#define RIG_RING_COMMANDS	(RIG_RING_SIZE / MVGPU_COMMAND_SIZE)
#define RIG_TIMEOUT_MS		(240000 * effort_slowness())

struct rig {
	struct fixture_vmm vmm;
	bool exists;
	struct ram ring_ram;
	struct gpu_ring ring;
};

/* All return 0 or -errno. */

/* Create an mdev; rig_destroy() closes and removes it, however far it is. */
int rig_create(struct rig *rig);
int rig_create_type(struct rig *rig, const char *type);
void rig_destroy(struct rig *rig);

/* Open it on a container of its own and set it up. */
int rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Steps of rig_open(). */
int rig_setup(struct rig *rig);
int rig_bind_all(struct rig *rig);
int rig_enable(struct rig *rig);

/* Put, kick, wait; -EIO for a fault. */
int rig_run(struct rig *rig, union gpu_command command);
int rig_wait(struct rig *rig);

/* Put as often as the ring holds, and kick. */
int rig_flood(struct rig *rig, union gpu_command command);

/*
 * Keep it busy with chunks that take as long as a chunk can, over the first
 * RIG_SLOW bytes of guest memory; returns once it has begun. They have
 * @value afterwards, which they may not have before.
 */
#define RIG_SLOW		0x40000ULL
int rig_flood_slow(struct rig *rig, unsigned char value);

/* Do the first RIG_SLOW bytes of guest memory keep a value for a while? */
bool rig_stays(struct rig *rig, unsigned char value);

/* Wait until a byte of shared memory has another value than @old. */
int rig_wait_change(const void *byte, unsigned char old);

/* Wait for a status of the queue. */
int rig_wait_status(struct rig *rig, __u32 status);

/* A byte pattern that differs from page to page. */
void rig_pattern(void *data, __u64 len, __u32 seed);
bool rig_has_pattern(const void *data, __u64 len, __u32 seed);

/* The number that an attribute of the vGPU has in sysfs, or -1. */
long long rig_attribute(const struct rig *rig, const char *name);

/* Do all bytes have a value? */
bool rig_all(const void *data, __u64 len, unsigned char value);

/* Milliseconds of a clock that only goes forward. */
long long rig_now_ms(void);

/*
 * Is the engine a thread of the kernel's, as it is where there is no
 * vhost_task_create(), and not one of the process that opened the vGPU?
 */
bool rig_engine_is_the_kernels(void);

#endif /* _SELFTESTS_RIG_H */
