// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: what raises them, which eventfd is signalled, what is kept until
 * it can be delivered, and what VFIO_DEVICE_SET_IRQS takes.
 */
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "rig.h"

#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD

#define QUEUES	4
#define QUEUE_RING_SIZE	4096U

FIXTURE(irq)
{
	struct rig rig;
	struct gpu *gpu;
	int device;
	int fds[QUEUES];
	struct gpu_ring rings[QUEUES];
};

/* A ring for each queue, in VRAM from its start on. */
static int enable_queue(struct rig *rig, struct gpu_ring *ring,
			unsigned int queue)
{
	const __u64 at = queue * QUEUE_RING_SIZE;

	return gpu_ring_init(ring, &rig->vmm.gpu, queue, RIG_VRAM + at,
			     QUEUE_RING_SIZE, NULL, at);
}

FIXTURE_SETUP(irq)
{
	unsigned int i;

	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->device = self->rig.vmm.vfio.device;
	for (i = 0; i < QUEUES; i++) {
		self->fds[i] = eventfd(0, EFD_NONBLOCK);
		ASSERT_LE(0, self->fds[i]);
		ASSERT_EQ(0, gpu_queue_disable(self->gpu, i));
		ASSERT_EQ(0, enable_queue(&self->rig, &self->rings[i], i));
	}
}

FIXTURE_TEARDOWN(irq)
{
	unsigned int i;

	rig_destroy(&self->rig);
	for (i = 0; i < QUEUES; i++)
		close(self->fds[i]);
}

/* How often it was signalled since the last look. */
static __u64 taken(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Wait for a signal. */
static __u64 awaited(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, RIG_TIMEOUT_MS) == 1 ? taken(fd) : 0;
}

static __u32 pending(struct gpu *gpu)
{
	__u32 value;

	return gpu_read32(gpu, MVGPU_REG_PENDING, &value) ? ~0U : value;
}

/* A fence with an interrupt, which is complete on return. */
static int interrupt(struct gpu_ring *ring)
{
	return gpu_ring_run(ring, gpu_fence_interrupt(RIG_RAM, 1),
			    RIG_TIMEOUT_MS);
}

/* A doorbell that cannot be: works while the device is stopped, too. */
static int fault_interrupt(struct gpu *gpu, unsigned int queue)
{
	const __u32 control = MVGPU_QUEUE(queue) + MVGPU_QUEUE_CONTROL;
	int ret;

	ret = gpu_write32(gpu, control, MVGPU_QUEUE_ENABLE |
			  MVGPU_QUEUE_FAULT_INTERRUPT);

	return ret ?: gpu_queue_doorbell(gpu, queue, 1);
}

TEST_F(irq, kinds_and_their_vectors)
{
	EXPECT_EQ(0, vfio_irq_count(self->device, INTX));
	EXPECT_EQ(QUEUES, vfio_irq_count(self->device, MSI));
	EXPECT_EQ(QUEUES, vfio_irq_count(self->device, MSIX));
	EXPECT_EQ(1, vfio_irq_count(self->device, REQ));
	EXPECT_EQ(-EINVAL, vfio_irq_count(self->device,
					  VFIO_PCI_ERR_IRQ_INDEX));
	EXPECT_EQ(-EINVAL, vfio_irq_count(self->device, VFIO_PCI_NUM_IRQS));
	EXPECT_EQ(-EINVAL, vfio_irq_count(self->device, ~0U));
}

TEST_F(irq, a_fence_raises_it_only_if_it_says_so)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, gpu_ring_run(&self->rings[0], gpu_fence(RIG_RAM, 1),
				  RIG_TIMEOUT_MS));
	EXPECT_EQ(0ULL, taken(self->fds[0]));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
	EXPECT_EQ(0U, pending(self->gpu));
}

/* Whoever is woken by it sees the value. */
TEST_F(irq, the_fence_is_written_before)
{
	const __u64 *value = self->rig.vmm.ram.mem;
	union gpu_command fence;
	__u64 i;

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, self->fds));
	for (i = 1; i < 500; i++) {
		fence = gpu_fence_interrupt(RIG_RAM, i);
		ASSERT_EQ(0, gpu_ring_put(&self->rings[0], &fence));
		ASSERT_EQ(0, gpu_ring_kick(&self->rings[0]));
		ASSERT_EQ(1ULL, awaited(self->fds[0]));
		ASSERT_EQ(i, __atomic_load_n(value, __ATOMIC_ACQUIRE));
	}
}

