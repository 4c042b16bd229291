/*
 * Functions that the compiler calls on its own. Weak: a driver may bring its own.
 */
typedef unsigned long long size;

#define WEAK __attribute__((weak))

int _fltused = 0x9875;

WEAK void *
memcpy(void *to, const void *from, size count)
{
    void *ret = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return ret;
}

WEAK void *
memmove(void *to, const void *from, size count)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if (d <= s || d >= s + count)
        return memcpy(to, from, count);
    while (count-- > 0)
        d[count] = s[count];
    return to;
}

WEAK void *
memset(void *to, int value, size count)
{
    void *ret = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return ret;
}

WEAK int
memcmp(const void *left, const void *right, size count)
{
    const unsigned char *a = left, *b = right;
    for (; count > 0; count--, a++, b++)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}

WEAK const void *
memchr(const void *bytes, int value, size count)
{
    for (const unsigned char *p = bytes; count > 0; count--, p++)
        if (*p == (unsigned char)value)
            return p;
    return 0;
}

/* A pure virtual function was called: stop here, as Windows does (int 29h, fatal application exit).
 */
WEAK int
_purecall(void)
{
    __asm__ volatile("int $0x29" : : "c"(7));
    __builtin_unreachable();
}

/* Destructors at file scope are registered by constructors, which a kernel image never runs. */
WEAK int
atexit(void (*function)(void))
{
    (void)function;
    return 1;
}
