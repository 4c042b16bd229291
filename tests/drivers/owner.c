/*
 * Who connects: blocks the program APP and the Linux user BLOCKED_UID at ALE_AUTH_CONNECT, by conditions
 * alone, and reports the process, path and user that ALE layers deliver.
 */
#include <ntifs.h>
#include "common.h"

#ifndef APP
#define APP "/nowhere"
#endif
#ifndef BLOCKED_UID
#define BLOCKED_UID 12345
#endif

/* A security descriptor that grants FWP_ACTRL_MATCH_FILTER to S-1-22-1-UID. */
static struct {
    UCHAR Revision, Sbz1;
    USHORT Control;
    ULONG Owner, Group, Sacl, Dacl;
    struct {
        UCHAR Revision, Sbz1;
        USHORT Size, Count, Sbz2;
        UCHAR Type, Flags;
        USHORT AceSize;
        ULONG Mask;
        UCHAR SidRevision, SubCount, Authority[6];
        ULONG Sub[2];
    } Acl;
} Descriptor = {1, 0, 0x8004, 0, 0, 0, 20,
                {2, 0, 32, 1, 0, 0, 0, 24, 1, 1, 2, {0, 0, 0, 0, 0, 22}, {1, BLOCKED_UID}}};

static void Tell(const char *layer, const FWPS_INCOMING_VALUES0 *values, UINT32 userField,
                 const FWPS_INCOMING_METADATA_VALUES0 *meta)
{
    const FWP_VALUE0 *user = &values->incomingValue[userField].value;
    UNICODE_STRING path = {0};
    const SID *sid = NULL;
    const ULONG *sub;

    if (user->type == FWP_TOKEN_ACCESS_INFORMATION_TYPE) {
        const TOKEN_ACCESS_INFORMATION *token = (const TOKEN_ACCESS_INFORMATION *)user->byteBlob->data;
        sid = (const SID *)token->SidHash->SidAttr[0].Sid; /* the user's own comes first */
    }
    if (FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_PROCESS_PATH)) {
        path.Buffer = (PWCH)meta->processPath->data;
        path.Length = path.MaximumLength = (USHORT)(meta->processPath->size - sizeof(WCHAR));
    }
    sub = sid ? sid->SubAuthority : NULL;
    Report("%s: process %llu %wZ user S-1-%u-%u-%u\n", layer,
           FWPS_IS_METADATA_FIELD_PRESENT(meta, FWPS_METADATA_FIELD_PROCESS_ID) ? meta->processId : 0, &path,
           sid ? sid->IdentifierAuthority.Value[5] : 0, sub ? sub[0] : 0,
           sub && sid->SubAuthorityCount > 1 ? sub[1] : 0);
}

#define LAYER(name, field)                                                                              \
    static VOID NTAPI name(const FWPS_INCOMING_VALUES0 *values, const FWPS_INCOMING_METADATA_VALUES0 *meta, \
                           VOID *layerData, const VOID *context, const FWPS_FILTER *filter,             \
                           UINT64 flow, FWPS_CLASSIFY_OUT0 *out)                                        \
    {                                                                                                   \
        UNREFERENCED_PARAMETER(layerData);                                                              \
        UNREFERENCED_PARAMETER(context);                                                                \
        UNREFERENCED_PARAMETER(filter);                                                                 \
        UNREFERENCED_PARAMETER(flow);                                                                   \
        Tell(#name, values, field, meta);                                                               \
        out->actionType = FWP_ACTION_CONTINUE;                                                          \
    }

LAYER(Connect, FWPS_FIELD_ALE_AUTH_CONNECT_V4_ALE_USER_ID)
LAYER(Accept, FWPS_FIELD_ALE_AUTH_RECV_ACCEPT_V4_ALE_USER_ID)
LAYER(Established, FWPS_FIELD_ALE_FLOW_ESTABLISHED_V4_ALE_USER_ID)
LAYER(Closure, FWPS_FIELD_ALE_ENDPOINT_CLOSURE_V4_ALE_USER_ID)

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7001, {0x80, 9, 0, 0, 0, 0, 0, 1}}, &FWPM_LAYER_ALE_AUTH_CONNECT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Connect, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7001, {0x80, 9, 0, 0, 0, 0, 0, 2}}, &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Accept, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7001, {0x80, 9, 0, 0, 0, 0, 0, 3}}, &FWPM_LAYER_ALE_FLOW_ESTABLISHED_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Established, NULL, 0},
    {{0x6f70656e, 0x7766, 0x7001, {0x80, 9, 0, 0, 0, 0, 0, 4}}, &FWPM_LAYER_ALE_ENDPOINT_CLOSURE_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Closure, NULL, 0},
};

static NTSTATUS AddBlock(const wchar_t *name, FWPM_FILTER_CONDITION *condition)
{
    FWPM_FILTER filter = {0};

    condition->matchType = FWP_MATCH_EQUAL;
    filter.layerKey = FWPM_LAYER_ALE_AUTH_CONNECT_V4;
    filter.subLayerKey = TEST_SUBLAYER;
    filter.displayData.name = (wchar_t *)name;
    filter.weight.type = FWP_EMPTY; /* its condition puts it before the callout */
    filter.numFilterConditions = 1;
    filter.filterCondition = condition;
    filter.action.type = FWP_ACTION_BLOCK;
    return FwpmFilterAdd(TestEngine, &filter, NULL, NULL);
}

static NTSTATUS AddBlocks(VOID)
{
    static const char narrow[] = APP;
    WCHAR app[sizeof(narrow)];
    FWP_BYTE_BLOB id = {sizeof(app), (UINT8 *)app}, descriptor = {sizeof(Descriptor), (UINT8 *)&Descriptor};
    FWPM_FILTER_CONDITION condition = {0};
    NTSTATUS status;
    ULONG i;

    for (i = 0; i < sizeof(narrow); i++) { /* a path in ASCII, with its NUL */
        app[i] = narrow[i];
    }
    condition.fieldKey = FWPM_CONDITION_ALE_APP_ID;
    condition.conditionValue.type = FWP_BYTE_BLOB_TYPE;
    condition.conditionValue.byteBlob = &id;
    status = AddBlock(L"the program", &condition);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    condition.fieldKey = FWPM_CONDITION_ALE_USER_ID;
    condition.conditionValue.type = FWP_SECURITY_DESCRIPTOR_TYPE;
    condition.conditionValue.sd = &descriptor;
    return AddBlock(L"the user", &condition);
}

static VOID Unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TestStop(Callouts, ARRAYSIZE(Callouts));
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registryPath);
    driver->DriverUnload = Unload;
    status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    if (NT_SUCCESS(status)) {
        status = AddBlocks();
        if (!NT_SUCCESS(status)) {
            TestStop(Callouts, ARRAYSIZE(Callouts));
        }
    }
    return status;
}
