/*
 * Thread objects and system threads; see nt_thread.h.
 *
 * Lifetime   A thread's own reference goes when it ends; a foreign thread's when its pthread exits.
 */
#include "nt/ntos/nt_thread.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nt/loader/fault.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_status.h"

#define STACK_SIZE (1024 * 1024) /* far more than a kernel stack: sanitizers need room */

static struct {
    pthread_mutex_t lock;
    struct nt_list running; /* made by nt_thread_create() */
    size_t count;
    uint64_t next_id;
    pthread_once_t once;
    pthread_key_t key;
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .running = {&threads.running, &threads.running},
             .next_id = 4,
             .once = PTHREAD_ONCE_INIT};

static void
forget_foreign(void *thread)
{
    nt_dispatcher_disown_clock(thread);
    nt_cpu.thread = NULL;
    nt_object_unref(thread);
}

static void
make_key(void)
{
    pthread_key_create(&threads.key, forget_foreign);
}

static void
destroy_thread(void *body)
{
    struct nt_thread *thread = body;
    pthread_cond_destroy(&thread->condition);
}

static struct nt_thread *
new_thread(struct nt_driver *driver)
{
    struct nt_thread *thread =
        nt_object_new(NT_OBJECT_THREAD, sizeof(*thread), driver, destroy_thread);
    pthread_condattr_t attr;

    if (!thread)
        return NULL;
    nt_dispatcher_init(&thread->header, NT_THREAD, 0);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->condition, &attr);
    pthread_condattr_destroy(&attr);
    nt_list_init(&thread->link);
    nt_list_init(&thread->ready_link);
    nt_list_init(&thread->mutants);
    thread->driver = driver;
    thread->priority = 8;
    pthread_mutex_lock(&threads.lock);
    thread->id = threads.next_id += 4;
    pthread_mutex_unlock(&threads.lock);
    return thread;
}

struct nt_thread *
nt_thread_current(void)
{
    if (LIKELY(nt_cpu.thread != NULL))
        return nt_cpu.thread;
    pthread_once(&threads.once, make_key);
    struct nt_thread *thread = new_thread(NULL);
    if (!thread)
        return NULL;
    thread->pthread = pthread_self();
    pthread_setspecific(threads.key, thread);
    nt_cpu.thread = thread;
    return thread;
}

static void
abandon_mutants(struct nt_thread *thread)
{
    while (!nt_list_is_empty(&thread->mutants))
        nt_dispatcher_release_mutant(
            NT_LIST_ITEM(thread->mutants.next, struct nt_mutant, owned_link), true);
}

static void *
run(void *argument)
{
    struct nt_thread *thread = argument;

    nt_cpu.thread = thread;
    nt_cpu.driver = thread->driver;
    (void)nt_fault_prepare_thread();
    pthread_mutex_lock(&nt_dispatcher_lock);
    nt_dispatcher_enter_locked(thread);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    if (!_setjmp(thread->exit))
        thread->start(thread->context);
    abandon_mutants(thread);
    pthread_mutex_lock(&threads.lock);
    nt_list_remove(&thread->link);
    threads.count--;
    pthread_mutex_unlock(&threads.lock);
    pthread_mutex_lock(&nt_dispatcher_lock);
    nt_dispatcher_set_locked(&thread->header, 1);
    nt_dispatcher_leave_locked(thread);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    nt_cpu.thread = NULL;
    nt_object_unref(thread);
    nt_fault_release_thread();
    return NULL;
}

int32_t
nt_thread_create(void (*start)(void *context), void *context, struct nt_thread **ret_thread)
{
    struct nt_thread *thread = new_thread(nt_driver_current());
    pthread_attr_t attr;

    if (!thread)
        return NT_STATUS_NO_RESOURCES;
    thread->start = start;
    thread->context = context;
    thread->takes_turns = true;
    nt_object_ref(thread); /* the caller's */
    pthread_mutex_lock(&threads.lock);
    nt_list_append(&threads.running, &thread->link);
    threads.count++;
    pthread_mutex_unlock(&threads.lock);
    /* Queued here and not by the new thread itself, so that the order is the order of creation. */
    pthread_mutex_lock(&nt_dispatcher_lock);
    nt_dispatcher_make_ready_locked(thread);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    int error = pthread_create(&thread->pthread, &attr, run, thread);
    pthread_attr_destroy(&attr);
    if (error) {
        pthread_mutex_lock(&nt_dispatcher_lock);
        nt_dispatcher_leave_locked(thread);
        pthread_mutex_unlock(&nt_dispatcher_lock);
        pthread_mutex_lock(&threads.lock);
        nt_list_remove(&thread->link);
        threads.count--;
        pthread_mutex_unlock(&threads.lock);
        nt_object_unref(thread);
        nt_object_unref(thread);
        return NT_STATUS_NO_RESOURCES;
    }
    if (ret_thread)
        *ret_thread = thread;
    else
        nt_object_unref(thread);
    return NT_SUCCESS_CODE;
}

int32_t
nt_thread_terminate(int32_t status)
{
    struct nt_thread *self = nt_cpu.thread;

    if (!self || !self->start)
        return NT_STATUS_INVALID_PARAMETER;
    self->exit_status = status;
    nt_cpu.irql = NT_PASSIVE_LEVEL;
    _longjmp(self->exit, 1);
}

size_t
nt_thread_count(void)
{
    pthread_mutex_lock(&threads.lock);
    size_t count = threads.count;
    pthread_mutex_unlock(&threads.lock);
    return count;
}

size_t
nt_thread_count_of(const struct nt_driver *driver)
{
    size_t count = 0;

    pthread_mutex_lock(&threads.lock);
    for (struct nt_list *i = threads.running.next; i != &threads.running; i = i->next)
        count += NT_LIST_ITEM(i, struct nt_thread, link)->driver == driver;
    pthread_mutex_unlock(&threads.lock);
    return count;
}

void
nt_thread_check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&threads.lock);
    for (struct nt_list *i = threads.running.next; i != &threads.running; i = i->next) {
        const struct nt_thread *thread = NT_LIST_ITEM(i, struct nt_thread, link);
        if (thread->driver == driver)
            nt_finding_at(driver->name, nt_object_site(thread), NT_FINDING_THREAD_LEAK,
                          "a system thread still runs");
    }
    pthread_mutex_unlock(&threads.lock);
}
