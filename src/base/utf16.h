/*
 * UTF-16 as Windows has it, UTF-8 as we have it.
 */
#ifndef WFP_BASE_UTF16_H
#define WFP_BASE_UTF16_H

#include <stddef.h>
#include <stdint.h>

/** Code units before the NUL. */
size_t wfp_utf16_length(const uint16_t *text_utf16);
/**
 * UTF-16 to UTF-8; lone surrogates become U+FFFD.
 *
 * @param length  code units, without a NUL
 * @return a NUL-terminated string the caller frees, or NULL when memory is out
 */
char *wfp_utf16_to_utf8(const uint16_t *text_utf16, size_t length);
/**
 * UTF-8 to UTF-16; malformed bytes become U+FFFD.
 *
 * @param ret_length  code units without the NUL, may be NULL
 * @return a NUL-terminated string the caller frees, or NULL when memory is out
 */
uint16_t *wfp_utf16_from_utf8(const char *text, size_t *ret_length);

#endif
