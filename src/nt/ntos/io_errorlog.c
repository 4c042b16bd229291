/*
 * The system's error log: what a driver writes there is a warning in ours, with its strings.
 *
 * Ref        kernel/logging-errors
 */
#include "nt/ntos/nt_wdk.h"

#include <stdlib.h>

#include "base/log.h"

/* In front of the packet that the driver fills in. */
struct entry {
    _Alignas(16) size_t size; /* of the packet */
};

/**
 * @param IoObject   a device or a driver object; which one is not recorded
 * @param EntrySize  bytes, packet and strings; at most ERROR_LOG_MAXIMUM_SIZE
 * @return zeroed packet, NULL when it does not fit or memory is out
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-ioallocateerrorlogentry.
 */
PVOID NTAPI
IoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    (void)IoObject;
    if (EntrySize > ERROR_LOG_MAXIMUM_SIZE || EntrySize < sizeof(IO_ERROR_LOG_PACKET))
        return NULL;
    struct entry *entry = calloc(1, sizeof(*entry) + EntrySize);
    if (!entry)
        return NULL;
    entry->size = EntrySize;
    return entry + 1;
}

/** Give back an entry that is not written. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iofreeerrorlogentry. */
VOID NTAPI
IoFreeErrorLogEntry(PVOID ElEntry)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (ElEntry)
        free((struct entry *)ElEntry - 1);
}

/* The next zero-ended string at *offset, as UTF-8; *offset moves behind it. Caller frees. */
static char *
next_string(const IO_ERROR_LOG_PACKET *packet, size_t size, size_t *offset)
{
    const WCHAR *text = (const WCHAR *)((const char *)packet + *offset);
    size_t room = *offset < size ? (size - *offset) / sizeof(WCHAR) : 0, length = 0;

    while (length < room && text[length])
        length++;
    *offset += (length + 1) * sizeof(WCHAR);
    return wfp_utf16_to_utf8(length ? text : (const WCHAR[1]){0}, length);
}

/**
 * Log the entry and give it back.
 * IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-iowriteerrorlogentry.
 */
VOID NTAPI
IoWriteErrorLogEntry(PVOID ElEntry)
{
    struct entry *entry = (struct entry *)ElEntry - 1;
    const IO_ERROR_LOG_PACKET *packet = ElEntry;
    const struct nt_driver *driver = nt_driver_current();
    size_t offset = packet->StringOffset;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    wfp_log(WFP_LOG_WARNING, "%s: error log: message 0x%08X, status 0x%08X, unique %u",
            driver ? driver->name : "the runtime", (unsigned)packet->ErrorCode,
            (unsigned)packet->FinalStatus, (unsigned)packet->UniqueErrorValue);
    for (USHORT i = 0; i < packet->NumberOfStrings && offset < entry->size; i++) {
        _cleanup_(freep) char *text = next_string(packet, entry->size, &offset);
        wfp_log(WFP_LOG_WARNING, "    %s", text ? text : "");
    }
    free(entry);
}
