/* Annotations again; all of them live in sal.h and specstrings.h. */
#ifndef CONCURRENCYSAL_H
#define CONCURRENCYSAL_H

#include <specstrings.h>

#endif
