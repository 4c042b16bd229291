/* Checked integer arithmetic under the name that user mode has for it. */
#ifndef WDK_INTSAFE_H
#define WDK_INTSAFE_H

#include <ntintsafe.h>

#endif
