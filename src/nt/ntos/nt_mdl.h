/*
 * MDLs whose memory somebody watches: the stack wants to know when a driver can write to a packet.
 *
 * Model      A watched MDL is not mapped, as far as its flags say: a driver that wants the address asks
 *            (MmGetSystemAddressForMdlSafe, NdisQueryMdl, NdisGetDataBuffer ...), and is noticed.
 *            MmGetMdlVirtualAddress is a macro over fields: who uses that as a pointer is not.
 */
#ifndef WFP_NT_MDL_H
#define WFP_NT_MDL_H

#include <ntddk.h>

#include "base/macros.h"

/** An MDL flag of ours: tell `nt_mdl_watcher` when its memory is shown. */
#define NT_MDL_WATCHED ((CSHORT)MDL_INTERNAL)

/** @param offset, length  bytes of the MDL that a driver is about to get the address of */
extern void (*nt_mdl_watcher)(MDL *mdl, ULONG offset, ULONG length);

static inline void
nt_mdl_show(MDL *mdl, ULONG offset, ULONG length)
{
    if (UNLIKELY(mdl->MdlFlags & NT_MDL_WATCHED))
        nt_mdl_watcher(mdl, offset, length);
}

#endif
