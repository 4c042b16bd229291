/* Hostile and foreign PE files: each is refused with its own reason, and none is half-loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macros.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_import.h"
#include "nt/loader/pe_format.h"

static char folder[] = "/tmp/wfp-pe-test-XXXXXX";
static uint8_t good[65536], bytes[65536];
static size_t good_size;

static int32_t __attribute__((ms_abi)) nothing(void)
{
    return 0;
}

static const struct wfp_export kernel_rows[] = {
    {"KeTestAdd", (void *)nothing, WFP_EXPORT_FULL, ""},
    {"ZwNobodyHasThis", (void *)nothing, WFP_EXPORT_FULL, ""},
    {"ExEventObjectType", (void *)nothing, WFP_EXPORT_DATA, ""},
};
static const struct wfp_export_table kernel = {"ntoskrnl.exe", kernel_rows,
                                               ELEMENTSOF(kernel_rows)};

static struct pe_file_header *
file_header(void)
{
    uint32_t offset;
    memcpy(&offset, bytes + 0x3C, 4);
    return (struct pe_file_header *)(bytes + offset + 4);
}

static struct pe_optional_header *
optional_header(void)
{
    return (struct pe_optional_header *)(file_header() + 1);
}

static struct pe_directory *
directory(enum pe_directory_index index)
{
    return (struct pe_directory *)(optional_header() + 1) + index;
}

static struct pe_section *
section(const char *name)
{
    struct pe_section *sections =
        (struct pe_section *)((uint8_t *)optional_header() + file_header()->optional_size);
    for (unsigned i = 0; i < file_header()->section_count; i++)
        if (strncmp(sections[i].name, name, 8) == 0)
            return &sections[i];
    fail_msg("no section %s", name);
    return NULL;
}

/* The file's bytes for an address in the image. */
static void *
at_rva(uint32_t rva)
{
    struct pe_section *sections =
        (struct pe_section *)((uint8_t *)optional_header() + file_header()->optional_size);
    for (unsigned i = 0; i < file_header()->section_count; i++)
        if (rva >= sections[i].rva && rva < sections[i].rva + sections[i].raw_size)
            return bytes + sections[i].raw_offset + (rva - sections[i].rva);
    fail_msg("no bytes at rva 0x%x", rva);
    return NULL;
}

