/* Stands in for the subauthentication header, of which drivers want what ntifs.h has already. */
#ifndef _SUBAUTH_
#define _SUBAUTH_

#include <ntdef.h>

#endif
