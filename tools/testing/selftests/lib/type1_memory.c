// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of all kinds for probes, by name, at fixed addresses that nothing else
 * will ever use: what is not mapped here stays so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"
#include "type1_script.h"

#define PAGE		4096UL
#define BASE		0x1000000000UL
#define STRIDE		0x10000000UL
#define HUGE		(2UL << 20)
/* The BIOS: there on every PC, and not RAM. */
#define DEVMEM		0xf0000
#define RW		(PROT_READ | PROT_WRITE)
#define ANON		(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/**
 * struct memory - memory with a name
 * @name: the name
 * @make: fills the room at its address; -errno. NULL leaves it empty.
 * @pages: how much it maps
 * @offset: what the name stands for, from the first byte
 * @made: it was used
 */
struct memory {
	const char *name;
	int (*make)(const struct memory *m, void *addr);
	unsigned long pages;
	unsigned long offset;
	bool made;
};

static int map_fd(void *addr, size_t size, int prot, int flags, int fd,
		  off_t offset)
{
	void *got;
	int ret = 0;

	if (fd < 0 && !(flags & MAP_ANONYMOUS))
		return -errno;
	got = mmap(addr, size, prot, flags | MAP_FIXED_NOREPLACE, fd, offset);
	if (got == MAP_FAILED)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int make_mem(const struct memory *m, void *addr)
{
	return map_fd(addr, m->pages * PAGE, RW, ANON, -1, 0);
}

/* Written once, so that the pages are there. */
static int make_prot(const struct memory *m, void *addr, int prot)
{
	int ret = make_mem(m, addr);

	if (ret)
		return ret;
	memset(addr, 0x11, m->pages * PAGE);
	return mprotect(addr, m->pages * PAGE, prot) ? -errno : 0;
}

static int make_ro(const struct memory *m, void *addr)
{
	return make_prot(m, addr, PROT_READ);
}

static int make_none(const struct memory *m, void *addr)
{
	return make_prot(m, addr, PROT_NONE);
}

static int make_shmem(const struct memory *m, void *addr)
{
	int fd = memfd_create("probe", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, m->pages * PAGE))
		return -errno;
	return map_fd(addr, m->pages * PAGE, RW, MAP_SHARED, fd, 0);
}

/* Two pages of a file that has one. */
static int make_short(const struct memory *m, void *addr)
{
	int fd = memfd_create("probe", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, PAGE))
		return -errno;
	return map_fd(addr, m->pages * PAGE, RW, MAP_SHARED, fd, 0);
}

static int make_file(const struct memory *m, void *addr)
{
	char name[] = "/tmp/probe-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd >= 0)
		unlink(name);
	if (fd >= 0 && ftruncate(fd, m->pages * PAGE))
		return -errno;
	return map_fd(addr, m->pages * PAGE, RW, MAP_SHARED, fd, 0);
}

/* This program itself. */
static int make_text(const struct memory *m, void *addr)
{
	return map_fd(addr, m->pages * PAGE, PROT_READ, MAP_PRIVATE,
		      open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 0);
}

static int make_cow(const struct memory *m, void *addr)
{
	return map_fd(addr, m->pages * PAGE, RW, MAP_PRIVATE,
		      open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 0);
}

static int make_huge(const struct memory *m, void *addr)
{
	return map_fd(addr, m->pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS |
		      MAP_HUGETLB, -1, 0);
}

static int make_devmem(const struct memory *m, void *addr)
{
	return map_fd(addr, m->pages * PAGE, PROT_READ, MAP_SHARED,
		      open("/dev/mem", O_RDONLY | O_CLOEXEC), DEVMEM);
}

/* Pages that somebody else would have to fill, and nobody does. */
static int make_uffd(const struct memory *m, void *addr)
{
	struct uffdio_register reg = {
		.range.start = (unsigned long)addr,
		.range.len = m->pages * PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd, ret = make_mem(m, addr);

	if (ret)
		return ret;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

/* The first three are for what ioctls are passed: see type1_script.h. */
static struct memory memories[] = {
	{ "arg", make_mem, 1, 0, false },
	{ "bits", make_mem, TYPE1_BITMAP_BYTES / PAGE + 1, 0, false },
	{ "data", make_mem, TYPE1_DATA_BYTES / PAGE, 0, false },
	{ "mem", make_mem, 8192, 0, false },
	{ "ro", make_ro, 8, 0, false },
	{ "none", make_none, 8, 0, false },
	{ "hole", NULL, 0, 0, false },
	{ "half", make_mem, 1, 0, false },
	{ "edge", make_mem, 1, PAGE, false },
	{ "shmem", make_shmem, 8, 0, false },
	{ "short", make_short, 2, 0, false },
	{ "file", make_file, 8, 0, false },
	{ "text", make_text, 2, 0, false },
	{ "cow", make_cow, 2, 0, false },
	{ "huge", make_huge, HUGE / PAGE, 0, false },
	{ "devmem", make_devmem, 1, 0, false },
	{ "uffd", make_uffd, 8, 0, false },
};

#define MEMORIES	ARRAY_SIZE(memories)

int type1_memory(const char *name, size_t len, __u64 *addr)
{
	unsigned long i;
	int ret;

	for (i = 0; i < MEMORIES; i++) {
		struct memory *m = &memories[i];
		unsigned long base = BASE + i * STRIDE;

		if (strlen(m->name) != len || strncmp(m->name, name, len))
			continue;
		ret = m->make && !m->made ? m->make(m, (void *)base) : 0;
		if (ret)
			return ret;
		m->made = true;
		*addr = base + m->offset;
		return 0;
	}
	return -ENOENT;
}

/* Which memory an address is in, or NULL; where it begins. */
static const struct memory *memory_of(__u64 addr, __u64 *base)
{
	__u64 i = (addr - BASE) / STRIDE;

	*base = BASE + i * STRIDE;
	return addr >= BASE && i < MEMORIES ? &memories[i] : NULL;
}

void type1_memory_place(__u64 at, const void *from, size_t len)
{
	const struct memory *m;
	__u64 base, end;

	m = memory_of(at, &base);
	if (!m)
		return;
	end = base + m->pages * PAGE;
	if (at >= end)
		return;
	if (len > end - at)
		len = end - at;
	if (m->make == make_ro)
		mprotect((void *)base, m->pages * PAGE, RW);
	if (m->make != make_none)
		memcpy((void *)(unsigned long)at, from, len);
	if (m->make == make_ro)
		mprotect((void *)base, m->pages * PAGE, PROT_READ);
}

size_t type1_memory_take(__u64 at, void *to, size_t len)
{
	const struct memory *m;
	__u64 base, end;

	m = memory_of(at, &base);
	if (!m || m->make == make_none)
		return 0;
	end = base + m->pages * PAGE;
	if (at >= end)
		return 0;
	if (len > end - at)
		len = end - at;
	memcpy(to, (void *)(unsigned long)at, len);
	return len;
}

const char *type1_memory_lacks(const char *script)
{
	if (strstr(script, "devmem") && access("/dev/mem", F_OK))
		return "there is no /dev/mem";
	/* With CONFIG_DEBUG_VM it is a reason to dump the stack. */
	if (strstr(script, "uffd") && !access("/proc/lockdep", F_OK))
		return "a debug kernel warns of userfaultfd";
	return NULL;
}
