/*
 * The one door into driver code: sets the IRQL and names the driver while it runs.
 *
 *     NTSTATUS status = NT_CALLBACK(driver, NT_PASSIVE_LEVEL, entry(object, path));
 *     NT_CALLBACK_VOID(driver, NT_DISPATCH_LEVEL, classify(...));
 *
 * The callee's pointer type carries NTAPI, so the calling convention follows from the type. The
 * door is a few instructions: classify goes through it for every packet. Hold no owned local across
 * it: a fault in the driver may leave by another way.
 */
#ifndef WFP_NT_CALLBACK_H
#define WFP_NT_CALLBACK_H

#include "nt/ntos/nt_cpu.h"

struct nt_callback {
    struct nt_driver *driver;
    uint8_t irql;
};

void nt_callback_leave_slow(struct nt_callback saved, uint8_t entered);

static inline struct nt_callback
nt_callback_enter(struct nt_driver *driver, uint8_t irql)
{
    struct nt_callback saved = {nt_cpu.driver, nt_cpu.irql};
    nt_cpu.driver = driver;
    nt_cpu.irql = irql;
    return saved;
}

static inline void
nt_callback_leave(struct nt_callback saved, uint8_t entered)
{
    if (UNLIKELY(nt_cpu.irql != entered || nt_cpu.dpc_pending)) {
        nt_callback_leave_slow(saved, entered);
        return;
    }
    nt_cpu.driver = saved.driver;
    nt_cpu.irql = saved.irql;
}

#define NT_CALLBACK(owner, level, call)                                                            \
    ({                                                                                             \
        const uint8_t level_ = (level);                                                            \
        struct nt_callback saved_ = nt_callback_enter((owner), level_);                            \
        __typeof__(call) result_ = (call);                                                         \
        nt_callback_leave(saved_, level_);                                                         \
        result_;                                                                                   \
    })

#define NT_CALLBACK_VOID(owner, level, call)                                                       \
    do {                                                                                           \
        const uint8_t level_ = (level);                                                            \
        struct nt_callback saved_ = nt_callback_enter((owner), level_);                            \
        (call);                                                                                    \
        nt_callback_leave(saved_, level_);                                                         \
    } while (0)

#endif
