/* What file system and security drivers include: ntddk.h, and SIDs, tokens, queues. */
#ifndef _NTIFS_
#define _NTIFS_

#include <ntddk.h>
#include "wdk_ntifs.h"

#endif
