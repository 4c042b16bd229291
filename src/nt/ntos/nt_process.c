/*
 * Process objects, one per id while someone holds it; see nt_process.h.
 */
#include "nt/ntos/nt_process.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "nt/ntos/nt_object.h"

#define SYSTEM_ID     4
#define STATUS_ACTIVE 0x103 /* STATUS_PENDING: it has not ended */

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_list processes = {&processes, &processes};
static struct nt_process *system_process;
static pthread_once_t system_once = PTHREAD_ONCE_INIT;

static void
destroy_process(void *body)
{
    struct nt_process *process = body;
    pthread_mutex_lock(&process_lock);
    nt_list_remove(&process->link);
    pthread_mutex_unlock(&process_lock);
}

static struct nt_process *
new_process(uint64_t id)
{
    struct nt_process *process =
        nt_object_new(NT_OBJECT_PROCESS, sizeof(*process), NULL, destroy_process);
    if (!process)
        return NULL;
    nt_dispatcher_init(&process->header, NT_PROCESS, 0);
    process->id = id;
    process->create_time_100ns = (int64_t)wfp_clock_now();
    process->exit_status = STATUS_ACTIVE;
    nt_list_init(&process->link);
    return process;
}

static void
make_system_process(void)
{
    system_process = new_process(SYSTEM_ID);
}

struct nt_process *
nt_process_system(void)
{
    pthread_once(&system_once, make_system_process);
    return system_process;
}

static bool
lives(uint64_t id)
{
    char path[40];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%llu", (unsigned long long)id);
    return stat(path, &st) == 0;
}

struct nt_process *
nt_process_open(uint64_t id, bool must_exist)
{
    if (id == SYSTEM_ID)
        return nt_object_ref(nt_process_system());
    pthread_mutex_lock(&process_lock);
    for (struct nt_list *i = processes.next; i != &processes; i = i->next) {
        struct nt_process *process = NT_LIST_ITEM(i, struct nt_process, link);
        if (process->id != id || nt_object_refs(process) <= 0)
            continue;
        nt_object_ref(process);
        pthread_mutex_unlock(&process_lock);
        return process;
    }
    pthread_mutex_unlock(&process_lock);
    if (must_exist && !lives(id))
        return NULL;
    struct nt_process *process = new_process(id);
    if (!process)
        return NULL;
    pthread_mutex_lock(&process_lock);
    nt_list_append(&processes, &process->link);
    pthread_mutex_unlock(&process_lock);
    return process;
}
