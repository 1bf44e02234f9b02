/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread of the process that makes it, which works in the kernel when it is
 * woken, and stands still while that process does.
 */
#ifndef _MVGPU_THREAD_H
#define _MVGPU_THREAD_H

#include <linux/types.h>

struct mvgpu_thread;

int mvgpu_thread_init(void);
void mvgpu_thread_exit(void);

struct mvgpu_thread *mvgpu_thread_create(bool (*work)(void *data), void *data,
					 const char *name);
bool mvgpu_thread_wake(struct mvgpu_thread *thread);
bool mvgpu_thread_is_dead(struct mvgpu_thread *thread);
bool mvgpu_thread_paused(void);
int mvgpu_thread_finish(struct mvgpu_thread *thread);
void mvgpu_thread_let_go(struct mvgpu_thread *thread);

#endif /* _MVGPU_THREAD_H */
