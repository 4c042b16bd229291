/*
 * Drivers include it last, to be warned of string functions without bounds (strcpy, sprintf ...).
 *
 * Nothing is forbidden here: an unchanged source compiles; wfp-cc --sanitize finds the overruns.
 */
#ifndef _DONTUSE_
#define _DONTUSE_

#endif
