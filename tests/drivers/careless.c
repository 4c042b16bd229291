/*
 * Windows habits: the test compiles a UTF-16 copy of this file with CRLF line ends; names in #include are
 * written in any case and with backslashes; traces go through WPP. Blocks nothing.
 */
#include "Parts\COMMON.H"
#include <NTStrSafe.h>
#include "careless.tmh"

/*
// begin_wpp config
// FUNC TraceFlow(LEVEL, FLAGS, MSG, ...);
// end_wpp
*/

static LONG Classified;

static VOID NTAPI Classify(const FWPS_INCOMING_VALUES *values, const FWPS_INCOMING_METADATA_VALUES *meta,
                           void *layerData, const void *context, const FWPS_FILTER *filter,
                           UINT64 flowContext, FWPS_CLASSIFY_OUT *out)
{
    UNREFERENCED_PARAMETER(values);
    UNREFERENCED_PARAMETER(meta);
    UNREFERENCED_PARAMETER(layerData);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(flowContext);
    InterlockedIncrement(&Classified);
    out->actionType = FWP_ACTION_CONTINUE;
}

static TEST_CALLOUT Callouts[] = {
    {{0x6f70656e, 0x7766, 0x7004, {0x80, 1}}, &FWPM_LAYER_OUTBOUND_IPPACKET_V4,
     FWP_ACTION_CALLOUT_INSPECTION, Classify, NULL, 0},
};

static VOID Unload(PDRIVER_OBJECT driver)
{
    WCHAR text[64];

    TestStop(Callouts, ARRAYSIZE(Callouts));
    if (NT_SUCCESS(RtlStringCbPrintfW(text, sizeof(text), L"grün: %d", Classified))) {
        Report("careless: %ws, %Iu bytes each\n", text, sizeof(L'ü'));
    }
    WPP_CLEANUP(driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registryPath)
{
    NTSTATUS status;

    WPP_INIT_TRACING(driver, registryPath);
    driver->DriverUnload = Unload;
    status = TestStart(driver, Callouts, ARRAYSIZE(Callouts));
    TraceFlow(TRACE_LEVEL_ERROR, TRACE_DRIVER, "%!FUNC! started with %!STATUS! for %wZ", status, registryPath);
    return status;
}
