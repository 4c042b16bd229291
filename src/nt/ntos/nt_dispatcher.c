/*
 * Waits, wake-ups and turns; see nt_dispatcher.h.
 *
 * Lock order  nt_dispatcher_lock is a leaf: nothing else is taken under it, no driver code runs.
 */
#include "nt/ntos/nt_dispatcher.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_status.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_timer.h"

#define BUSY_SECONDS 2  /* of processor: how long one thread may keep its turn */
#define IDLE_ROUNDS  10 /* of so many seconds: how long one may that gets no processor */
#define HANG_SECONDS 10 /* how long the clock owner waits for the impossible */

pthread_mutex_t nt_dispatcher_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    struct nt_list ready; /* threads that were woken and wait for their turn */
    atomic_size_t ready_count;
    struct nt_thread *_Atomic owner; /* the clock owner */
    struct nt_thread *runner;        /* whose turn it is; NULL = the clock owner's */
    bool no_turns;                   /* given up: a thread did not wait */
} turns = {.ready = {&turns.ready, &turns.ready}};

static struct {
    struct nt_thread *_Atomic thread;
    void (*serve)(void *context);
    void *context;
    atomic_bool requested;
    bool is_running;
} service;

static bool
takes_turns(const struct nt_thread *thread)
{
    return thread->takes_turns && turns.owner && !turns.no_turns && wfp_clock_is_virtual();
}

static struct timespec
monotonic_in(uint64_t delta_100ns)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(delta_100ns / 10000000u);
    t.tv_nsec += (long)(delta_100ns % 10000000u) * 100;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void
unready_locked(struct nt_thread *thread)
{
    if (!thread->is_ready)
        return;
    thread->is_ready = false;
    nt_list_remove(&thread->ready_link);
    atomic_fetch_sub_explicit(&turns.ready_count, 1, memory_order_release);
}

/** Turns are off: wake everyone who waits for one. */
static void
give_up_turns_locked(void)
{
    turns.no_turns = true;
    while (!nt_list_is_empty(&turns.ready)) {
        struct nt_thread *thread = NT_LIST_ITEM(turns.ready.next, struct nt_thread, ready_link);
        unready_locked(thread);
        pthread_cond_broadcast(&thread->condition);
    }
}

/** On the serving thread: drop the lock and do what was asked for. @return false when nothing was */
static bool
serve_locked(const struct nt_thread *self)
{
    if (service.thread != self || service.is_running ||
        !atomic_exchange_explicit(&service.requested, false, memory_order_acquire))
        return false;
    struct nt_driver *driver = nt_cpu.driver;
    uint8_t irql = nt_cpu.irql;
    service.is_running = true;
    pthread_mutex_unlock(&nt_dispatcher_lock);
    nt_cpu.driver = NULL;
    nt_cpu.irql = NT_PASSIVE_LEVEL;
    service.serve(service.context);
    nt_cpu.irql = irql;
    nt_cpu.driver = driver;
    pthread_mutex_lock(&nt_dispatcher_lock);
    service.is_running = false;
    return true;
}

void
nt_dispatcher_set_service(void (*serve)(void *context), void *context)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    service.serve = serve;
    service.context = context;
    service.thread = serve ? nt_thread_current() : NULL;
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

bool
nt_dispatcher_has_service(bool *ret_self)
{
    struct nt_thread *thread = service.thread;

    *ret_self = thread && thread == nt_cpu.thread;
    return thread != NULL;
}

