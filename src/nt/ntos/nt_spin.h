/*
 * Spin locks that know their owner: the word a driver sees is 0, or the holder's thread plus one.
 */
#ifndef WFP_NT_SPIN_H
#define WFP_NT_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

/** Slow path: waits, and reports a lock that this thread holds already. */
void nt_spin_wait(unsigned long long *lock);
void nt_spin_not_owned(void);
/** Called while spinning; yields, and after a long time reports a deadlock and stops the program. */
void nt_spin_pause(unsigned *rounds);

extern __thread uintptr_t nt_spin_self_value __attribute__((tls_model("initial-exec")));

/** An odd value unique to this thread. */
static inline uintptr_t
nt_spin_self(void)
{
    return (uintptr_t)&nt_spin_self_value + 1;
}

static inline bool
nt_spin_try(unsigned long long *lock)
{
    unsigned long long expected = 0;
    return __atomic_compare_exchange_n(lock, &expected, nt_spin_self(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void
nt_spin_acquire(unsigned long long *lock)
{
    if (UNLIKELY(!nt_spin_try(lock)))
        nt_spin_wait(lock);
}

static inline void
nt_spin_release(unsigned long long *lock)
{
    if (UNLIKELY(__atomic_load_n(lock, __ATOMIC_RELAXED) != nt_spin_self()))
        nt_spin_not_owned();
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif
