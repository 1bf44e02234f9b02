// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest sees of its vGPU, see guest_state.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "guest_state.h"

#define GUEST_STATE_GTT_DENSE	256
#define GUEST_STATE_WAIT_MS	10000

/* VRAM page and GPU page of the ring. */
#define GUEST_STATE_RING	3

static const __u32 guest_state_registers[GUEST_STATE_REGISTERS] = {
	MVGPU_REG_ID, MVGPU_REG_VERSION, MVGPU_REG_FEATURES, MVGPU_REG_QUEUES,
	MVGPU_REG_VRAM_SIZE, MVGPU_REG_VRAM_SIZE + 4, MVGPU_REG_GTT_ENTRIES,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_CONTROL,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_STATUS,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_RING_BASE,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_RING_BASE + 4,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_RING_SIZE,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_HEAD,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_TAIL,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_FAULT,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_FAULT_ADDRESS,
	MVGPU_QUEUE(0) + MVGPU_QUEUE_COMPLETED,
};

/* Which entry is the nth that is looked at; the last is the last of all. */
static __u32 guest_state_gtt_index(unsigned int n)
{
	const __u32 rest = GUEST_STATE_GTT - GUEST_STATE_GTT_DENSE;

	if (n < GUEST_STATE_GTT_DENSE)
		return n;
	return MVGPU_GTT_ENTRIES - 1 -
	       (GUEST_STATE_GTT - 1 - n) * (MVGPU_GTT_ENTRIES / (rest + 1));
}

int guest_state_take(struct guest_state *state, const struct fixture_vmm *vmm)
{
	unsigned int i;
	int ret;

	memset(state, 0, sizeof(*state));
	state->vram_size = vmm->gpu.vram_size;
	state->vram = malloc(state->vram_size);
	if (!state->vram)
		return -ENOMEM;
	ret = gpu_vram_read(&vmm->gpu, 0, state->vram, state->vram_size);
	if (!ret)
		ret = vfio_config_read(vmm->vfio.device, 0, state->config,
				       sizeof(state->config));
	for (i = 0; i < GUEST_STATE_REGISTERS && !ret; i++)
		ret = gpu_read32(&vmm->gpu, guest_state_registers[i],
				 &state->registers[i]);
	for (i = 0; i < GUEST_STATE_GTT && !ret; i++) {
		__u64 entry;

		ret = gpu_gtt_read(&vmm->gpu, guest_state_gtt_index(i), &entry);
		state->gtt[i] = ret ? 0 : entry;
	}
	if (ret)
		guest_state_free(state);
	return ret;
}

void guest_state_free(struct guest_state *state)
{
	free(state->vram);
	state->vram = NULL;
}

const char *guest_state_differs(const struct guest_state *a,
				const struct guest_state *b)
{
	if (memcmp(a->config, b->config, sizeof(a->config)))
		return "config space";
	if (memcmp(a->registers, b->registers, sizeof(a->registers)))
		return "registers";
	if (memcmp(a->gtt, b->gtt, sizeof(a->gtt)))
		return "GTT";
	if (a->vram_size != b->vram_size ||
	    memcmp(a->vram, b->vram, a->vram_size))
		return "VRAM";
	return NULL;
}

const char *guest_state_check(const struct fixture_vmm *vmm,
			      const struct guest_state *expected)
{
	struct guest_state now;
	const char *differs;

	if (guest_state_take(&now, vmm))
		return "reading the state failed";
	differs = guest_state_differs(&now, expected);
	guest_state_free(&now);
	return differs;
}

static int guest_state_fill_config(const struct fixture_vmm *vmm, __u32 seed)
{
	const int device = vmm->vfio.device;
	__le32 vram_low = htole32(0xe0000000), vram_high = htole32(1 + seed);
	__le32 registers = htole32(0xd0000000);
	__le16 command = htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	__u8 cache_line = 16, line = seed + 5;
	int ret;

	ret = vfio_config_write(device, PCI_CACHE_LINE_SIZE, &cache_line, 1);
	if (!ret)
		ret = vfio_config_write(device, PCI_INTERRUPT_LINE, &line, 1);
	if (!ret)
		ret = vfio_config_write(device, PCI_BASE_ADDRESS_0, &vram_low,
					sizeof(vram_low));
	if (!ret)
		ret = vfio_config_write(device, PCI_BASE_ADDRESS_1, &vram_high,
					sizeof(vram_high));
	if (!ret)
		ret = vfio_config_write(device, PCI_BASE_ADDRESS_2, &registers,
					sizeof(registers));
	if (!ret)
		ret = vfio_config_write(device, PCI_COMMAND, &command,
					sizeof(command));
	return ret;
}

