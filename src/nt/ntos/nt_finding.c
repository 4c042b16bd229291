/*
 * The collector of findings: an array behind a mutex; see nt_finding.h.
 */
#include "nt/ntos/nt_finding.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nt/ntos/nt_driver.h"

static const struct {
    const char *name, *fix;
} kinds[] = {
#define FINDING(id, name, fix) [NT_FINDING_##id] = {name, fix},
#include "nt/ntos/finding.def"
#undef FINDING
};
static_assert(ELEMENTSOF(kinds) == NT_FINDING_COUNT, "a row for each kind");

struct row {
    enum nt_finding_id id;
    uintptr_t site; /* what tells rows with the same message apart; a place once reported */
    char *driver, *message;
    struct nt_place place;
    unsigned long count;
};

static struct {
    pthread_mutex_t lock;
    struct row *rows;
    size_t count, room;
    bool off;
} book = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
free_row(struct row *row)
{
    free(row->driver);
    free(row->message);
}

static bool
make_room_locked(void)
{
    if (book.count < book.room)
        return true;
    size_t room = book.room ? 2 * book.room : 16;
    struct row *rows = realloc(book.rows, room * sizeof(*rows));
    if (!rows)
        return false;
    book.rows = rows;
    book.room = room;
    return true;
}

static void
announce(const struct row *row)
{
    char line[sizeof(row->place.file) + 16];

    nt_place_line_text(&row->place, line, sizeof(line));
    wfp_log(WFP_LOG_WARNING, "finding %s: %s%s%s%s%s", kinds[row->id].name, row->driver,
            row->driver[0] ? ": " : "", row->message, line[0] ? ", at " : "", line);
}

static void
add_locked(const char *driver, uintptr_t site, enum nt_finding_id id, const char *message)
{
    for (size_t i = 0; i < book.count; i++) {
        struct row *row = &book.rows[i];
        if (row->id == id && row->site == site && strcmp(row->driver, driver) == 0 &&
            strcmp(row->message, message) == 0) {
            row->count++;
            return;
        }
    }
    struct row row = {.id = id, .site = site, .count = 1};
    row.driver = strdup(driver);
    row.message = strdup(message);
    if (!row.driver || !row.message || !make_room_locked()) {
        free_row(&row);
        return;
    }
    if (site) /* now: the image may be gone when the report is written */
        (void)nt_place_find(site, true, &row.place);
    book.rows[book.count++] = row;
    announce(&row);
}

static void
add(const char *driver, uintptr_t site, enum nt_finding_id id, const char *format, va_list args)
{
    char message[512];

    if (book.off)
        return;
    vsnprintf(message, sizeof(message), format, args);
    pthread_mutex_lock(&book.lock);
    add_locked(driver, site, id, message);
    pthread_mutex_unlock(&book.lock);
}

void
nt_finding(enum nt_finding_id id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!book.off)
        add(nt_driver_name(nt_driver_current()), nt_place_caller(), id, format, args);
    va_end(args);
}

void
nt_finding_at(const char *driver, uintptr_t site, enum nt_finding_id id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(driver, site, id, format, args);
    va_end(args);
}

void
nt_finding_for(const char *driver, enum nt_finding_id id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(driver, 0, id, format, args);
    va_end(args);
}

void
nt_finding_enable(bool on)
{
    book.off = !on;
}

bool
nt_finding_is_enabled(void)
{
    return !book.off;
}

size_t
nt_finding_count(void)
{
    pthread_mutex_lock(&book.lock);
    size_t count = book.count;
    pthread_mutex_unlock(&book.lock);
    return count;
}

bool
nt_finding_get(size_t index, struct nt_finding *ret_finding)
{
    bool found = false;

    pthread_mutex_lock(&book.lock);
    if (index < book.count) {
        const struct row *row = &book.rows[index];
        *ret_finding = (struct nt_finding){row->id,      kinds[row->id].name, row->driver,
                                           row->message, kinds[row->id].fix,  row->count,
                                           row->place};
        found = true;
    }
    pthread_mutex_unlock(&book.lock);
    return found;
}

unsigned long
nt_finding_count_of(enum nt_finding_id id)
{
    unsigned long count = 0;

    pthread_mutex_lock(&book.lock);
    for (size_t i = 0; i < book.count; i++)
        if (book.rows[i].id == id)
            count += book.rows[i].count;
    pthread_mutex_unlock(&book.lock);
    return count;
}

void
nt_finding_reset(void)
{
    pthread_mutex_lock(&book.lock);
    for (size_t i = 0; i < book.count; i++)
        free_row(&book.rows[i]);
    free(book.rows);
    book.rows = NULL;
    book.count = book.room = 0;
    pthread_mutex_unlock(&book.lock);
}
