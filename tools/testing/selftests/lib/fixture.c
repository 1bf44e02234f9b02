// SPDX-License-Identifier: GPL-2.0
/*
 * Two vGPUs and their VMMs, see fixture.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static const char fixture_claim_path[] = "/sys/module/vfio_dirty/parameters/claim";

int fixture_create(struct fixture *fixture)
{
	unsigned int i;
	int ret = 0;

	memset(fixture, 0, sizeof(*fixture));
	for (i = 0; i < FIXTURE_VMMS && !ret; i++) {
		struct fixture_vmm *vmm = &fixture->vmm[i];

		/* Always the same, so that leftovers are found again. */
		snprintf(vmm->uuid, sizeof(vmm->uuid),
			 "6d766770-7500-4000-8000-%012x", i + 1);
		if (mdev_exists(vmm->uuid))
			ret = mdev_remove(vmm->uuid);
		if (!ret)
			ret = mdev_create(MDEV_TYPE_SMALL, vmm->uuid);
	}
	return ret;
}

void fixture_destroy(struct fixture *fixture)
{
	unsigned int i;

	for (i = 0; i < FIXTURE_VMMS; i++) {
		struct fixture_vmm *vmm = &fixture->vmm[i];

		fixture_close(vmm);
		if (vmm->uuid[0] && mdev_exists(vmm->uuid))
			mdev_remove(vmm->uuid);
	}
}

int fixture_open(struct fixture_vmm *vmm)
{
	int ret;

	ret = vfio_open(&vmm->vfio, vmm->uuid);
	if (ret)
		return ret;
	ret = ram_create(&vmm->ram, FIXTURE_RAM_SIZE);
	if (ret)
		goto err_close;
	ret = ram_map(&vmm->ram, vmm->vfio.container, FIXTURE_RAM_IOVA);
	if (ret)
		goto err_destroy_ram;
	ret = gpu_init(&vmm->gpu, vmm->vfio.device);
	if (ret)
		goto err_destroy_ram;
	memset(&vmm->state, 0, sizeof(vmm->state));
	ret = devstate_find(&vmm->state, vmm->vfio.device);
	if (ret && ret != -ENOENT)
		goto err_destroy_ram;
	vmm->is_open = 1;
	return 0;

err_destroy_ram:
	ram_destroy(&vmm->ram);
err_close:
	vfio_close(&vmm->vfio);
	return ret;
}

void fixture_close(struct fixture_vmm *vmm)
{
	if (!vmm->is_open)
		return;
	vfio_close(&vmm->vfio);
	ram_destroy(&vmm->ram);
	vmm->is_open = 0;
}

int fixture_create_open(struct fixture *fixture)
{
	unsigned int i;
	int ret;

	ret = fixture_create(fixture);
	for (i = 0; i < FIXTURE_VMMS && !ret; i++)
		ret = fixture_open(&fixture->vmm[i]);
	return ret;
}

int fixture_claim(const char *claim, char old[FIXTURE_CLAIM_SIZE])
{
	ssize_t len;
	int fd, ret = 0;

	fd = open(fixture_claim_path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (old) {
		len = read(fd, old, FIXTURE_CLAIM_SIZE - 1);
		if (len < 0)
			ret = -errno;
		old[len < 0 ? 0 : len] = '\0';
		old[strcspn(old, "\n")] = '\0';
	}
	if (!ret && write(fd, claim, strlen(claim)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}
