/*
 * Compiler intrinsics. clang provides most under these names when it speaks Microsoft's dialect; here are
 * declarations for the ones it wants declared.
 */
#ifndef _INC_INTRIN
#define _INC_INTRIN

#include "crtdefs.h"
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

unsigned char _BitScanForward(unsigned long *index, unsigned long mask);
unsigned char _BitScanReverse(unsigned long *index, unsigned long mask);
unsigned char _BitScanForward64(unsigned long *index, unsigned long long mask);
unsigned char _BitScanReverse64(unsigned long *index, unsigned long long mask);
unsigned char _bittestandset(long *base, long offset);
unsigned char _bittestandreset(long *base, long offset);
unsigned char _bittest(const long *base, long offset);
void __debugbreak(void);
void __stosb(unsigned char *dst, unsigned char value, size_t count);
void __movsb(unsigned char *dst, const unsigned char *src, size_t count);
void _ReadWriteBarrier(void);
void _ReadBarrier(void);
void _WriteBarrier(void);
void *_ReturnAddress(void);
void *_AddressOfReturnAddress(void);
void __cpuid(int info[4], int leaf);
void __cpuidex(int info[4], int leaf, int subleaf);
unsigned long long __rdtsc(void);
unsigned long long __emulu(unsigned int a, unsigned int b);
long long __emul(int a, int b);
unsigned long long __shiftleft128(unsigned long long low, unsigned long long high,
                                  unsigned char shift);
unsigned long long __shiftright128(unsigned long long low, unsigned long long high,
                                   unsigned char shift);
unsigned long long _umul128(unsigned long long a, unsigned long long b, unsigned long long *high);
long long _mul128(long long a, long long b, long long *high);
void _mm_pause(void);
unsigned int _rotl(unsigned int value, int shift);
unsigned int _rotr(unsigned int value, int shift);
unsigned long long _rotl64(unsigned long long value, int shift);
unsigned long long _rotr64(unsigned long long value, int shift);

#ifdef __cplusplus
}
#endif

#endif
