/* Exceptions, one case per command. Return values are checked by seh_test.c. */
typedef long NTSTATUS;

struct record {
    NTSTATUS code;
    unsigned long flags;
    struct record *nested;
    void *address;
    unsigned long count;
    unsigned long long parameters[15];
};

struct pointers {
    struct record *record;
    void *context;
};

__declspec(dllimport) void ExRaiseStatus(NTSTATUS status);
__declspec(dllimport) void RtlRaiseException(struct record *record);
__declspec(dllimport) NTSTATUS RtlProbeTest(void *address);
NTSTATUS DriverEntry(long command, void *argument);

#define GetExceptionCode        _exception_code
#define GetExceptionInformation (struct pointers *)_exception_info
#define AbnormalTermination     _abnormal_termination

static volatile long trace;
static long *volatile null_pointer;
static const long constant[4] = {1, 2, 3, 4};

static void
step(long digit)
{
    trace = trace * 10 + digit;
}

__declspec(noinline) static long read_through(long *pointer)
{
    return *pointer + 1;
}

__declspec(noinline) static long with_finally(long *pointer)
{
    long value = 0;
    __try {
        step(1);
        value = read_through(pointer);
        step(9);
    } __finally {
        step(AbnormalTermination() ? 2 : 3);
    }
    return value;
}

__declspec(noinline) static long many_registers(long a, long b, long c, long d, long *pointer)
{
    /* Values that must survive in preserved registers across the exception. */
    long e = a * 3, f = b * 5, g = c * 7, h = d * 11;
    __try {
        read_through(pointer);
    } __except (GetExceptionCode() == (NTSTATUS)0xC0000005) {
        step(4);
    }
    return a + b + c + d + e + f + g + h;
}

static long
filter(struct pointers *pointers, long wanted)
{
    step(pointers->record->code == wanted ? 5 : 6);
    return pointers->record->code == wanted;
}

__declspec(noinline) static long leave_early(void)
{
    __try {
        if (null_pointer == 0)
            return 7; /* runs the block on the way out */
    } __finally {
        step(AbnormalTermination() ? 8 : 3);
    }
    return 0;
}

__declspec(noinline) static long raise_continuable(void)
{
    struct record record = {.code = 0x1234};
    __try {
        RtlRaiseException(&record);
        step(7);
    } __except (filter(GetExceptionInformation(), 0x1234) ? -1 : 0) {
        step(9);
    }
    return trace;
}

__declspec(noinline) static long overflow_stack(volatile char *up)
{
    volatile char frame[8192];
    frame[0] = up[0];
    return overflow_stack(frame) + frame[1];
}

__declspec(noinline) static long nested(long *pointer)
{
    __try {
        __try {
            with_finally(pointer);
        } __except (filter(GetExceptionInformation(), 1)) {
            step(9);
        }
    } __except (filter(GetExceptionInformation(), (NTSTATUS)0xC0000005)) {
        step(7);
    }
    return trace;
}

/* What kernel code has inline. */
static long
inline_kernel_code(long which)
{
    unsigned long long value = 0;
    unsigned index = 0;
    switch (which) {
    case 0:
        __asm__ volatile("movq %%cr8, %0" : "=r"(value));
        return (long)value;
    case 1:
        __asm__ volatile("movq %0, %%cr8" : : "r"(2ull));
        return 0;
    case 2:
        __asm__ volatile("movq %%gs:0x188, %0" : "=r"(value));
        return value != 0;
    case 3:
        __asm__ volatile("movl %%gs:0x1a4, %k0" : "=r"(value));
        return (long)value;
    case 4:
        return (long)(*(volatile unsigned long long *)0xFFFFF78000000014 / 10000000 / 86400 / 365);
    case 5:
        __asm__ volatile("movabsq 0xFFFFF78000000014, %%rax" : "=a"(value));
        return (long)(value / 10000000 / 86400 / 365);
    case 6:
        __asm__ volatile("cli\n sti");
        return 1;
    case 7:
        for (index = 0; index < 1000; index++)
            value += *(volatile unsigned *)(0xFFFFF78000000000 + 0x26c);
        return (long)value;
    }
    return -1;
}

NTSTATUS
DriverEntry(long command, void *argument)
{
    volatile long zero = 0;
    trace = 0;
    switch (command) {
    case 0:
        __try {
            return read_through(null_pointer);
        } __except (1) {
            return GetExceptionCode();
        }
    case 1:
        __try {
            with_finally(null_pointer);
        } __except (1) {
            step(4);
        }
        return trace; /* 1 2 4 */
    case 2:
        return nested(null_pointer); /* 1 6 5 2 7 */
    case 3:
        __try {
            ExRaiseStatus((NTSTATUS)0xC000009A);
        } __except (1) {
            return GetExceptionCode();
        }
    case 4:
        return leave_early() + trace * 10;
    case 5:
        return many_registers(1, 2, 3, 4, null_pointer) + trace * 1000;
    case 6:
        return raise_continuable(); /* 5 7 */
    case 7:
        __try {
            return 5 / zero;
        } __except (1) {
            return GetExceptionCode();
        }
    case 8:
        return inline_kernel_code(*(long *)argument);
    case 9:
        with_finally((long *)constant);
        return trace; /* 1 9 3 */
    case 10:
        __try {
            RtlProbeTest(argument);
            return 0;
        } __except (1) {
            return GetExceptionCode();
        }
    case 20:
        return read_through(null_pointer) + 1; /* nobody handles it; not a tail call */
    case 21:
        __asm__ volatile("int $0x29" : : "c"(3));
    case 22:
        return overflow_stack((volatile char *)&trace);
    case 23:
        null_pointer = (long *)constant; /* through memory: the write must not be optimised away */
        *(volatile long *)null_pointer = 5;
        return 0;
    case 24:
        ((void (*)(void)) & trace)();
        return trace;
    case 25:
        __asm__ volatile("int $0x2c");
    case 26:
        __asm__ volatile("wrmsr");
    case 28:
        ((void (*)(void))null_pointer)();
        return trace;
    case 27:
        return *(long *)0xFFFFF80012345678;
    }
    return -1;
}
