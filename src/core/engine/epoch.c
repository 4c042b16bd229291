/*
 * Registration of reader threads and the wait for readers.
 */
#include "core/engine/epoch.h"

#include <pthread.h>

__thread bool wfp_epoch_registered;
#ifdef __SANITIZE_THREAD__
char wfp_epoch_order;
#endif

static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
unregister(void *value)
{
    if (!wfp_epoch_registered)
        return;
    urcu_memb_unregister_thread();
    wfp_epoch_registered = false;
}

static void
make_key(void)
{
    (void)pthread_key_create(&at_thread_end, unregister);
}

void
wfp_epoch_register_thread(void)
{
    if (wfp_epoch_registered)
        return;
    pthread_once(&once, make_key);
    urcu_memb_register_thread();
    wfp_epoch_registered = true;
    (void)pthread_setspecific(at_thread_end, &wfp_epoch_registered);
}

void
wfp_epoch_wait(void)
{
    assert(!wfp_epoch_is_inside());
    urcu_memb_synchronize_rcu();
    WFP_EPOCH_READERS_GONE();
}