static enum nt_image_error
load_bytes(size_t size, char *text, size_t text_size)
{
    char path[256];
    struct nt_image *image = NULL;
    struct nt_image_report report;
    snprintf(path, sizeof(path), "%s/x.sys", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    enum nt_image_error error = nt_image_load(path, NULL, &image, &report);
    snprintf(text, text_size, "%s", report.text);
    assert_true((error == NT_IMAGE_OK) == (image != NULL));
    if (error == NT_IMAGE_OK)
        nt_image_unload(image);
    nt_image_report_fini(&report);
    return error;
}

static void
machine_i386(void)
{
    file_header()->machine = PE_MACHINE_I386;
}

static void
machine_arm64(void)
{
    file_header()->machine = PE_MACHINE_ARM64;
}

static void
magic_32(void)
{
    optional_header()->magic = 0x10B;
}

static void
console_program(void)
{
    optional_header()->subsystem = 3;
}

static void
not_relocatable(void)
{
    file_header()->characteristics |= PE_FLAG_RELOCS_STRIPPED;
}

static void
no_entry(void)
{
    optional_header()->entry_rva = 0;
}

static void
entry_in_data(void)
{
    optional_header()->entry_rva = section(".rdata")->rva;
}

static void
entry_outside(void)
{
    optional_header()->entry_rva = 0xFFFFFFF0;
}

static void
huge_image(void)
{
    optional_header()->image_size = 0xFFFFFFFF;
}

static void
tiny_alignment(void)
{
    optional_header()->section_alignment = 16;
}

static void
no_sections(void)
{
    file_header()->section_count = 0;
}

static void
too_many_sections(void)
{
    file_header()->section_count = 0xFFFF;
}

static void
overlapping_sections(void)
{
    section(".rdata")->rva = section(".text")->rva;
}

static void
section_beyond_image(void)
{
    section(".reloc")->virtual_size = 0xFFFFFFFF;
}

static void
section_beyond_file(void)
{
    section(".text")->raw_offset = 0x7FFFFFFF;
}

static void
packed(void)
{
    memcpy(section(".text")->name, "UPX0\0\0\0", 8);
}

static void
no_code_bytes(void)
{
    section(".text")->raw_size = 0;
    section(".text")->virtual_size = 0x1000;
}

static void
directory_beyond(void)
{
    directory(PE_DIR_EXCEPTION)->rva = 0xFFFFF000;
}

static void
thread_local_storage(void)
{
    *directory(PE_DIR_TLS) = (struct pe_directory){section(".rdata")->rva, 40};
}

static void
delay_imports(void)
{
    *directory(PE_DIR_DELAY_IMPORT) = (struct pe_directory){section(".rdata")->rva, 64};
}

static void
dot_net(void)
{
    *directory(PE_DIR_CLR) = (struct pe_directory){section(".rdata")->rva, 72};
}

static void
reloc_type_of_x86(void)
{
    struct pe_reloc_block *block = at_rva(directory(PE_DIR_BASERELOC)->rva);
    ((uint16_t *)(block + 1))[0] = 3 << 12;
}

static void
reloc_beyond(void)
{
    struct pe_reloc_block *block = at_rva(directory(PE_DIR_BASERELOC)->rva);
    block->page_rva = 0xFFFFF000;
}

static void
reloc_block_too_long(void)
{
    struct pe_reloc_block *block = at_rva(directory(PE_DIR_BASERELOC)->rva);
    block->size = 0x7FFFFFFE;
}

static void
import_name_beyond(void)
{
    ((struct pe_import *)at_rva(directory(PE_DIR_IMPORT)->rva))->name_rva = 0x7FFFFFFF;
}

static void
import_table_beyond(void)
{
    ((struct pe_import *)at_rva(directory(PE_DIR_IMPORT)->rva))->iat_rva = 0x7FFFFFF0;
}

static void
user_mode_imports(void)
{
    struct pe_import *import = at_rva(directory(PE_DIR_IMPORT)->rva);
    memcpy(at_rva(import->name_rva), "ntdll.dll", 10);
}

static void
import_by_ordinal(void)
{
    struct pe_import *import = at_rva(directory(PE_DIR_IMPORT)->rva);
    *(uint64_t *)at_rva(import->lookup_rva) = 1ull << 63 | 17;
}

static void
pdata_out_of_order(void)
{
    struct pe_runtime_function *functions = at_rva(directory(PE_DIR_EXCEPTION)->rva);
    functions[0].begin_rva = functions[1].end_rva + 1;
    functions[0].end_rva = functions[1].end_rva + 2;
}

static void
unwind_beyond(void)
{
    ((struct pe_runtime_function *)at_rva(directory(PE_DIR_EXCEPTION)->rva))->unwind_rva =
        0xFFFFFFF0;
}

static void
cookie_in_code(void)
{
    uint8_t *config = at_rva(directory(PE_DIR_LOAD_CONFIG)->rva);
    uint64_t va = optional_header()->image_base + section(".text")->rva;
    memcpy(config + PE_LOAD_CONFIG_COOKIE, &va, sizeof(va));
}

static void
test_each_defect_has_its_refusal(void **state)
{
    static const struct {
        void (*damage)(void);
        enum nt_image_error error;
        const char *says;
    } cases[] = {
        {machine_i386, NT_IMAGE_WRONG_MACHINE, "32-bit x86"},
        {machine_arm64, NT_IMAGE_WRONG_MACHINE, "ARM64"},
        {magic_32, NT_IMAGE_MALFORMED, "not a 64-bit optional header"},
        {console_program, NT_IMAGE_NOT_A_DRIVER, "user-mode program"},
        {user_mode_imports, NT_IMAGE_NOT_A_DRIVER, "user-mode program"},
        {not_relocatable, NT_IMAGE_NOT_A_DRIVER, "no relocations"},
        {no_entry, NT_IMAGE_NO_ENTRY, "no entry point"},
        {entry_in_data, NT_IMAGE_MALFORMED, "entry point is not in executable code"},
        {entry_outside, NT_IMAGE_MALFORMED, "entry point is not in executable code"},
        {huge_image, NT_IMAGE_MALFORMED, "above 256 MiB"},
        {tiny_alignment, NT_IMAGE_MALFORMED, "section alignment"},
        {no_sections, NT_IMAGE_MALFORMED, "no sections"},
        {too_many_sections, NT_IMAGE_MALFORMED, "more than 96"},
        {overlapping_sections, NT_IMAGE_MALFORMED, "overlap"},
        {section_beyond_image, NT_IMAGE_MALFORMED, "beyond the image"},
        {section_beyond_file, NT_IMAGE_MALFORMED, "truncated"},
        {packed, NT_IMAGE_NOT_A_DRIVER, "packed"},
        {no_code_bytes, NT_IMAGE_NOT_A_DRIVER, "packed"},
        {directory_beyond, NT_IMAGE_MALFORMED, "data directory"},
        {thread_local_storage, NT_IMAGE_NOT_A_DRIVER, "thread-local"},
        {delay_imports, NT_IMAGE_NOT_A_DRIVER, "delay-loaded"},
        {dot_net, NT_IMAGE_NOT_A_DRIVER, ".NET"},
        {reloc_type_of_x86, NT_IMAGE_MALFORMED, "relocation of a type"},
        {reloc_beyond, NT_IMAGE_MALFORMED, "relocation points beyond"},
        {reloc_block_too_long, NT_IMAGE_MALFORMED, "relocation block"},
        {import_name_beyond, NT_IMAGE_MALFORMED, "module name"},
        {import_table_beyond, NT_IMAGE_MALFORMED, "import table"},
        {import_by_ordinal, NT_IMAGE_MISSING_IMPORTS, "imports missing: 1, present: 2"},
        {pdata_out_of_order, NT_IMAGE_MALFORMED, "exception directory"},
        {unwind_beyond, NT_IMAGE_MALFORMED, "unwind information"},
        {cookie_in_code, NT_IMAGE_MALFORMED, "security cookie"},
    };
    char text[512];
    memcpy(bytes, good, good_size);
    assert_int_equal(load_bytes(good_size, text, sizeof(text)), NT_IMAGE_OK);
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        memcpy(bytes, good, good_size);
        cases[i].damage();
        enum nt_image_error error = load_bytes(good_size, text, sizeof(text));
        if (error != cases[i].error || !strstr(text, cases[i].says))
            fail_msg("\"%s\": error %d, \"%s\"", cases[i].says, error, text);
        assert_null(strchr(text, '\n'));
        assert_int_equal(nt_image_exit_code(error), 1);
    }
}

