/* Annotations again; all of them live in sal.h and specstrings.h. */
#ifndef KERNELSPECS_H
#define KERNELSPECS_H

#include <specstrings.h>

#endif
