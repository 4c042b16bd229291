/*
 * The list of loaded drivers and the checks that run when one stops.
 */
#include "nt/ntos/nt_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/loader/nt_place.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_timer.h"

/* After the registered checks, in this order: what runs, what is named, and memory last. */
static nt_driver_check *const own_checks[] = {
    nt_timer_check_driver,
    nt_thread_check_driver,
    nt_object_check_driver,
    nt_pool_check_driver,
};

static struct {
    pthread_mutex_t lock;
    struct nt_list drivers;
    nt_driver_check *checks[24];
    size_t check_count;
} list = {.lock = PTHREAD_MUTEX_INITIALIZER, .drivers = {&list.drivers, &list.drivers}};

struct nt_driver *
nt_driver_new(const char *name)
{
    struct nt_driver *driver = calloc(1, sizeof(*driver));
    if (!driver)
        return NULL;
    driver->name = strdup(name);
    if (!driver->name) {
        free(driver);
        return NULL;
    }
    nt_list_init(&driver->pool_blocks);
    pthread_mutex_init(&driver->pool_lock, NULL);
    pthread_mutex_lock(&list.lock);
    nt_list_append(&list.drivers, &driver->link);
    pthread_mutex_unlock(&list.lock);
    return driver;
}

void
nt_driver_free(struct nt_driver *driver)
{
    if (!driver)
        return;
    pthread_mutex_lock(&list.lock);
    nt_list_remove(&driver->link);
    pthread_mutex_unlock(&list.lock);
    pthread_mutex_destroy(&driver->pool_lock);
    free(driver->name);
    free(driver);
}

struct nt_driver *
nt_driver_find(const char *name)
{
    struct nt_driver *found = NULL;

    pthread_mutex_lock(&list.lock);
    for (struct nt_list *i = list.drivers.next; i != &list.drivers && !found; i = i->next) {
        struct nt_driver *driver = NT_LIST_ITEM(i, struct nt_driver, link);
        if (strcasecmp(driver->name, name) == 0)
            found = driver;
    }
    pthread_mutex_unlock(&list.lock);
    return found;
}

struct nt_driver *
nt_driver_find_by_address(uintptr_t address)
{
    struct nt_driver *found = NULL;

    pthread_mutex_lock(&list.lock);
    for (struct nt_list *i = list.drivers.next; i != &list.drivers && !found; i = i->next) {
        struct nt_driver *driver = NT_LIST_ITEM(i, struct nt_driver, link);
        if (driver->code_start && address - driver->code_start < driver->code_size)
            found = driver;
    }
    pthread_mutex_unlock(&list.lock);
    return found;
}

void
nt_driver_add_check(nt_driver_check *check)
{
    pthread_mutex_lock(&list.lock);
    bool known = false;
    for (size_t i = 0; i < list.check_count; i++)
        known |= list.checks[i] == check;
    if (!known) {
        assert(list.check_count < ELEMENTSOF(list.checks));
        list.checks[list.check_count++] = check;
    }
    pthread_mutex_unlock(&list.lock);
}

void
nt_driver_run_checks(struct nt_driver *driver)
{
    for (size_t i = 0; i < list.check_count; i++)
        list.checks[i](driver);
    for (size_t i = 0; i < ELEMENTSOF(own_checks); i++)
        own_checks[i](driver);
}

const char *
nt_driver_describe_address(uintptr_t address, char *text, size_t size)
{
    const struct nt_driver *driver = nt_driver_find_by_address(address);
    struct nt_place place;
    Dl_info info = {0};

    if (nt_place_find(address, true, &place)) {
        char line[sizeof(place.file) + 16];
        nt_place_line_text(&place, line, sizeof(line));
        snprintf(text, size, "%s+0x%llx%s%s%s%s%s", place.image, (unsigned long long)place.offset,
                 place.function[0] ? " (" : "", place.function, place.function[0] ? ")" : "",
                 line[0] ? " " : "", line);
    } else if (driver) {
        snprintf(text, size, "%s+0x%lx", driver->name,
                 (unsigned long)(address - driver->code_start));
    } else if (dladdr((void *)address, &info) && info.dli_sname) {
        snprintf(text, size, "%s+0x%lx", info.dli_sname,
                 (unsigned long)(address - (uintptr_t)info.dli_saddr));
    } else {
        snprintf(text, size, "%p", (void *)address);
    }
    return text;
}
