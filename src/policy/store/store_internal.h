/*
 * What the files of the store share.
 */
#ifndef WFP_POLICY_STORE_STORE_INTERNAL_H
#define WFP_POLICY_STORE_STORE_INTERNAL_H

#include <sqlite3.h>

#include "policy/store/store.h"

struct wfp_store {
    sqlite3 *database;
    sqlite3_stmt *put_object, *put_filter, *remove_object, *remove_filter;
};

/** Make the tables, or bring them up to date. @return as wfp_store_open() */
int wfp_store_schema_prepare(sqlite3 *database, char *error);
/** An SQLite error as one of ours. */
int wfp_store_error(int sqlite_error);

/* A list of values as one blob: conditions of a filter, settings of a context. Each is 16 bytes of key
 * (or zero), four of match or setting type, and a packed condition. */
#define WFP_STORE_ITEM_HEAD 20u

#endif
