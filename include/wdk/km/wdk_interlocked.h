/*
 * Interlocked operations (full barriers) and plain atomic access; part of wdm.h.
 *
 * Functions over the compiler's atomics rather than macros over _Interlocked*: the same text serves
 * gcc on the host, and no name clashes with clang's builtins.
 */
#ifndef WDK_INTERLOCKED_H
#define WDK_INTERLOCKED_H

#include <ntdef.h>

#define WDK_INTERLOCKED(type, suffix)                                                              \
    NT_INLINE type InterlockedExchange##suffix(type volatile *target, type value)                  \
    {                                                                                              \
        return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);                               \
    }                                                                                              \
    NT_INLINE type InterlockedExchangeAdd##suffix(type volatile *target, type value)               \
    {                                                                                              \
        return __atomic_fetch_add(target, value, __ATOMIC_SEQ_CST);                                \
    }                                                                                              \
    NT_INLINE type InterlockedAdd##suffix(type volatile *target, type value)                       \
    {                                                                                              \
        return __atomic_add_fetch(target, value, __ATOMIC_SEQ_CST);                                \
    }                                                                                              \
    NT_INLINE type InterlockedIncrement##suffix(type volatile *target)                             \
    {                                                                                              \
        return __atomic_add_fetch(target, 1, __ATOMIC_SEQ_CST);                                    \
    }                                                                                              \
    NT_INLINE type InterlockedDecrement##suffix(type volatile *target)                             \
    {                                                                                              \
        return __atomic_sub_fetch(target, 1, __ATOMIC_SEQ_CST);                                    \
    }                                                                                              \
    NT_INLINE type InterlockedAnd##suffix(type volatile *target, type value)                       \
    {                                                                                              \
        return __atomic_fetch_and(target, value, __ATOMIC_SEQ_CST);                                \
    }                                                                                              \
    NT_INLINE type InterlockedOr##suffix(type volatile *target, type value)                        \
    {                                                                                              \
        return __atomic_fetch_or(target, value, __ATOMIC_SEQ_CST);                                 \
    }                                                                                              \
    NT_INLINE type InterlockedXor##suffix(type volatile *target, type value)                       \
    {                                                                                              \
        return __atomic_fetch_xor(target, value, __ATOMIC_SEQ_CST);                                \
    }                                                                                              \
    NT_INLINE type InterlockedCompareExchange##suffix(type volatile *target, type value,           \
                                                      type comparand)                              \
    {                                                                                              \
        __atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST,                \
                                    __ATOMIC_SEQ_CST);                                             \
        return comparand;                                                                          \
    }

WDK_INTERLOCKED(CHAR, 8)
WDK_INTERLOCKED(SHORT, 16)
WDK_INTERLOCKED(LONG, )
WDK_INTERLOCKED(LONG64, 64)
#undef WDK_INTERLOCKED

