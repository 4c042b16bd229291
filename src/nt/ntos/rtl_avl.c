/*
 * Generic tables over AVL trees.
 *
 * Model      BalancedRoot is a sentinel: its right child is the root, and it is its own parent, as in
 *            trees that drivers walk themselves. A node is RTL_BALANCED_LINKS with the element behind.
 *            Balance is height(right) - height(left).
 * Ref        ntddk/nf-ntddk-rtlinitializegenerictableavl and neighbours
 */
#include "nt/ntos/nt_wdk.h"

typedef RTL_BALANCED_LINKS LINKS;

static PVOID
element_of(LINKS *node)
{
    return node + 1;
}

static LINKS *
node_of(PVOID element)
{
    return (LINKS *)element - 1;
}

static LINKS *
leftmost(LINKS *node)
{
    while (node && node->LeftChild)
        node = node->LeftChild;
    return node;
}

static LINKS *
rightmost(LINKS *node)
{
    while (node && node->RightChild)
        node = node->RightChild;
    return node;
}

static LINKS *
successor(const RTL_AVL_TABLE *table, LINKS *node)
{
    if (node->RightChild)
        return leftmost(node->RightChild);
    while (node->Parent != &table->BalancedRoot && node->Parent->RightChild == node)
        node = node->Parent;
    return node->Parent == &table->BalancedRoot ? NULL : node->Parent;
}

static LINKS *
predecessor(const RTL_AVL_TABLE *table, LINKS *node)
{
    if (node->LeftChild)
        return rightmost(node->LeftChild);
    while (node->Parent != &table->BalancedRoot && node->Parent->LeftChild == node)
        node = node->Parent;
    return node->Parent == &table->BalancedRoot ? NULL : node->Parent;
}

static TABLE_SEARCH_RESULT
search(PRTL_AVL_TABLE table, PVOID buffer, LINKS **ret_node)
{
    LINKS *node = table->BalancedRoot.RightChild;

    *ret_node = &table->BalancedRoot;
    if (!node)
        return TableEmptyTree;
    for (;;) {
        *ret_node = node;
        RTL_GENERIC_COMPARE_RESULTS r = table->CompareRoutine(table, buffer, element_of(node));
        if (r == GenericEqual)
            return TableFoundNode;
        LINKS *next = r == GenericLessThan ? node->LeftChild : node->RightChild;
        if (!next)
            return r == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        node = next;
    }
}

/* --- balancing --- */

static void
replace_child(LINKS *parent, LINKS *old, LINKS *new)
{
    if (parent->LeftChild == old)
        parent->LeftChild = new;
    else
        parent->RightChild = new;
    if (new)
        new->Parent = parent;
}

/** @p child becomes the parent of its parent. */
static void
rotate_up(LINKS *child)
{
    LINKS *parent = child->Parent;

    replace_child(parent->Parent, parent, child);
    if (parent->LeftChild == child) {
        parent->LeftChild = child->RightChild;
        if (child->RightChild)
            child->RightChild->Parent = parent;
        child->RightChild = parent;
    } else {
        parent->RightChild = child->LeftChild;
        if (child->LeftChild)
            child->LeftChild->Parent = parent;
        child->LeftChild = parent;
    }
    parent->Parent = child;
}

/**
 * Repair a node whose balance would be @p side * 2.
 * @return the subtree's new root; @p ret_shorter tells whether its height fell
 */
static LINKS *
rebalance(LINKS *node, CHAR side, bool *ret_shorter)
{
    LINKS *heavy = side > 0 ? node->RightChild : node->LeftChild;

    *ret_shorter = true;
    if (heavy->Balance == -side) { /* double rotation */
        LINKS *middle = side > 0 ? heavy->LeftChild : heavy->RightChild;
        rotate_up(middle);
        rotate_up(middle);
        node->Balance = middle->Balance == side ? (CHAR)-side : 0;
        heavy->Balance = middle->Balance == -side ? side : 0;
        middle->Balance = 0;
        return middle;
    }
    rotate_up(heavy);
    if (heavy->Balance == 0) { /* only after a deletion */
        node->Balance = side;
        heavy->Balance = (CHAR)-side;
        *ret_shorter = false;
    } else {
        node->Balance = heavy->Balance = 0;
    }
    return heavy;
}

