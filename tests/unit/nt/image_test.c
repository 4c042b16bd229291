/* Images that wfp-cc builds load, bind and run; what is no driver gets one clear refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/macros.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_import.h"

#define NTAPI __attribute__((ms_abi))

typedef int32_t(NTAPI entry_fn)(int32_t command, void *argument);

static char folder[] = "/tmp/wfp-image-test-XXXXXX";
static int variable_value = 4711;
static void *variable = &variable_value;
static char last_line[512];
static long framework_calls[8];
static size_t framework_call_count;

static int32_t NTAPI
test_add(int32_t a, int64_t b, int c, int d, int e, double f)
{
    return (int32_t)(a + (b >> 32) * 10 + c * 100 + d * 1000 + e * 10000 + (int)f * 100000);
}

static uint32_t NTAPI
test_print(uint32_t component, uint32_t level, const char *format, __builtin_ms_va_list arguments)
{
    size_t used = strlen(last_line);
    snprintf(last_line + used, sizeof(last_line) - used, "%u %s", level, format);
    return 0;
}

static int32_t NTAPI
table_function(void *globals, int32_t argument)
{
    framework_calls[framework_call_count++ % ELEMENTSOF(framework_calls)] = argument;
    return 0;
}

static void *function_table[458];
static struct {
    void *driver;
    uint32_t flags, tag;
    char name[32];
    uint8_t displace_unload;
} globals = {.displace_unload = 1};

struct bind_info {
    uint32_t size;
    const uint16_t *component;
    uint32_t major, minor, build, function_count;
    void **function_table;
    void *module;
};

static int32_t NTAPI
version_bind(void *driver, void *path, struct bind_info *info, void **ret_globals)
{
    assert_int_equal(info->size, 48);
    assert_memory_equal(info->component, u"KmdfLibrary", 24);
    assert_int_equal(info->major, 1);
    assert_int_equal(info->minor, 15);
    assert_int_equal(info->function_count, 444);
    *info->function_table = function_table;
    *ret_globals = &globals;
    return 0;
}

static int32_t NTAPI
version_unbind(void *path, struct bind_info *info, void *ret_globals)
{
    assert_ptr_equal(ret_globals, &globals);
    framework_calls[framework_call_count++ % ELEMENTSOF(framework_calls)] = 99;
    return 0;
}

static void *NTAPI
test_allocate(int type, uint64_t size, uint32_t tag)
{
    return malloc(size);
}

static void NTAPI
test_release(void *memory, uint32_t tag)
{
    free(memory);
}

static const struct wfp_export kernel_rows[] = {
    {"KeTestAdd", (void *)test_add, WFP_EXPORT_FULL, ""},
    {"ExEventObjectType", &variable, WFP_EXPORT_DATA, ""},
    {"vDbgPrintEx", (void *)test_print, WFP_EXPORT_FULL, ""},
    {"ExAllocatePoolWithTag", (void *)test_allocate, WFP_EXPORT_FULL, ""},
    {"ExFreePoolWithTag", (void *)test_release, WFP_EXPORT_FULL, ""},
};
static const struct wfp_export loader_rows[] = {
    {"WdfVersionBind", (void *)version_bind, WFP_EXPORT_FULL, ""},
    {"WdfVersionUnbind", (void *)version_unbind, WFP_EXPORT_FULL, ""},
};
static const struct wfp_export_table kernel = {"ntoskrnl.exe", kernel_rows,
                                               ELEMENTSOF(kernel_rows)};
static const struct wfp_export_table wdfldr = {"WDFLDR.SYS", loader_rows, ELEMENTSOF(loader_rows)};

/* Build tests/unit/nt/images/@p source into the test's folder. */
static int
build(const char *source, const char *output, const char *flags)
{
    char command[2048];
    snprintf(command, sizeof(command), "%s -o %s/%s %s/%s %s >%s/log 2>&1", getenv("WFP_CC"),
             folder, output, getenv("WFP_TEST_IMAGES"), source, flags, folder);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *
in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void
write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Both kinds of image must behave the same. */
struct flavour {
    const char *suffix, *flags;
    enum nt_image_kind kind;
};

static struct flavour native_flavour = {".so", "", NT_IMAGE_SO};
static struct flavour windows_flavour = {".sys", "--target windows", NT_IMAGE_SYS};

/* Build @p source for the flavour under test; @return the file's name. */
static const char *
build_flavour(void **state, const char *source, const char *flags)
{
    static char name[64], all[1024];
    const struct flavour *flavour = *state;
    snprintf(name, sizeof(name), "%.*s%s", (int)strlen(source) - 2, source, flavour->suffix);
    snprintf(all, sizeof(all), "%s %s", flavour->flags, flags);
    assert_int_equal(build(source, name, all), 0);
    return name;
}

static void
test_missing_imports_are_listed_at_once(void **state)
{
    struct nt_image *image = NULL;
    struct nt_image_report report;
    const char *name = build_flavour(state, "plain.c", "-Wno-everything");
    assert_int_equal(nt_image_load(in_folder(name), NULL, &image, &report),
                     NT_IMAGE_MISSING_IMPORTS);
    assert_null(image);
    assert_int_equal(report.missing_count, 1);
    assert_int_equal(report.present_count, 2);
    assert_string_equal(report.missing[0].module, "ntoskrnl.exe");
    assert_string_equal(report.missing[0].name, "ZwNobodyHasThis");
    nt_image_report_fini(&report);
}

static void
keep_line(void *context, enum wfp_log_level level, const char *line)
{
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static void
test_imports_reach_the_host(void **state)
{
    static const struct nt_image_options options = {.stub_missing = true};
    struct nt_image *image;
    struct nt_image_report report;
    char text[256], seed[16] = "0123456789abcde";

    const struct flavour *flavour = *state;
    const char *name = build_flavour(state, "plain.c", "");
    assert_int_equal(nt_image_load(in_folder(name), &options, &image, &report), NT_IMAGE_OK);
    assert_string_equal(nt_image_name(image), "plain");
    assert_int_equal(nt_image_kind(image), flavour->kind);
    assert_false(nt_image_uses_framework(image));
    entry_fn *entry = nt_image_entry(image);
    assert_int_equal(entry(0, NULL), 654311);
    assert_int_equal(entry(1, NULL), 4711);
    wfp_log_set_sink(keep_line, NULL);
    assert_int_equal(entry(2, NULL), (int32_t)0xC0000002);
    wfp_log_set_sink(NULL, NULL);
    assert_string_equal(last_line, "missing import called: ntoskrnl.exe!ZwNobodyHasThis "
                                   "(returns STATUS_NOT_IMPLEMENTED)");
    assert_int_equal(entry(3, seed), seed[19999 % 16]);
    assert_int_equal(entry(4, NULL), 7 + 40 + 600); /* long is 4 bytes, wchar_t 2 */
    assert_ptr_equal(nt_image_find((void *)entry), image);
    assert_null(nt_image_find(&report));
    nt_image_describe(image, (uint8_t *)(void *)entry + 1, text, sizeof(text));
    assert_ptr_equal(strstr(text, name), text);
    if (flavour->kind == NT_IMAGE_SO)
        assert_non_null(strstr(text, "(DriverEntry+0x1)"));
    nt_image_unload(image);
    nt_image_report_fini(&report);
}

static void
test_framework_entry_binds_and_unbinds(void **state)
{
    struct nt_image *image;
    struct nt_image_report report;
    uint8_t driver[336] = {0};
    uint16_t buffer[] = u"\\Registry\\Machine\\x";
    struct {
        uint16_t length, maximum;
        uint16_t *text;
    } path = {sizeof(buffer) - 2, sizeof(buffer), buffer};
    void(NTAPI * unload)(void *);
    int32_t(NTAPI * entry)(void *, void *);

    function_table[116] = function_table[117] = (void *)table_function;
    const char *name = build_flavour(state, "framework.c", "");
    assert_int_equal(nt_image_load(in_folder(name), NULL, &image, &report), NT_IMAGE_OK);
    assert_true(nt_image_uses_framework(image));
    entry = nt_image_entry(image);
    framework_call_count = 0;
    assert_int_equal(entry(driver, &path), 0);
    memcpy(&unload, driver + 104, sizeof(unload));
    unload(driver);
    assert_int_equal(framework_call_count, 3);
    assert_int_equal(framework_calls[0], 1);  /* DriverEntry */
    assert_int_equal(framework_calls[1], 2);  /* the driver's unload */
    assert_int_equal(framework_calls[2], 99); /* then unbind */
    nt_image_unload(image);
    nt_image_report_fini(&report);
}

static void
test_windows_habits_compile(void **state)
{
    struct nt_image *image;
    struct nt_image_report report;
    char flags[512];
    snprintf(flags, sizeof(flags), "-I%s/include", getenv("WFP_TEST_IMAGES"));
    const char *name = build_flavour(state, "careless.c", flags);
    assert_int_equal(nt_image_load(in_folder(name), NULL, &image, &report), NT_IMAGE_OK);
    entry_fn *entry = nt_image_entry(image);
    last_line[0] = '\0';
    assert_int_equal(entry(0, NULL), 77);
    assert_string_equal(last_line, "0 DriverEntry got 0x%08x and 100%%\n3 plain\n");
    assert_int_equal(entry(1, NULL), (int32_t)0xC1230002);
    assert_int_equal(entry(2, NULL), 77);
    nt_image_unload(image);
    nt_image_report_fini(&report);
}

static void
test_cplusplus_builds_and_runs(void **state)
{
    struct nt_image *image;
    struct nt_image_report report;
    char name[64], flags[256], text[4096] = "";
    const struct flavour *flavour = *state;

    snprintf(name, sizeof(name), "object%s", flavour->suffix);
    snprintf(flags, sizeof(flags), "%s -Wno-everything", flavour->flags);
    assert_int_equal(build("object.cpp", name, flags), 0);
    FILE *file = fopen(in_folder("log"), "r");
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "constructors at file scope"));
    assert_int_equal(nt_image_load(in_folder(name), NULL, &image, &report), NT_IMAGE_OK);
    entry_fn *entry = nt_image_entry(image);
    assert_int_equal(entry(0, NULL), 42);
    assert_int_equal(entry(1, NULL), 1); /* the local object's destructor */
    assert_int_equal(entry(2, NULL), 0); /* the initialiser did not run */
    nt_image_unload(image);
    nt_image_report_fini(&report);
}