void
nt_dispatcher_request_service(void)
{
    bool self;

    atomic_store_explicit(&service.requested, true, memory_order_release);
    if (!nt_dispatcher_has_service(&self) || self)
        return;
    pthread_mutex_lock(&nt_dispatcher_lock);
    if (service.thread)
        pthread_cond_signal(&service.thread->condition); /* it may be waiting in the dispatcher */
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

void
nt_dispatcher_serve(void)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    serve_locked(nt_cpu.thread);
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

void
nt_dispatcher_own_clock(void)
{
    struct nt_thread *self = nt_thread_current();

    if (LIKELY(atomic_load_explicit(&turns.owner, memory_order_relaxed) == self))
        return;
    pthread_mutex_lock(&nt_dispatcher_lock);
    turns.owner = self;
    turns.no_turns = false;
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

void
nt_dispatcher_disown_clock(struct nt_thread *thread)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    if (turns.owner == thread) {
        give_up_turns_locked();
        turns.owner = NULL;
    }
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

bool
nt_dispatcher_has_ready(void)
{
    return atomic_load_explicit(&turns.ready_count, memory_order_acquire) != 0;
}

void
nt_dispatcher_make_ready_locked(struct nt_thread *thread)
{
    if (thread->is_ready || thread->has_turn)
        return;
    thread->is_ready = true;
    nt_list_append(&turns.ready, &thread->ready_link);
    atomic_fetch_add_explicit(&turns.ready_count, 1, memory_order_release);
    if (turns.owner)
        pthread_cond_signal(&turns.owner->condition); /* it may be waiting in the dispatcher */
}

/* Processor time a thread has had, seconds: on a busy machine it may be little. */
static double
processor_of(const struct nt_thread *thread)
{
    clockid_t clock;
    struct timespec t;

    if (pthread_getcpuclockid(thread->pthread, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/** One thread's turn. @return false when it did not end: turns are off from now on */
static bool
give_turn_locked(struct nt_thread *self, struct nt_thread *thread)
{
    struct timespec limit = monotonic_in(BUSY_SECONDS * 10000000ull);
    double before = processor_of(thread);
    int rounds = 0;

    unready_locked(thread);
    thread->has_turn = true;
    turns.runner = thread;
    pthread_cond_broadcast(&thread->condition);
    while (turns.runner == thread) {
        if (pthread_cond_timedwait(&self->condition, &nt_dispatcher_lock, &limit) != ETIMEDOUT ||
            turns.runner != thread)
            continue;
        if (processor_of(thread) - before < BUSY_SECONDS * 0.9 && ++rounds < IDLE_ROUNDS) {
            limit = monotonic_in(BUSY_SECONDS * 10000000ull);
            continue;
        }
        thread->has_turn = false;
        turns.runner = NULL;
        give_up_turns_locked();
        nt_finding_at(nt_driver_name(thread->driver), nt_object_site(thread),
                      NT_FINDING_THREAD_BUSY, "a system thread ran for %d s without waiting",
                      BUSY_SECONDS);
        return false;
    }
    return true;
}

void
nt_dispatcher_run_ready_locked(void)
{
    struct nt_thread *self = turns.owner;

    do {
        while (!nt_list_is_empty(&turns.ready)) {
            if (!give_turn_locked(self,
                                  NT_LIST_ITEM(turns.ready.next, struct nt_thread, ready_link)))
                return;
            serve_locked(self);
        }
    } while (serve_locked(self));
}

void
nt_dispatcher_enter_locked(struct nt_thread *self)
{
    while (takes_turns(self) && !self->has_turn) {
        if (!self->is_ready)
            nt_dispatcher_make_ready_locked(self);
        pthread_cond_wait(&self->condition, &nt_dispatcher_lock);
    }
    unready_locked(self);
}

void
nt_dispatcher_leave_locked(struct nt_thread *self)
{
    unready_locked(self);
    if (!self->has_turn)
        return;
    self->has_turn = false;
    turns.runner = NULL;
    if (turns.owner)
        pthread_cond_signal(&turns.owner->condition);
}

void
nt_dispatcher_init(struct nt_dispatcher *object, enum nt_dispatcher_type type, int32_t state)
{
    memset(object, 0, sizeof(*object));
    object->type = (uint8_t)type;
    object->size = sizeof(*object) / 4;
    object->signal_state = state;
    nt_list_init(&object->wait_list);
}

static bool
is_satisfied(const struct nt_dispatcher *object, const struct nt_thread *thread)
{
    return object->signal_state > 0 ||
           (object->type == NT_MUTANT && ((const struct nt_mutant *)object)->owner == thread);
}

/** Take what a satisfied wait takes. @return true when a mutant was abandoned */
static bool
consume(struct nt_dispatcher *object, struct nt_thread *thread)
{
    struct nt_mutant *mutant = (struct nt_mutant *)object;
    bool abandoned = false;

    switch (object->type) {
    case NT_SYNCHRONIZATION_EVENT:
    case NT_SYNCHRONIZATION_TIMER:
        object->signal_state = 0;
        break;
    case NT_SEMAPHORE:
        object->signal_state--;
        break;
    case NT_MUTANT:
        if (--object->signal_state == 0) {
            mutant->owner = thread;
            nt_list_append(&thread->mutants, &mutant->owned_link);
            abandoned = mutant->abandoned & 1;
            mutant->abandoned = 0;
        }
        break;
    default:
        break;
    }
    return abandoned;
}

/** Could @p wait end now? Then take what it takes. */
static bool
try_satisfy(struct nt_wait *wait)
{
    bool abandoned = false;

    if (!wait->all) {
        for (size_t i = 0; i < wait->count; i++)
            if (is_satisfied(wait->blocks[i].object, wait->thread)) {
                abandoned = consume(wait->blocks[i].object, wait->thread);
                wait->status = (int32_t)i + (abandoned ? NT_STATUS_ABANDONED_WAIT_0 : 0);
                return true;
            }
        return false;
    }
    for (size_t i = 0; i < wait->count; i++)
        if (!is_satisfied(wait->blocks[i].object, wait->thread))
            return false;
    for (size_t i = 0; i < wait->count; i++)
        abandoned |= consume(wait->blocks[i].object, wait->thread);
    wait->status = abandoned ? NT_STATUS_ABANDONED_WAIT_0 : 0;
    return true;
}

static void
finish_locked(struct nt_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        nt_list_remove(&wait->blocks[i].link);
    nt_timer_remove_wait_locked(wait);
    wait->done = true;
    if (takes_turns(wait->thread))
        nt_dispatcher_make_ready_locked(wait->thread);
    else
        pthread_cond_signal(&wait->thread->condition);
}

void
nt_dispatcher_signal_locked(struct nt_dispatcher *object)
{
    struct nt_list *entry = object->wait_list.next;

    if (!entry) /* never initialised */
        return;
    while (entry != &object->wait_list && object->signal_state > 0) {
        struct nt_wait *wait = NT_LIST_ITEM(entry, struct nt_wait_block, link)->wait;
        entry = entry->next;
        if (!try_satisfy(wait))
            continue;
        finish_locked(wait);
        entry = object->wait_list.next; /* finishing may have removed several blocks */
    }
}

int32_t
nt_dispatcher_set_locked(struct nt_dispatcher *object, int32_t state)
{
    int32_t previous = object->signal_state;

    object->signal_state = state;
    if (state > 0)
        nt_dispatcher_signal_locked(object);
    return previous;
}

int32_t
nt_dispatcher_set(struct nt_dispatcher *object, int32_t state)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    int32_t previous = nt_dispatcher_set_locked(object, state);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return previous;
}

void
nt_dispatcher_expire_locked(struct nt_wait *wait)
{
    wait->status = NT_STATUS_TIMEOUT;
    finish_locked(wait);
}

/** The clock owner waits: others run, then time jumps, until the wait is over. */
static void
wait_as_owner_locked(struct nt_wait *wait)
{
    struct timespec limit = monotonic_in(HANG_SECONDS * 10000000ull);
    bool told = false;

    while (!wait->done) {
        if (nt_dispatcher_has_ready()) {
            nt_dispatcher_run_ready_locked();
            continue;
        }
        if (serve_locked(wait->thread) || nt_timer_advance_locked(UINT64_MAX))
            continue;
        if (told)
            pthread_cond_wait(&wait->thread->condition, &nt_dispatcher_lock);
        else if (pthread_cond_timedwait(&wait->thread->condition, &nt_dispatcher_lock, &limit) ==
                 ETIMEDOUT) {
            told = true;
            nt_finding(NT_FINDING_HANG, "a wait without timeout, and nothing left to end it");
        }
    }
}

static void
block_locked(struct nt_wait *wait, const uint64_t *due_100ns)
{
    struct nt_thread *self = wait->thread;
    bool is_virtual = wfp_clock_is_virtual();

    if (is_virtual && due_100ns && !nt_timer_add_wait_locked(wait, *due_100ns)) {
        nt_dispatcher_expire_locked(wait); /* no memory for the deadline: as if it had come */
        return;
    }
    if (is_virtual && turns.owner == self && !turns.no_turns) {
        wait_as_owner_locked(wait);
        return;
    }
    nt_dispatcher_leave_locked(self);
    if (is_virtual || !due_100ns) {
        while (!wait->done)
            if (!serve_locked(self))
                pthread_cond_wait(&self->condition, &nt_dispatcher_lock);
    } else {
        uint64_t now = wfp_clock_uptime();
        struct timespec limit = monotonic_in(*due_100ns > now ? *due_100ns - now : 0);
        while (!wait->done)
            if (!serve_locked(self) &&
                pthread_cond_timedwait(&self->condition, &nt_dispatcher_lock, &limit) ==
                    ETIMEDOUT &&
                !wait->done)
                nt_dispatcher_expire_locked(wait);
    }
    nt_dispatcher_enter_locked(self);
}

int32_t
nt_dispatcher_wait(size_t count, struct nt_dispatcher *const *objects, bool all,
                   const int64_t *timeout_100ns)
{
    struct nt_wait_block blocks[NT_WAIT_MAX];
    struct nt_wait wait = {
        .thread = nt_thread_current(), .blocks = blocks, .count = count, .all = all};

    if (count > NT_WAIT_MAX)
        return NT_STATUS_INVALID_PARAMETER;
    if (!wait.thread)
        return NT_STATUS_NO_RESOURCES;
    if (nt_cpu.irql >= NT_DISPATCH_LEVEL && !(timeout_100ns && *timeout_100ns == 0))
        nt_finding(NT_FINDING_WAIT_TIMEOUT_MISUSE, "a wait that may block at DISPATCH_LEVEL");
    for (size_t i = 0; i < count; i++)
        blocks[i] = (struct nt_wait_block){.object = objects[i], .wait = &wait};
    uint64_t due = timeout_100ns ? nt_timer_due(*timeout_100ns) : 0;
    pthread_mutex_lock(&nt_dispatcher_lock);
    for (size_t i = 0; i < count; i++)
        if (!objects[i]->wait_list.next)
            nt_list_init(&objects[i]->wait_list);
    if (count && try_satisfy(&wait)) {
        pthread_mutex_unlock(&nt_dispatcher_lock);
        return wait.status;
    }
    if (timeout_100ns && *timeout_100ns == 0 && count) {
        pthread_mutex_unlock(&nt_dispatcher_lock);
        return NT_STATUS_TIMEOUT;
    }
    for (size_t i = 0; i < count; i++)
        nt_list_append(&objects[i]->wait_list, &blocks[i].link);
    block_locked(&wait, timeout_100ns ? &due : NULL);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return wait.status;
}

int32_t
nt_dispatcher_release_mutant(struct nt_mutant *mutant, bool abandoned)
{
    int32_t previous = INT32_MAX;

    pthread_mutex_lock(&nt_dispatcher_lock);
    if (mutant->owner == nt_thread_current() || abandoned) {
        previous = mutant->header.signal_state;
        mutant->header.signal_state = abandoned ? 1 : previous + 1;
        if (mutant->header.signal_state == 1) {
            mutant->owner = NULL;
            nt_list_remove(&mutant->owned_link);
            mutant->abandoned = abandoned;
            nt_dispatcher_signal_locked(&mutant->header);
        }
    }
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return previous;
}
