/*
 * Joining the wings: who calls whom is decided here and nowhere else.
 */
#include "programs/machine.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/utf16.h"
#include "nt/exports.h"
#include "nt/fwps/fwps_host.h"
#include "nt/loader/fault.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_import.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_host.h"
#include "policy/bfe/bfe_query.h"
#include "policy/fwpm/fwpm.h"
#include "policy/store/store.h"
#include "programs/run_options.h"

/* Every module a driver may import from. */
static const struct wfp_export_table *const export_tables[] = {
    &nt_ntoskrnl_exports, &nt_hal_exports,    &nt_aux_klib_exports, &nt_wpprecorder_exports,
    &nt_ndis_exports,     &nt_netio_exports,  &nt_fwpkclnt_exports, &nt_wdfldr_exports,
    &policy_fwpm_exports, &nt_fltmgr_exports, &nt_cng_exports,
};

int
machine_init(struct machine *machine)
{
    int r;

    memset(machine, 0, sizeof(*machine));
    r = wfp_engine_new(&machine->engine);
    if (r < 0)
        return r;
    wfp_engine_thread_enter(machine->engine);
    r = wfp_stack_add_builtins(machine->engine);
    if (r == 0)
        r = wfp_bfe_new(machine->engine, &machine->bfe);
    if (r == 0)
        r = wfp_bfe_session_open(machine->bfe, NULL, &machine->session);
    if (r < 0) {
        machine_fini(machine);
        return r;
    }
    wfp_fwpm_set_bfe(machine->bfe);
    for (size_t i = 0; i < ELEMENTSOF(export_tables); i++)
        nt_import_add_table(export_tables[i]);
    nt_host_init();
    (void)nt_fault_init(); /* without it a fault is only a core dump */
    nt_fwps_init(&(struct nt_fwps_config){.engine = machine->engine});
    return 0;
}

int
machine_add_store(struct machine *machine, const char *path, char *error)
{
    struct wfp_store_counts counts;
    int r;

    static_assert(MACHINE_ERROR_SIZE >= WFP_STORE_ERROR_SIZE, "room for the store's complaint");
    r = wfp_store_open(path, &machine->store, error);
    if (r < 0)
        return r;
    r = wfp_store_boot(machine->store, machine->bfe, NULL, NULL, &counts);
    if (r < 0)
        snprintf(error, MACHINE_ERROR_SIZE, "%s: %s", path, wfp_status_text(r));
    else if (counts.refused)
        wfp_log(WFP_LOG_WARNING, "%s: %u of its objects cannot be held here; they stay in the file",
                path, counts.refused);
    return r;
}

int
machine_add_stack(struct machine *machine, const struct wfp_local_prefix *local,
                  uint32_t local_count)
{
    struct wfp_stack_config config = {
        .engine = machine->engine,
        .local = local,
        .local_count = local_count,
        .subnets = machine->subnets,
        .subnet_count = machine->subnet_count,
        .groups_fragments = machine->groups_fragments,
        .flows = true,
        .step = machine->step,
        .step_context = machine->step_context,
        .is_recording = wfp_clock_is_virtual() && !machine->is_simulated,
        .is_looped = wfp_clock_is_virtual(),
        .has_deaf_ends = machine->has_deaf_ends,
        .packet_release = nt_fwps_packet_release,
        .token_of = nt_fwps_token_of,
        .find_owner = machine->find_owner,
        .find_owner_context = machine->find_owner_context,
        .is_awaited = machine->is_awaited,
        .list_sockets = machine->list_sockets,
        .tell_owner = machine->tell_owner,
        .socket_decided = machine->socket_decided,
        .decided_context = machine->decided_context,
    };
    int r = wfp_stack_new(&config, &machine->stack);

    if (r == 0)
        nt_fwps_set_flows(wfp_stack_flows(machine->stack));
    if (r == 0)
        nt_fwps_set_stack(machine->stack);
    if (r == 0)
        nt_fwps_set_streams(wfp_stack_streams(machine->stack));
    return r;
}

