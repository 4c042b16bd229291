/*
 * An engine that only remembers: which filters are in force, which notifications were sent.
 *
 * It defines the few functions of core/engine that BFE calls, so that a test can fail a commit,
 * veto an add, and count.
 */
#ifndef WFP_TEST_FAKE_ENGINE_H
#define WFP_TEST_FAKE_ENGINE_H

#include "core/engine/engine.h"

#define FAKE_LOG_SIZE 64

struct fake_notification {
    enum wfp_notify_type type;
    uint64_t filter_id;
};

extern struct fake_engine {
    uint32_t filter_count; /* in force */
    uint64_t filter_id_sum;
    uint32_t commits;
    int fail_commit;        /* returned by the next commits */
    int veto;               /* returned by ADD notifications */
    uint32_t registered_id; /* the one callout that counts as registered */
    uint64_t context;       /* written to filter->context on ADD if not 0 */
    uint32_t notification_count;
    struct fake_notification notifications[FAKE_LOG_SIZE];
    void (*on_notify)(enum wfp_notify_type type, struct wfp_filter *filter);
} fake_engine;

void fake_engine_reset(void);
#define FAKE_ENGINE ((struct wfp_engine *)&fake_engine)

#endif
