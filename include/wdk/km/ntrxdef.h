/* Redirector support: the debugging and list helpers that other drivers borrow; all are in wdm.h here. */
#ifndef _NTRXDEFS_
#define _NTRXDEFS_

#include <ntifs.h>
#include <ntimage.h>

#endif
