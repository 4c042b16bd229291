/*
 * What the files of injection share: handles, and packets on their way to the stack.
 */
#ifndef WFP_NT_FWPS_INJECT_H
#define WFP_NT_FWPS_INJECT_H

#include "core/shims/stack.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ndis/ndis_nbl.h"

#define HANDLE_MAGIC 0x484A4E49u /* "INJH" */

/* ws2def.h's values; the family of a handle and of what it may inject */
#define FAMILY_UNSPECIFIED 0
#define FAMILY_V4          2
#define FAMILY_V6          23

struct injection_handle {
    uint32_t magic;
    uint16_t family;
    uint32_t types; /* FWPS_INJECTION_TYPE_* */
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
    struct injection_handle *next;
    atomic_uint outstanding;
    bool closing;
};

/** The handle, if it is one that lives; NULL otherwise. Any thread. */
struct injection_handle *nt_fwps_injection_handle_find(HANDLE handle);

/* A packet on its way: flat bytes to classify, and the driver's list to complete. */
struct injected {
    struct injected *next;
    struct injection_handle *handle;
    NET_BUFFER_LIST *nbl;
    struct nt_nbl *view; /* what the stack's callouts will see; NULL: only to complete */
    uint8_t *bytes;      /* owned by view */
    uint32_t length;
    enum wfp_entry entry;
    uint64_t sender; /* an endpoint handle: the stack writes source and protocol */
    uint32_t interface_index;
    uint32_t control_length; /* bytes */
    const void *control;     /* socket control data, the driver's until completion; NULL none */
    struct nt_driver *driver;
    FWPS_INJECT_COMPLETE0 complete;
    void *context;
    bool is_last; /* of its list: completes it */
};

/** Queue a chain (its last item's `next` is at @p end) for the stack's thread, and wake it. */
void nt_fwps_inject_push(struct injected *first, struct injected **end);
/** Give up a chain that was not queued; its list is not completed. */
void nt_fwps_inject_drop(struct injected *first);

#endif
