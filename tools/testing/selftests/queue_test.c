// SPDX-License-Identifier: GPL-2.0
/*
 * Registers, command rings, what makes a queue stop, and how it goes on.
 */
#include <endian.h>
#include <string.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "rig.h"

#define PAGE RIG_PAGE
#define GTT_RAM (MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
#define GTT_VRAM (GTT_RAM | MVGPU_GTT_VRAM)

FIXTURE(registers)
{
	struct rig rig;
	struct gpu *gpu;
};

FIXTURE_SETUP(registers)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, fixture_open(&self->rig.vmm));
	self->gpu = &self->rig.vmm.gpu;
}

FIXTURE_TEARDOWN(registers)
{
	rig_destroy(&self->rig);
}

TEST_F(registers, identify_the_device)
{
	static const struct {
		__u32 reg, value;
	} want[] = {
		{ MVGPU_REG_ID, MVGPU_ID },
		{ MVGPU_REG_VERSION, MVGPU_VERSION },
		{ MVGPU_REG_FEATURES, 0x3ff },
		{ MVGPU_REG_GTT_ENTRIES, MVGPU_GTT_ENTRIES },
		{ MVGPU_REG_VRAM_SIZE, 16 * 1024 * 1024 },
		{ MVGPU_REG_VRAM_SIZE + 4, 0 },
	};
	__u32 value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ASSERT_EQ(0, gpu_write32(self->gpu, want[i].reg, 0x5a5a5a5a));
		ASSERT_EQ(0, gpu_read32(self->gpu, want[i].reg, &value));
		EXPECT_EQ(want[i].value, value)
			TH_LOG("register %#x", want[i].reg);
	}
	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_REG_QUEUES, &value));
	EXPECT_LE(1U, value);
}

TEST_F(registers, read_as_zero_after_reset)
{
	static const __u32 entries[] = { 0, 1, 4096, MVGPU_GTT_ENTRIES - 1 };
	__u32 reg, value;
	__u64 entry;
	size_t i;

	for (reg = 0; reg < 0x100; reg += 4) {
		ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_QUEUE(0) + reg,
					&value));
		EXPECT_EQ(0U, value) TH_LOG("queue register %#x", reg);
	}
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		ASSERT_EQ(0, gpu_gtt_read(self->gpu, entries[i], &entry));
		EXPECT_EQ(0ULL, entry) TH_LOG("GTT entry %u", entries[i]);
	}
}

TEST_F(registers, do_not_exist_elsewhere)
{
	static const __u32 holes[] = {
		0x2c, 0x30, 0xffc, 0x1030, MVGPU_QUEUE(4), 0x7fff8, MVGPU_REGISTERS_SIZE - 8,
	};
	__u32 low;
	__u64 value;
	size_t i;

	/* The GTT ends where the BAR does: its last entry is no hole. */
	for (i = 0; i < ARRAY_SIZE(holes) - 1; i++) {
		ASSERT_EQ(0, gpu_write32(self->gpu, holes[i], 0xffffffff));
		ASSERT_EQ(0, gpu_read32(self->gpu, holes[i], &low));
		EXPECT_EQ(0U, low) TH_LOG("offset %#x", holes[i]);
	}
	ASSERT_EQ(0, gpu_write64(self->gpu, holes[i], GTT_RAM));
	ASSERT_EQ(0, gpu_gtt_read(self->gpu, MVGPU_GTT_ENTRIES - 1, &value));
	EXPECT_EQ(GTT_RAM, value);
}

