/*
 * File system minifilters: registration, callback data, file names, contexts, communication ports.
 *
 * OpenWFP has no file systems: a driver that is a minifilter and has callouts, too, registers and
 * runs with its callouts. Ref: ddi fltkernel.
 */
#ifndef __FLTKERNEL__
#define __FLTKERNEL__

#include <ntifs.h>

#define FLT_MGR_BASELINE    1
#define FLT_MGR_AFTER_XPSP2 1
#define FLT_MGR_LONGHORN    1
#define FLT_MGR_WIN7        1
#define FLT_MGR_WIN8        1

#define FLTAPI NTAPI
#ifndef FlagOn
#define FlagOn(F, SF)        ((F) & (SF))
#define BooleanFlagOn(F, SF) ((BOOLEAN)(((F) & (SF)) != 0))
#define SetFlag(F, SF)       ((F) |= (SF))
#define ClearFlag(F, SF)     ((F) &= ~(SF))
#endif
#ifndef Add2Ptr
#define Add2Ptr(P, I) ((PVOID)((PUCHAR)(P) + (I)))
#endif
#if DBG
#define FLT_ASSERT(e)         NT_ASSERT(e)
#define FLT_ASSERTMSG(msg, e) NT_ASSERTMSG(msg, e)
#else
#define FLT_ASSERT(e)         ((void)0)
#define FLT_ASSERTMSG(msg, e) ((void)0)
#endif

#define _Flt_CompletionContext_Outptr_
#define _Flt_CompletionContext_Output_
#define _Flt_ConnectionCookie_Outptr_

#include "wdk_flt_types.h"
#include "wdk_flt_registration.h"
#include "wdk_flt_functions.h"

#endif
