/*
 * What wfp-cc puts into a native driver image and the loader reads back.
 *
 * The .so exports one symbol, NT_NATIVE_SYMBOL, a struct nt_native_image. Each import is a stub
 * `name: jmp *slot` (or, for a variable, the slot itself, as an import library has it); the loader
 * fills the slots with addresses. A sanitized image names the runtime that must be in the process
 * first in the section NT_NATIVE_RUNTIME_SECTION, readable before the image can be loaded.
 */
#ifndef WFP_NT_NATIVE_ABI_H
#define WFP_NT_NATIVE_ABI_H

#include <stdint.h>

#define NT_NATIVE_SYMBOL          "wfp_native_image"
#define NT_NATIVE_RUNTIME_SECTION ".wfp_sanitizer"
#define NT_NATIVE_MAGIC           0x32504657u /* "WFP2" */

enum nt_native_flag { NT_NATIVE_SANITIZED = 1, NT_NATIVE_KMDF = 2 };

struct nt_native_import {
    const char *module;
    const char *name;
    void **slot;
};

struct nt_native_image {
    uint32_t magic;
    uint32_t flags; /* enum nt_native_flag */
    uint64_t import_count;
    const struct nt_native_import *imports;
    void *entry; /* NTSTATUS (ms_abi *)(DRIVER_OBJECT *, UNICODE_STRING *) */
};

#endif
