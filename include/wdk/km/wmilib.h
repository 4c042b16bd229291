/* Stands in for the WMI library, to which nobody asks here. Ref: ddi wmilib. */
#ifndef _WMILIB_
#define _WMILIB_

#include <wdm.h>
#include <wmistr.h>

#endif
