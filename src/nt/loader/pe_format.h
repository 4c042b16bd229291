/*
 * The x64 PE file format, as far as drivers use it. All fields little-endian; "rva" counts from the
 * image's base, "va" is absolute for the preferred base.
 *
 * Ref: win32 debug/pe-format
 */
#ifndef WFP_NT_PE_FORMAT_H
#define WFP_NT_PE_FORMAT_H

#include <stdint.h>

enum {
    PE_MACHINE_I386 = 0x14C,
    PE_MACHINE_ARM = 0x1C4,
    PE_MACHINE_AMD64 = 0x8664,
    PE_MACHINE_ARM64 = 0xAA64,
    PE_OPTIONAL_MAGIC_64 = 0x20B,
    PE_SUBSYSTEM_NATIVE = 1,
    PE_FLAG_RELOCS_STRIPPED = 0x0001,
    PE_FLAG_EXECUTABLE = 0x0002,
    PE_RELOC_ABSOLUTE = 0,
    PE_RELOC_DIR64 = 10,
};

enum pe_directory_index {
    PE_DIR_EXPORT,
    PE_DIR_IMPORT,
    PE_DIR_RESOURCE,
    PE_DIR_EXCEPTION,
    PE_DIR_SECURITY,
    PE_DIR_BASERELOC,
    PE_DIR_DEBUG,
    PE_DIR_ARCHITECTURE,
    PE_DIR_GLOBALPTR,
    PE_DIR_TLS,
    PE_DIR_LOAD_CONFIG,
    PE_DIR_BOUND_IMPORT,
    PE_DIR_IAT,
    PE_DIR_DELAY_IMPORT,
    PE_DIR_CLR,
    PE_DIR_RESERVED,
    PE_DIR_COUNT,
};

#define PE_SECTION_EXECUTE 0x20000000u
#define PE_SECTION_READ    0x40000000u
#define PE_SECTION_WRITE   0x80000000u

struct pe_directory {
    uint32_t rva, size;
};

struct pe_file_header {
    uint16_t machine, section_count;
    uint32_t time_stamp, symbol_table, symbol_count;
    uint16_t optional_size, characteristics;
};

struct pe_optional_header {
    uint16_t magic;
    uint8_t linker_major, linker_minor;
    uint32_t code_size, data_size, bss_size, entry_rva, code_rva;
    uint64_t image_base;
    uint32_t section_alignment, file_alignment;
    uint16_t os_major, os_minor, image_major, image_minor, subsystem_major, subsystem_minor;
    uint32_t win32_version, image_size, headers_size, checksum;
    uint16_t subsystem, dll_characteristics;
    uint64_t stack_reserve, stack_commit, heap_reserve, heap_commit;
    uint32_t loader_flags, directory_count;
    /* struct pe_directory [directory_count] */
};

struct pe_section {
    char name[8];
    uint32_t virtual_size, rva, raw_size, raw_offset, relocs, lines;
    uint16_t reloc_count, line_count;
    uint32_t characteristics;
};

struct pe_import {
    uint32_t lookup_rva, time_stamp, forwarder, name_rva, iat_rva;
};

struct pe_export {
    uint32_t flags, time_stamp;
    uint16_t major, minor;
    uint32_t name_rva, ordinal_base, function_count, name_count, functions_rva, names_rva,
        ordinals_rva;
};

struct pe_reloc_block {
    uint32_t page_rva, size;
};

struct pe_runtime_function { /* read in place: a hostile table may be anywhere */
    uint32_t begin_rva, end_rva, unwind_rva;
} __attribute__((packed));

enum { /* byte offsets in the load configuration */
       PE_LOAD_CONFIG_COOKIE = 88,
       PE_LOAD_CONFIG_GUARD_CHECK = 112,
       PE_LOAD_CONFIG_GUARD_DISPATCH = 120,
       PE_LOAD_CONFIG_GUARD_FLAGS = 144,
};

#define PE_DEFAULT_COOKIE 0x00002B992DDFA232ull

_Static_assert(sizeof(struct pe_file_header) == 20, "IMAGE_FILE_HEADER");
_Static_assert(sizeof(struct pe_optional_header) == 112, "IMAGE_OPTIONAL_HEADER64");
_Static_assert(sizeof(struct pe_section) == 40, "IMAGE_SECTION_HEADER");
_Static_assert(sizeof(struct pe_import) == 20, "IMAGE_IMPORT_DESCRIPTOR");
_Static_assert(sizeof(struct pe_export) == 40, "IMAGE_EXPORT_DIRECTORY");

#endif
