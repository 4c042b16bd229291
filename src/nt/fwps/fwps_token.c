/*
 * Tokens of sockets' owners: the handle that classifies are given, and FwpsOpenToken.
 *
 * Model      The handle in the metadata is WFP's: the same for every socket of a user, good inside the
 *            classify that is given it. What a driver wants to keep it opens by the token's LUID,
 *            which a list of endpoints tells, or by TokenStatistics; that handle it closes itself.
 * Not here   what a token tells: nt/ntos/se_token.c
 * Choice     docs/decisions/0073-tokens.md
 * Ref        ddi fwpsk/nf-fwpsk-fwpsopentoken0
 */
#include "base/macros.h"
#include "core/model/metadata.h"
#include "nt/fwps/fwps_internal.h"
#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_token.h"

uint64_t
nt_fwps_token_of(const struct wfp_user *user)
{
    const struct nt_token *token = nt_token_of_user(user);

    return token ? (uint64_t)(uintptr_t)token->lent : 0;
}

uint64_t
nt_fwps_token_modified_id(const struct wfp_user *user)
{
    const struct nt_token *token = nt_token_of_user(user);

    return token ? token->modified_id : 0;
}

/** Is the handle that of the classify which runs on this thread? */
static bool
is_given(void *handle)
{
    const struct wfp_indication *indication = nt_fwps_classified;

    return indication && indication->metadata->present & WFP_METADATA_TOKEN &&
           indication->metadata->token == (uint64_t)(uintptr_t)handle;
}

void
nt_fwps_token_init(void)
{
    nt_handle_set_given(is_given);
}

/**
 * A handle of the driver's own on a token; ZwClose closes it.
 *
 * @param engineHandle   of FwpmEngineOpen0; not looked at but for NULL
 * @param modifiedId     FWPS_ALE_ENDPOINT_PROPERTIES0.localTokenModifiedId, TOKEN_STATISTICS.ModifiedId
 * @param desiredAccess  TOKEN_... and generic rights; the caller is the kernel, so it gets them
 * @return STATUS_SUCCESS, STATUS_FWP_NULL_POINTER, STATUS_FWP_NOT_FOUND,
 *         STATUS_INSUFFICIENT_RESOURCES
 * IRQL: = PASSIVE_LEVEL. Ref: ddi fwpsk/nf-fwpsk-fwpsopentoken0
 */
NTSTATUS NTAPI
FwpsOpenToken0(HANDLE engineHandle, LUID modifiedId, DWORD desiredAccess, HANDLE *accessToken)
{
    _cleanup_(nt_object_unrefp) struct nt_token *token = NULL;

    nt_cpu_require_max("FwpsOpenToken", NT_PASSIVE_LEVEL);
    if (!engineHandle || !accessToken)
        return STATUS_FWP_NULL_POINTER;
    token =
        nt_token_by_modified_id((uint64_t)(ULONG)modifiedId.HighPart << 32 | modifiedId.LowPart);
    if (!token)
        return STATUS_FWP_NOT_FOUND;
    *accessToken = nt_handle_new(token, nt_token_rights(desiredAccess), nt_driver_current());
    return *accessToken ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
