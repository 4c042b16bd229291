/*
 * What a compiler driver needs everywhere: growing strings, lists of them, files, and other
 * programs.
 *
 * Model     wfp-cc is a short-lived process: allocation failure ends it, and lists live in struct
 *           wfp_cc until the end.
 */
#ifndef WFP_PROGRAMS_CC_UTIL_H
#define WFP_PROGRAMS_CC_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum wfp_cc_exit {
    WFP_CC_OK = 0,
    WFP_CC_FAILED = 1,      /* the driver does not compile or link */
    WFP_CC_USAGE = 2,       /* the command line */
    WFP_CC_ENVIRONMENT = 3, /* no compiler, no headers, unreadable file */
};

/** A list of owned strings; `items` is NULL-terminated whenever it is not NULL. */
struct wfp_cc_list {
    char **items;
    size_t count, room;
};

/** A growing piece of text. */
struct wfp_cc_text {
    char *data; /* NUL-terminated once anything was added */
    size_t length, room;
};

/** Append a copy of @p item. */
void wfp_cc_util_add(struct wfp_cc_list *list, const char *item);
/** Append printf's result. */
void wfp_cc_util_addf(struct wfp_cc_list *list, const char *format, ...) _printf_(2, 3);
bool wfp_cc_util_has(const struct wfp_cc_list *list, const char *item);
/** Free the strings and the list. */
void wfp_cc_util_clear(struct wfp_cc_list *list);

void wfp_cc_util_append(struct wfp_cc_text *text, const char *bytes, size_t length);
void wfp_cc_util_appendf(struct wfp_cc_text *text, const char *format, ...) _printf_(2, 3);
void wfp_cc_util_free_text(struct wfp_cc_text *text);

/** printf into a new string. */
char *wfp_cc_util_format(const char *format, ...) _printf_(1, 2);
/** The folder of @p path: "." when it has none. */
char *wfp_cc_util_folder(const char *path);
/** Absolute, without "." and "..", links left alone. */
char *wfp_cc_util_canonical(const char *path);
/** The last part of @p path. */
const char *wfp_cc_util_leaf(const char *path);
/** Whether @p name ends in @p suffix, case ignored. */
bool wfp_cc_util_ends(const char *name, const char *suffix);

/** Whether @p c may stand in a C identifier. */
static inline bool
wfp_cc_util_is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/** Read a whole file; 0 or -errno. */
int wfp_cc_util_read(const char *path, struct wfp_cc_text *ret_text);
/** Write a whole file; on failure says why and ends with WFP_CC_ENVIRONMENT. */
void wfp_cc_util_write(const char *path, const char *bytes, size_t length);
/** Make @p path and what is missing above it. */
void wfp_cc_util_make_folders(const char *path);
/** Remove a folder of ours and all in it. */
void wfp_cc_util_remove_tree(const char *path);

/** Run a program to its end. @return its exit code, 128 + signal, or -errno. */
int wfp_cc_util_run(char *const argv[]);
/** Start a program; stderr and stdout into @p log_path. @return the process id or -errno. */
int wfp_cc_util_start(char *const argv[], const char *log_path);
/** First line that a program prints to stdout, or NULL. */
char *wfp_cc_util_output(char *const argv[]);
/** Full path of a program on PATH, or NULL. */
char *wfp_cc_util_which(const char *name);

/** Print "wfp-cc: error: ..." */
void wfp_cc_util_error(const char *format, ...) _printf_(1, 2);

#endif
