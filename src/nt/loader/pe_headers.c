/*
 * PE headers: read once into our own copy, checked there, never trusted again from the file.
 */
#include "nt/loader/pe_headers.h"

#include <string.h>

#include "base/macros.h"

struct refusal {
    enum nt_image_error error;
    const char *why;
};

#define REFUSE(error_, why_)                                                                       \
    return (struct refusal)                                                                        \
    {                                                                                              \
        (error_), (why_)                                                                           \
    }
#define FINE                                                                                       \
    (struct refusal)                                                                               \
    {                                                                                              \
        NT_IMAGE_OK, NULL                                                                          \
    }

static bool
fits(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static bool
power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

uint32_t
nt_pe_headers_span(const struct pe_section *section)
{
    return section->virtual_size ? section->virtual_size : section->raw_size;
}

const struct pe_section *
nt_pe_headers_section(const struct nt_pe_headers *headers, uint32_t rva)
{
    for (size_t i = 0; i < headers->section_count; i++) {
        const struct pe_section *section = &headers->sections[i];
        if (rva >= section->rva && rva - section->rva < nt_pe_headers_span(section))
            return section;
    }
    return NULL;
}

static struct refusal
check_machine(const struct pe_file_header *file)
{
    switch (file->machine) {
    case PE_MACHINE_AMD64:
        return FINE;
    case PE_MACHINE_I386:
        REFUSE(NT_IMAGE_WRONG_MACHINE, "a 32-bit x86 image; only x64 drivers run");
    case PE_MACHINE_ARM64:
        REFUSE(NT_IMAGE_WRONG_MACHINE, "an ARM64 image; only x64 drivers run");
    case PE_MACHINE_ARM:
        REFUSE(NT_IMAGE_WRONG_MACHINE, "a 32-bit ARM image; only x64 drivers run");
    default:
        REFUSE(NT_IMAGE_WRONG_MACHINE, "an image for an unknown machine; only x64 drivers run");
    }
}

static struct refusal
check_optional(struct nt_pe_headers *headers)
{
    const struct pe_optional_header *optional = &headers->optional;

    if (optional->magic != PE_OPTIONAL_MAGIC_64)
        REFUSE(NT_IMAGE_MALFORMED, "x64 machine, but not a 64-bit optional header");
    if (optional->subsystem != PE_SUBSYSTEM_NATIVE)
        REFUSE(NT_IMAGE_NOT_A_DRIVER, "a user-mode program or library, not a kernel driver");
    if (!(headers->file.characteristics & PE_FLAG_EXECUTABLE))
        REFUSE(NT_IMAGE_MALFORMED, "not linked: the executable flag is off");
    if (headers->file.characteristics & PE_FLAG_RELOCS_STRIPPED)
        REFUSE(NT_IMAGE_NOT_A_DRIVER, "has no relocations, so it cannot be loaded here");
    if (!power_of_two(optional->section_alignment) || !power_of_two(optional->file_alignment) ||
        optional->section_alignment < NT_PE_PAGE)
        REFUSE(NT_IMAGE_MALFORMED, "section alignment is not a power of two of at least a page");
    if (optional->image_size == 0 || optional->image_size > NT_PE_MAX_IMAGE_SIZE)
        REFUSE(NT_IMAGE_MALFORMED, "image size is zero or above 256 MiB");
    headers->size = ALIGN_UP(optional->image_size, (uint32_t)NT_PE_PAGE);
    if (optional->headers_size == 0 || optional->headers_size > headers->size)
        REFUSE(NT_IMAGE_MALFORMED, "header size is zero or beyond the image");
    if (optional->entry_rva == 0)
        REFUSE(NT_IMAGE_NO_ENTRY, "no entry point (DriverEntry)");
    return FINE;
}

/* Ascending, apart, inside the image and the file. */
static struct refusal
check_sections(const struct nt_pe_headers *headers, size_t file_size)
{
    uint64_t end = headers->optional.headers_size;
    for (size_t i = 0; i < headers->section_count; i++) {
        const struct pe_section *section = &headers->sections[i];
        uint32_t span = nt_pe_headers_span(section);
        if (section->rva % headers->optional.section_alignment != 0)
            REFUSE(NT_IMAGE_MALFORMED, "a section is not aligned");
        if (section->rva < end)
            REFUSE(NT_IMAGE_MALFORMED, "sections overlap or are out of order");
        if (!fits(section->rva, span, headers->size))
            REFUSE(NT_IMAGE_MALFORMED, "a section lies beyond the image");
        if (section->raw_size != 0 && !fits(section->raw_offset, section->raw_size, file_size))
            REFUSE(NT_IMAGE_MALFORMED, "truncated: a section's data lies beyond the file");
        end = (uint64_t)section->rva + ALIGN_UP((uint64_t)span, NT_PE_PAGE);
    }
    return FINE;
}

/* Packers leave an executable section without bytes, or run from a writable one. */
static struct refusal
check_packed(const struct nt_pe_headers *headers)
{
    for (size_t i = 0; i < headers->section_count; i++) {
        const struct pe_section *section = &headers->sections[i];
        if (memcmp(section->name, "UPX", 3) == 0 ||
            ((section->characteristics & PE_SECTION_EXECUTE) && section->raw_size == 0 &&
             nt_pe_headers_span(section) >= NT_PE_PAGE))
            REFUSE(NT_IMAGE_NOT_A_DRIVER, "packed: its code is made at run time");
    }
    return FINE;
}

static struct refusal
check_directories(const struct nt_pe_headers *headers)
{
    const struct pe_directory *directories = headers->directories;
    for (size_t i = 0; i < PE_DIR_COUNT; i++)
        if (i != PE_DIR_SECURITY && directories[i].size != 0 &&
            !fits(directories[i].rva, directories[i].size, headers->size))
            REFUSE(NT_IMAGE_MALFORMED, "a data directory lies beyond the image");
    if (directories[PE_DIR_CLR].size != 0)
        REFUSE(NT_IMAGE_NOT_A_DRIVER, "a .NET program, not a kernel driver");
    if (directories[PE_DIR_DELAY_IMPORT].size != 0)
        REFUSE(NT_IMAGE_NOT_A_DRIVER, "has delay-loaded imports, which kernel drivers cannot have");
    if (directories[PE_DIR_TLS].size != 0)
        REFUSE(NT_IMAGE_NOT_A_DRIVER, "has thread-local storage, which kernel drivers cannot have");
    return FINE;
}

static struct refusal
check_entry(const struct nt_pe_headers *headers)
{
    const struct pe_section *section = nt_pe_headers_section(headers, headers->optional.entry_rva);
    if (!section || !(section->characteristics & PE_SECTION_EXECUTE))
        REFUSE(NT_IMAGE_MALFORMED, "the entry point is not in executable code");
    return FINE;
}

/* Copy the headers out of the file. */
static struct refusal
copy_headers(const uint8_t *bytes, size_t size, struct nt_pe_headers *headers)
{
    uint32_t offset;
    if (size < 64)
        REFUSE(NT_IMAGE_MALFORMED, "truncated: no room for a DOS header");
    memcpy(&offset, bytes + 0x3C, sizeof(offset));
    if (!fits(offset, 4 + sizeof(headers->file), size) || memcmp(bytes + offset, "PE\0\0", 4) != 0)
        REFUSE(NT_IMAGE_NOT_AN_IMAGE, "a DOS program or a truncated file: no PE header");
    memcpy(&headers->file, bytes + offset + 4, sizeof(headers->file));
    struct refusal refusal = check_machine(&headers->file);
    if (refusal.error)
        return refusal;

    uint64_t optional = (uint64_t)offset + 4 + sizeof(headers->file);
    if (headers->file.optional_size < sizeof(headers->optional) ||
        !fits(optional, headers->file.optional_size, size))
        REFUSE(NT_IMAGE_MALFORMED, "truncated: the optional header lies beyond the file");
    memcpy(&headers->optional, bytes + optional, sizeof(headers->optional));
    size_t count = MIN(headers->optional.directory_count, (uint32_t)PE_DIR_COUNT);
    if (sizeof(headers->optional) + count * sizeof(struct pe_directory) >
        headers->file.optional_size)
        REFUSE(NT_IMAGE_MALFORMED, "more data directories than the optional header holds");
    memcpy(headers->directories, bytes + optional + sizeof(headers->optional),
           count * sizeof(struct pe_directory));

    uint64_t sections = optional + headers->file.optional_size;
    headers->section_count = headers->file.section_count;
    if (headers->section_count == 0 || headers->section_count > NT_PE_MAX_SECTIONS)
        REFUSE(NT_IMAGE_MALFORMED, "no sections, or more than 96");
    if (!fits(sections, headers->section_count * sizeof(struct pe_section), size))
        REFUSE(NT_IMAGE_MALFORMED, "truncated: the section table lies beyond the file");
    memcpy(headers->sections, bytes + sections, headers->section_count * sizeof(struct pe_section));
    return FINE;
}

enum nt_image_error
nt_pe_headers_read(const uint8_t *bytes, size_t size, struct nt_pe_headers *ret_headers,
                   const char **ret_why)
{
    struct nt_pe_headers headers = {0};
    struct refusal refusal = copy_headers(bytes, size, &headers);
    if (!refusal.error)
        refusal = check_optional(&headers);
    if (!refusal.error)
        refusal = check_sections(&headers, size);
    if (!refusal.error)
        refusal = check_packed(&headers);
    if (!refusal.error)
        refusal = check_directories(&headers);
    if (!refusal.error)
        refusal = check_entry(&headers);
    if (refusal.error) {
        *ret_why = refusal.why;
        return refusal.error;
    }
    *ret_headers = headers;
    return NT_IMAGE_OK;
}
