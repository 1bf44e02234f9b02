/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the worker hands to the engine. The engine knows nothing of queues, and
 * runs without locks on a copy of what it needs.
 */
#ifndef _MVGPU_ENGINE_H
#define _MVGPU_ENGINE_H

#include "mvgpu_private.h"

/**
 * enum mvgpu_result - how a step of the engine ended
 * @MVGPU_RESULT_MORE: the command goes on; progress may have been made
 * @MVGPU_RESULT_DONE: the command is complete
 * @MVGPU_RESULT_WAIT: what it waits for has not come
 * @MVGPU_RESULT_FAULT: it cannot go on
 */
enum mvgpu_result {
	MVGPU_RESULT_MORE,
	MVGPU_RESULT_DONE,
	MVGPU_RESULT_WAIT,
	MVGPU_RESULT_FAULT,
};

/**
 * struct mvgpu_run - one step of a queue
 * @queue: its number
 * @generation: of the queue when the step began
 * @looks: of the worker when the step began
 * @head: of the queue when the step began
 * @address: GPU address of the command at the head
 * @fetched: @command is the command, else it has to be fetched
 * @command: snapshot of the command
 * @op: @command, decoded, if @decoded is set
 * @decoded: also by an earlier step that ran the same command
 * @progress: of the command; after the step as before it
 * @cut: only the command was read, because the device stops: no turn
 * @wrote: a value was written that others may wait for
 * @interrupt: the queue's interrupt is to be raised
 * @torn: the fault is of a write that may have been done in part
 * @fault: enum mvgpu_fault
 * @fault_address: GPU address that faulted
 */
struct mvgpu_run {
	unsigned int queue;
	u32 generation;
	u32 looks;
	u32 head;
	u64 address;
	bool fetched;
	u8 command[MVGPU_COMMAND_SIZE];
	struct mvgpu_op op;
	bool decoded;
	struct mvgpu_progress progress;
	bool cut;
	bool wrote;
	bool interrupt;
	bool torn;
	u32 fault;
	u64 fault_address;
};

enum mvgpu_result mvgpu_engine_fetch(struct mvgpu_device *dev,
				     struct mvgpu_run *run);
enum mvgpu_result mvgpu_engine_resume(struct mvgpu_run *run);
enum mvgpu_result mvgpu_engine_chunk(struct mvgpu_device *dev,
				     struct mvgpu_run *run);

#endif /* _MVGPU_ENGINE_H */
