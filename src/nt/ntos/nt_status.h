/*
 * The NTSTATUS values that files without a wdk header return. The same numbers as ntstatus.h.
 */
#ifndef WFP_NT_STATUS_H
#define WFP_NT_STATUS_H

#include <stdint.h>

#define NT_SUCCESS_CODE             ((int32_t)0)
#define NT_STATUS_TIMEOUT           ((int32_t)0x00000102)
#define NT_STATUS_PENDING           ((int32_t)0x00000103)
#define NT_STATUS_ABANDONED_WAIT_0  ((int32_t)0x00000080)
#define NT_STATUS_UNSUCCESSFUL      ((int32_t)0xC0000001)
#define NT_STATUS_NOT_IMPLEMENTED   ((int32_t)0xC0000002)
#define NT_STATUS_INVALID_HANDLE    ((int32_t)0xC0000008)
#define NT_STATUS_INVALID_PARAMETER ((int32_t)0xC000000D)
#define NT_STATUS_NO_SUCH_DEVICE    ((int32_t)0xC000000E)
#define NT_STATUS_INVALID_REQUEST   ((int32_t)0xC0000010)
#define NT_STATUS_NO_MEMORY         ((int32_t)0xC0000017)
#define NT_STATUS_ACCESS_DENIED     ((int32_t)0xC0000022)
#define NT_STATUS_BUFFER_TOO_SMALL  ((int32_t)0xC0000023)
#define NT_STATUS_TYPE_MISMATCH     ((int32_t)0xC0000024)
#define NT_STATUS_NAME_INVALID      ((int32_t)0xC0000033)
#define NT_STATUS_NAME_NOT_FOUND    ((int32_t)0xC0000034)
#define NT_STATUS_NAME_COLLISION    ((int32_t)0xC0000035)
#define NT_STATUS_NO_RESOURCES      ((int32_t)0xC000009A)
#define NT_STATUS_CANCELLED         ((int32_t)0xC0000120)
#define NT_STATUS_LIMIT_EXCEEDED    ((int32_t)0xC0000047)
#define NT_STATUS_MUTANT_NOT_OWNED  ((int32_t)0xC0000046)
#define NT_STATUS_NOT_SUPPORTED     ((int32_t)0xC00000BB)
#define NT_STATUS_NOT_CLOSABLE      ((int32_t)0xC0000235)
#define NT_STATUS_KEY_DELETED       ((int32_t)0xC000017C)

#endif
