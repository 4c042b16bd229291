/*
 * The queue of work items and its workers; see nt_work.h.
 */
#include "nt/ntos/nt_work.h"

#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_thread.h"

#define MAX_WORKERS 64

/** What a worker does now; lives on its stack. */
struct worker {
    struct nt_list link;
    struct nt_work *work;
    struct nt_driver *driver;
};

static struct {
    pthread_mutex_t lock;
    struct nt_list queue;
    struct nt_list busy; /* workers with work */
    size_t workers, idle;
    bool stops;
    struct nt_dispatcher queued;  /* semaphore: items queued */
    struct nt_dispatcher changed; /* event: some work ended */
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .queue = {&pool.queue, &pool.queue},
    .busy = {&pool.busy, &pool.busy},
    .queued = {.type = NT_SEMAPHORE, .wait_list = {&pool.queued.wait_list, &pool.queued.wait_list}},
    .changed = {.type = NT_NOTIFICATION_EVENT,
                .wait_list = {&pool.changed.wait_list, &pool.changed.wait_list}},
};

static void
release_semaphore(struct nt_dispatcher *semaphore)
{
    pthread_mutex_lock(&nt_dispatcher_lock);
    nt_dispatcher_set_locked(semaphore, semaphore->signal_state + 1);
    pthread_mutex_unlock(&nt_dispatcher_lock);
}

static void
work_loop(void *unused)
{
    struct nt_dispatcher *queued = &pool.queued;
    struct worker self = {0};

    nt_list_init(&self.link);
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct nt_list *entry = nt_list_pop(&pool.queue);
        if (!entry && pool.stops)
            break;
        if (!entry) {
            pool.idle++;
            pthread_mutex_unlock(&pool.lock);
            nt_dispatcher_wait(1, &queued, false, NULL);
            pthread_mutex_lock(&pool.lock);
            pool.idle--;
            continue;
        }
        self.work = NT_LIST_ITEM(entry, struct nt_work, link);
        self.driver = self.work->driver;
        self.work->is_queued = false;
        nt_list_append(&pool.busy, &self.link);
        pthread_mutex_unlock(&pool.lock);
        self.work->run(self.work);
        pthread_mutex_lock(&pool.lock);
        nt_list_remove(&self.link);
        nt_dispatcher_set(&pool.changed, 1);
    }
    pool.workers--;
    nt_dispatcher_set(&pool.changed, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void
add_worker(void)
{
    struct nt_driver *driver = nt_cpu.driver;

    nt_cpu.driver = NULL; /* the worker belongs to no driver */
    if (nt_thread_create(work_loop, NULL, NULL) < 0) {
        pthread_mutex_lock(&pool.lock);
        pool.workers--;
        pthread_mutex_unlock(&pool.lock);
    }
    nt_cpu.driver = driver;
}

bool
nt_work_queue(struct nt_work *work, void (*run)(struct nt_work *), struct nt_driver *driver)
{
    pthread_mutex_lock(&pool.lock);
    if (work->is_queued) {
        pthread_mutex_unlock(&pool.lock);
        return false;
    }
    work->is_queued = true;
    work->run = run;
    work->driver = driver;
    nt_list_append(&pool.queue, &work->link);
    bool lacks_worker = pool.idle == 0 && pool.workers < MAX_WORKERS;
    if (lacks_worker)
        pool.workers++;
    pthread_mutex_unlock(&pool.lock);
    if (lacks_worker)
        add_worker();
    release_semaphore(&pool.queued);
    return true;
}

bool
nt_work_cancel(struct nt_work *work)
{
    pthread_mutex_lock(&pool.lock);
    bool was_queued = work->is_queued;
    if (was_queued)
        nt_list_remove(&work->link);
    work->is_queued = false;
    pthread_mutex_unlock(&pool.lock);
    return was_queued;
}

static bool
concerns(const struct nt_work *work, const struct nt_driver *owner, const struct nt_work *wanted,
         const struct nt_driver *driver)
{
    return wanted ? work == wanted : owner == driver;
}

/** Is @p work, or else any work of @p driver, queued or running? */
static bool
is_busy_locked(const struct nt_work *work, const struct nt_driver *driver)
{
    for (struct nt_list *i = pool.queue.next; i != &pool.queue; i = i->next) {
        const struct nt_work *queued = NT_LIST_ITEM(i, struct nt_work, link);
        if (concerns(queued, queued->driver, work, driver))
            return true;
    }
    for (struct nt_list *i = pool.busy.next; i != &pool.busy; i = i->next) {
        const struct worker *worker = NT_LIST_ITEM(i, struct worker, link);
        if (concerns(worker->work, worker->driver, work, driver))
            return true;
    }
    return false;
}

static void
wait_while_busy(const struct nt_work *work, const struct nt_driver *driver)
{
    struct nt_dispatcher *changed = &pool.changed;

    pthread_mutex_lock(&pool.lock);
    while (is_busy_locked(work, driver)) {
        nt_dispatcher_set(&pool.changed, 0);
        pthread_mutex_unlock(&pool.lock);
        nt_dispatcher_wait(1, &changed, false, NULL);
        pthread_mutex_lock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.lock);
}

void
nt_work_flush(struct nt_driver *driver)
{
    wait_while_busy(NULL, driver);
}

void
nt_work_wait(struct nt_work *work)
{
    wait_while_busy(work, NULL);
}

void
nt_work_fini(void)
{
    struct nt_dispatcher *changed = &pool.changed;

    pthread_mutex_lock(&pool.lock);
    pool.stops = true;
    while (pool.workers) {
        nt_dispatcher_set(&pool.changed, 0);
        pthread_mutex_unlock(&pool.lock);
        release_semaphore(&pool.queued);
        nt_dispatcher_wait(1, &changed, false, NULL);
        pthread_mutex_lock(&pool.lock);
    }
    pool.stops = false;
    pthread_mutex_unlock(&pool.lock);
    nt_dispatcher_set(&pool.queued, 0);
}
