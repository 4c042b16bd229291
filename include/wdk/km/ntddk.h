/* What kernel drivers include: wdm.h and more of the executive. */
#ifndef _NTDDK_
#define _NTDDK_

#include <wdm.h>
#include "wdk_ntddk.h"

#endif
