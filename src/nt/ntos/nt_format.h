/*
 * printf as Microsoft's C runtime does it, for DbgPrint and the kernel's own sprintf family.
 *
 * Differences from C99 that drivers rely on: %S and %ws are the other width, %wZ and %Z print
 * counted strings, %I64d %I32x %Iu sizes, %p without 0x, `long` has 32 bits, %hs, %C.
 * Ref        MSVC "Format specification syntax: printf and wprintf functions"; wdm DbgPrint
 */
#ifndef WFP_NT_FORMAT_H
#define WFP_NT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Format into UTF-16 code units or bytes.
 *
 * @param wide    @p format and @p out are uint16_t, else char (UTF-8 for converted wide strings)
 * @param room    units in @p out, with the terminator
 * @param ret_truncated  set when not all fitted
 * @return units written, without a terminator; none is written when they fill @p room
 */
size_t nt_format(bool wide, void *out, size_t room, const void *format,
                 __builtin_ms_va_list arguments, bool *ret_truncated);

#endif
