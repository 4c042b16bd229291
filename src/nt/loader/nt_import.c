/*
 * Import tables, and stand-ins for what no table has.
 */
#include "nt/loader/nt_import.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/status.h"

enum { MAX_TABLES = 64 };

static const struct wfp_export_table *tables[MAX_TABLES];
static size_t table_count;

int
nt_import_add_table(const struct wfp_export_table *table)
{
    for (size_t i = 0; i < table_count; i++)
        if (tables[i] == table)
            return 0;
    if (table_count == MAX_TABLES)
        return -WFP_ERR_NO_MEMORY;
    tables[table_count++] = table;
    return 0;
}

void
nt_import_clear_tables(void)
{
    table_count = 0;
}

/* The kernel and the hardware layer are one namespace; images name the kernel file in four ways. */
static bool
is_kernel(const char *module)
{
    static const char *const names[] = {"ntoskrnl.exe", "hal.dll", "ntkrnlmp.exe", "ntkrnlpa.exe"};
    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (strcasecmp(module, names[i]) == 0)
            return true;
    return false;
}

static bool
same_module(const char *left, const char *right)
{
    return strcasecmp(left, right) == 0 || (is_kernel(left) && is_kernel(right));
}

bool
nt_import_knows_module(const char *module)
{
    for (size_t i = 0; i < table_count; i++)
        if (same_module(tables[i]->module, module))
            return true;
    return false;
}

const struct wfp_export *
nt_import_find(const char *module, const char *name)
{
    for (size_t i = 0; i < table_count; i++) {
        if (!same_module(tables[i]->module, module))
            continue;
        const struct wfp_export *row = wfp_export_find(tables[i], name);
        if (row)
            return row;
    }
    return NULL;
}

/* Lives as long as the process, like the code that names it. */
struct missing {
    struct missing *next; /* all of them: the generated code hides its pointer from leak checkers */
    const char *module, *name;
    atomic_bool reported;
};

__attribute__((ms_abi)) uint64_t nt_import_missing_called(struct missing *missing);

/* Reached from the generated code through the thunk below, with the stand-in's own record. */
__attribute__((ms_abi, used)) uint64_t
nt_import_missing_called(struct missing *missing)
{
    if (!atomic_exchange(&missing->reported, true))
        wfp_log(WFP_LOG_WARNING, "missing import called: %s!%s (returns STATUS_NOT_IMPLEMENTED)",
                missing->module, missing->name);
    return 0xC0000002u;
}

void nt_import_missing_thunk(void);
__asm__(".text\n"
        ".hidden nt_import_missing_thunk\n"
        ".globl nt_import_missing_thunk\n"
        ".type nt_import_missing_thunk,@function\n"
        "nt_import_missing_thunk:\n"
        "    movq %r10, %rcx\n" /* the driver's arguments are of no use: a tail call */
        "    jmp nt_import_missing_called\n");

/* movabs $record,%r10; movabs $thunk,%r11; jmp *%r11 */
enum { CODE_SIZE = 32, PAGE = 4096 };
static pthread_mutex_t code_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *code_page;
static size_t code_used = PAGE;
static struct missing *all_missing;

static void *
emit_code(struct missing *record)
{
    void (*thunk)(void) = nt_import_missing_thunk;
    uint8_t code[CODE_SIZE] = {0x49, 0xBA, 0, 0, 0, 0, 0, 0, 0, 0, 0x49, 0xBB};
    memcpy(code + 2, &record, 8);
    memcpy(code + 12, &thunk, 8);
    memcpy(code + 20, "\x41\xFF\xE3", 3);

    if (code_used + CODE_SIZE > PAGE) {
        void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            return NULL;
        code_page = page;
        code_used = 0;
    } else if (mprotect(code_page, PAGE, PROT_READ | PROT_WRITE) < 0) {
        return NULL;
    }
    void *at = code_page + code_used;
    memcpy(at, code, sizeof(code));
    code_used += CODE_SIZE;
    return mprotect(code_page, PAGE, PROT_READ | PROT_EXEC) < 0 ? NULL : at;
}

void *
nt_import_make_missing(const char *module, const char *name)
{
    size_t module_size = strlen(module) + 1, name_size = strlen(name) + 1;
    struct missing *record = calloc(1, sizeof(*record) + module_size + name_size);
    if (!record)
        return NULL;
    char *text = (char *)(record + 1);
    memcpy(text, module, module_size);
    memcpy(text + module_size, name, name_size);
    record->module = text;
    record->name = text + module_size;
    pthread_mutex_lock(&code_lock);
    void *code = emit_code(record);
    if (code) {
        record->next = all_missing;
        all_missing = record;
    }
    pthread_mutex_unlock(&code_lock);
    if (!code) {
        free(record);
        return NULL;
    }
    return code;
}