static void
test_every_truncation_is_refused(void **state)
{
    char text[512];
    memcpy(bytes, good, good_size);
    for (size_t size = 2; size < good_size; size += 1 + size / 64) {
        enum nt_image_error error = load_bytes(size, text, sizeof(text));
        if (error == NT_IMAGE_OK)
            fail_msg("%zu of %zu bytes loaded", size, good_size);
    }
}

static void
test_no_page_is_writable_and_executable(void **state)
{
    char path[256], line[512];
    struct nt_image *image;
    struct nt_image_report report;
    unsigned pages = 0;

    memcpy(bytes, good, good_size);
    section(".text")->characteristics |= PE_SECTION_WRITE; /* as old INIT sections have it */
    snprintf(path, sizeof(path), "%s/wx.sys", folder);
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, good_size, file), good_size);
    fclose(file);
    assert_int_equal(nt_image_load(path, NULL, &image, &report), NT_IMAGE_OK);
    uintptr_t base = (uintptr_t)nt_image_base(image), end = base + nt_image_size(image);
    file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), file)) {
        unsigned long from, to;
        char flags[8];
        assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, flags), 3);
        if (from >= end || to <= base)
            continue;
        pages++;
        assert_false(flags[1] == 'w' && flags[2] == 'x');
    }
    fclose(file);
    assert_true(pages >= 3); /* headers, code, data at least */
    nt_image_unload(image);
    nt_image_report_fini(&report);
}

static int
set_up(void **state)
{
    char command[1024], path[256];
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/good.sys", folder);
    snprintf(command, sizeof(command), "%s --target windows -o %s %s/plain.c", getenv("WFP_CC"),
             path, getenv("WFP_TEST_IMAGES"));
    if (system(command) != 0)
        return -1;
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    good_size = fread(good, 1, sizeof(good), file);
    fclose(file);
    nt_import_clear_tables();
    return nt_import_add_table(&kernel);
}

static int
tear_down(void **state)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_defect_has_its_refusal),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_no_page_is_writable_and_executable),
    };
    if (!getenv("WFP_CC") || !getenv("WFP_TEST_IMAGES")) {
        printf("skipped: WFP_CC and WFP_TEST_IMAGES name the compiler and the sources\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