TEST_F(irq, each_queue_has_a_vector_of_its_own)
{
	unsigned int queue, other;

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	for (queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, interrupt(&self->rings[queue]));
		for (other = 0; other < QUEUES; other++)
			EXPECT_EQ(queue == other, taken(self->fds[other]))
				TH_LOG("queue %u, vector %u", queue, other);
	}
}

TEST_F(irq, fewer_vectors_of_msi_are_shared)
{
	unsigned int nr, queue;

	for (nr = 1; nr <= QUEUES; nr++) {
		ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSI, 0, nr,
					       self->fds));
		for (queue = 0; queue < QUEUES; queue++) {
			ASSERT_EQ(0, interrupt(&self->rings[queue]));
			EXPECT_EQ(1ULL, taken(self->fds[queue % nr]))
				TH_LOG("queue %u of %u vectors", queue, nr);
		}
		ASSERT_EQ(0, vfio_irq_disable(self->device, MSI));
	}
}

TEST_F(irq, a_fault_raises_it_if_the_queue_says_so)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 1, 1));
	EXPECT_EQ(0ULL, taken(self->fds[1]));
	ASSERT_EQ(0, fault_interrupt(self->gpu, 2));
	EXPECT_EQ(1ULL, taken(self->fds[2]));

	/* and of the engine's finding */
	ASSERT_EQ(0, gpu_write32(self->gpu, MVGPU_QUEUE(3) +
				 MVGPU_QUEUE_CONTROL, MVGPU_QUEUE_ENABLE |
				 MVGPU_QUEUE_FAULT_INTERRUPT));
	EXPECT_EQ(-EIO, gpu_ring_run(&self->rings[3],
				     gpu_fence(RIG_FREE, 1), RIG_TIMEOUT_MS));
	EXPECT_EQ(1ULL, awaited(self->fds[3]));
}

TEST_F(irq, raised_while_stopped_comes_with_the_start)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	ASSERT_EQ(0, fault_interrupt(self->gpu, 1));
	EXPECT_EQ(0ULL, taken(self->fds[1]));
	EXPECT_EQ(1U << 1, pending(self->gpu));
	ASSERT_EQ(0, devstate_start(&self->rig.vmm.state));
	EXPECT_EQ(1ULL, taken(self->fds[1]));
	EXPECT_EQ(0U, pending(self->gpu));
}

TEST_F(irq, raised_without_bus_mastering_comes_with_it)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, vfio_bus_master(self->device, false));
	ASSERT_EQ(0, fault_interrupt(self->gpu, 0));
	EXPECT_EQ(0ULL, taken(self->fds[0]));
	ASSERT_EQ(0, vfio_bus_master(self->device, true));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
}

TEST_F(irq, raised_without_an_eventfd_comes_with_it)
{
	const int none = -1;

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, &none));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	ASSERT_EQ(0, interrupt(&self->rings[2]));
	EXPECT_EQ(5U, pending(self->gpu));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 2, 1,
				       &self->fds[2]));
	EXPECT_EQ(1ULL, taken(self->fds[2]));
	EXPECT_EQ(1U, pending(self->gpu));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1,
				       &self->fds[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
}

TEST_F(irq, raised_while_disabled_comes_when_enabled)
{
	ASSERT_EQ(0, interrupt(&self->rings[3]));
	EXPECT_EQ(1U << 3, pending(self->gpu));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSI, 0, 1, self->fds));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
}

TEST_F(irq, reset_keeps_eventfds_and_drops_what_is_pending)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	ASSERT_EQ(0, fault_interrupt(self->gpu, 1));
	ASSERT_EQ(0, vfio_reset(self->device));
	EXPECT_EQ(0U, pending(self->gpu));
	EXPECT_EQ(0ULL, taken(self->fds[1]));

	ASSERT_EQ(0, rig_setup(&self->rig));
	ASSERT_EQ(0, enable_queue(&self->rig, &self->rings[1], 1));
	ASSERT_EQ(0, interrupt(&self->rings[1]));
	EXPECT_EQ(1ULL, taken(self->fds[1]));
}

