/* Status of the Transport Driver Interface: NTSTATUS in the kernel. Ref: windows-driver-docs-ddi tdi. */
#ifndef _TDI_STATUS_
#define _TDI_STATUS_

#include <ntdef.h>

typedef NTSTATUS TDI_STATUS;
#define TDI_SUCCESS STATUS_SUCCESS

#endif
