/*
 * From a .def table to rows a driver can import: include this once per table.
 *
 *     #define WFP_EXPORT_MODULE "ntoskrnl.exe"
 *     #define WFP_EXPORT_DEF    "nt/ntos/ntoskrnl.def"
 *     #define WFP_EXPORT_TABLE  nt_ntoskrnl_exports
 *     #include "base/export_rows.h"
 *
 * defines `const struct wfp_export_table nt_ntoskrnl_exports`. How to write a .def, one row a line:
 *
 *     FULL(KeSetEvent, "wdm/nf-wdm-kesetevent")                 as documented
 *     PARTIAL(IoCreateDevice, "wdm/nf-...", "what is missing")  works but for that
 *     STUB(IoAttachDevice, "wdm/nf-...")         nobody wrote it; returns STATUS_NOT_IMPLEMENTED
 *     STUB_NULL(IoAllocateIrp, "wdm/nf-...")     the same for a function that returns a pointer, a
 *                                                BOOLEAN or a count: it returns 0
 *     DATA(PsInitialSystemProcess, "ntddk/...")  a variable: the row's address is the variable's
 *     STUB_DATA(SeExports, "...")                a variable nobody wrote: address NULL, binding
 * fails FULL_AS(memcpy, nt_crt_memcpy, "...")      the C symbol has another name (libc owns this
 * one) PARTIAL_AS(name, symbol, "...", "gap") DATA_AS(name, symbol, "...")
 *
 * Tables whose rows have a position (wdf.def) give it first and define WFP_EXPORT_INDEXED:
 *
 *     FULL(116, WdfDriverCreate, "wdfdriver/nf-...")
 *
 * and their C symbol is the name with WFP_EXPORT_PREFIX (`imp_WdfDriverCreate`) in front: the plain
 * name belongs to wdf.h's inline functions.
 *
 * To implement a stub: write the function (NTAPI, not static), turn STUB into FULL. The table
 * refers to it by symbol alone, so no header is needed here; a FULL row without a function fails to
 * link.
 */
#include <stdint.h>

#include "base/export.h"

#ifndef WFP_BASE_EXPORT_ROWS_ONCE
#define WFP_BASE_EXPORT_ROWS_ONCE

#define WFP_EXPORT_CAT_(a, b) a##b
#define WFP_EXPORT_CAT(a, b)  WFP_EXPORT_CAT_(a, b)
#define WFP_EXPORT_STR_(a)    #a
#define WFP_EXPORT_STR(a)     WFP_EXPORT_STR_(a)
/* Declares the symbol under a name of our own, so that no prototype can disagree. */
#define WFP_EXPORT_CODE_(name, symbol)                                                             \
    extern void export_##name(void) __asm__(WFP_EXPORT_STR(symbol));