static void
insert_node(PRTL_AVL_TABLE table, LINKS *node, LINKS *parent, TABLE_SEARCH_RESULT where)
{
    bool shorter;

    node->Parent = parent;
    if (where == TableInsertAsLeft)
        parent->LeftChild = node;
    else
        parent->RightChild = node;
    for (LINKS *child = node; parent != &table->BalancedRoot;) {
        CHAR side = parent->RightChild == child ? 1 : -1;
        if (parent->Balance == side) {
            rebalance(parent, side, &shorter);
            return;
        }
        parent->Balance = (CHAR)(parent->Balance + side);
        if (parent->Balance == 0)
            return;
        child = parent;
        parent = parent->Parent;
    }
    table->DepthOfTree++;
}

/** @p parent 's subtree on @p side lost a level. */
static void
shrink(PRTL_AVL_TABLE table, LINKS *parent, CHAR side)
{
    while (parent != &table->BalancedRoot) {
        bool shorter = true;
        LINKS *subtree = parent;
        if (parent->Balance == 0) {
            parent->Balance = (CHAR)-side;
            return;
        }
        if (parent->Balance == side)
            parent->Balance = 0;
        else
            subtree = rebalance(parent, (CHAR)-side, &shorter);
        if (!shorter)
            return;
        parent = subtree->Parent;
        side = parent->RightChild == subtree ? 1 : -1;
    }
    table->DepthOfTree--;
}

static void
delete_node(PRTL_AVL_TABLE table, LINKS *node)
{
    if (node->LeftChild && node->RightChild) { /* the successor takes its place */
        LINKS *next = leftmost(node->RightChild), *from = next->Parent;
        CHAR side = from == node ? 1 : -1;
        replace_child(from, next, next->RightChild);
        next->LeftChild = node->LeftChild;
        next->LeftChild->Parent = next;
        next->RightChild = node->RightChild;
        if (next->RightChild)
            next->RightChild->Parent = next;
        next->Balance = node->Balance;
        replace_child(node->Parent, node, next);
        shrink(table, from == node ? next : from, side);
        return;
    }
    LINKS *parent = node->Parent;
    CHAR side = parent->RightChild == node ? 1 : -1;
    replace_child(parent, node, node->LeftChild ? node->LeftChild : node->RightChild);
    shrink(table, parent, side);
}

/* --- the functions --- */

/** The caller locks. IRQL: < DISPATCH_LEVEL for pageable elements. Ref: ntddk. */
VOID NTAPI
RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table, PRTL_AVL_COMPARE_ROUTINE CompareRoutine,
                             PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine,
                             PRTL_AVL_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    memset(Table, 0, sizeof(*Table));
    Table->BalancedRoot.Parent = &Table->BalancedRoot;
    Table->CompareRoutine = CompareRoutine;
    Table->AllocateRoutine = AllocateRoutine;
    Table->FreeRoutine = FreeRoutine;
    Table->TableContext = TableContext;
}

/** Insert where RtlLookupElementGenericTableFullAvl said. Ref: ntddk. */
PVOID NTAPI
RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                    PBOOLEAN NewElement, PVOID NodeOrParent,
                                    TABLE_SEARCH_RESULT SearchResult)
{
    if (NewElement)
        *NewElement = SearchResult != TableFoundNode;
    if (SearchResult == TableFoundNode)
        return element_of(NodeOrParent);
    LINKS *node = Table->AllocateRoutine(Table, (CLONG)(sizeof(LINKS) + BufferSize));
    if (!node) {
        if (NewElement)
            *NewElement = FALSE;
        return NULL;
    }
    memset(node, 0, sizeof(*node));
    memcpy(element_of(node), Buffer, BufferSize);
    insert_node(Table, node, NodeOrParent, SearchResult);
    Table->NumberGenericTableElements++;
    Table->OrderedPointer = NULL;
    Table->WhichOrderedElement = 0;
    return element_of(node);
}