TEST_F(irq, what_is_pending_moves)
{
	struct context context;
	struct rig target;

	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	ASSERT_EQ(0, fault_interrupt(self->gpu, 2));
	ASSERT_EQ(0, context_save(&self->rig.vmm.state, &context));
	ASSERT_EQ(0, rig_create(&target));
	ASSERT_EQ(0, rig_open(&target));
	ASSERT_EQ(0, devstate_load(&target.vmm.state, context.data,
				   context.length));
	EXPECT_EQ(1U << 2, pending(&target.vmm.gpu));
	ASSERT_EQ(0, vfio_irq_eventfds(target.vmm.vfio.device, MSIX, 0,
				       QUEUES, self->fds));
	EXPECT_EQ(0ULL, taken(self->fds[2]));
	ASSERT_EQ(0, devstate_start(&target.vmm.state));
	EXPECT_EQ(1ULL, taken(self->fds[2]));
	rig_destroy(&target);
	context_free(&context);
}

TEST_F(irq, a_vector_gets_another_eventfd)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1,
				       &self->fds[0]));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1,
				       &self->fds[0]));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1,
				       &self->fds[1]));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(0ULL, taken(self->fds[0]));
	EXPECT_EQ(1ULL, taken(self->fds[1]));
}

/* An eventfd that the VMM closed is still held. */
TEST_F(irq, an_eventfd_is_held_until_it_is_replaced)
{
	int copy = dup(self->fds[0]);

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, &copy));
	close(copy);
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
	ASSERT_EQ(0, vfio_irq_disable(self->device, MSIX));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(0ULL, taken(self->fds[0]));
}

TEST_F(irq, one_kind_at_a_time)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, self->fds));
	EXPECT_EQ(-EINVAL, vfio_irq_eventfds(self->device, MSI, 0, 1,
					     self->fds));
	EXPECT_EQ(0, vfio_irq_disable(self->device, MSI));
	EXPECT_EQ(0, vfio_irq_disable(self->device, INTX));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
	EXPECT_EQ(0, vfio_irq_disable(self->device, MSIX));
	EXPECT_EQ(0, vfio_irq_disable(self->device, MSIX));
	EXPECT_EQ(0, vfio_irq_eventfds(self->device, MSI, 0, 1, self->fds));
}

struct request {
	const char *what;
	__u32 index, flags, start, count;
	const void *data;
	int error;
};

/* NULL if it is, with the right error; else what it is. */
static const char *is_refused(int device, const struct request *request)
{
	int ret = vfio_set_irqs(device, request->index, request->flags,
				request->start, request->count, request->data);

	if (ret == request->error)
		return NULL;
	fprintf(stderr, "# %s: %d, not %d\n", request->what, ret,
		request->error);
	return request->what;
}

/* A call that is refused changes nothing. */
TEST_F(irq, what_cannot_be_is_refused)
{
	const int closed[] = { self->fds[1], 1000 };
	const int no_eventfd[] = { self->fds[1], self->device };
	const int too_low[] = { -2 };
	const struct request bad[] = {
		{ "no such kind", 7, TRIGGER | EVENTFD, 0, 1, self->fds,
		  -EINVAL },
		{ "errors", VFIO_PCI_ERR_IRQ_INDEX, TRIGGER | EVENTFD, 0, 1,
		  self->fds, -EINVAL },
		{ "INTx", INTX, TRIGGER | EVENTFD, 0, 1, self->fds, -EINVAL },
		{ "INTx, mask", INTX, VFIO_IRQ_SET_ACTION_MASK | NONE, 0, 1,
		  NULL, -EINVAL },
		{ "a vector too many", MSIX, TRIGGER | EVENTFD, 1, 4,
		  self->fds, -EINVAL },
		{ "behind the last", MSIX, TRIGGER | EVENTFD, 4, 1, self->fds,
		  -EINVAL },
		{ "a wrap", MSIX, TRIGGER | NONE, 1, ~0U, NULL, -EINVAL },
		{ "no vector", MSIX, TRIGGER | EVENTFD, 0, 0, self->fds,
		  -EINVAL },
		{ "no action", MSIX, EVENTFD, 0, 1, self->fds, -EINVAL },
		{ "two actions", MSIX, TRIGGER | EVENTFD |
		  VFIO_IRQ_SET_ACTION_MASK, 0, 1, self->fds, -EINVAL },
		{ "no data type", MSIX, TRIGGER, 0, 1, NULL, -EINVAL },
		{ "two data types", MSIX, TRIGGER | EVENTFD | NONE, 0, 1,
		  self->fds, -EINVAL },
		{ "an unknown flag", MSIX, TRIGGER | EVENTFD | 0x80, 0, 1,
		  self->fds, -EINVAL },
		{ "mask", MSIX, VFIO_IRQ_SET_ACTION_MASK | NONE, 0, 1, NULL,
		  -ENOTTY },
		{ "unmask", MSIX, VFIO_IRQ_SET_ACTION_UNMASK | NONE, 0, 1,
		  NULL, -ENOTTY },
		{ "closed", MSIX, TRIGGER | EVENTFD, 0, 2, closed, -EBADF },
		{ "no eventfd", MSIX, TRIGGER | EVENTFD, 0, 2, no_eventfd,
		  -EINVAL },
		{ "fd -2", MSIX, TRIGGER | EVENTFD, 0, 1, too_low, -EBADF },
		{ "two requests", REQ, TRIGGER | EVENTFD, 0, 2, self->fds,
		  -EINVAL },
	};
	size_t i;

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, self->fds));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(NULL, is_refused(self->device, &bad[i]));
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
	EXPECT_EQ(0ULL, taken(self->fds[1]));
}

