/*
 * Random bytes for drivers, and the export table of cng.sys.
 */
#include <bcrypt.h>

#include "base/guid.h"
#include "nt/ntos/nt_wdk.h"

/**
 * Fill a buffer with random bytes.
 *
 * @param hAlgorithm  NULL, with BCRYPT_USE_SYSTEM_PREFERRED_RNG
 * @return STATUS_INVALID_HANDLE for an algorithm, STATUS_INVALID_PARAMETER without a buffer
 * IRQL: <= DISPATCH_LEVEL. Ref: win32 SecCNG BCryptGenRandom. Gap: in a replay the bytes repeat, as keys do.
 */
NTSTATUS NTAPI
BCryptGenRandom(BCRYPT_ALG_HANDLE hAlgorithm, PUCHAR pbBuffer, ULONG cbBuffer, ULONG dwFlags)
{
    struct wfp_guid drawn;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (hAlgorithm || !(dwFlags & BCRYPT_USE_SYSTEM_PREFERRED_RNG))
        return STATUS_INVALID_HANDLE;
    if (!pbBuffer)
        return STATUS_INVALID_PARAMETER;
    for (ULONG done = 0; done < cbBuffer; done += sizeof(drawn.data1)) {
        ULONG left = cbBuffer - done;
        wfp_guid_generate(&drawn); /* its first word is random in all bits */
        memcpy(pbBuffer + done, &drawn.data1,
               left < sizeof(drawn.data1) ? left : sizeof(drawn.data1));
    }
    return STATUS_SUCCESS;
}

#define WFP_EXPORT_MODULE "cng.sys"
#define WFP_EXPORT_DEF    "nt/cng/cng.def"
#define WFP_EXPORT_TABLE  nt_cng_exports
#include "base/export_rows.h"
