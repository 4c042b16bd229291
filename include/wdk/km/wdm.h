/*
 * The driver model's base header: everything in families (wdk_*.h), one per kernel prefix.
 */
#ifndef _WDMDDK_
#define _WDMDDK_

#ifndef _KERNEL_MODE
#define _KERNEL_MODE 1
#endif

#include <ntdef.h>
#include <ntstatus.h>
#include <bugcodes.h>
#include "wdk_context.h"
#include "wdk_interlocked.h"
#include "wdk_ke.h"
#include "wdk_ex.h"
#include "wdk_rtl.h"
#include "wdk_se.h"
#include "wdk_io.h"
#include "wdk_ps.h"
#include "wdk_po.h"

#endif