/** @return the element, new or found; NULL when memory is out. Ref: ntddk/nf-ntddk-rtlinsertelementgenerictableavl. */
PVOID NTAPI
RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize,
                                PBOOLEAN NewElement)
{
    LINKS *node;
    TABLE_SEARCH_RESULT where = search(Table, Buffer, &node);
    return RtlInsertElementGenericTableFullAvl(Table, Buffer, BufferSize, NewElement, node, where);
}

/** @return FALSE when there is none. Ref: ntddk/nf-ntddk-rtldeleteelementgenerictableavl. */
BOOLEAN NTAPI
RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    LINKS *node;

    if (search(Table, Buffer, &node) != TableFoundNode)
        return FALSE;
    if (Table->RestartKey == node)
        Table->RestartKey = predecessor(Table, node);
    Table->DeleteCount++;
    delete_node(Table, node);
    Table->NumberGenericTableElements--;
    Table->OrderedPointer = NULL;
    Table->WhichOrderedElement = 0;
    Table->FreeRoutine(Table, node);
    return TRUE;
}

/** @return NULL when there is none. Ref: ntddk/nf-ntddk-rtllookupelementgenerictableavl. */
PVOID NTAPI
RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer)
{
    LINKS *node;
    return search(Table, Buffer, &node) == TableFoundNode ? element_of(node) : NULL;
}

/** Also tells where it would be. Ref: ntddk/nf-ntddk-rtllookupelementgenerictablefullavl. */
PVOID NTAPI
RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, PVOID *NodeOrParent,
                                    TABLE_SEARCH_RESULT *SearchResult)
{
    LINKS *node;
    *SearchResult = search(Table, Buffer, &node);
    *NodeOrParent = node;
    return *SearchResult == TableFoundNode ? element_of(node) : NULL;
}

/** The first of equal elements in order. Ref: ntddk. */
PVOID NTAPI
RtlLookupFirstMatchingElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, PVOID *RestartKey)
{
    LINKS *node, *before;

    if (search(Table, Buffer, &node) != TableFoundNode)
        return NULL;
    while ((before = predecessor(Table, node)) &&
           Table->CompareRoutine(Table, Buffer, element_of(before)) == GenericEqual)
        node = before;
    *RestartKey = node;
    return element_of(node);
}

/** In order; @p RestartKey NULL starts. @return NULL past the end. Ref: ntddk. */
PVOID NTAPI
RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey)
{
    LINKS *node =
        *RestartKey ? successor(Table, *RestartKey) : leftmost(Table->BalancedRoot.RightChild);
    if (!node)
        return NULL;
    *RestartKey = node;
    return element_of(node);
}

/** In order, the position kept in the table. @return NULL past the end. Ref: ntddk. */
PVOID NTAPI
RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart)
{
    PVOID key = Restart ? NULL : Table->RestartKey;
    PVOID element = RtlEnumerateGenericTableWithoutSplayingAvl(Table, &key);
    if (element)
        Table->RestartKey = key;
    return element;
}

/** The @p I th element in order; the last answer speeds up its neighbours. @return NULL past the end. */
PVOID NTAPI
RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I)
{
    LINKS *node = Table->OrderedPointer ? node_of(Table->OrderedPointer) : NULL;
    ULONG at = Table->WhichOrderedElement - 1; /* kept one-based */

    if (I >= Table->NumberGenericTableElements)
        return NULL;
    if (!node || (I < at && I < at - I)) {
        node = leftmost(Table->BalancedRoot.RightChild);
        at = 0;
    }
    for (; at < I; at++)
        node = successor(Table, node);
    for (; at > I; at--)
        node = predecessor(Table, node);
    Table->OrderedPointer = element_of(node);
    Table->WhichOrderedElement = I + 1;
    return element_of(node);
}

/** Ref: ntddk/nf-ntddk-rtlnumbergenerictableelementsavl. */
ULONG NTAPI
RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements;
}

/** Ref: ntddk/nf-ntddk-rtlisgenerictableemptyavl. */
BOOLEAN NTAPI
RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table)
{
    return Table->NumberGenericTableElements == 0;
}
