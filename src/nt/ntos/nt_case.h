/*
 * Upper and lower case of UTF-16 code units, one unit to one unit, as the kernel's tables do it.
 *
 * Choice: Windows' table is not documented; these are Unicode's simple mappings from the C library's
 * C.UTF-8 locale, except those that would leave the basic plane.
 */
#ifndef WFP_NT_CASE_H
#define WFP_NT_CASE_H

#include <stdint.h>

uint16_t nt_case_upper(uint16_t unit);
uint16_t nt_case_lower(uint16_t unit);

#endif
