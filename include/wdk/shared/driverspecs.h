/* Annotations again; all of them live in sal.h and specstrings.h. */
#ifndef DRIVERSPECS_H
#define DRIVERSPECS_H

#include <specstrings.h>

#endif
