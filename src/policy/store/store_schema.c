/*
 * The schema of the store, version by version.
 *
 * Model      `user_version` of the file is the number of steps it has had. A step, once released, is
 *            never changed: what comes later is another step.
 */
#include <stdio.h>

#include "base/status.h"
#include "policy/store/store_internal.h"

#define APPLICATION_ID 0x57465031 /* "WFP1" */

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE object ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind INTEGER NOT NULL," /* enum wfp_bfe_kind: provider, context, sublayer, callout */
    "  key BLOB NOT NULL,"     /* GUIDs as they lie in memory */
    "  name TEXT NOT NULL, description TEXT, flags INTEGER NOT NULL,"
    "  provider BLOB, data BLOB, sd BLOB,"
    "  service TEXT,"            /* providers */
    "  weight INTEGER,"          /* sublayers */
    "  layer BLOB,"              /* callouts */
    "  type INTEGER, body BLOB," /* contexts: general data, or settings */
    "  UNIQUE (kind, key));"
    "CREATE TABLE filter ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  key BLOB NOT NULL UNIQUE,"
    "  name TEXT NOT NULL, description TEXT, flags INTEGER NOT NULL,"
    "  provider BLOB, data BLOB, sd BLOB,"
    "  layer BLOB NOT NULL, sublayer BLOB NOT NULL,"
    "  weight_type INTEGER NOT NULL, weight INTEGER NOT NULL," /* effective; as given by its type */
    "  action INTEGER NOT NULL, callout BLOB,"
    "  raw_context INTEGER NOT NULL, context BLOB,"
    "  conditions BLOB);",
};

static int
ask(sqlite3 *database, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = NULL;
    int r;

    r = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return r == SQLITE_ROW ? 0 : wfp_store_error(r);
}

/* All steps that the file has not had, or none of them. */
static int
upgrade(sqlite3 *database, size_t version)
{
    char sql[96];
    int r = sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t i = version; i < ELEMENTSOF(steps) && r == SQLITE_OK; i++)
        r = sqlite3_exec(database, steps[i], NULL, NULL, NULL);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
             APPLICATION_ID, ELEMENTSOF(steps));
    if (r == SQLITE_OK)
        r = sqlite3_exec(database, sql, NULL, NULL, NULL);
    if (r != SQLITE_OK)
        (void)sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    return r == SQLITE_OK ? 0 : wfp_store_error(r);
}

int
wfp_store_schema_prepare(sqlite3 *database, char *error)
{
    int64_t version = 0, application = 0, tables = 0;
    int r = ask(database, "PRAGMA user_version", &version);

    if (r == 0)
        r = ask(database, "PRAGMA application_id", &application);
    if (r == 0)
        r = ask(database, "SELECT count(*) FROM sqlite_master", &tables);
    if (r == 0 && tables > 0 && application != APPLICATION_ID)
        r = -WFP_ERR_INVALID_PARAMETER;
    if (r == -WFP_ERR_INVALID_PARAMETER)
        snprintf(error, WFP_STORE_ERROR_SIZE, "it is no policy store; name another file");
    else if (r < 0)
        snprintf(error, WFP_STORE_ERROR_SIZE, "%s", sqlite3_errmsg(database));
    if (r < 0)
        return r;
    if (version > (int64_t)ELEMENTSOF(steps)) {
        snprintf(error, WFP_STORE_ERROR_SIZE,
                 "a newer OpenWFP wrote it (version %lld, this one knows %zu); use that one",
                 (long long)version, ELEMENTSOF(steps));
        return -WFP_ERR_NOT_SUPPORTED;
    }
    if (version < (int64_t)ELEMENTSOF(steps))
        r = upgrade(database, (size_t)version);
    if (r < 0)
        snprintf(error, WFP_STORE_ERROR_SIZE, "%s", sqlite3_errmsg(database));
    return r;
}
