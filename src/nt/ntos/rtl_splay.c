/*
 * Generic tables over splay trees: what was touched last is the root.
 *
 * Model      A node is RTL_SPLAY_LINKS, the link of the list in order of insertion, and the element. A
 *            root is its own parent, as in trees that drivers walk themselves.
 * Not here   the tables over AVL trees: rtl_avl.c
 * Ref        ntddk/nf-ntddk-rtlinitializegenerictable and neighbours
 */
#include "nt/ntos/nt_wdk.h"

typedef RTL_SPLAY_LINKS LINKS;

struct node {
    LINKS links;
    LIST_ENTRY order;
    CHAR element[];
};
static_assert(offsetof(struct node, element) == 40, "as drivers that compute sizes expect");

static PVOID
element_of(LINKS *links)
{
    return CONTAINING_RECORD(links, struct node, links)->element;
}

static LINKS *
parent_of(const LINKS *links)
{
    return links->Parent == links ? NULL : links->Parent;
}

/** Turn the edge between @p child and its parent. */
static void
rotate(LINKS *child)
{
    LINKS *parent = child->Parent, *above = parent_of(parent), *moved;

    if (parent->LeftChild == child) {
        moved = parent->LeftChild = child->RightChild;
        child->RightChild = parent;
    } else {
        moved = parent->RightChild = child->LeftChild;
        child->LeftChild = parent;
    }
    if (moved)
        moved->Parent = parent;
    parent->Parent = child;
    child->Parent = above ? above : child;
    if (above)
        *(above->LeftChild == parent ? &above->LeftChild : &above->RightChild) = child;
}

/** Bring @p links to the root. IRQL: any. Ref: ntddk RtlSplay. */
PRTL_SPLAY_LINKS NTAPI RtlSplay(PRTL_SPLAY_LINKS Links);
PRTL_SPLAY_LINKS NTAPI
RtlSplay(PRTL_SPLAY_LINKS Links)
{
    for (LINKS *parent; (parent = parent_of(Links)) != NULL; rotate(Links)) {
        LINKS *above = parent_of(parent);
        if (above)
            rotate((above->LeftChild == parent) == (parent->LeftChild == Links) ? parent : Links);
    }
    return Links;
}

static LINKS *
leftmost(LINKS *links)
{
    while (links && links->LeftChild)
        links = links->LeftChild;
    return links;
}

static LINKS *
successor(LINKS *links)
{
    LINKS *parent;

    if (links->RightChild)
        return leftmost(links->RightChild);
    while ((parent = parent_of(links)) && parent->RightChild == links)
        links = parent;
    return parent;
}

/** The node equal to @p element, or the last one on the way, with the comparison's result there. */
static LINKS *
find(RTL_GENERIC_TABLE *table, PVOID element, RTL_GENERIC_COMPARE_RESULTS *ret_result)
{
    LINKS *links = table->TableRoot, *last = NULL;

    *ret_result = GenericEqual;
    while (links) {
        last = links;
        *ret_result = NT_CALLBACK(nt_driver_current(), nt_cpu.irql,
                                  table->CompareRoutine(table, element, element_of(links)));
        if (*ret_result == GenericEqual)
            break;
        links = *ret_result == GenericLessThan ? links->LeftChild : links->RightChild;
    }
    return last;
}

/** IRQL: the routines'. Ref: ntddk/nf-ntddk-rtlinitializegenerictable. */
VOID NTAPI
RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table, PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                          PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine,
                          PRTL_GENERIC_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    memset(Table, 0, sizeof(*Table));
    InitializeListHead(&Table->InsertOrderList);
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/**
 * Insert a copy of @p Buffer, or find the element that equals it.
 *
 * @param NewElement  FALSE when it was there
 * @return the element; NULL when memory is out. Ref: ntddk/nf-ntddk-rtlinsertelementgenerictable.
 */
