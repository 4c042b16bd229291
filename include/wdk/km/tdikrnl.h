/* Stands in for the kernel part of TDI; see tdi.h. */
#ifndef _TDI_KRNL_
#define _TDI_KRNL_

#include <tdi.h>

#endif
