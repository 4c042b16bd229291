/*
 * Bit maps, random numbers, and the version as PsGetVersion tells it.
 */
#include "nt/ntos/nt_version.h"
#include "nt/ntos/nt_wdk.h"

/** @return FALSE: not a checked build. IRQL: any; any pointer may be NULL. Ref: wdm/nf-wdm-psgetversion. */
BOOLEAN NTAPI
PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber,
             PUNICODE_STRING CSDVersion)
{
    if (MajorVersion)
        *MajorVersion = NT_VERSION_MAJOR;
    if (MinorVersion)
        *MinorVersion = NT_VERSION_MINOR;
    if (BuildNumber)
        *BuildNumber = NT_VERSION_BUILD;
    if (CSDVersion)
        CSDVersion->Length = 0;
    return FALSE;
}

/** Linear congruential, modulo 2^31 - 1; the seed is updated. Choice: the numbers are not Windows'. IRQL: any. Ref: ntifs. */
ULONG NTAPI
RtlRandomEx(PULONG Seed)
{
    uint64_t next = ((uint64_t)*Seed * 0x7FFFFFEDu + 0x7FFFFFC3u) % 0x7FFFFFFFu;
    *Seed = (ULONG)next;
    return (ULONG)next;
}

/** As RtlRandomEx. Ref: ntifs/nf-ntifs-rtlrandom. */
ULONG NTAPI
RtlRandom(PULONG Seed)
{
    return RtlRandomEx(Seed);
}

/* --- bit maps --- */

static ULONG
bit(const RTL_BITMAP *map, ULONG i)
{
    return map->Buffer[i / 32] >> (i % 32) & 1;
}

static void
put_bits(PRTL_BITMAP map, ULONG start, ULONG count, bool set)
{
    for (ULONG i = start; i < start + count && i < map->SizeOfBitMap; i++)
        if (set)
            map->Buffer[i / 32] |= 1u << (i % 32);
        else
            map->Buffer[i / 32] &= ~(1u << (i % 32));
}

static bool
all_are(const RTL_BITMAP *map, ULONG start, ULONG count, ULONG value)
{
    if (!count || start >= map->SizeOfBitMap || count > map->SizeOfBitMap - start)
        return false;
    for (ULONG i = start; i < start + count; i++)
        if (bit(map, i) != value)
            return false;
    return true;
}

/** IRQL: any (nonpaged). Ref: wdm/nf-wdm-rtlinitializebitmap. */
VOID NTAPI
RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap)
{
    BitMapHeader->SizeOfBitMap = SizeOfBitMap;
    BitMapHeader->Buffer = BitMapBuffer;
}

/** Ref: wdm/nf-wdm-rtlclearallbits. */
VOID NTAPI
RtlClearAllBits(PRTL_BITMAP BitMapHeader)
{
    memset(BitMapHeader->Buffer, 0, ALIGN_UP(BitMapHeader->SizeOfBitMap, 32u) / 8);
}

/** Ref: wdm/nf-wdm-rtlsetallbits. */
VOID NTAPI
RtlSetAllBits(PRTL_BITMAP BitMapHeader)
{
    memset(BitMapHeader->Buffer, 0xFF, ALIGN_UP(BitMapHeader->SizeOfBitMap, 32u) / 8);
}

/** Ref: wdm/nf-wdm-rtlclearbit. */
VOID NTAPI
RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    put_bits(BitMapHeader, BitNumber, 1, false);
}

/** Ref: wdm/nf-wdm-rtlsetbit. */
VOID NTAPI
RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    put_bits(BitMapHeader, BitNumber, 1, true);
}

/** Ref: wdm/nf-wdm-rtltestbit. */
BOOLEAN NTAPI
RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber)
{
    return (BOOLEAN)bit(BitMapHeader, BitNumber);
}

/** Ref: wdm/nf-wdm-rtlclearbits. */
VOID NTAPI
RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear)
{
    put_bits(BitMapHeader, StartingIndex, NumberToClear, false);
}

/** Ref: wdm/nf-wdm-rtlsetbits. */
VOID NTAPI
RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet)
{
    put_bits(BitMapHeader, StartingIndex, NumberToSet, true);
}

/** @return the start of a clear run at or after the hint, then from 0; 0xFFFFFFFF for none. Ref: wdm. */
ULONG NTAPI
RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG size = BitMapHeader->SizeOfBitMap;

    for (ULONG i = 0; i < size; i++) {
        ULONG start = (HintIndex < size ? HintIndex + i : i) % size;
        if (all_are(BitMapHeader, start, NumberToFind, 0))
            return start;
    }
    return 0xFFFFFFFF;
}

/** Ref: wdm/nf-wdm-rtlfindclearbitsandset. */
ULONG NTAPI
RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex)
{
    ULONG start = RtlFindClearBits(BitMapHeader, NumberToFind, HintIndex);
    if (start != 0xFFFFFFFF)
        put_bits(BitMapHeader, start, NumberToFind, true);
    return start;
}

/** Ref: wdm/nf-wdm-rtlnumberofsetbits. */
ULONG NTAPI
RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader)
{
    ULONG count = 0;
    for (ULONG i = 0; i < BitMapHeader->SizeOfBitMap; i++)
        count += bit(BitMapHeader, i);
    return count;
}

/** Ref: wdm/nf-wdm-rtlnumberofclearbits. */
ULONG NTAPI
RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader)
{
    return BitMapHeader->SizeOfBitMap - RtlNumberOfSetBits(BitMapHeader);
}

/** Ref: wdm/nf-wdm-rtlarebitsset. */
BOOLEAN NTAPI
RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return all_are(BitMapHeader, StartingIndex, Length, 1);
}

/** Ref: wdm/nf-wdm-rtlarebitsclear. */
BOOLEAN NTAPI
RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length)
{
    return all_are(BitMapHeader, StartingIndex, Length, 0);
}
