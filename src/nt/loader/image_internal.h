/*
 * What the two image loaders (native_image.c, pe_image.c) share.
 */
#ifndef WFP_NT_IMAGE_INTERNAL_H
#define WFP_NT_IMAGE_INTERNAL_H

#include "base/macros.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_place.h"

struct nt_image_symbol {
    uint64_t offset; /* from the image's base */
    char *name;
};

struct nt_image {
    enum nt_image_kind kind;
    char *path, *name, *leaf;
    uint8_t *base;
    size_t size;
    void *entry;
    bool uses_framework;
    void *handle; /* .so: dlopen's */
    /* .sys */
    uint32_t pdata_offset, pdata_count; /* RUNTIME_FUNCTION table */
    struct nt_image_symbol *symbols;    /* by offset */
    size_t symbol_count;
};

/** A file in memory. */
struct nt_image_file {
    const uint8_t *bytes;
    size_t size;
};

/** Write report->text and return @p error. */
enum nt_image_error nt_image_fail(struct nt_image_report *report, enum nt_image_error error,
                                  const char *format, ...) _printf_(3, 4);
/**
 * The address for one import, counted in @p report.
 *
 * @return NULL when it is missing (and added to the report) or memory is
 */
void *nt_image_bind(const char *module, const char *name, const struct nt_image_options *options,
                    struct nt_image_report *report);
/** After binding: MISSING_IMPORTS with its text, or OK. */
enum nt_image_error nt_image_check_missing(struct nt_image *image,
                                           const struct nt_image_options *options,
                                           struct nt_image_report *report);
/** The last symbol at or before @p address, or NULL. Context: any, also a signal handler. */
const struct nt_image_symbol *nt_image_symbol_at(const struct nt_image *image, const void *address);
/** Add a symbol; out of memory drops it. */
void nt_image_add_symbol(struct nt_image *image, uint64_t offset, const char *name, size_t length);

enum nt_image_error nt_native_image_load(struct nt_image *image, const struct nt_image_file *file,
                                         const struct nt_image_options *options,
                                         struct nt_image_report *report);
void nt_native_image_unload(struct nt_image *image);
enum nt_image_error nt_pe_image_load(struct nt_image *image, const struct nt_image_file *file,
                                     const struct nt_image_options *options,
                                     struct nt_image_report *report);
void nt_pe_image_unload(struct nt_image *image);

struct nt_pe_headers;

/** Take over the names of functions from the COFF symbol table and the .pdb beside the image. */
void nt_pe_symbols_read(struct nt_image *image, const struct nt_image_file *file,
                        const struct nt_pe_headers *headers);
/** Write file and line of the code at @p offset, as far as they are known. */
void nt_pe_symbols_find_line(const struct nt_image *image, uint64_t offset, struct nt_place *place);
/** The same from the DWARF of the ELF file @p path, with the function. */
void nt_dwarf_lines_find(const char *path, uint64_t offset, struct nt_place *place);

#endif
