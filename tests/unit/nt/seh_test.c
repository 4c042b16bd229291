/* Exceptions in a .sys: handlers run as Windows runs them, and what nobody handles is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macros.h"
#include "nt/exports.h"
#include "nt/loader/fault.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_import.h"
#include "nt/loader/seh_dispatch.h"
#include "nt/ntos/nt_cpu.h"

#define NTAPI __attribute__((ms_abi))

typedef int32_t(NTAPI entry_fn)(int32_t command, void *argument);

static char folder[] = "/tmp/wfp-seh-test-XXXXXX";
static struct nt_image *image;
static entry_fn *entry;

NTAPI int32_t probe_test_body(void *address);

NTAPI int32_t
probe_test_body(void *address)
{
    return address ? 0 : (int32_t)0x80000002;
}

NT_SEH_RAISING(RtlProbeTest, probe_test_body);
void RtlProbeTest(void);

static const struct wfp_export rows[] = {
    {"RtlProbeTest", (void *)RtlProbeTest, WFP_EXPORT_FULL, ""}};
static const struct wfp_export_table table = {"ntoskrnl.exe", rows, ELEMENTSOF(rows)};

/* cmocka takes SIGSEGV for itself before each test. */
static void
take_signals(void)
{
    assert_int_equal(nt_fault_init(), 0);
}

static void
test_handlers_and_finally_blocks_run_in_order(void **state)
{
    take_signals();
    long here = 0;
    assert_int_equal(entry(9, NULL), 193); /* no exception at all */
    assert_int_equal(entry(0, NULL), (int32_t)0xC0000005);
    assert_int_equal(entry(1, NULL), 124);
    assert_int_equal(entry(2, NULL), 16527);
    assert_int_equal(entry(3, NULL), (int32_t)0xC000009A);
    assert_int_equal(entry(4, NULL), 87);
    assert_int_equal(entry(5, NULL), 1 + 2 + 3 + 4 + 3 + 10 + 21 + 44 + 4000);
    assert_int_equal(entry(6, NULL), 57);
    assert_int_equal(entry(7, NULL), (int32_t)0xC0000094);
    assert_int_equal(entry(10, &here), 0);
    assert_int_equal(entry(10, NULL), (int32_t)0x80000002);
    for (int i = 0; i < 1000; i++) /* the stack does not creep */
        assert_int_equal(entry(1, NULL), 124);
}

/* Preserved registers of the Windows convention must come back from an exception. */
static void
test_preserved_registers_survive(void **state)
{
    take_signals();
    int32_t status;
    double before[2] = {1.25, 3.5}, after[2];
    __asm__ volatile("movsd %2, %%xmm6\n\tmovsd %3, %%xmm15\n\t"
                     "subq $48, %%rsp\n\tmovl $2, %%ecx\n\tcall *%4\n\taddq $48, %%rsp\n\t"
                     "movl %%eax, %0\n\tmovsd %%xmm6, %1\n\tmovsd %%xmm15, 8+%1\n\t"
                     : "=&m"(status), "=o"(after)
                     : "m"(before[0]), "m"(before[1]), "r"(entry)
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "xmm6", "xmm15");
    assert_int_equal(status, 16527);
    assert_true(after[0] == 1.25 && after[1] == 3.5);
}

static void
test_inline_kernel_code_works(void **state)
{
    take_signals();
    int32_t which;
    nt_cpu.irql = NT_DISPATCH_LEVEL;
    assert_int_equal(entry(8, (which = 0, &which)), NT_DISPATCH_LEVEL); /* mov rax, cr8 */
    nt_cpu.irql = NT_PASSIVE_LEVEL;
    assert_int_equal(entry(8, (which = 1, &which)), 0); /* mov cr8, 2 */
    assert_int_equal(nt_cpu.irql, NT_DISPATCH_LEVEL);
    nt_cpu.irql = NT_PASSIVE_LEVEL;
    assert_int_equal(entry(8, (which = 2, &which)), 1); /* gs:[188h] */
    assert_int_equal(entry(8, (which = 3, &which)), 0); /* gs:[1a4h] */
    int years = entry(8, (which = 4, &which));          /* system time, in years since 1601 */
    assert_in_range(years, 420, 520);
    assert_int_equal(entry(8, (which = 5, &which)), years);
    assert_int_equal(entry(8, (which = 6, &which)), 1);     /* cli, sti */
    assert_int_equal(entry(8, (which = 7, &which)), 10000); /* NtMajorVersion */
}

/* Run a command in a child; the report goes to a file. @return the exit status */
static int
run_child(int command, uint8_t irql, char *text, size_t size)
{
    char path[256];
    int status;
    snprintf(path, sizeof(path), "%s/report", folder);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(path, "w", stderr))
            _exit(99);
        nt_cpu.irql = irql;
        entry(command, NULL);
        _exit(98);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return status;
}