NT_INLINE PVOID
InterlockedExchangePointer(PVOID volatile *target, PVOID value)
{
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

NT_INLINE PVOID
InterlockedCompareExchangePointer(PVOID volatile *target, PVOID value, PVOID comparand)
{
    __atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return comparand;
}

NT_INLINE BOOLEAN
InterlockedBitTestAndSet(LONG volatile *base, LONG bit)
{
    ULONG mask = 1u << (bit & 31);

    return (BOOLEAN)((__atomic_fetch_or((volatile ULONG *)base + bit / 32, mask, __ATOMIC_SEQ_CST) &
                      mask) != 0);
}

NT_INLINE BOOLEAN
InterlockedBitTestAndReset(LONG volatile *base, LONG bit)
{
    ULONG mask = 1u << (bit & 31);

    return (
        BOOLEAN)((__atomic_fetch_and((volatile ULONG *)base + bit / 32, ~mask, __ATOMIC_SEQ_CST) &
                  mask) != 0);
}

#define InterlockedIncrementUint(target)                                                           \
    ((unsigned int)InterlockedIncrement((LONG volatile *)(target)))
#define InterlockedIncrementAcquire              InterlockedIncrement
#define InterlockedIncrementRelease              InterlockedIncrement
#define InterlockedIncrementNoFence              InterlockedIncrement
#define InterlockedDecrementAcquire              InterlockedDecrement
#define InterlockedDecrementRelease              InterlockedDecrement
#define InterlockedDecrementNoFence              InterlockedDecrement
#define InterlockedExchangeAcquire               InterlockedExchange
#define InterlockedExchangeNoFence               InterlockedExchange
#define InterlockedExchangeAddAcquire            InterlockedExchangeAdd
#define InterlockedExchangeAddRelease            InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence            InterlockedExchangeAdd
#define InterlockedAddNoFence                    InterlockedAdd
#define InterlockedAddAcquire                    InterlockedAdd
#define InterlockedAddRelease                    InterlockedAdd
#define InterlockedAndAcquire                    InterlockedAnd
#define InterlockedAndRelease                    InterlockedAnd
#define InterlockedAndNoFence                    InterlockedAnd
#define InterlockedOrAcquire                     InterlockedOr
#define InterlockedOrRelease                     InterlockedOr
#define InterlockedOrNoFence                     InterlockedOr
#define InterlockedXorNoFence                    InterlockedXor
#define InterlockedCompareExchangeAcquire        InterlockedCompareExchange
#define InterlockedCompareExchangeRelease        InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence        InterlockedCompareExchange
#define InterlockedCompareExchange64Acquire      InterlockedCompareExchange64
#define InterlockedCompareExchange64NoFence      InterlockedCompareExchange64
#define InterlockedIncrement64NoFence            InterlockedIncrement64
#define InterlockedDecrement64NoFence            InterlockedDecrement64
#define InterlockedExchangeNoFence64             InterlockedExchange64
#define InterlockedAdd64NoFence                  InterlockedAdd64
#define InterlockedExchangeAddNoFence64          InterlockedExchangeAdd64
#define InterlockedExchangePointerNoFence        InterlockedExchangePointer
#define InterlockedExchangePointerAcquire        InterlockedExchangePointer
#define InterlockedCompareExchangePointerNoFence InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedAndAffinity(target, value)                                                      \
    InterlockedAnd64((LONG64 volatile *)(target), (LONG64)(value))
#define InterlockedOrAffinity(target, value)                                                       \
    InterlockedOr64((LONG64 volatile *)(target), (LONG64)(value))
#define InterlockedExchangeAddSizeT(target, value)                                                 \
    ((SIZE_T)InterlockedExchangeAdd64((LONG64 volatile *)(target), (LONG64)(value)))
#define InterlockedIncrementSizeT(target)                                                          \
    ((SIZE_T)InterlockedIncrement64((LONG64 volatile *)(target)))
#define InterlockedDecrementSizeT(target)                                                          \
    ((SIZE_T)InterlockedDecrement64((LONG64 volatile *)(target)))
#define InterlockedAddULong64 InterlockedAdd64

#define WDK_ATOMIC_ACCESS(name, type)                                                              \
    NT_INLINE type Read##name##Acquire(type const volatile *source)                                \
    {                                                                                              \
        return __atomic_load_n(source, __ATOMIC_ACQUIRE);                                          \
    }                                                                                              \
    NT_INLINE type Read##name##NoFence(type const volatile *source)                                \
    {                                                                                              \
        return __atomic_load_n(source, __ATOMIC_RELAXED);                                          \
    }                                                                                              \
    NT_INLINE type Read##name##Raw(type const volatile *source)                                    \
    {                                                                                              \
        return __atomic_load_n(source, __ATOMIC_RELAXED);                                          \
    }                                                                                              \
    NT_INLINE void Write##name##Release(type volatile *target, type value)                         \
    {                                                                                              \
        __atomic_store_n(target, value, __ATOMIC_RELEASE);                                         \
    }                                                                                              \
    NT_INLINE void Write##name##NoFence(type volatile *target, type value)                         \
    {                                                                                              \
        __atomic_store_n(target, value, __ATOMIC_RELAXED);                                         \
    }                                                                                              \
    NT_INLINE void Write##name##Raw(type volatile *target, type value)                             \
    {                                                                                              \
        __atomic_store_n(target, value, __ATOMIC_RELAXED);                                         \
    }

WDK_ATOMIC_ACCESS(, LONG)
WDK_ATOMIC_ACCESS(ULong, ULONG)
WDK_ATOMIC_ACCESS(UChar, UCHAR)
WDK_ATOMIC_ACCESS(UShort, USHORT)
WDK_ATOMIC_ACCESS(64, LONG64)
WDK_ATOMIC_ACCESS(ULong64, ULONG64)
WDK_ATOMIC_ACCESS(SizeT, SIZE_T)
WDK_ATOMIC_ACCESS(Boolean, BOOLEAN)
WDK_ATOMIC_ACCESS(Pointer, PVOID)
#undef WDK_ATOMIC_ACCESS

#define KeMemoryBarrier()             __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define KeMemoryBarrierWithoutFence() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define MemoryBarrier()               __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define YieldProcessor()              __builtin_ia32_pause()

#endif
