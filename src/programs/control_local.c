/*
 * "local:" of openwfp/device.h over nt_device.h; see control_local.h.
 */
#include "programs/control_local.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "nt/ntos/nt_device.h"
#include "nt/ntos/nt_timer.h"
#include "openwfp/device_backend.h"

static int32_t
open_file(const char *name, uint32_t access, void **ret_file)
{
    return nt_device_open(name, access, 0, (struct nt_device_file **)ret_file);
}

static void
close_file(void *file)
{
    nt_device_close(file);
}

static int32_t
start(void *file, const struct openwfp_io *io, openwfp_backend_done *done, void *context,
      void **ret_request)
{
    static const enum nt_device_operation operations[] = {
        [OPENWFP_IO_READ] = NT_DEVICE_READ,
        [OPENWFP_IO_WRITE] = NT_DEVICE_WRITE,
        [OPENWFP_IO_CONTROL] = NT_DEVICE_IOCTL,
    };
    const struct nt_device_io request = {
        .operation = operations[io->operation],
        .code = io->code,
        .input = io->input,
        .input_bytes = io->input_bytes,
        .output = io->output,
        .output_bytes = io->output_bytes,
        .offset = io->offset,
    };
    struct nt_device_request *started = NULL;
    int32_t status = nt_device_start(file, &request, done, context, &started);

    *ret_request = started;
    return started ? OPENWFP_SUCCESS : status; /* a refusal comes through done, too */
}

static void
cancel(void *request)
{
    nt_device_cancel(request);
}

static void
unref(void *request)
{
    nt_device_unref(request);
}

struct listing {
    void (*each)(void *context, const struct openwfp_device_info *info);
    void *context;
};

static void
list_one(void *context, const struct nt_device_entry *entry)
{
    const struct listing *listing = context;
    bool is_dos = strncmp(entry->link, "\\??\\", 4) == 0;
    char link[512];

    snprintf(link, sizeof(link), "%s%s", is_dos ? "\\\\.\\" : "",
             is_dos ? entry->link + 4 : entry->link);
    const struct openwfp_device_info info = {entry->name, entry->driver, link, entry->type,
                                             entry->open_files};
    listing->each(listing->context, &info);
}

static void
list(void (*each)(void *context, const struct openwfp_device_info *info), void *context)
{
    struct listing listing = {each, context};
    nt_device_list(list_one, &listing);
}

static struct control_local_world world;

static void
rest(void)
{
    nt_time_settle();
    if (world.settle)
        world.settle(world.context);
}

static int
settle(uint64_t until_100ns)
{
    rest();
    if (until_100ns == 0 || !wfp_clock_is_virtual())
        return 0;
    uint64_t due = nt_time_next_due();
    bool has_more = due && due <= until_100ns;
    uint64_t time_100ns = has_more ? due : until_100ns;
    if (time_100ns == UINT64_MAX)
        return 0;
    if (world.advance)
        world.advance(world.context, time_100ns);
    else
        nt_time_run_until(time_100ns);
    rest();
    return has_more;
}

void
control_local_enable(const struct control_local_world *new_world)
{
    static struct openwfp_backend backend = {
        .open = open_file,
        .close = close_file,
        .start = start,
        .cancel = cancel,
        .unref = unref,
        .list = list,
        .now = wfp_clock_now,
        .settle = settle,
    };

    world = new_world ? *new_world : (struct control_local_world){0};
    backend.is_replay = wfp_clock_is_virtual();
    openwfp_backend_set(&backend);
}

void
control_local_disable(void)
{
    openwfp_backend_set(NULL);
}