char *
machine_service_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    return strndup(name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

/* One line per missing import, under one headline. */
static void
explain_image(const struct nt_image_report *report, char *error)
{
    int n = snprintf(error, MACHINE_ERROR_SIZE, "%s", report->text);

    for (size_t i = 0; i < report->missing_count && n < MACHINE_ERROR_SIZE; i++)
        n += snprintf(error + n, MACHINE_ERROR_SIZE - (size_t)n, "\n  missing %s!%s",
                      report->missing[i].module, report->missing[i].name);
}

int
machine_start_driver(struct machine *machine, const char *path, bool stub_missing, char *error)
{
    struct nt_image_options options = {.stub_missing = stub_missing};
    struct machine_driver *slot = &machine->drivers[machine->driver_count];
    struct nt_image_report report;
    struct nt_image *image = NULL;
    int exit_code = 0;

    enum nt_image_error r = nt_image_load(path, &options, &image, &report);
    if (r != NT_IMAGE_OK) {
        explain_image(&report, error);
        if (r == NT_IMAGE_NEEDS_SANITIZER && report.sanitizer_runtime)
            machine->sanitizer_runtime = strdup(report.sanitizer_runtime);
        exit_code = nt_image_exit_code(r);
    }
    nt_image_report_fini(&report);
    if (exit_code)
        return exit_code;

    *slot = (struct machine_driver){
        .name = machine_service_name(path),
        .path = path,
        .image_kind = nt_image_kind(image) == NT_IMAGE_SYS ? "sys" : "so",
        .image = image,
    };
    machine->driver_count++;
    int32_t status = nt_driver_start(image, slot->name, &slot->driver);
    if (status < 0) {
        snprintf(error, MACHINE_ERROR_SIZE,
                 "%s: DriverEntry failed with %s; 'wfp run -d' shows what the driver prints", path,
                 nt_status_text(status));
        return WFP_EXIT_FINDING;
    }
    return 0;
}

void
machine_stop_drivers(struct machine *machine)
{
    for (uint32_t i = machine->driver_count; i-- > 0;) {
        struct machine_driver *driver = &machine->drivers[i];
        machine->stopping = driver;
        if (driver->driver)
            nt_driver_stop(driver->driver);
        driver->driver = NULL;
        machine->stopping = NULL;
    }
}

int
machine_list_filters(struct machine *machine, struct wfp_filter ***ret_filters, size_t *ret_count)
{
    void **items;
    uint64_t handle;
    uint32_t count;
    int r = wfp_bfe_enum_create(machine->session, WFP_BFE_FILTER, NULL, &handle);

    if (r < 0)
        return r;
    r = wfp_bfe_enum_next(machine->session, WFP_BFE_FILTER, handle, UINT32_MAX, &items, &count);
    wfp_bfe_enum_destroy(machine->session, WFP_BFE_FILTER, handle);
    if (r < 0)
        return r;
    /* the references become the caller's; only the page is ours to free */
    *ret_filters = (struct wfp_filter **)items;
    *ret_count = count;
    return 0;
}

char *
machine_filter_name(const struct wfp_filter *filter)
{
    return filter->name_utf16
               ? wfp_utf16_to_utf8(filter->name_utf16, wfp_utf16_length(filter->name_utf16))
               : NULL;
}

void
machine_fini(struct machine *machine)
{
    machine_stop_drivers(machine);
    if (machine->stack) {
        nt_fwps_set_flows(NULL);
        nt_fwps_set_stack(NULL);
        nt_fwps_set_streams(NULL);
        wfp_stack_free(machine->stack);
    }
    nt_host_fini();
    for (uint32_t i = 0; i < machine->driver_count; i++) {
        nt_image_unload(machine->drivers[i].image);
        free(machine->drivers[i].name);
    }
    if (machine->session)
        wfp_bfe_session_close(machine->session);
    if (machine->bfe)
        wfp_bfe_free(machine->bfe);
    wfp_store_close(machine->store);
    if (machine->engine) {
        wfp_engine_thread_leave(machine->engine);
        wfp_engine_free(machine->engine);
    }
    free(machine->sanitizer_runtime);
    memset(machine, 0, sizeof(*machine));
}
