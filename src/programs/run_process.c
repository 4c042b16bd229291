/*
 * Whose conversations a capture shows: with --process, one program's, where the capture itself does not say.
 *
 * Model      Captures seldom name processes, Windows' ALE layers always do, and drivers rely on it. The program named
 *            on the command line has one process id and the host's administrator as user (decision 0024).
 */
#include <stdlib.h>
#include <strings.h>

#include "base/utf16.h"
#include "core/model/user.h"
#include "programs/run.h"

#define SYSTEM_PROCESS_ID 4
#define PROCESS_ID        4096

struct run_process {
    uint64_t id;
    uint16_t *path_utf16;
    struct wfp_user *user;
};

static void
find(void *context, struct wfp_packet *packet, bool is_inbound)
{
    const struct run_process *process = context;

    packet->process_id = process->id;
    packet->process_path_utf16 = process->path_utf16;
    packet->user = process->user;
}

/* An application id: what Windows makes of C:\ is a device, and small letters. */
static uint16_t *
application_id(const char *path)
{
    bool has_drive = ((path[0] | 0x20) >= 'a' && (path[0] | 0x20) <= 'z') && path[1] == ':';
    _cleanup_(freep) char *name = NULL;

    if (asprintf(&name, "%s%s", has_drive ? "\\device\\harddiskvolume1" : "",
                 path + (has_drive ? 2 : 0)) < 0) {
        name = NULL;
        return NULL;
    }
    for (char *at = name; has_drive && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 0x20);
    return wfp_utf16_from_utf8(name, NULL);
}

int
run_process_assume(struct run *run)
{
    const char *path = run->options->process_path;

    if (!path)
        return 0;
    run->process = calloc(1, sizeof(*run->process));
    if (!run->process || !(run->process->path_utf16 = application_id(path)) ||
        wfp_user_from_linux(0, NULL, 0, &run->process->user) < 0) {
        fprintf(stderr, "wfp run: --process %s: out of memory, or no UTF-8\n", path);
        return WFP_EXIT_ENVIRONMENT;
    }
    run->process->id = strcasecmp(path, "System") == 0 ? SYSTEM_PROCESS_ID : PROCESS_ID;
    run->machine.find_owner = find;
    run->machine.find_owner_context = run->process;
    return 0;
}

void
run_process_free(struct run_process *process)
{
    if (!process)
        return;
    free(process->path_utf16);
    wfp_user_free(process->user);
    free(process);
}
