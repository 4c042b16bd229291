/* va_list and the pointer-sized integers. */
#ifndef _INC_VADEFS
#define _INC_VADEFS

#include <stdarg.h>
#include <stdint.h>

#define _ADDRESSOF(v) (&(v))

#endif
