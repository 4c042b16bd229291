/* Include before the header whose GUIDs this file shall define. */
#ifndef INITGUID
#define INITGUID
#endif
#include <guiddef.h>