static void
refused(const char *path, enum nt_image_error expected, int exit_code, const char *text)
{
    struct nt_image *image = NULL;
    struct nt_image_report report;
    enum nt_image_error error = nt_image_load(path, NULL, &image, &report);
    assert_int_equal(error, expected);
    assert_int_equal(nt_image_exit_code(error), exit_code);
    assert_null(image);
    if (!strstr(report.text, text))
        fail_msg("\"%s\" lacks \"%s\"", report.text, text);
    nt_image_report_fini(&report);
}

static void
test_what_is_no_driver_is_refused(void **state)
{
    uint8_t elf[64] = "\177ELF\2\1\1";
    refused("/nonexistent/driver.so", NT_IMAGE_UNREADABLE, 3, "No such file");
    refused("/tmp", NT_IMAGE_UNREADABLE, 3, "not a regular file");
    write_file("empty.sys", "", 0);
    refused(in_folder("empty.sys"), NT_IMAGE_NOT_AN_IMAGE, 1, "empty file");
    write_file("text.sys", "hello", 5);
    refused(in_folder("text.sys"), NT_IMAGE_NOT_AN_IMAGE, 1, "neither");
    write_file("short.so", "\177ELF", 4);
    refused(in_folder("short.so"), NT_IMAGE_MALFORMED, 1, "truncated");
    elf[18] = 183; /* AArch64 */
    write_file("arm.so", elf, sizeof(elf));
    refused(in_folder("arm.so"), NT_IMAGE_WRONG_MACHINE, 1, "machine 183");
    elf[18] = 62;
    elf[16] = 2; /* executable */
    write_file("program", elf, sizeof(elf));
    refused(in_folder("program"), NT_IMAGE_NOT_A_DRIVER, 1, "not a shared object");
    elf[16] = 3;
    write_file("library.so", elf, sizeof(elf));
    refused(in_folder("library.so"), NT_IMAGE_NOT_A_DRIVER, 1, "not built by wfp-cc");
}

