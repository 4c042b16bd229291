/*
 * A PE image laid out in memory: sections copied, then relocated, bound, and prepared in place.
 *
 * Every function works on `image` = headers.size bytes, checks each table against that size, and
 * runs before the pages get their protection.
 */
#ifndef WFP_NT_PE_LAYOUT_H
#define WFP_NT_PE_LAYOUT_H

#include "nt/loader/pe_headers.h"

/** Copy headers and sections of the file into the zeroed @p image. */
void nt_pe_layout_copy(const struct nt_pe_headers *headers, const uint8_t *bytes, size_t size,
                       uint8_t *image);
/**
 * Apply the base relocations for an image that will run at @p base.
 *
 * @return NT_IMAGE_OK or NT_IMAGE_MALFORMED with @p ret_why
 */
enum nt_image_error nt_pe_layout_relocate(const struct nt_pe_headers *headers, uint8_t *image,
                                          uint64_t base, const char **ret_why);

/** Gives the address for one import; an import by ordinal is called "#N". NULL leaves the slot
 * zero. */
typedef void *nt_pe_layout_bind_fn(void *context, const char *module, const char *name);

/** Walk the imports and fill the address table. */
enum nt_image_error nt_pe_layout_bind(const struct nt_pe_headers *headers, uint8_t *image,
                                      nt_pe_layout_bind_fn *bind, void *context,
                                      const char **ret_why);
/**
 * Load configuration: replace a default security cookie by @p cookie, fill empty Control Flow Guard
 * slots.
 *
 * @param guard_check     void (ms_abi)(target in rcx), keeps every register
 * @param guard_dispatch  jumps to rax
 */
enum nt_image_error nt_pe_layout_configure(const struct nt_pe_headers *headers, uint8_t *image,
                                           uint64_t base, uint64_t cookie, const void *guard_check,
                                           const void *guard_dispatch, const char **ret_why);
/** Check the exception directory: ascending, without overlap, inside the image. */
enum nt_image_error nt_pe_layout_check_pdata(const struct nt_pe_headers *headers,
                                             const uint8_t *image, const char **ret_why);

typedef void nt_pe_layout_symbol_fn(void *context, uint64_t rva, const char *name, size_t length);
/** Report exported functions; a malformed export table yields what is sound in it. */
void nt_pe_layout_exports(const struct nt_pe_headers *headers, const uint8_t *image,
                          nt_pe_layout_symbol_fn *symbol, void *context);

#endif
