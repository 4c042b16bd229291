/*
 * Symbols: what the driver's objects define and lack, and which module exports what is lacking.
 */
#ifndef WFP_PROGRAMS_CC_SYMBOLS_H
#define WFP_PROGRAMS_CC_SYMBOLS_H

#include "programs/wfp-cc/cc_util.h"

struct wfp_cc_symbols {
    struct wfp_cc_list defined, undefined; /* undefined: in no object so far */
};

/** Add the global symbols of an ELF or COFF x64 object. @return 0 or -1 for a file that is neither.
 */
int wfp_cc_symbols_read(struct wfp_cc_symbols *symbols, const char *object);
/**
 * Make a freshly compiled object fit for linking.
 *
 * ELF: Microsoft's mangled names (`??_C@_02`, `?f@@YAXXZ`) contain '@', which linkers read as a symbol
 * version: '$' is written instead. Constructors of static objects are taken out of .init_array: a kernel image
 * never runs them, and here they would run before the imports are bound.
 *
 * @param ret_constructors  whether the object has such constructors (also COFF)
 */
int wfp_cc_symbols_prepare(const char *object, bool *ret_constructors);
void wfp_cc_symbols_fini(struct wfp_cc_symbols *symbols);

enum wfp_cc_import_kind { WFP_CC_IMPORT_CODE, WFP_CC_IMPORT_DATA };

struct wfp_cc_import {
    const char *module;
    enum wfp_cc_import_kind kind;
    bool guessed; /* not in our tables: the module follows from the name */
};

/** Which module exports @p name. @return false if none does and the name fits none. */
bool wfp_cc_symbols_find_export(const char *name, struct wfp_cc_import *ret_import);

/** Say so when the module is a guess: the loader may not find the name. */
void wfp_cc_symbols_note_guess(const char *name, const struct wfp_cc_import *import);

struct wfp_cc_module_row {
    const char *name;
    enum wfp_cc_import_kind kind;
};

struct wfp_cc_module {
    const char *module;
    const struct wfp_cc_module_row *rows;
    size_t count;
};

/** All modules of our tables. */
const struct wfp_cc_module *wfp_cc_symbols_modules(size_t *ret_count);

#endif
