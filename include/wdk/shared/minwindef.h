/* Basic user-mode names that kernel sources also use. */
#ifndef _MINWINDEF_
#define _MINWINDEF_

#include <ntdef.h>

#ifndef MAX_PATH
#define MAX_PATH 260
#endif
#ifndef WIN32
#if !WDK_HOST
#define WIN32
#endif
#endif
#define CALLBACK   NTAPI
#define WINAPI     NTAPI
#define WINAPIV    NTAPI
#define APIENTRY   NTAPI
#define APIPRIVATE NTAPI
#define PASCAL     NTAPI
#define CDECL      NTAPI
#ifndef __cdecl
#if WDK_HOST
#define __cdecl __attribute__((ms_abi))
#endif
#endif
typedef LONG LSTATUS;
typedef LONG *LPLONG;
typedef ULONG_PTR WPARAM;
typedef LONG_PTR LPARAM;
typedef LONG_PTR LRESULT;
typedef USHORT ATOM;
typedef HANDLE HGLOBAL, HLOCAL, GLOBALHANDLE, LOCALHANDLE;
typedef struct HINSTANCE__ *HINSTANCE, *HMODULE;
typedef struct HWND__ *HWND;
typedef struct HKEY__ *HKEY, **PHKEY;
typedef INT_PTR(NTAPI *FARPROC)(void);
typedef INT_PTR(NTAPI *NEARPROC)(void);
typedef INT_PTR(NTAPI *PROC)(void);

#define MAKEWORD(a, b)                                                                             \
    ((WORD)(((BYTE)((DWORD_PTR)(a)&0xff)) | ((WORD)((BYTE)((DWORD_PTR)(b)&0xff))) << 8))
#define MAKELONG(a, b)                                                                             \
    ((LONG)(((WORD)((DWORD_PTR)(a)&0xffff)) | ((DWORD)((WORD)((DWORD_PTR)(b)&0xffff))) << 16))
#ifndef LOWORD
#define LOWORD(l) ((WORD)((DWORD_PTR)(l)&0xffff))
#define HIWORD(l) ((WORD)(((DWORD_PTR)(l) >> 16) & 0xffff))
#define LOBYTE(w) ((BYTE)((DWORD_PTR)(w)&0xff))
#define HIBYTE(w) ((BYTE)(((DWORD_PTR)(w) >> 8) & 0xff))
#endif

typedef struct _FILETIME {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

#endif
