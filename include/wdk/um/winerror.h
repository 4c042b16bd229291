/* Error codes that WFP functions return to programs. Ref: win32 FWP error codes. */
#ifndef WDK_WINERROR_H
#define WDK_WINERROR_H

#include <ntdef.h>

#ifndef _HRESULT_DEFINED
#define _HRESULT_DEFINED
typedef LONG HRESULT;
#endif

#ifndef S_OK
#define S_OK          ((HRESULT)0)
#define S_FALSE       ((HRESULT)1)
#define SUCCEEDED(hr) (((HRESULT)(hr)) >= 0)
#define FAILED(hr)    (((HRESULT)(hr)) < 0)
#endif

#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS                0
#define NO_ERROR                     0
#define ERROR_INVALID_FUNCTION       1
#define ERROR_FILE_NOT_FOUND         2
#define ERROR_PATH_NOT_FOUND         3
#define ERROR_ACCESS_DENIED          5
#define ERROR_INVALID_HANDLE         6
#define ERROR_NOT_ENOUGH_MEMORY      8
#define ERROR_INVALID_DATA           13
#define ERROR_OUTOFMEMORY            14
#define ERROR_NOT_SUPPORTED          50
#define ERROR_INVALID_PARAMETER      87
#define ERROR_CALL_NOT_IMPLEMENTED   120
#define ERROR_INSUFFICIENT_BUFFER    122
#define ERROR_ALREADY_EXISTS         183
#define ERROR_MORE_DATA              234
#define ERROR_NO_MORE_ITEMS          259
#define ERROR_SERVICE_NOT_ACTIVE     1062
#define ERROR_NOT_FOUND              1168
#define ERROR_INVALID_ACL            1336
#define ERROR_INVALID_SID            1337
#define ERROR_INVALID_SECURITY_DESCR 1338
#define RPC_S_SERVER_UNAVAILABLE     1722
#define EPT_S_NOT_REGISTERED         1753
#endif

#include "fwp_errors_generated.h"

#endif
