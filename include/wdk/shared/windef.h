/* The names of windef.h that are not about windows on a screen. */
#ifndef _WINDEF_
#define _WINDEF_

#include <minwindef.h>

#ifndef WINVER
#define WINVER 0x0A00
#endif
typedef DWORD COLORREF;
typedef struct tagPOINT {
    LONG x;
    LONG y;
} POINT, *PPOINT;
typedef struct tagSIZE {
    LONG cx;
    LONG cy;
} SIZE, *PSIZE;
typedef struct tagRECT {
    LONG left;
    LONG top;
    LONG right;
    LONG bottom;
} RECT, *PRECT;

#endif