static void
test_failing_builds_say_why(void **state)
{
    char text[4096] = "";
    write_file("broken.c", "int DriverEntry(void) { return undeclared; }\n", 45);
    char command[1024];
    snprintf(command, sizeof(command), "cd %s && %s -o broken.so broken.c 2>log; echo $? >code",
             folder, getenv("WFP_CC"));
    assert_int_equal(system(command), 0);
    FILE *file = fopen(in_folder("log"), "r");
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    assert_non_null(strstr(text, "broken.c:1:32: error:"));
    assert_non_null(strstr(text, "wfp-cc: error: 1 of 1 source files failed to compile; "
                                 "broken.so was not made\n"));
    file = fopen(in_folder("code"), "r");
    assert_int_equal(fgetc(file), '1');
    fclose(file);

    write_file("lacks.c",
               "int missing_function(void); int f(void) { return missing_function(); }\n", 72);
    snprintf(command, sizeof(command), "%s -o %s/x.so %s/lacks.c >/dev/null 2>&1", getenv("WFP_CC"),
             folder, folder);
    assert_int_equal(WEXITSTATUS(system(command)), 1); /* no DriverEntry */
    snprintf(command, sizeof(command), "%s --frobnicate >/dev/null 2>&1", getenv("WFP_CC"));
    assert_int_equal(WEXITSTATUS(system(command)), 2);
    snprintf(command, sizeof(command), "%s -o %s/x.so /nonexistent.c >/dev/null 2>&1",
             getenv("WFP_CC"), folder);
    assert_int_equal(WEXITSTATUS(system(command)), 3);
    snprintf(command, sizeof(command),
             "WFP_CC_CLANG=/nonexistent %s -o %s/x.so %s/lacks.c 2>&1 | grep -q 'apt-get install'",
             getenv("WFP_CC"), folder, folder);
    assert_int_equal(system(command), 0);
}

