/*
 * Stands in for the file system minifilter header where a driver includes it for ntifs.h alone.
 * The filter manager (FltXxx) is not part of OpenWFP.
 */
#ifndef __FLTKERNEL__
#define __FLTKERNEL__

#include <ntifs.h>

#endif
