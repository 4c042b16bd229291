/*
 * Doubly linked lists with the layout of Windows' LIST_ENTRY, for files that see no wdk header.
 */
#ifndef WFP_NT_LIST_H
#define WFP_NT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct nt_list {
    struct nt_list *next, *previous;
};

static inline void
nt_list_init(struct nt_list *head)
{
    head->next = head->previous = head;
}

static inline bool
nt_list_is_empty(const struct nt_list *head)
{
    return head->next == head;
}

static inline void
nt_list_append(struct nt_list *head, struct nt_list *entry)
{
    entry->next = head;
    entry->previous = head->previous;
    head->previous->next = entry;
    head->previous = entry;
}

/** Take @p entry out and leave it pointing at itself: removing twice does no harm. */
static inline void
nt_list_remove(struct nt_list *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    nt_list_init(entry);
}

/** Take the first entry out; NULL when empty. */
static inline struct nt_list *
nt_list_pop(struct nt_list *head)
{
    struct nt_list *entry = head->next;
    if (entry == head)
        return NULL;
    nt_list_remove(entry);
    return entry;
}

#define NT_LIST_ITEM(entry, type, member) CONTAINER_OF(entry, type, member)

#endif
