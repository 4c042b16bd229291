/* The classic tables of the management information base; drivers include it beside netioapi.h. */
#ifndef _IPMIB_
#define _IPMIB_

#include <ifdef.h>

#ifndef ANY_SIZE
#define ANY_SIZE 1
#endif

#endif
