/*
 * A loaded driver as the nt wing sees it: its name, image and what it owns.
 *
 * Lifetime   nt_driver_new() at start, nt_driver_free() after the last leak check. A pointer in
 *            nt_cpu.driver or in an object's owner field is borrowed; a driver outlives its objects.
 */
#ifndef WFP_NT_DRIVER_H
#define WFP_NT_DRIVER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_list.h"

struct nt_driver {
    struct nt_list link;
    char *name;          /* service name */
    void *driver_object; /* DRIVER_OBJECT, inside an nt_object */
    const struct nt_image *image;
    uintptr_t code_start; /* 0 when unknown */
    size_t code_size;
    struct nt_list pool_blocks; /* live blocks, oldest first */
    pthread_mutex_t pool_lock;
    void *framework; /* struct wdf_driver, or NULL */
    bool is_starting, is_stopping;
    /* What the filter manager does before the unload routine; whether the driver may go without one. */
    bool (*unload_filter)(struct nt_driver *driver);
};

/** Make and register a driver record; the name is copied. NULL when memory is out. */
struct nt_driver *nt_driver_new(const char *name);
/** Unregister and free; the caller has reported what it left behind. */
void nt_driver_free(struct nt_driver *driver);
DEFINE_FREEP(struct nt_driver, nt_driver_free)
/** The first driver called @p name, or NULL. */
struct nt_driver *nt_driver_find(const char *name);
/** The driver whose image contains @p address, or NULL. */
struct nt_driver *nt_driver_find_by_address(uintptr_t address);

/**
 * Register a check that runs when a driver stops, after its unload routine: it reports (nt_finding)
 * and releases what the driver left behind. Other rooms (NBLs, callouts) add theirs once, at init.
 */
typedef void nt_driver_check(struct nt_driver *driver);
void nt_driver_add_check(nt_driver_check *check);
void nt_driver_run_checks(struct nt_driver *driver);

static inline struct nt_driver *
nt_driver_current(void)
{
    return nt_cpu.driver;
}

/** Service name; "" for the runtime itself. Never NULL. */
static inline const char *
nt_driver_name(const struct nt_driver *driver)
{
    return driver ? driver->name : "";
}

/**
 * "block_ip.so+0x1234 (Classify) block_ip.c:120", as far as it is known, for messages.
 *
 * @param address  a return address
 * @return @p text
 */
const char *nt_driver_describe_address(uintptr_t address, char *text, size_t size);

#endif
