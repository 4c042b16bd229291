/*
 * DPC queues; see nt_dpc.h.
 *
 * Lifetime   A DPC is out of its queue before its routine runs, so the routine may queue or free it.
 */
#include "nt/ntos/nt_dpc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_thread.h"

#define DPC_OBJECT 0x13 /* what Windows writes into Type */

static pthread_mutex_t dpc_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t dpc_done = PTHREAD_COND_INITIALIZER;
static unsigned dpc_running; /* by all threads */
static __thread unsigned dpc_running_here;

void
nt_dpc_init(struct nt_dpc *dpc,
            void(__attribute__((ms_abi)) * routine)(struct nt_dpc *, void *, void *, void *),
            void *context)
{
    memset(dpc, 0, sizeof(*dpc));
    dpc->type = DPC_OBJECT;
    dpc->importance = 1;
    dpc->owner = nt_driver_current();
    dpc->routine = routine;
    dpc->context = context;
}

bool
nt_dpc_insert(struct nt_dpc *dpc, void *argument1, void *argument2)
{
    struct nt_thread *self = nt_thread_current();

    if (!self)
        return false;
    pthread_mutex_lock(&dpc_lock);
    if (dpc->queue) {
        pthread_mutex_unlock(&dpc_lock);
        return false;
    }
    dpc->argument1 = argument1;
    dpc->argument2 = argument2;
    dpc->queue = &self->dpcs;
    dpc->next = NULL;
    if (self->dpcs.last)
        self->dpcs.last->next = dpc;
    else
        self->dpcs.first = dpc;
    self->dpcs.last = dpc;
    pthread_mutex_unlock(&dpc_lock);
    nt_cpu.dpc_pending = true;
    if (nt_cpu.irql < NT_DISPATCH_LEVEL)
        nt_dpc_drain();
    return true;
}

bool
nt_dpc_remove(struct nt_dpc *dpc)
{
    bool found = false;

    pthread_mutex_lock(&dpc_lock);
    if (dpc->queue) {
        struct nt_dpc *previous = NULL;
        for (struct nt_dpc **p = &dpc->queue->first; *p; previous = *p, p = &(*p)->next)
            if (*p == dpc) {
                *p = dpc->next;
                if (dpc->queue->last == dpc)
                    dpc->queue->last = previous;
                found = true;
                break;
            }
        dpc->queue = NULL;
    }
    pthread_mutex_unlock(&dpc_lock);
    return found;
}

void
nt_dpc_drain(void)
{
    struct nt_dpc_queue *queue = &nt_cpu.thread->dpcs;
    uint8_t irql =
        nt_cpu_raise(NT_DISPATCH_LEVEL); /* so that leaving a DPC starts no other drain */

    pthread_mutex_lock(&dpc_lock);
    while (queue->first) {
        struct nt_dpc *dpc = queue->first;
        queue->first = dpc->next;
        if (!queue->first)
            queue->last = NULL;
        dpc->queue = NULL;
        struct nt_dpc call = *dpc;
        dpc_running++;
        dpc_running_here++;
        pthread_mutex_unlock(&dpc_lock);
        NT_CALLBACK_VOID(call.owner, NT_DISPATCH_LEVEL,
                         call.routine(dpc, call.context, call.argument1, call.argument2));
        pthread_mutex_lock(&dpc_lock);
        dpc_running_here--;
        if (--dpc_running == 0)
            pthread_cond_broadcast(&dpc_done);
    }
    nt_cpu.dpc_pending = false;
    nt_cpu.irql = irql;
    pthread_mutex_unlock(&dpc_lock);
}

void
nt_dpc_hold(void)
{
    pthread_mutex_lock(&dpc_lock);
    dpc_running++;
    dpc_running_here++;
    pthread_mutex_unlock(&dpc_lock);
}

void
nt_dpc_release(void)
{
    pthread_mutex_lock(&dpc_lock);
    dpc_running_here--;
    if (--dpc_running == 0)
        pthread_cond_broadcast(&dpc_done);
    pthread_mutex_unlock(&dpc_lock);
}

void
nt_dpc_flush(void)
{
    if (nt_cpu.dpc_pending && nt_cpu.irql < NT_DISPATCH_LEVEL)
        nt_dpc_drain();
    pthread_mutex_lock(&dpc_lock);
    while (dpc_running > dpc_running_here)
        pthread_cond_wait(&dpc_done, &dpc_lock);
    pthread_mutex_unlock(&dpc_lock);
}