#define WFP_EXPORT_STUB_(name, value)                                                              \
    static uint64_t __attribute__((ms_abi)) export_##name(void)                                    \
    {                                                                                              \
        wfp_export_stub_called(WFP_EXPORT_MODULE, #name);                                          \
        return value;                                                                              \
    }
#define WFP_EXPORT_NOT_IMPLEMENTED 0xC0000002u

#endif

#ifdef WFP_EXPORT_INDEXED
#ifndef WFP_EXPORT_PREFIX
#define WFP_EXPORT_PREFIX imp_
#endif
#define FULL(index, name, doc) WFP_EXPORT_CODE_(name, WFP_EXPORT_CAT(WFP_EXPORT_PREFIX, name))
#define PARTIAL(index, name, doc, gap)                                                             \
    WFP_EXPORT_CODE_(name, WFP_EXPORT_CAT(WFP_EXPORT_PREFIX, name))
#define STUB(index, name, doc)      WFP_EXPORT_STUB_(name, WFP_EXPORT_NOT_IMPLEMENTED)
#define STUB_NULL(index, name, doc) WFP_EXPORT_STUB_(name, 0)
#include WFP_EXPORT_DEF
#undef FULL
#undef PARTIAL
#undef STUB
#undef STUB_NULL
static const struct wfp_export WFP_EXPORT_CAT(WFP_EXPORT_TABLE, _rows)[] = {
#define FULL(index, name, doc) [index] = {#name, (void *)export_##name, WFP_EXPORT_FULL, doc},
#define PARTIAL(index, name, doc, gap)                                                             \
    [index] = {#name, (void *)export_##name, WFP_EXPORT_PARTIAL, doc ": " gap},
#define STUB(index, name, doc)      [index] = {#name, (void *)export_##name, WFP_EXPORT_STUB, doc},
#define STUB_NULL(index, name, doc) [index] = {#name, (void *)export_##name, WFP_EXPORT_STUB, doc},
#include WFP_EXPORT_DEF
};
#undef FULL
#undef PARTIAL
#undef STUB
#undef STUB_NULL
#else
#define FULL(name, doc)                    WFP_EXPORT_CODE_(name, name)
#define FULL_AS(name, symbol, doc)         WFP_EXPORT_CODE_(name, symbol)
#define PARTIAL(name, doc, gap)            WFP_EXPORT_CODE_(name, name)
#define PARTIAL_AS(name, symbol, doc, gap) WFP_EXPORT_CODE_(name, symbol)
#define STUB(name, doc)                    WFP_EXPORT_STUB_(name, WFP_EXPORT_NOT_IMPLEMENTED)
#define STUB_NULL(name, doc)               WFP_EXPORT_STUB_(name, 0)
#define DATA(name, doc)                    WFP_EXPORT_CODE_(name, name)
#define DATA_AS(name, symbol, doc)         WFP_EXPORT_CODE_(name, symbol)
#define STUB_DATA(name, doc)
#include WFP_EXPORT_DEF
#undef FULL
#undef FULL_AS
#undef PARTIAL
#undef PARTIAL_AS
#undef STUB
#undef STUB_NULL
#undef DATA
#undef DATA_AS
#undef STUB_DATA
static const struct wfp_export WFP_EXPORT_CAT(WFP_EXPORT_TABLE, _rows)[] = {
#define FULL(name, doc)            {#name, (void *)export_##name, WFP_EXPORT_FULL, doc},
#define FULL_AS(name, symbol, doc) {#name, (void *)export_##name, WFP_EXPORT_FULL, doc},
#define PARTIAL(name, doc, gap)    {#name, (void *)export_##name, WFP_EXPORT_PARTIAL, doc ": " gap},
#define PARTIAL_AS(name, symbol, doc, gap)                                                         \
    {#name, (void *)export_##name, WFP_EXPORT_PARTIAL, doc ": " gap},
#define STUB(name, doc)            {#name, (void *)export_##name, WFP_EXPORT_STUB, doc},
#define STUB_NULL(name, doc)       {#name, (void *)export_##name, WFP_EXPORT_STUB, doc},
#define DATA(name, doc)            {#name, (void *)export_##name, WFP_EXPORT_DATA, doc},
#define DATA_AS(name, symbol, doc) {#name, (void *)export_##name, WFP_EXPORT_DATA, doc},
#define STUB_DATA(name, doc)       {#name, NULL, WFP_EXPORT_DATA, doc},
#include WFP_EXPORT_DEF
};
#undef FULL
#undef FULL_AS
#undef PARTIAL
#undef PARTIAL_AS
#undef STUB
#undef STUB_NULL
#undef DATA
#undef DATA_AS
#undef STUB_DATA
#endif

extern const struct wfp_export_table WFP_EXPORT_TABLE;
const struct wfp_export_table WFP_EXPORT_TABLE = {
    WFP_EXPORT_MODULE,
    WFP_EXPORT_CAT(WFP_EXPORT_TABLE, _rows),
    sizeof(WFP_EXPORT_CAT(WFP_EXPORT_TABLE, _rows)) / sizeof(struct wfp_export),
};

#undef WFP_EXPORT_MODULE
#undef WFP_EXPORT_DEF
#undef WFP_EXPORT_TABLE
#undef WFP_EXPORT_INDEXED
#undef WFP_EXPORT_PREFIX