TEST_F(registers, ignore_accesses_of_other_sizes)
{
	const off_t base = self->gpu->registers;
	const int device = self->gpu->device;
	unsigned char data[8];

	memset(data, 0xff, sizeof(data));
	ASSERT_EQ(0, gpu_write32(self->gpu, MVGPU_GTT, 0x12345003));
	ASSERT_EQ(0, vfio_pwrite(device, data, 1, base + MVGPU_GTT));
	ASSERT_EQ(0, vfio_pwrite(device, data, 2, base + MVGPU_GTT + 2));
	ASSERT_EQ(0, vfio_pread(device, data, 1, base + MVGPU_GTT));
	EXPECT_EQ(0, data[0]);
	ASSERT_EQ(0, vfio_pread(device, data, 2, base + MVGPU_REG_ID));
	EXPECT_EQ(0, data[0] | data[1]);
	ASSERT_EQ(0, vfio_pread(device, data, 4, base + MVGPU_GTT));
	EXPECT_EQ(0, memcmp(data, "\x03\x50\x34\x12", 4));
}

TEST_F(registers, of_32_bits_do_not_answer_to_64)
{
	static const __u32 pairs[] = {
		MVGPU_REG_ID, MVGPU_REG_FEATURES, MVGPU_REG_GTT_ENTRIES,
		MVGPU_QUEUE(0) + MVGPU_QUEUE_CONTROL,
		MVGPU_QUEUE(0) + MVGPU_QUEUE_RING_SIZE,
	};
	__u64 value;
	__u32 low;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		ASSERT_EQ(0, gpu_write64(self->gpu, pairs[i], 1));
		ASSERT_EQ(0, gpu_read64(self->gpu, pairs[i], &value));
		EXPECT_EQ(0ULL, value) TH_LOG("register %#x", pairs[i]);
	}
	for (i = 3; i < ARRAY_SIZE(pairs); i++) {
		ASSERT_EQ(0, gpu_read32(self->gpu, pairs[i], &low));
		EXPECT_EQ(0U, low) TH_LOG("register %#x", pairs[i]);
	}
}

TEST_F(registers, gtt_entries_change_by_halves_and_drop_reserved_bits)
{
	const __u32 low = MVGPU_GTT + 8 * 77;
	__u64 entry;

	ASSERT_EQ(0, gpu_write32(self->gpu, low + 4, 0x12345678));
	ASSERT_EQ(0, gpu_gtt_read(self->gpu, 77, &entry));
	EXPECT_EQ(0x1234567800000000ULL, entry);
	ASSERT_EQ(0, gpu_write32(self->gpu, low, 0xabcdefff));
	ASSERT_EQ(0, gpu_gtt_read(self->gpu, 77, &entry));
	EXPECT_EQ(0x12345678abcde007ULL, entry);
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, 77, ~0ULL));
	ASSERT_EQ(0, gpu_gtt_read(self->gpu, 77, &entry));
	EXPECT_EQ(~MVGPU_GTT_RESERVED, entry);
}

FIXTURE(queue)
{
	struct rig rig;
	struct gpu *gpu;
	struct gpu_ring *ring;
};

FIXTURE_SETUP(queue)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->ring = &self->rig.ring;
}

FIXTURE_TEARDOWN(queue)
{
	rig_destroy(&self->rig);
}

static __u64 ram_u64(struct rig *rig, __u64 offset)
{
	__u64 value;

	memcpy(&value, ram_at(&rig->vmm.ram, offset), sizeof(value));
	return le64toh(value);
}

TEST_F(queue, counts_commands_and_is_idle_when_they_are_done)
{
	union gpu_command nop = gpu_nop();
	struct gpu_queue_state state;
	int i, ret = 0;

	for (i = 0; i < 100 && !ret; i++)
		ret = gpu_ring_put(self->ring, &nop);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, gpu_ring_kick(self->ring));
	ASSERT_EQ(0, rig_wait(&self->rig));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(100U, state.completed);
	EXPECT_EQ(100U * MVGPU_COMMAND_SIZE, state.head);
	EXPECT_EQ(state.tail, state.head);
	EXPECT_EQ(0U, state.fault);
	EXPECT_EQ(1U, state.control);
}

