/*
 * What wfp-cc puts into a native driver image and the loader reads back.
 *
 * The .so exports one symbol, NT_NATIVE_SYMBOL, a struct nt_native_image. Each import is a stub
 * `name: jmp *slot` (or, for a variable, eight bytes that receive its value); the loader fills the
 * slots. A sanitized image names the runtime that must be in the process first in the section
 * NT_NATIVE_RUNTIME_SECTION, readable before the image can be loaded.
 */
#ifndef WFP_NT_NATIVE_ABI_H
#define WFP_NT_NATIVE_ABI_H

#include <stdint.h>

#define NT_NATIVE_SYMBOL          "wfp_native_image"
#define NT_NATIVE_RUNTIME_SECTION ".wfp_sanitizer"
#define NT_NATIVE_MAGIC           0x31504657u /* "WFP1" */

enum nt_native_flag { NT_NATIVE_SANITIZED = 1, NT_NATIVE_KMDF = 2 };
enum nt_native_kind { NT_NATIVE_CODE, NT_NATIVE_DATA };

struct nt_native_import {
    const char *module;
    const char *name;
    void **slot;
    uint64_t kind; /* enum nt_native_kind */
};

struct nt_native_image {
    uint32_t magic;
    uint32_t flags; /* enum nt_native_flag */
    uint64_t import_count;
    const struct nt_native_import *imports;
    void *entry; /* NTSTATUS (ms_abi *)(DRIVER_OBJECT *, UNICODE_STRING *) */
};

#endif
