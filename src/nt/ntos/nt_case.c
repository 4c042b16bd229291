/*
 * Case mappings through one locale object; ASCII without it.
 */
#include "nt/ntos/nt_case.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static locale_t unicode;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
open_locale(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C", NULL);
}

uint16_t
nt_case_upper(uint16_t unit)
{
    if (unit < 128)
        return unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - 32) : unit;
    pthread_once(&once, open_locale);
    wint_t upper = towupper_l(unit, unicode);
    /* Not 'long s' or dotless i: their capitals are ASCII, and lower to something else. */
    return upper < 128 || upper > 0xFFFF ? unit : (uint16_t)upper;
}

uint16_t
nt_case_lower(uint16_t unit)
{
    if (unit < 128)
        return unit >= 'A' && unit <= 'Z' ? (uint16_t)(unit + 32) : unit;
    pthread_once(&once, open_locale);
    wint_t lower = towlower_l(unit, unicode);
    return lower < 128 || lower > 0xFFFF ? unit : (uint16_t)lower;
}
