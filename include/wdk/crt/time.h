/* time_t only; a kernel has KeQuerySystemTime. */
#ifndef _INC_TIME
#define _INC_TIME
#include "crtdefs.h"
#endif
