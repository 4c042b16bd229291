/* Wide characters are 16 bits; the functions are in string.h and stdio.h. */
#ifndef _INC_WCHAR
#define _INC_WCHAR

#include <string.h>
#include <stdio.h>

#endif
