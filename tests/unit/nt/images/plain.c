/* Imports a function, a variable and one function that the test's tables lack. */
typedef long NTSTATUS;

__declspec(dllimport) NTSTATUS KeTestAdd(long a, long long b, int c, int d, int e, double f);
__declspec(dllimport) NTSTATUS ZwNobodyHasThis(void *x);
extern void **const __imp_ExEventObjectType; /* as wdk's NT_DATA_IMPORT declares variables */
NTSTATUS DriverEntry(long command, void *argument);

static char page[3 * 4096];

static long
big_frame(volatile char *seed)
{
    volatile char frame[20000];
    for (int i = 0; i < 20000; i++)
        frame[i] = seed[i % 16];
    return frame[19999];
}

NTSTATUS
DriverEntry(long command, void *argument)
{
    switch (command) {
    case 0:
        return KeTestAdd(1, 0x100000000LL, 3, 4, 5, 6.0);
    case 1:
        return *(long *)*__imp_ExEventObjectType;
    case 2:
        return ZwNobodyHasThis(argument);
    case 3:
        return big_frame(argument);
    case 4:
        __builtin_memset(page, 7, sizeof(page));
        return page[8191] + (long)sizeof(long) * 10 + (long)sizeof(L"ab") * 100;
    }
    return -1;
}
