/*
 * The heap of deadlines and who fires them; see nt_timer.h.
 */
#include "nt/ntos/nt_timer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_thread.h"

struct deadline {
    uint64_t due, order;
    struct nt_timer *timer; /* one of these two */
    struct nt_wait *wait;
    uintptr_t site; /* where the driver set the timer */
};

/* Slot 0 stays empty, so that index 0 means "not there". */
static struct {
    struct deadline *slots;
    size_t count, room;
    uint64_t order;
    _Atomic uint64_t next_due; /* of the first slot; UINT64_MAX = none */
    pthread_t thread;
    pthread_cond_t condition;
    bool thread_runs, thread_stops;
} heap = {.next_due = UINT64_MAX};

static bool
comes_before(const struct deadline *a, const struct deadline *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void
put(size_t index, struct deadline deadline)
{
    heap.slots[index] = deadline;
    if (deadline.timer)
        deadline.timer->heap_index = index;
    else
        deadline.wait->deadline_index = index;
}

static void
sift(size_t i)
{
    struct deadline moving = heap.slots[i];

    for (; i > 1 && comes_before(&moving, &heap.slots[i / 2]); i /= 2)
        put(i, heap.slots[i / 2]);
    for (size_t child; (child = 2 * i) <= heap.count; i = child) {
        if (child < heap.count && comes_before(&heap.slots[child + 1], &heap.slots[child]))
            child++;
        if (!comes_before(&heap.slots[child], &moving))
            break;
        put(i, heap.slots[child]);
    }
    put(i, moving);
}

static void
note_first(void)
{
    atomic_store_explicit(&heap.next_due, heap.count ? heap.slots[1].due : UINT64_MAX,
                          memory_order_relaxed);
}

static bool
add_locked(struct deadline deadline)
{
    if (heap.count + 1 >= heap.room) {
        size_t room = heap.room ? 2 * heap.room : 64;
        struct deadline *slots = realloc(heap.slots, room * sizeof(*slots));
        if (!slots)
            return false;
        heap.slots = slots;
        heap.room = room;
    }
    deadline.order = heap.order++;
    put(++heap.count, deadline);
    sift(heap.count);
    note_first();
    return true;
}

static void
remove_locked(size_t index)
{
    struct deadline last = heap.slots[heap.count--];

    if (index <= heap.count) {
        put(index, last);
        sift(index);
    }
    note_first();
}

bool
nt_timer_add_wait_locked(struct nt_wait *wait, uint64_t due_100ns)
{
    return add_locked((struct deadline){.due = due_100ns, .wait = wait});
}

void
nt_timer_remove_wait_locked(struct nt_wait *wait)
{
    if (wait->deadline_index)
        remove_locked(wait->deadline_index);
    wait->deadline_index = 0;
}

uint64_t
nt_timer_due(int64_t timeout_100ns)
{
    uint64_t now = wfp_clock_uptime();
    int64_t delta = timeout_100ns < 0 ? -timeout_100ns : timeout_100ns - (int64_t)wfp_clock_now();
    return delta > 0 ? now + (uint64_t)delta : now;
}

/** Fire the first deadline; drops the lock while a DPC runs. */
static void
fire_first_locked(void)
{
    struct deadline first = heap.slots[1];
    struct nt_timer *timer = first.timer;

    remove_locked(1);
    if (first.wait) {
        first.wait->deadline_index = 0;
        nt_dispatcher_expire_locked(first.wait);
        return;
    }
    timer->heap_index = 0;
    if (timer->period_ms)
        add_locked((struct deadline){
            .due = first.due + timer->period_ms * 10000ull, .timer = timer, .site = first.site});
    nt_dispatcher_set_locked(&timer->header, 1);
    struct nt_dpc *dpc = timer->dpc;
    if (dpc) {
        nt_dpc_hold();
        pthread_mutex_unlock(&nt_dispatcher_lock);
        nt_dpc_insert(dpc, NULL, NULL);
        nt_dpc_release();
        pthread_mutex_lock(&nt_dispatcher_lock);
    }
}

bool
nt_timer_advance_locked(uint64_t limit_100ns)
{
    if (!heap.count || heap.slots[1].due > limit_100ns)
        return false;
    uint64_t uptime = wfp_clock_uptime();
    if (heap.slots[1].due > uptime)
        wfp_clock_advance(wfp_clock_now() + (heap.slots[1].due - uptime));
    fire_first_locked();
    return true;
}

void
nt_time_run_until(uint64_t time_100ns)
{
    if (!wfp_clock_is_virtual())
        return;
    nt_dispatcher_own_clock();
    uint64_t start = wfp_clock_now() - wfp_clock_uptime();
    uint64_t limit = time_100ns > start ? time_100ns - start : 0;
    if (atomic_load_explicit(&heap.next_due, memory_order_relaxed) <= limit ||
        nt_dispatcher_has_ready()) {
        pthread_mutex_lock(&nt_dispatcher_lock);
        do
            nt_dispatcher_run_ready_locked();
        while (nt_timer_advance_locked(limit));
        pthread_mutex_unlock(&nt_dispatcher_lock);
    }
    wfp_clock_advance(time_100ns);
}

void
nt_time_settle(void)
{
    if (wfp_clock_is_virtual())
        nt_time_run_until(wfp_clock_now());
}

uint64_t
nt_time_next_due(void)
{
    uint64_t due = atomic_load_explicit(&heap.next_due, memory_order_relaxed);
    return due == UINT64_MAX ? 0 : due + (wfp_clock_now() - wfp_clock_uptime());
}

/** The wall clock's thread: sleeps until the first deadline. */
static void *
run_wall_clock(void *unused)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    while (!heap.thread_stops) {
        uint64_t now = wfp_clock_uptime();
        if (!heap.count || wfp_clock_is_virtual()) {
            pthread_cond_wait(&heap.condition, &nt_dispatcher_lock);
        } else if (heap.slots[1].due > now) {
            struct timespec t;
            uint64_t delta = heap.slots[1].due - now;
            clock_gettime(CLOCK_MONOTONIC, &t);
            t.tv_sec += (time_t)(delta / 10000000u);
            t.tv_nsec += (long)(delta % 10000000u) * 100;
            t.tv_sec += t.tv_nsec / 1000000000;
            t.tv_nsec %= 1000000000;
            pthread_cond_timedwait(&heap.condition, &nt_dispatcher_lock, &t);
        } else {
            fire_first_locked();
        }
    }
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return NULL;
}