/* Fences around a ring three times, or fewer where it is slow. */
static int run_around(struct rig *rig, struct gpu_ring *ring)
{
	const __u32 around = ring->size / MVGPU_COMMAND_SIZE;
	const __u64 total = (1 + effort_some(6)) * around / 2;
	const int at_once = around > 256 ? 250 : 40;
	__u64 done = 0;
	int i, ret = 0;

	while (done < total && !ret) {
		for (i = 0; i < at_once && !ret; i++) {
			union gpu_command fence = gpu_fence(RIG_RAM, ++done);

			ret = gpu_ring_put(ring, &fence);
		}
		if (!ret)
			ret = gpu_ring_kick(ring);
		if (!ret)
			ret = rig_wait(rig);
		if (!ret && ram_u64(rig, 0) != done)
			ret = -1000;
	}

	return ret;
}

TEST_F_TIMEOUT(queue, ring_wraps_wherever_it_lies, 600)
{
	static const __u32 sizes[] = {
		MVGPU_RING_SIZE_MIN, 0x4000, MVGPU_RING_SIZE_MAX,
	};
	struct gpu_ring ring;
	size_t i;

	ASSERT_EQ(0, run_around(&self->rig, self->ring));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, gpu_ring_init(&ring, self->gpu, 0,
					   RIG_VRAM + 5 * PAGE, sizes[i], NULL,
					   5 * PAGE));
		ASSERT_EQ(0, run_around(&self->rig, &ring))
			TH_LOG("ring of %#x in VRAM", sizes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, gpu_ring_init(&ring, self->gpu, 0,
					   RIG_RAM + 3 * PAGE, sizes[i],
					   ram_at(&self->rig.vmm.ram, 3 * PAGE),
					   0));
		ASSERT_EQ(0, run_around(&self->rig, &ring))
			TH_LOG("ring of %#x in guest memory", sizes[i]);
	}
}

TEST_F(queue, ring_registers_are_fixed_while_enabled)
{
	__u64 base;
	__u32 size;

	ASSERT_EQ(0, gpu_write64(self->gpu, MVGPU_QUEUE(0) +
				 MVGPU_QUEUE_RING_BASE, RIG_VRAM));
	ASSERT_EQ(0, gpu_write32(self->gpu, MVGPU_QUEUE(0) +
				 MVGPU_QUEUE_RING_SIZE, 0x1000));
	ASSERT_EQ(0, gpu_read64(self->gpu, MVGPU_QUEUE(0) +
				MVGPU_QUEUE_RING_BASE, &base));
	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_QUEUE(0) +
				MVGPU_QUEUE_RING_SIZE, &size));
	EXPECT_EQ(RIG_RING, base);
	EXPECT_EQ(RIG_RING_SIZE, size);
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 5)));
	EXPECT_EQ(5U, ram_u64(&self->rig, 0));
}

TEST_F(queue, begins_anew_when_it_is_enabled_but_not_twice)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
	ASSERT_EQ(0, gpu_write32(self->gpu, MVGPU_QUEUE(0) +
				 MVGPU_QUEUE_CONTROL, MVGPU_QUEUE_ENABLE));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
	ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(2U, state.completed);
	EXPECT_EQ(2U * MVGPU_COMMAND_SIZE, state.head);
	EXPECT_EQ(2U * MVGPU_COMMAND_SIZE, state.tail);
	ASSERT_EQ(0, rig_enable(&self->rig));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(0U, state.completed);
	EXPECT_EQ(0U, state.head);
	EXPECT_EQ(0U, state.tail);
}

TEST_F(queue, a_disabled_queue_runs_nothing)
{
	union gpu_command fence = gpu_fence(RIG_RAM, 1);
	struct gpu_queue_state state;

	ASSERT_EQ(0, gpu_ring_put(self->ring, &fence));
	ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	ASSERT_EQ(0, gpu_ring_kick(self->ring));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_DISABLED, state.status);
	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM + 8, 2)));
	EXPECT_EQ(0U, ram_u64(&self->rig, 0));
	EXPECT_EQ(2U, ram_u64(&self->rig, 8));
}