static void
test_unhandled_faults_are_reported(void **state)
{
    take_signals();
    static const struct {
        int command;
        uint8_t irql;
        const char *says[4];
    } cases[] = {
        {20,
         NT_DISPATCH_LEVEL,
         {"DRIVER_IRQL_NOT_LESS_OR_EQUAL 0x000000D1: read of address 0x0 (a NULL pointer)",
          "  at seh.sys+0x", "(read_through+0x", "  called from seh.sys+0x"}},
        {20, NT_PASSIVE_LEVEL, {"KMODE_EXCEPTION_NOT_HANDLED 0x0000001E", "IRQL 0"}},
        {21, 0, {"KERNEL_SECURITY_CHECK_FAILURE 0x00000139: a linked list is corrupt, code 3"}},
        {22, 0, {"UNEXPECTED_KERNEL_MODE_TRAP 0x0000007F", "(overflow_stack+0x"}},
        {23, 0, {"write to address", "(in the driver's image)", "(DriverEntry+0x"}},
        {24, 0, {"execution of address", "(in the driver's image)"}},
        {28, 0, {"execution of address 0x0", "  called from seh.sys+0x", "(DriverEntry+0x"}},
        {25, 0, {"STATUS_ASSERTION_FAILURE 0xC0000420"}},
        {26, 0, {"STATUS_PRIVILEGED_INSTRUCTION 0xC0000096"}},
        {27, 0, {"PAGE_FAULT_IN_NONPAGED_AREA 0x00000050: read of address 0xfffff80012345678"}},
    };
    char text[8192];
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        int status = run_child(cases[i].command, cases[i].irql, text, sizeof(text));
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
            fail_msg("command %d: status 0x%x:\n%s", cases[i].command, status, text);
        if (strncmp(text, "driver fault: seh: ", 19) != 0)
            fail_msg("command %d: %s", cases[i].command, text);
        for (size_t k = 0; k < ELEMENTSOF(cases[i].says) && cases[i].says[k]; k++)
            if (!strstr(text, cases[i].says[k]))
                fail_msg("command %d: \"%s\" is not in:\n%s", cases[i].command, cases[i].says[k],
                         text);
    }
}

static int
answer_42(void *context, const struct nt_fault *fault)
{
    fprintf(stderr, "sink: %s %08X %s", fault->driver, fault->exception_code, (char *)context);
    fflush(stderr);
    return 42;
}

static const char *
in_hand(void)
{
    return "packet 17";
}

static void
test_the_sink_decides_the_exit_code(void **state)
{
    take_signals();
    char text[8192];
    nt_fault_set_sink(answer_42, (void *)"context");
    int status = run_child(20, 0, text, sizeof(text));
    nt_fault_set_sink(NULL, NULL);
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_string_equal(text, "sink: seh C0000005 context");
    nt_fault_set_describe(in_hand);
    run_child(20, 0, text, sizeof(text));
    nt_fault_set_describe(NULL);
    assert_non_null(strstr(text, "while handling packet 17\n"));
}

static int
set_up(void **state)
{
    char command[1024], path[256];
    struct nt_image_report report;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/seh.sys", folder);
    snprintf(command, sizeof(command), "%s --target windows -o %s %s/seh.c", getenv("WFP_CC"), path,
             getenv("WFP_TEST_IMAGES"));
    if (system(command) != 0)
        return -1;
    nt_import_add_table(&table);
    nt_import_add_table(&nt_ntoskrnl_exports);
    if (nt_image_load(path, NULL, &image, &report) != NT_IMAGE_OK) {
        fprintf(stderr, "%s\n", report.text);
        return -1;
    }
    entry = nt_image_entry(image);
    return 0;
}

static int
tear_down(void **state)
{
    char command[256];
    nt_image_unload(image);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handlers_and_finally_blocks_run_in_order),
        cmocka_unit_test(test_preserved_registers_survive),
        cmocka_unit_test(test_inline_kernel_code_works),
        cmocka_unit_test(test_unhandled_faults_are_reported),
        cmocka_unit_test(test_the_sink_decides_the_exit_code),
    };
    if (getenv("LD_PRELOAD") && strstr(getenv("LD_PRELOAD"), "vgpreload")) {
        printf("skipped: valgrind counts each fault that these drivers provoke as an error\n");
        return 77;
    }
    if (!getenv("WFP_CC") || !getenv("WFP_TEST_IMAGES")) {
        printf("skipped: WFP_CC and WFP_TEST_IMAGES name the compiler and the sources\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
