/*
 * PE tables in memory: base relocations, imports, load configuration, exception directory, exports.
 */
#include "nt/loader/pe_layout.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

enum { MAX_MODULES = 256, MAX_IMPORTS = 65536 };

#define REFUSE(why_)                                                                               \
    do {                                                                                           \
        *ret_why = (why_);                                                                         \
        return NT_IMAGE_MALFORMED;                                                                 \
    } while (0)

static bool
fits(const struct nt_pe_headers *headers, uint64_t rva, uint64_t size)
{
    return rva <= headers->size && size <= headers->size - rva;
}

/* A NUL-terminated string inside the image, or NULL. */
static const char *
string_at(const struct nt_pe_headers *headers, const uint8_t *image, uint64_t rva)
{
    if (rva == 0 || rva >= headers->size)
        return NULL;
    const char *text = (const char *)image + rva;
    return memchr(text, '\0', headers->size - rva) ? text : NULL;
}

static uint64_t
read64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void
write64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

void
nt_pe_layout_copy(const struct nt_pe_headers *headers, const uint8_t *bytes, size_t size,
                  uint8_t *image)
{
    memcpy(image, bytes, MIN((size_t)headers->optional.headers_size, size));
    for (size_t i = 0; i < headers->section_count; i++) {
        const struct pe_section *section = &headers->sections[i];
        uint32_t length = MIN(section->raw_size, nt_pe_headers_span(section));
        if (length > 0)
            memcpy(image + section->rva, bytes + section->raw_offset, length);
    }
}

/* One block: a page and 16-bit entries {type 4, offset 12}. */
static enum nt_image_error
relocate_block(const struct nt_pe_headers *headers, uint8_t *image,
               const struct pe_reloc_block *block, const uint8_t *entries, uint64_t delta,
               const char **ret_why)
{
    for (uint32_t i = 0; i < (block->size - sizeof(*block)) / 2; i++) {
        uint16_t entry;
        memcpy(&entry, entries + i * 2, sizeof(entry));
        uint64_t rva = (uint64_t)block->page_rva + (entry & 0xFFF);
        if (entry >> 12 == PE_RELOC_ABSOLUTE)
            continue;
        if (entry >> 12 != PE_RELOC_DIR64)
            REFUSE("a relocation of a type that x64 images do not have");
        if (!fits(headers, rva, 8))
            REFUSE("a relocation points beyond the image");
        write64(image + rva, read64(image + rva) + delta);
    }
    return NT_IMAGE_OK;
}

enum nt_image_error
nt_pe_layout_relocate(const struct nt_pe_headers *headers, uint8_t *image, uint64_t base,
                      const char **ret_why)
{
    const struct pe_directory *directory = &headers->directories[PE_DIR_BASERELOC];
    uint64_t delta = base - headers->optional.image_base;

    for (uint32_t at = 0; at + sizeof(struct pe_reloc_block) <= directory->size;) {
        struct pe_reloc_block block;
        /* The table may lie in a page that it relocates: copy what decides the loop. */
        memcpy(&block, image + directory->rva + at, sizeof(block));
        if (block.size == 0)
            break;
        if (block.size < sizeof(block) || block.size % 2 != 0 || block.size > directory->size - at)
            REFUSE("a relocation block does not fit its table");
        enum nt_image_error error = relocate_block(
            headers, image, &block, image + directory->rva + at + sizeof(block), delta, ret_why);
        if (error)
            return error;
        at += block.size;
    }
    return NT_IMAGE_OK;
}

/* The functions of one module. The lookup table is read; the address table is written. */
static enum nt_image_error
bind_module(const struct nt_pe_headers *headers, uint8_t *image, const struct pe_import *import,
            uint32_t *budget, nt_pe_layout_bind_fn *bind, void *context, const char **ret_why)
{
    const char *module = string_at(headers, image, import->name_rva);
    uint32_t lookup = import->lookup_rva ? import->lookup_rva : import->iat_rva;

    if (!module)
        REFUSE("an import's module name lies beyond the image");
    for (uint64_t i = 0;; i++) {
        if (!fits(headers, lookup + i * 8, 8) || !fits(headers, import->iat_rva + i * 8, 8))
            REFUSE("an import table lies beyond the image");
        uint64_t entry = read64(image + lookup + i * 8);
        if (entry == 0)
            return NT_IMAGE_OK;
        if ((*budget)-- == 0)
            REFUSE("more than 65536 imports");
        char ordinal[16];
        const char *name = ordinal;
        if (entry >> 63)
            snprintf(ordinal, sizeof(ordinal), "#%u", (unsigned)(entry & 0xFFFF));
        else
            name = string_at(headers, image, entry + 2); /* after the hint */
        if (!name)
            REFUSE("an import's name lies beyond the image");
        write64(image + import->iat_rva + i * 8, (uint64_t)(uintptr_t)bind(context, module, name));
    }
}