TEST_F(irq, msi_has_no_more_vectors_than_were_enabled)
{
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSI, 0, 2, self->fds));
	EXPECT_EQ(-EINVAL, vfio_irq_eventfds(self->device, MSI, 2, 1,
					     self->fds));
	EXPECT_EQ(-EINVAL, vfio_set_irqs(self->device, MSI, TRIGGER | NONE,
					 1, 2, NULL));
	EXPECT_EQ(0, vfio_irq_eventfds(self->device, MSI, 1, 1,
				       &self->fds[2]));
}

/* What a VMM tests its wiring with. */
TEST_F(irq, a_vmm_can_fire_them)
{
	const __u8 second[] = { 0, 1 };

	EXPECT_EQ(-EINVAL, vfio_set_irqs(self->device, MSIX, TRIGGER | NONE,
					 0, 1, NULL));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, QUEUES,
				       self->fds));
	ASSERT_EQ(0, vfio_set_irqs(self->device, MSIX, TRIGGER | BOOL, 1, 2,
				   second));
	EXPECT_EQ(0ULL, taken(self->fds[1]));
	EXPECT_EQ(1ULL, taken(self->fds[2]));
	ASSERT_EQ(0, vfio_set_irqs(self->device, MSIX, TRIGGER | NONE, 3, 1,
				   NULL));
	EXPECT_EQ(1ULL, taken(self->fds[3]));
	EXPECT_EQ(0U, pending(self->gpu));
}

static void *remove_device(void *uuid)
{
	return (void *)(long)mdev_remove(uuid);
}

TEST_F(irq, removal_asks_the_vmm_to_let_go)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, vfio_irq_eventfds(self->device, REQ, 0, 1, self->fds));
	ASSERT_EQ(0, pthread_create(&thread, NULL, remove_device,
				    self->rig.vmm.uuid));
	EXPECT_LE(1ULL, awaited(self->fds[0]));
	rig_close(&self->rig);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	self->rig.exists = false;
}

TEST_F(irq, the_request_can_be_fired_and_taken_back)
{
	EXPECT_EQ(0, vfio_set_irqs(self->device, REQ, TRIGGER | NONE, 0, 1,
				   NULL));
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, REQ, 0, 1, self->fds));
	ASSERT_EQ(0, vfio_set_irqs(self->device, REQ, TRIGGER | NONE, 0, 1,
				   NULL));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
	ASSERT_EQ(0, vfio_irq_disable(self->device, REQ));
	ASSERT_EQ(0, vfio_set_irqs(self->device, REQ, TRIGGER | NONE, 0, 1,
				   NULL));
	EXPECT_EQ(0ULL, taken(self->fds[0]));
}

/* Eventfds come and go while the engine raises. */
TEST_F_TIMEOUT(irq, changed_under_fire, 120)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		union gpu_command fence = gpu_fence_interrupt(RIG_RAM, i);
		unsigned int n;

		for (n = 0; n < 20; n++)
			ASSERT_EQ(0, gpu_ring_put(&self->rings[0], &fence));
		ASSERT_EQ(0, gpu_ring_kick(&self->rings[0]));
		ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1,
					       &self->fds[i % QUEUES]));
		if (i % 3)
			ASSERT_EQ(0, vfio_irq_disable(self->device, MSIX));
		ASSERT_EQ(0, gpu_queue_wait(self->gpu, 0, RIG_TIMEOUT_MS));
	}
	ASSERT_EQ(0, vfio_irq_eventfds(self->device, MSIX, 0, 1, self->fds));
	taken(self->fds[0]);
	ASSERT_EQ(0, interrupt(&self->rings[0]));
	EXPECT_EQ(1ULL, taken(self->fds[0]));
}

TEST_HARNESS_MAIN