static int guest_state_fill_page(const struct fixture_vmm *vmm, __u32 seed,
				 __u64 page)
{
	__u32 words[MVGPU_PAGE_SIZE / sizeof(__u32)];
	unsigned int i;

	for (i = 0; i < MVGPU_PAGE_SIZE / sizeof(__u32); i++)
		words[i] = (seed + 1) * 0x9e3779b9 + (__u32)page * 4096 + i;
	return gpu_vram_write(&vmm->gpu, page * MVGPU_PAGE_SIZE, words,
			      sizeof(words));
}

/* With the ring and what is filled by command: GUEST_STATE_PAGES. */
static int guest_state_fill_vram(const struct fixture_vmm *vmm, __u32 seed)
{
	__u64 page;
	int ret;

	ret = guest_state_fill_page(vmm, seed, 0);
	if (!ret)
		ret = guest_state_fill_page(vmm, seed, 17);
	/* More in a row than one section holds. */
	for (page = 100; page < 166 && !ret; page++)
		ret = guest_state_fill_page(vmm, seed, page);
	if (!ret)
		ret = guest_state_fill_page(vmm, seed, vmm->gpu.vram_size /
					    MVGPU_PAGE_SIZE - 1);
	return ret;
}

static int guest_state_fill_gtt(const struct fixture_vmm *vmm, __u32 seed)
{
	const __u64 ram = vmm->ram.iova + (__u64)seed * MVGPU_PAGE_SIZE;
	const struct gpu *gpu = &vmm->gpu;
	int ret;

	ret = gpu_gtt_bind(gpu, 0, 16, MVGPU_GTT_VALID | MVGPU_GTT_WRITE |
			   MVGPU_GTT_VRAM);
	if (!ret)
		ret = gpu_gtt_bind(gpu, 32, 16, ram | MVGPU_GTT_VALID |
				   MVGPU_GTT_WRITE);
	if (!ret)
		ret = gpu_gtt_bind(gpu, 60, 1, ram | MVGPU_GTT_VALID);
	/* Nothing is mapped there: binding does not look. */
	if (!ret)
		ret = gpu_gtt_bind(gpu, 62, 2, 0x7000000000ULL |
				   MVGPU_GTT_VALID);
	/* Not valid, but kept as the guest wrote it. */
	if (!ret)
		ret = gpu_gtt_bind(gpu, 64, 1, 0x123456789000ULL);
	if (!ret)
		ret = gpu_gtt_bind(gpu, MVGPU_GTT_ENTRIES - 1, 1,
				   MVGPU_GTT_VALID | MVGPU_GTT_VRAM);
	return ret;
}

static int guest_state_run_queue(const struct fixture_vmm *vmm, __u32 seed)
{
	struct gpu_ring ring;
	unsigned int i;
	int ret;

	ret = gpu_ring_init(&ring, &vmm->gpu, 0, gpu_address(GUEST_STATE_RING),
			    MVGPU_PAGE_SIZE, NULL,
			    GUEST_STATE_RING * MVGPU_PAGE_SIZE);
	for (i = 0; i < 2 + seed % 16 && !ret; i++)
		ret = gpu_ring_run(&ring, gpu_nop(), GUEST_STATE_WAIT_MS);
	/* One page of VRAM; the rest of that page stays 0. */
	if (!ret)
		ret = gpu_ring_run(&ring, gpu_fill(gpu_address(5) + 64, 100, 3,
						   200, seed | 0x01010101),
				   GUEST_STATE_WAIT_MS);
	return ret;
}

int guest_state_fill(const struct fixture_vmm *vmm, __u32 seed)
{
	int ret;

	ret = guest_state_fill_config(vmm, seed);
	if (!ret)
		ret = guest_state_fill_vram(vmm, seed);
	if (!ret)
		ret = guest_state_fill_gtt(vmm, seed);
	if (!ret)
		ret = guest_state_run_queue(vmm, seed);
	return ret;
}
