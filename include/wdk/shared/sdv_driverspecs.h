/* Annotations again; all of them live in sal.h and specstrings.h. */
#ifndef SDV_DRIVERSPECS_H
#define SDV_DRIVERSPECS_H

#include <specstrings.h>

#endif