/* The child of test_sanitizer_names_file_and_line: one driver, one command. */
static int
run_driver(const char *path, const char *command)
{
    struct nt_image *image;
    struct nt_image_report report;
    int index = 4;

    nt_import_add_table(&kernel);
    if (nt_image_load(path, NULL, &image, &report) != NT_IMAGE_OK) {
        fprintf(stderr, "%s\n", report.text);
        return 100;
    }
    entry_fn *entry = nt_image_entry(image);
    entry(atoi(command), &index);
    nt_image_unload(image);
    return 0;
}

/* The line of images/overflow.c that carries @p mark. */
static unsigned
line_of(const char *mark)
{
    char path[512], line[256];
    unsigned number = 0;
    snprintf(path, sizeof(path), "%s/overflow.c", getenv("WFP_TEST_IMAGES"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        number++;
        if (strstr(line, mark))
            break;
    }
    fclose(file);
    return number;
}

static void
test_sanitizer_names_file_and_line(void **state)
{
    static const struct {
        int command;
        const char *mark, *kind;
    } cases[] = {
        {1, "LINE pool overflow", "heap-buffer-overflow"},
        {2, "LINE integer overflow", "signed integer overflow"},
        {3, "LINE array index", "index 4 out of bounds"},
        {4, "LINE use after free", "heap-use-after-free"},
    };
    struct nt_image *image = NULL;
    struct nt_image_report report;
    char command[2048], text[16384], self[256], place[64];

#ifdef __SANITIZE_ADDRESS__
    print_message("SKIP this program has a sanitizer's runtime already\n");
    skip();
#endif
    assert_int_equal(build("overflow.c", "overflow.so", "--sanitize"), 0);
    assert_int_equal(nt_image_load(in_folder("overflow.so"), NULL, &image, &report),
                     NT_IMAGE_NEEDS_SANITIZER);
    if (!report.sanitizer_runtime) {
        nt_image_report_fini(&report);
        print_message("skipped: clang's AddressSanitizer runtime is not installed\n");
        skip();
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n] = '\0';
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        snprintf(command, sizeof(command),
                 "ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=%s %s --run %s %d >%s/log 2>&1",
                 report.sanitizer_runtime, self, in_folder("overflow.so"), cases[i].command,
                 folder);
        (void)!system(command);
        FILE *file = fopen(in_folder("log"), "r");
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        snprintf(place, sizeof(place), "overflow.c:%u:", line_of(cases[i].mark));
        if (!strstr(text, cases[i].kind) || !strstr(text, place))
            fail_msg("no \"%s\" at %s in:\n%s", cases[i].kind, place, text);
    }
    snprintf(command, sizeof(command), "ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=%s %s --run %s 0",
             report.sanitizer_runtime, self, in_folder("overflow.so"));
    assert_int_equal(system(command), 0);
    nt_image_report_fini(&report);
}

static int
set_up(void **state)
{
    nt_import_clear_tables();
    return mkdtemp(folder) && nt_import_add_table(&kernel) == 0 && nt_import_add_table(&wdfldr) == 0
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_prestate(test, &native_flavour),                                              \
        cmocka_unit_test_prestate(test, &windows_flavour)

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        BOTH(test_missing_imports_are_listed_at_once),
        BOTH(test_imports_reach_the_host),
        BOTH(test_framework_entry_binds_and_unbinds),
        BOTH(test_windows_habits_compile),
        BOTH(test_cplusplus_builds_and_runs),
        cmocka_unit_test(test_what_is_no_driver_is_refused),
        cmocka_unit_test(test_failing_builds_say_why),
        cmocka_unit_test(test_sanitizer_names_file_and_line),
    };
    if (argc == 4 && strcmp(argv[1], "--run") == 0)
        return run_driver(argv[2], argv[3]);
    if (!getenv("WFP_CC") || !getenv("WFP_TEST_IMAGES")) {
        printf("skipped: WFP_CC and WFP_TEST_IMAGES name the compiler and the sources\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