TEST_F_TIMEOUT(queue, disable_drops_the_command_that_runs, 60)
{
	unsigned char *mem = self->rig.vmm.ram.mem;

	ASSERT_EQ(0, rig_flood(&self->rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1,
						    0, 0x01010101)));
	ASSERT_EQ(0, rig_wait_change(mem, 0));
	ASSERT_EQ(0, rig_enable(&self->rig));
	/* What ran before runs no more once the queue ran something else. */
	ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
	memset(mem, 2, RIG_RAM_SIZE);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 0)));
	EXPECT_TRUE(rig_all(mem + 8, RIG_RAM_SIZE - 8, 2));
}

/* Run a command that faults, with one good command before and after it. */
static int run_fault(struct rig *rig, union gpu_command bad,
		     struct gpu_queue_state *state)
{
	union gpu_command before = gpu_fence(RIG_RAM + 64, 1);
	union gpu_command after = gpu_fence(RIG_RAM + 72, 1);
	int ret;

	memset(ram_at(&rig->vmm.ram, 0), 0, PAGE);
	ret = rig_enable(rig);
	if (!ret)
		ret = gpu_ring_put(&rig->ring, &before);
	if (!ret)
		ret = gpu_ring_put(&rig->ring, &bad);
	if (!ret)
		ret = gpu_ring_put(&rig->ring, &after);
	if (!ret)
		ret = gpu_ring_kick(&rig->ring);
	if (!ret)
		ret = rig_wait(rig);
	if (ret != -EIO)
		return ret ?: -1000;

	return gpu_queue_state(&rig->vmm.gpu, 0, state);
}

/* NULL, or what is wrong with how it stopped and went on again. */
static const char *check_fault(struct rig *rig, union gpu_command bad,
			       __u32 fault, __u64 address)
{
	struct gpu_queue_state state;

	if (run_fault(rig, bad, &state))
		return "does not fault";
	if (state.fault != fault)
		return "another fault";
	if (address && state.fault_address != address)
		return "another fault address";
	if (state.head != MVGPU_COMMAND_SIZE || state.completed != 1 ||
	    ram_u64(rig, 64) != 1)
		return "not stopped at the command";
	if (gpu_ring_kick(&rig->ring) || rig_wait(rig) != -EIO ||
	    ram_u64(rig, 72))
		return "a doorbell makes it go on";
	if (rig_enable(rig) || rig_run(rig, gpu_fence(RIG_RAM + 80, 1)) ||
	    ram_u64(rig, 80) != 1)
		return "disable and enable does not make it go on";
	if (gpu_queue_state(&rig->vmm.gpu, 0, &state) || state.fault ||
	    state.fault_address)
		return "the fault is still reported";

	return NULL;
}

TEST_F(queue, faults_at_unknown_opcodes)
{
	static const __u32 opcodes[] = { 10, 16, 0x100, 0xffffffff };
	const char *wrong;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		union gpu_command bad = gpu_nop();

		bad.opcode = htole32(opcodes[i]);
		wrong = check_fault(&self->rig, bad, MVGPU_FAULT_OPCODE, 0);
		EXPECT_EQ(NULL, wrong)
			TH_LOG("opcode %#x: %s", opcodes[i], wrong);
	}
}

