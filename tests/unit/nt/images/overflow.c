/* One memory error per command, for the sanitizers. */
typedef long NTSTATUS;

void *ExAllocatePoolWithTag(int type, unsigned long long size, unsigned tag);
void ExFreePoolWithTag(void *memory, unsigned tag);
NTSTATUS DriverEntry(long command, void *argument);

static int table[4];

static __declspec(noinline) void fill(char *memory, int last)
{
    for (int i = 0; i <= last; i++)
        memory[i] = (char)i; /* LINE pool overflow */
}

NTSTATUS
DriverEntry(long command, void *argument)
{
    char *memory = ExAllocatePoolWithTag(0, 16, 'tset');
    volatile int number = 0x7fffffff;
    int result = 0;

    fill(memory, command == 1 ? 16 : 15);
    if (command == 2)
        number = number + (int)command; /* LINE integer overflow */
    if (command == 3)
        result = table[*(int *)argument]; /* LINE array index */
    ExFreePoolWithTag(memory, 'tset');
    if (command == 4)
        result = memory[3]; /* LINE use after free */
    return result;
}
