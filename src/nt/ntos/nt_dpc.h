/*
 * Deferred procedure calls: per-thread queues that run when the IRQL drops below DISPATCH_LEVEL.
 */
#ifndef WFP_NT_DPC_H
#define WFP_NT_DPC_H

#include <stdbool.h>
#include <stdint.h>

struct nt_driver;
struct nt_dpc;

struct nt_dpc_queue {
    struct nt_dpc *first, *last;
};

/** The layout of KDPC; `owner` lies where Windows keeps ProcessorHistory. */
struct nt_dpc {
    uint8_t type;
    uint8_t importance;
    uint16_t number;
    struct nt_dpc *next;
    struct nt_driver *owner;
    void(__attribute__((ms_abi)) * routine)(struct nt_dpc *dpc, void *context, void *argument1,
                                            void *argument2);
    void *context;
    void *argument1;
    void *argument2;
    struct nt_dpc_queue *queue; /* where it is queued, or NULL */
};

void nt_dpc_init(struct nt_dpc *dpc,
                 void(__attribute__((ms_abi)) * routine)(struct nt_dpc *, void *, void *, void *),
                 void *context);
/**
 * Queue on this thread; runs at once below DISPATCH_LEVEL.
 * @return false when it was queued already
 */
bool nt_dpc_insert(struct nt_dpc *dpc, void *argument1, void *argument2);
/** Take it out. @return false when it was not queued */
bool nt_dpc_remove(struct nt_dpc *dpc);
/** Wait until no DPC runs on another thread and none is queued on this one. */
void nt_dpc_flush(void);
/** Make nt_dpc_flush() on other threads wait: a timer is about to queue its DPC here. */
void nt_dpc_hold(void);
void nt_dpc_release(void);

#endif