TEST_F(queue, faults_at_fields_out_of_range)
{
	const __u64 end = (__u64)MVGPU_GTT_ENTRIES * PAGE;
	const union gpu_command bad[] = {
		gpu_fill(RIG_RAM, 0, 1, 0, 0),
		gpu_fill(RIG_RAM, 1, 0, 0, 0),
		gpu_fill(RIG_RAM, 16, 2, 15, 0),
		gpu_fill(end, 1, 1, 0, 0),
		gpu_fill(end - 10, 11, 1, 0, 0),
		gpu_fill(~0ULL, 2, 1, 0, 0),
		gpu_fill(RIG_RAM, 16, 0xffffffff, 0xffffffff, 0),
		gpu_copy(RIG_RAM, RIG_VRAM, 0, 1, 0, 0),
		gpu_copy(RIG_RAM, RIG_VRAM, 1, 0, 0, 0),
		gpu_copy(RIG_RAM, RIG_VRAM, 16, 2, 15, 16),
		gpu_copy(RIG_RAM, RIG_VRAM, 16, 2, 16, 15),
		gpu_copy(RIG_RAM, end - 15, 16, 1, 0, 0),
		gpu_copy(end - 15, RIG_RAM, 16, 1, 0, 0),
		gpu_copy(RIG_RAM, ~0ULL, 16, 1, 0, 0),
		gpu_copy(RIG_RAM + 8, RIG_RAM, 16, 4, 16, 32),
		gpu_crc32c(RIG_RAM, RIG_VRAM, 0, 0),
		gpu_crc32c(RIG_RAM + 2, RIG_VRAM, 16, 0),
		gpu_crc32c(RIG_RAM, end - 15, 16, 0),
		gpu_crc32c(RIG_RAM, 16, ~0ULL, 0),
		gpu_crc32c(end, RIG_RAM, 16, 0),
		gpu_bind(0, 0, GTT_VRAM),
		gpu_bind(MVGPU_GTT_ENTRIES - 1, 2, GTT_VRAM),
		gpu_bind(0xffffffff, 2, GTT_VRAM),
		gpu_bind(5, 0xffffffff, GTT_VRAM),
		gpu_bind(5, 1, GTT_VRAM | 8),
		gpu_unbind(MVGPU_GTT_ENTRIES, 1),
		gpu_unbind(0, 0),
		gpu_fence(RIG_RAM + 4, 0),
		gpu_fence(end, 0),
		gpu_fence(~7ULL, 0),
	};
	const char *wrong;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		wrong = check_fault(&self->rig, bad[i], MVGPU_FAULT_COMMAND, 0);
		EXPECT_EQ(NULL, wrong) TH_LOG("case %zu: %s", i, wrong);
	}
}

TEST_F(queue, faults_at_flags_and_reserved_fields)
{
	const struct {
		union gpu_command command;
		unsigned int reserved;	/* first byte of them */
	} cases[] = {
		{ gpu_fill(RIG_RAM, 16, 1, 0, 0), 32 },
		{ gpu_copy(RIG_RAM, RIG_VRAM, 16, 1, 0, 0), 40 },
		{ gpu_crc32c(RIG_RAM, RIG_VRAM, 16, 0), 36 },
		{ gpu_bind(RIG_FREE / PAGE, 1, GTT_VRAM), 24 },
		{ gpu_unbind(RIG_FREE / PAGE, 1), 24 },
		{ gpu_fence(RIG_RAM, 0), 24 },
	};
	const char *wrong;
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (at = 0; at < MVGPU_COMMAND_SIZE; at++) {
			union gpu_command bad = cases[i].command;

			if (at >= 8 && at < cases[i].reserved)
				continue;
			if (at < 4)	/* the opcode itself */
				continue;
			bad.bytes[at] = 0x80;
			wrong = check_fault(&self->rig, bad,
					    MVGPU_FAULT_COMMAND, 0);
			ASSERT_EQ(NULL, wrong)
				TH_LOG("case %zu, byte %zu: %s", i, at, wrong);
		}
}

