/* Annotations again; all of them live in sal.h and specstrings.h. */
#ifndef SPECSTRINGS_STRICT_H
#define SPECSTRINGS_STRICT_H

#include <specstrings.h>

#endif
