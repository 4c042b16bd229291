/* Framework timers. */
#ifndef _WDFTIMER_H_
#define _WDFTIMER_H_

#include "wdfobject.h"

EXTERN_C_START

typedef VOID NTAPI EVT_WDF_TIMER(WDFTIMER Timer);
typedef EVT_WDF_TIMER *PFN_WDF_TIMER;
typedef struct _WDF_TIMER_CONFIG {
    ULONG Size;
    PFN_WDF_TIMER EvtTimerFunc;
    ULONG Period;
    BOOLEAN AutomaticSerialization;
    ULONG TolerableDelay;
    DECLSPEC_ALIGN(8) BOOLEAN UseHighResolutionTimer;
} WDF_TIMER_CONFIG, *PWDF_TIMER_CONFIG;
#define TolerableDelayUnlimited ((ULONG)-1)
NT_INLINE VOID
WDF_TIMER_CONFIG_INIT(PWDF_TIMER_CONFIG Config, PFN_WDF_TIMER EvtTimerFunc)
{
    RtlZeroMemory(Config, sizeof(*Config));
    Config->Size = sizeof(*Config);
    Config->EvtTimerFunc = EvtTimerFunc;
    Config->AutomaticSerialization = TRUE;
}
NT_INLINE VOID
WDF_TIMER_CONFIG_INIT_PERIODIC(PWDF_TIMER_CONFIG Config, PFN_WDF_TIMER EvtTimerFunc, LONG Period)
{
    WDF_TIMER_CONFIG_INIT(Config, EvtTimerFunc);
    Config->Period = (ULONG)Period;
}

WDF_FUNCTION(NTSTATUS, WdfTimerCreate, WDFTIMERCREATE,
             (PWDF_TIMER_CONFIG Config, PWDF_OBJECT_ATTRIBUTES Attributes, WDFTIMER *Timer),
             (Config, Attributes, Timer));
WDF_FUNCTION(BOOLEAN, WdfTimerStart, WDFTIMERSTART, (WDFTIMER Timer, LONGLONG DueTime),
             (Timer, DueTime));
WDF_FUNCTION(BOOLEAN, WdfTimerStop, WDFTIMERSTOP, (WDFTIMER Timer, BOOLEAN Wait), (Timer, Wait));
WDF_FUNCTION(WDFOBJECT, WdfTimerGetParentObject, WDFTIMERGETPARENTOBJECT, (WDFTIMER Timer),
             (Timer));

EXTERN_C_END

#endif