static void
start_thread_locked(void)
{
    pthread_condattr_t attr;

    if (heap.thread_runs) {
        pthread_cond_signal(&heap.condition);
        return;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&heap.condition, &attr);
    pthread_condattr_destroy(&attr);
    heap.thread_stops = false;
    heap.thread_runs = pthread_create(&heap.thread, NULL, run_wall_clock, NULL) == 0;
}

void
nt_timer_fini(void)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    bool runs = heap.thread_runs;
    heap.thread_runs = false;
    heap.thread_stops = true;
    if (runs)
        pthread_cond_signal(&heap.condition);
    pthread_mutex_unlock(&nt_dispatcher_lock);
    if (runs)
        pthread_join(heap.thread, NULL);
    pthread_mutex_lock(&nt_dispatcher_lock);
    if (!heap.count) {
        free(heap.slots);
        heap.slots = NULL;
        heap.room = 0;
    }
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

void
nt_timer_init(struct nt_timer *timer, bool synchronization)
{
    memset(timer, 0, sizeof(*timer));
    nt_dispatcher_init(&timer->header,
                       synchronization ? NT_SYNCHRONIZATION_TIMER : NT_NOTIFICATION_TIMER, 0);
    timer->header.size = sizeof(*timer) / 4;
    timer->owner = nt_driver_current();
}

bool
nt_timer_set(struct nt_timer *timer, int64_t due_100ns, uint32_t period_ms, struct nt_dpc *dpc,
             uintptr_t site)
{
    uint64_t due = nt_timer_due(due_100ns);

    pthread_mutex_lock(&nt_dispatcher_lock);
    bool was_set = timer->heap_index != 0;
    if (was_set)
        remove_locked(timer->heap_index);
    timer->heap_index = 0;
    timer->header.signal_state = 0;
    timer->due_100ns = due;
    timer->period_ms = period_ms;
    timer->dpc = dpc;
    timer->owner = nt_driver_current() ? nt_driver_current() : timer->owner;
    add_locked((struct deadline){.due = due, .timer = timer, .site = site});
    if (!wfp_clock_is_virtual())
        start_thread_locked();
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return was_set;
}

bool
nt_timer_cancel(struct nt_timer *timer)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    bool was_set = timer->heap_index != 0;
    if (was_set)
        remove_locked(timer->heap_index);
    timer->heap_index = 0;
    pthread_mutex_unlock(&nt_dispatcher_lock);
    return was_set;
}

/** Forget and report armed timers that @p matches; one finding each. */
static void
sweep(bool (*matches)(const struct nt_timer *timer, const void *what, size_t size),
      const void *what, size_t size, const char *message, struct nt_driver *driver)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    for (size_t i = 1; i <= heap.count;) {
        struct nt_timer *timer = heap.slots[i].timer;
        if (!timer || !matches(timer, what, size)) {
            i++;
            continue;
        }
        nt_finding_at(nt_driver_name(driver), heap.slots[i].site, NT_FINDING_TIMER_LEAK, "%s",
                      message);
        remove_locked(i);
        timer->heap_index = 0;
        i = 1;
    }
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

static bool
lies_in(const struct nt_timer *timer, const void *start, size_t size)
{
    return (uintptr_t)timer - (uintptr_t)start < size;
}

static bool
belongs_to(const struct nt_timer *timer, const void *driver, size_t size)
{
    return timer->owner == driver;
}

void
nt_timer_check_memory(const void *start, size_t size)
{
    if (LIKELY(atomic_load_explicit(&heap.next_due, memory_order_relaxed) == UINT64_MAX) ||
        size < sizeof(struct nt_timer))
        return;
    sweep(lies_in, start, size, "memory was freed with a timer in it that was armed",
          nt_driver_current());
}

void
nt_timer_check_driver(struct nt_driver *driver)
{
    sweep(belongs_to, driver, 0, "a timer was left armed", driver);
}