TEST_F(queue, faults_where_nothing_is_bound)
{
	struct rig *rig = &self->rig;
	const __u64 beyond = self->gpu->vram_size;
	const __u32 slot = RIG_FREE / PAGE;

	EXPECT_EQ(NULL, check_fault(rig, gpu_fill(RIG_FREE, 1, 1, 0, 0),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
	EXPECT_EQ(NULL, check_fault(rig, gpu_copy(RIG_RAM, RIG_FREE + 5, 16, 1,
						  0, 0),
				    MVGPU_FAULT_UNBOUND, RIG_FREE + 5));
	EXPECT_EQ(NULL, check_fault(rig, gpu_crc32c(RIG_RAM, RIG_FREE, 16, 0),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
	EXPECT_EQ(NULL, check_fault(rig, gpu_crc32c(RIG_FREE, RIG_RAM, 16, 0),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
	EXPECT_EQ(NULL, check_fault(rig, gpu_fence(RIG_FREE + 8, 1),
				    MVGPU_FAULT_UNBOUND, RIG_FREE + 8));
	/* From the last page of guest memory on into nothing. */
	EXPECT_EQ(NULL, check_fault(rig, gpu_fill(RIG_RAM + RIG_RAM_SIZE - PAGE,
						  2 * PAGE, 1, 0, 0),
				    MVGPU_FAULT_UNBOUND,
				    RIG_RAM + RIG_RAM_SIZE));
	/* VRAM that the device does not have. */
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, slot, GTT_VRAM | beyond));
	EXPECT_EQ(NULL, check_fault(rig, gpu_fence(RIG_FREE, 1),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, slot,
				   GTT_VRAM | MVGPU_GTT_ADDRESS));
	EXPECT_EQ(NULL, check_fault(rig, gpu_fence(RIG_FREE, 1),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
	/* An entry without its valid bit. */
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, slot, MVGPU_GTT_WRITE |
				   MVGPU_GTT_VRAM));
	EXPECT_EQ(NULL, check_fault(rig, gpu_fence(RIG_FREE, 1),
				    MVGPU_FAULT_UNBOUND, RIG_FREE));
}

TEST_F(queue, faults_at_writes_through_read_only_entries)
{
	const __u32 slot = RIG_FREE / PAGE;

	EXPECT_EQ(NULL, check_fault(&self->rig, gpu_fill(RIG_RING + 4092, 4, 1,
							 0, 0),
				    MVGPU_FAULT_READ_ONLY, RIG_RING + 4092));
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, slot, MVGPU_GTT_VALID |
				   MVGPU_GTT_VRAM));
	EXPECT_EQ(NULL, check_fault(&self->rig, gpu_fence(RIG_FREE, 1),
				    MVGPU_FAULT_READ_ONLY, RIG_FREE));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_FREE, PAGE, 1, 0,
						  0)));
}

TEST_F(queue, faults_at_memory_that_is_not_mapped_so)
{
	const int container = self->rig.vmm.vfio.container;
	const __u32 slot = RIG_FREE / PAGE;
	const __u64 iova = 0x900000000ULL;
	void *mem = ram_at(&self->rig.ring_ram, 0);

	ASSERT_EQ(0, gpu_gtt_bind(self->gpu, slot, 4, GTT_RAM | iova));
	EXPECT_EQ(NULL, check_fault(&self->rig, gpu_fill(RIG_FREE, 8, 1, 0, 0),
				    MVGPU_FAULT_IOVA, RIG_FREE));
	/* Now it is mapped, but not for writing. */
	ASSERT_EQ(0, vfio_map_dma(container, iova, mem, 4 * PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(NULL, check_fault(&self->rig, gpu_fence(RIG_FREE + PAGE, 1),
				    MVGPU_FAULT_IOVA, RIG_FREE + PAGE));
	ASSERT_EQ(0, gpu_gtt_bind(self->gpu, slot, 4, MVGPU_GTT_VALID | iova));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_FREE, 4 * PAGE,
						  1, 0, 0)));
	EXPECT_EQ(0, memcmp(self->rig.vmm.ram.mem, mem, 4 * PAGE));
}

