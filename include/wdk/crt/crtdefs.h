/* size_t and kin, the C library's calling convention. */
#ifndef _INC_CRTDEFS
#define _INC_CRTDEFS

#include <stddef.h>
#include <stdint.h>
#include <sal.h>
#include "vadefs.h"

#ifndef _CRTIMP
#define _CRTIMP
#endif
#ifndef _CRTIMP2
#define _CRTIMP2
#endif
#define _CRT_INSECURE_DEPRECATE(x)
#define _CRT_DEPRECATE_TEXT(x)
#ifndef _CONST_RETURN
#define _CONST_RETURN
#endif
#define _CRT_ALIGN(x) __declspec(align(x))
#define _TRUNCATE     ((size_t)-1)
typedef int errno_t;
typedef unsigned short wint_t;
typedef unsigned short wctype_t;
typedef long long __time64_t;
typedef __time64_t time_t;
typedef size_t rsize_t;
#ifndef _countof
#define _countof(a) (sizeof(a) / sizeof((a)[0]))
#endif

#endif
