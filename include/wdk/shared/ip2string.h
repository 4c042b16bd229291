/* Addresses to and from text: declared with the other address helpers. Ref: win32 ip2string. */
#ifndef WDK_IP2STRING_H
#define WDK_IP2STRING_H

#include <mstcpip.h>

#endif