TEST_F(queue, faults_at_a_ring_that_cannot_be)
{
	static const struct {
		__u64 base;
		__u32 size;
	} bad[] = {
		{ RIG_RING + 64, 0x1000 },
		{ RIG_RING, 0x800 },
		{ RIG_RING, 0 },
		{ RIG_RING, 0x3000 },
		{ RIG_RING, 0x200000 },
		{ 0x10000000ULL - 0x1000, 0x2000 },
		{ 0x10000000ULL, 0x1000 },
		{ 0xfffffffffffff000ULL, 0x2000 },
	};
	struct gpu_queue_state state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, gpu_queue_enable(self->gpu, 0, bad[i].base,
					      bad[i].size));
		ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
		EXPECT_EQ(MVGPU_QUEUE_FAULTED, state.status)
			TH_LOG("ring %zu", i);
		EXPECT_EQ(MVGPU_FAULT_RING, state.fault) TH_LOG("ring %zu", i);
		ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	}
	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F(queue, faults_at_a_bad_tail)
{
	static const __u32 tails[] = {
		1, 4, 63, 65, RIG_RING_SIZE, RIG_RING_SIZE + 64, 0xffffffc0,
		0xffffffff,
	};
	struct gpu_queue_state state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		ASSERT_EQ(0, rig_enable(&self->rig));
		ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, tails[i]));
		ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
		EXPECT_EQ(MVGPU_FAULT_RING, state.fault)
			TH_LOG("tail %#x", tails[i]);
		EXPECT_EQ(0U, state.completed) TH_LOG("tail %#x", tails[i]);
	}
	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F(queue, faults_where_its_ring_is_not_bound)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, gpu_queue_enable(self->gpu, 0, RIG_FREE, 0x1000));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, MVGPU_COMMAND_SIZE));
	ASSERT_EQ(-EIO, rig_wait(&self->rig));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_UNBOUND, state.fault);
	EXPECT_EQ(RIG_FREE, state.fault_address);
	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

/* Where the BARs are is the VMM's business; DMA is Bus Master's. */
TEST_F(queue, works_without_memory_space)
{
	__u32 value;

	ASSERT_EQ(0, vfio_memory_decode(self->rig.vmm.vfio.device, false));
	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_REG_ID, &value));
	EXPECT_EQ(MVGPU_ID, value);
	ASSERT_EQ(0, gpu_vram_write(self->gpu, 0, "x", 1));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_VRAM, 1, 1, 0,
						  0)));
	EXPECT_EQ('x', *(char *)self->rig.vmm.ram.mem);
}

TEST_F(queue, does_no_dma_without_bus_mastering)
{
	const int device = self->rig.vmm.vfio.device;
	union gpu_command fence = gpu_fence(RIG_RAM + PAGE, 7);
	struct gpu_queue_state state;
	int i;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
	ASSERT_EQ(0, vfio_bus_master(device, false));
	ASSERT_EQ(0, gpu_ring_put(self->ring, &fence));
	ASSERT_EQ(0, gpu_ring_kick(self->ring));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
		ASSERT_EQ(1U, state.completed);
		ASSERT_EQ(MVGPU_QUEUE_BUSY, state.status);
	}
	EXPECT_EQ(0U, ram_u64(&self->rig, PAGE));
	ASSERT_EQ(0, vfio_bus_master(device, true));
	EXPECT_EQ(0, rig_wait(&self->rig));
	EXPECT_EQ(7U, ram_u64(&self->rig, PAGE));
}

TEST_F_TIMEOUT(queue, has_no_dma_in_flight_once_bus_mastering_is_off, 600)
{
	const int device = self->rig.vmm.vfio.device;
	unsigned char *mem = self->rig.vmm.ram.mem;
	const int rounds = effort_some(20);
	int round;

	ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, vfio_bus_master(device, false));
		memset(mem, 2, RIG_SLOW);
		ASSERT_TRUE(rig_stays(&self->rig, 2))
			TH_LOG("written in round %d", round);
		/* It goes on where it was: anywhere. */
		ASSERT_EQ(0, vfio_bus_master(device, true));
		ASSERT_EQ(0, rig_wait_change(mem, 2));
	}
}

TEST_F_TIMEOUT(queue, has_no_dma_in_flight_once_it_reads_disabled, 600)
{
	unsigned char *mem = self->rig.vmm.ram.mem;
	const int rounds = effort_some(20);
	int round;

	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
		ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
		ASSERT_EQ(0, rig_wait_status(&self->rig,
					     MVGPU_QUEUE_DISABLED));
		memset(mem, 2, RIG_SLOW);
		ASSERT_TRUE(rig_stays(&self->rig, 2))
			TH_LOG("written in round %d", round);
		ASSERT_EQ(0, rig_enable(&self->rig));
	}
}

TEST_HARNESS_MAIN
