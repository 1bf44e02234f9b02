/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/list.h> in user space. */
#ifndef UNIT_LINUX_LIST_H
#define UNIT_LINUX_LIST_H

#include <linux/types.h>
#include <stddef.h>
#include <string.h>

struct list_head {
	struct list_head *next, *prev;
};

/* Links of NULL are those of an empty list, too. */
#define LIST_HEAD(name)		struct list_head name

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	if (!head->next)
		INIT_LIST_HEAD(head);
	entry->next = head->next;
	entry->prev = head;
	head->next->prev = entry;
	head->next = entry;
}

static inline void list_del_init(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

static inline bool unit_list_step(struct list_head *head,
				  struct list_head **at, void *pos,
				  size_t offset)
{
	void *entry;

	*at = *at ? (*at)->next : head->next;
	if (!*at || *at == head)
		return false;
	entry = (char *)*at - offset;
	memcpy(pos, &entry, sizeof(entry));
	return true;
}

#define list_for_each_entry(pos, head, member)				\
	for (struct list_head *at = NULL;				\
	     unit_list_step(head, &at, &(pos),				\
			    offsetof(typeof((pos)[0]), member));)

#endif
