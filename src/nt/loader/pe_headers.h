/*
 * Headers of a PE file, checked as hostile input.
 */
#ifndef WFP_NT_PE_HEADERS_H
#define WFP_NT_PE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "nt/loader/nt_image.h"
#include "nt/loader/pe_format.h"

enum { NT_PE_MAX_SECTIONS = 96, NT_PE_MAX_IMAGE_SIZE = 256 << 20, NT_PE_PAGE = 4096 };

/** What the headers say, after every offset was checked against the file. */
struct nt_pe_headers {
    struct pe_file_header file;
    struct pe_optional_header optional;
    struct pe_directory directories[PE_DIR_COUNT]; /* absent ones are zero */
    struct pe_section sections[NT_PE_MAX_SECTIONS];
    size_t section_count;
    uint32_t size; /* of the mapped image, whole pages */
};

/**
 * Read and check the headers of the file @p bytes.
 *
 * Guarantees on success: x64, native subsystem, relocatable; sections ascend without overlap,
 * page-aligned, inside `size` and inside the file; directories lie inside `size`; the entry point
 * is in an executable section.
 *
 * @param ret_why  a static text when refused: what is wrong, without the file's name
 */
enum nt_image_error nt_pe_headers_read(const uint8_t *bytes, size_t size,
                                       struct nt_pe_headers *ret_headers, const char **ret_why);
/** The section that contains @p rva, or NULL. */
const struct pe_section *nt_pe_headers_section(const struct nt_pe_headers *headers, uint32_t rva);
/** Bytes that @p section takes in memory. */
uint32_t nt_pe_headers_span(const struct pe_section *section);

#endif