PVOID NTAPI
RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize,
                             PBOOLEAN NewElement)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    LINKS *last = find(Table, Buffer, &result);
    struct node *node;

    if (NewElement)
        *NewElement = FALSE;
    if (last && result == GenericEqual) {
        Table->TableRoot = RtlSplay(last);
        return element_of(last);
    }
    node = NT_CALLBACK(nt_driver_current(), nt_cpu.irql,
                       Table->AllocateRoutine(Table, (CLONG)sizeof(*node) + BufferSize));
    if (!node)
        return NULL;
    node->links = (LINKS){.Parent = last ? last : &node->links};
    if (last)
        *(result == GenericLessThan ? &last->LeftChild : &last->RightChild) = &node->links;
    InsertTailList(&Table->InsertOrderList, &node->order);
    memcpy(node->element, Buffer, BufferSize);
    Table->NumberGenericTableElements++;
    Table->TableRoot = RtlSplay(&node->links);
    if (NewElement)
        *NewElement = TRUE;
    return node->element;
}

/** @return FALSE when it is not there. Ref: ntddk/nf-ntddk-rtldeleteelementgenerictable. */
BOOLEAN NTAPI
RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    LINKS *links = find(Table, Buffer, &result), *left, *right;

    if (!links || result != GenericEqual)
        return FALSE;
    RtlSplay(links);
    left = links->LeftChild;
    right = links->RightChild;
    if (left)
        left->Parent = left;
    if (right)
        right->Parent = right;
    Table->TableRoot = left ? left : right;
    if (left && right) { /* the smallest of the right has no left child: the left goes there */
        Table->TableRoot = RtlSplay(leftmost(right));
        Table->TableRoot->LeftChild = left;
        left->Parent = Table->TableRoot;
    }
    struct node *node = CONTAINING_RECORD(links, struct node, links);
    RemoveEntryList(&node->order);
    Table->NumberGenericTableElements--;
    Table->OrderedPointer = &Table->InsertOrderList;
    Table->WhichOrderedElement = 0;
    NT_CALLBACK_VOID(nt_driver_current(), nt_cpu.irql, Table->FreeRoutine(Table, node));
    return TRUE;
}

/** @return the element, or NULL. Ref: ntddk/nf-ntddk-rtllookupelementgenerictable. */
PVOID NTAPI
RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    LINKS *links = find(Table, Buffer, &result);

    if (!links)
        return NULL;
    Table->TableRoot = RtlSplay(links);
    return result == GenericEqual ? element_of(links) : NULL;
}

/** In order of comparison; the last one is the root. @return NULL at the end. Ref: ntddk. */
PVOID NTAPI
RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart)
{
    LINKS *next = !Table->TableRoot ? NULL
                  : Restart         ? leftmost(Table->TableRoot)
                                    : successor(Table->TableRoot);

    if (!next)
        return NULL;
    Table->TableRoot = RtlSplay(next);
    return element_of(next);
}

/** @param RestartKey  NULL in it starts over. Ref: ntddk/nf-ntddk-rtlenumerategenerictablewithoutsplaying. */
PVOID NTAPI
RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    LINKS *next = *RestartKey ? successor(*RestartKey) : leftmost(Table->TableRoot);

    if (!next)
        return NULL;
    *RestartKey = next;
    return element_of(next);
}

/** The @p I th element in order of insertion, or NULL. Ref: ntddk/nf-ntddk-rtlgetelementgenerictable. */
PVOID NTAPI
RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    LIST_ENTRY *entry = Table->InsertOrderList.Flink;

    if (I >= Table->NumberGenericTableElements)
        return NULL;
    while (I-- > 0)
        entry = entry->Flink;
    return CONTAINING_RECORD(entry, struct node, order)->element;
}

/** Ref: ntddk/nf-ntddk-rtlnumbergenerictableelements. */
ULONG NTAPI
RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

/** Ref: ntddk/nf-ntddk-rtlisgenerictableempty. */
BOOLEAN NTAPI
RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    return Table->TableRoot == NULL;
}