enum nt_image_error
nt_pe_layout_bind(const struct nt_pe_headers *headers, uint8_t *image, nt_pe_layout_bind_fn *bind,
                  void *context, const char **ret_why)
{
    const struct pe_directory *directory = &headers->directories[PE_DIR_IMPORT];
    uint32_t budget = MAX_IMPORTS;
    if (directory->size == 0)
        return NT_IMAGE_OK;
    for (uint32_t i = 0;; i++) {
        struct pe_import import;
        if (i == MAX_MODULES)
            REFUSE("imports from more than 256 modules");
        uint64_t rva = directory->rva + (uint64_t)i * sizeof(import);
        if (!fits(headers, rva, sizeof(import)))
            REFUSE("the import directory lies beyond the image");
        memcpy(&import, image + rva, sizeof(import));
        if (import.name_rva == 0 || import.iat_rva == 0)
            return NT_IMAGE_OK;
        enum nt_image_error error =
            bind_module(headers, image, &import, &budget, bind, context, ret_why);
        if (error)
            return error;
    }
}

/* The image's own 8 bytes that the load configuration's field at @p offset names, or NULL. */
static uint8_t *
configured_slot(const struct nt_pe_headers *headers, uint8_t *image, uint64_t base, uint32_t offset)
{
    const struct pe_directory *directory = &headers->directories[PE_DIR_LOAD_CONFIG];
    uint32_t own_size;
    if (directory->size < 4 || !fits(headers, directory->rva, 4))
        return NULL;
    memcpy(&own_size, image + directory->rva, sizeof(own_size));
    if (own_size < offset + 8 || !fits(headers, directory->rva, offset + 8))
        return NULL;
    uint64_t va = read64(image + directory->rva + offset);
    if (va < base || !fits(headers, va - base, 8))
        return NULL;
    return image + (va - base);
}

enum nt_image_error
nt_pe_layout_configure(const struct nt_pe_headers *headers, uint8_t *image, uint64_t base,
                       uint64_t cookie, const void *guard_check, const void *guard_dispatch,
                       const char **ret_why)
{
    uint8_t *slot = configured_slot(headers, image, base, PE_LOAD_CONFIG_COOKIE);
    if (slot) {
        const struct pe_section *section = nt_pe_headers_section(headers, (uint32_t)(slot - image));
        if (!section || !(section->characteristics & PE_SECTION_WRITE))
            REFUSE("the security cookie is not in writable memory");
        uint64_t value = read64(slot);
        if (value == PE_DEFAULT_COOKIE || value == 0)
            write64(slot, cookie);
    }
    slot = configured_slot(headers, image, base, PE_LOAD_CONFIG_GUARD_CHECK);
    if (slot && read64(slot) == 0)
        write64(slot, (uint64_t)(uintptr_t)guard_check);
    slot = configured_slot(headers, image, base, PE_LOAD_CONFIG_GUARD_DISPATCH);
    if (slot && read64(slot) == 0)
        write64(slot, (uint64_t)(uintptr_t)guard_dispatch);
    return NT_IMAGE_OK;
}

enum nt_image_error
nt_pe_layout_check_pdata(const struct nt_pe_headers *headers, const uint8_t *image,
                         const char **ret_why)
{
    const struct pe_directory *directory = &headers->directories[PE_DIR_EXCEPTION];
    uint32_t last = 0;
    for (uint32_t at = 0; at + sizeof(struct pe_runtime_function) <= directory->size;
         at += sizeof(struct pe_runtime_function)) {
        struct pe_runtime_function function;
        memcpy(&function, image + directory->rva + at, sizeof(function));
        if (function.begin_rva == 0 && function.end_rva == 0)
            continue; /* padding */
        if (function.begin_rva >= function.end_rva || function.begin_rva < last ||
            function.end_rva > headers->size)
            REFUSE("the exception directory is out of order or beyond the image");
        /* The lowest bit marks an entry that refers to another entry. */
        if (!fits(headers, function.unwind_rva & ~1u, 4))
            REFUSE("unwind information lies beyond the image");
        last = function.end_rva;
    }
    return NT_IMAGE_OK;
}

void
nt_pe_layout_exports(const struct nt_pe_headers *headers, const uint8_t *image,
                     nt_pe_layout_symbol_fn *symbol, void *context)
{
    const struct pe_directory *directory = &headers->directories[PE_DIR_EXPORT];
    struct pe_export table;
    if (directory->size < sizeof(table) || !fits(headers, directory->rva, sizeof(table)))
        return;
    memcpy(&table, image + directory->rva, sizeof(table));
    if (!fits(headers, table.names_rva, (uint64_t)table.name_count * 4) ||
        !fits(headers, table.ordinals_rva, (uint64_t)table.name_count * 2) ||
        !fits(headers, table.functions_rva, (uint64_t)table.function_count * 4))
        return;
    for (uint32_t i = 0; i < table.name_count && i < MAX_IMPORTS; i++) {
        uint32_t name_rva, rva;
        uint16_t ordinal;
        memcpy(&name_rva, image + table.names_rva + i * 4ull, 4);
        memcpy(&ordinal, image + table.ordinals_rva + i * 2ull, 2);
        const char *name = string_at(headers, image, name_rva);
        if (!name || ordinal >= table.function_count)
            continue;
        memcpy(&rva, image + table.functions_rva + ordinal * 4ull, 4);
        if (rva < headers->size)
            symbol(context, rva, name, strnlen(name, 256));
    }
}
