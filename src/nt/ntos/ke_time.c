/*
 * Time as drivers ask for it: everything comes from the one clock (base/clock.h).
 *
 * Ref        wdm KeQuerySystemTimePrecise and neighbours; D5 in the architecture
 */
#include "nt/ntos/nt_wdk.h"

#include <time.h>

#include "base/clock.h"

#define TICK_100NS  156250 /* 15.625 ms, as Windows reports by default */
#define QPC_PER_SEC 10000000

/** 100 ns since 1601, UTC. IRQL: any. Ref: wdm/nf-wdm-kequerysystemtime-r1. */
VOID NTAPI
KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = (LONGLONG)wfp_clock_now();
}

/** As KeQuerySystemTime. IRQL: any. Ref: wdm/nf-wdm-kequerysystemtimeprecise. */
VOID NTAPI
KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    CurrentTime->QuadPart = (LONGLONG)wfp_clock_now();
}

/** Ticks of KeQueryTimeIncrement since start. IRQL: any. Ref: wdm/nf-wdm-kequerytickcount-r1. */
VOID NTAPI
KeQueryTickCount(PLARGE_INTEGER TickCount)
{
    TickCount->QuadPart = (LONGLONG)(wfp_clock_uptime() / TICK_100NS);
}

/** 100 ns since start. IRQL: any. Ref: wdm/nf-wdm-kequeryinterrupttime. */
ULONGLONG NTAPI
KeQueryInterruptTime(VOID)
{
    return wfp_clock_uptime();
}

/** @p QpcTimeStamp receives the performance counter. IRQL: any. Ref: wdm. */
ULONGLONG NTAPI
KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
    ULONGLONG now = wfp_clock_uptime();
    *QpcTimeStamp = now;
    return now;
}

/** As KeQueryInterruptTime: there is no sleep to leave out. IRQL: any. Ref: wdm. */
ULONGLONG NTAPI
KeQueryUnbiasedInterruptTime(VOID)
{
    return wfp_clock_uptime();
}

/** 100 ns per tick. IRQL: any. Ref: wdm/nf-wdm-kequerytimeincrement. */
ULONG NTAPI
KeQueryTimeIncrement(VOID)
{
    return TICK_100NS;
}

/** @param PerformanceFrequency  counts per second, may be NULL. IRQL: any. Ref: ntifs. */
LARGE_INTEGER NTAPI
KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    LARGE_INTEGER now;

    if (PerformanceFrequency)
        PerformanceFrequency->QuadPart = QPC_PER_SEC;
    now.QuadPart = (LONGLONG)wfp_clock_uptime();
    return now;
}

/**
 * Busy-wait. Under the virtual clock it only moves the clock, by exactly as much.
 * IRQL: any. Ref: wdm/nf-wdm-kestallexecutionprocessor.
 */
VOID NTAPI
KeStallExecutionProcessor(ULONG MicroSeconds)
{
    struct timespec t = {MicroSeconds / 1000000, (long)(MicroSeconds % 1000000) * 1000};

    if (wfp_clock_is_virtual())
        wfp_clock_advance(wfp_clock_now() + MicroSeconds * 10ull);
    else
        nanosleep(&t, NULL);
}

/** System time is UTC and so is local time here. IRQL: any. Ref: wdm/nf-wdm-exsystemtimetolocaltime. */
VOID NTAPI
ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime)
{
    *LocalTime = *SystemTime;
}

/** As ExSystemTimeToLocalTime. Ref: wdm/nf-wdm-exlocaltimetosystemtime. */
VOID NTAPI
ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime)
{
    *SystemTime = *LocalTime;
}

/** Accepted: timers are exact. @return the resolution, 100 ns. Ref: wdm/nf-wdm-exsettimerresolution. */
ULONG NTAPI
ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    return SetResolution && DesiredTime ? DesiredTime : TICK_100NS;
}

/* --- calendar --- */

#define DAYS_TO_1601 584694 /* days from 0000-03-01 to 1601-01-01, in the civil calendar */
#define MS_PER_DAY   86400000ll
#define SECONDS_1970 11644473600ll

/** 100 ns since 1601 to calendar fields; Weekday 0 = Sunday. IRQL: any. Ref: wdm. */
VOID NTAPI
RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    LONGLONG ms = Time->QuadPart / 10000, days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY;
    LONGLONG z = days + DAYS_TO_1601, era = z / 146097, doe = z % 146097;
    LONGLONG yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    LONGLONG doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    TimeFields->Day = (CSHORT)(doy - (153 * mp + 2) / 5 + 1);
    TimeFields->Month = (CSHORT)(mp < 10 ? mp + 3 : mp - 9);
    TimeFields->Year = (CSHORT)(yoe + era * 400 + (mp >= 10));
    TimeFields->Hour = (CSHORT)(rest / 3600000);
    TimeFields->Minute = (CSHORT)(rest / 60000 % 60);
    TimeFields->Second = (CSHORT)(rest / 1000 % 60);
    TimeFields->Milliseconds = (CSHORT)(rest % 1000);
    TimeFields->Weekday = (CSHORT)((days + 1) % 7); /* 1601-01-01 was a Monday */
}

/** @return FALSE when a field is out of range. IRQL: any. Ref: wdm/nf-wdm-rtltimefieldstotime. */
BOOLEAN NTAPI
RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time)
{
    static const CSHORT lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const TIME_FIELDS *f = TimeFields;
    bool leap = (f->Year % 4 == 0 && f->Year % 100 != 0) || f->Year % 400 == 0;

    if (f->Year < 1601 || f->Month < 1 || f->Month > 12 || f->Day < 1 ||
        f->Day > lengths[f->Month - 1] + (f->Month == 2 && leap) || f->Hour < 0 || f->Hour > 23 ||
        f->Minute < 0 || f->Minute > 59 || f->Second < 0 || f->Second > 59 || f->Milliseconds < 0 ||
        f->Milliseconds > 999)
        return FALSE;
    LONGLONG y = f->Year - (f->Month <= 2), era = y / 400, yoe = y % 400;
    LONGLONG doy = (153 * (f->Month + (f->Month > 2 ? -3 : 9)) + 2) / 5 + f->Day - 1;
    LONGLONG days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - DAYS_TO_1601;
    Time->QuadPart =
        ((((days * 24 + f->Hour) * 60 + f->Minute) * 60 + f->Second) * 1000 + f->Milliseconds) *
        10000;
    return TRUE;
}

/** @return FALSE before 1970 and after 2106. IRQL: any. Ref: ntddk. */
BOOLEAN NTAPI
RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds)
{
    LONGLONG seconds = Time->QuadPart / 10000000 - SECONDS_1970;

    if (seconds < 0 || seconds > UINT32_MAX)
        return FALSE;
    *ElapsedSeconds = (ULONG)seconds;
    return TRUE;
}

/** IRQL: any. Ref: ntddk. */
VOID NTAPI
RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time)
{
    Time->QuadPart = (ElapsedSeconds + SECONDS_1970) * 10000000;
}
