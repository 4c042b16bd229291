/*
 * Objects to a native .so: import stubs, entry, the image's one exported symbol.
 *
 * Nothing in the image depends on the host: every Windows function is a stub that jumps through a
 * slot, and the loader fills the slots by module and name (nt/loader/native_abi.h). Only a
 * sanitized image has dynamic imports, those of the sanitizer runtime, reached through thunks that
 * turn the Windows calling convention into the System V one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/loader/native_abi.h"
#include "programs/wfp-cc/cc_runtime.h"

struct link {
    struct wfp_cc *cc;
    struct wfp_cc_symbols symbols;
    struct wfp_cc_list objects;  /* the driver's and the runtime's */
    struct wfp_cc_list wrapped;  /* sanitizer functions called */
    struct wfp_cc_text assembly; /* of the generated part */
    size_t import_count;
    bool kmdf;
};

static bool
is_sanitizer_symbol(const char *name)
{
    return strncmp(name, "__asan_", 7) == 0 || strncmp(name, "__ubsan_", 8) == 0 ||
           strncmp(name, "__sanitizer_", 12) == 0;
}

/* Sanitizer functions that never return: the thunk is a jump, so that reports name the driver. */
static bool
never_returns(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "__asan_report_", 14) == 0 ||
           (length > 6 && strcmp(name + length - 6, "_abort") == 0);
}

/* Windows preserves rdi, rsi and xmm6-15 across calls; System V does not. */
static void
append_thunk(struct link *link, const char *name)
{
    struct wfp_cc_text *out = &link->assembly;
    wfp_cc_util_appendf(out,
                        "\t.globl __wrap_%s\n\t.hidden __wrap_%s\n"
                        "\t.type __wrap_%s,@function\n__wrap_%s:\n\t.cfi_startproc\n",
                        name, name, name, name);
    if (never_returns(name)) {
        wfp_cc_util_appendf(out,
                            "\tmovq %%rcx,%%rdi\n\tmovq %%rdx,%%rsi\n\tmovq %%r8,%%rdx\n"
                            "\tjmp __real_%s@PLT\n\t.cfi_endproc\n",
                            name);
        return;
    }
    wfp_cc_util_appendf(out, "\tpushq %%rbp\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset %%rbp,-16\n"
                             "\tmovq %%rsp,%%rbp\n\t.cfi_def_cfa_register %%rbp\n"
                             "\tsubq $176,%%rsp\n\tandq $-16,%%rsp\n"
                             "\tmovq %%rdi,160(%%rsp)\n\tmovq %%rsi,168(%%rsp)\n");
    for (int x = 6; x < 16; x++)
        wfp_cc_util_appendf(out, "\tmovaps %%xmm%d,%d(%%rsp)\n", x, (x - 6) * 16);
    wfp_cc_util_appendf(out,
                        "\tmovq %%rcx,%%rdi\n\tmovq %%rdx,%%rsi\n\tmovq %%r8,%%rdx\n"
                        "\tmovq %%r9,%%rcx\n\tmovq 48(%%rbp),%%r8\n\tmovq 56(%%rbp),%%r9\n"
                        "\tcall __real_%s@PLT\n",
                        name);
    for (int x = 6; x < 16; x++)
        wfp_cc_util_appendf(out, "\tmovaps %d(%%rsp),%%xmm%d\n", (x - 6) * 16, x);
    wfp_cc_util_appendf(out, "\tmovq 160(%%rsp),%%rdi\n\tmovq 168(%%rsp),%%rsi\n\tleave\n"
                             "\t.cfi_def_cfa %%rsp,8\n\tret\n\t.cfi_endproc\n");
}

/*
 * One import: its stub or variable, its slot, and its row.
 *
 *     function X          `X: jmp *slot`             slot = the function
 *     __imp_X             the slot itself            slot = the function or the variable
 *     variable X          the slot again: an import library has X stand for its address
 */
static void
append_import(struct link *link, const char *symbol, const char *name,
              const struct wfp_cc_import *import)
{
    struct wfp_cc_text *out = &link->assembly;
    size_t n = link->import_count++;
    bool is_slot = symbol != name || import->kind == WFP_CC_IMPORT_DATA;

    if (!is_slot)
        wfp_cc_util_appendf(out,
                            "\t.text\n\t.balign 8\n\t.globl \"%s\"\n\t.hidden \"%s\"\n"
                            "\t.type \"%s\",@function\n\"%s\":\n\tjmpq *.Lslot%zu(%%rip)\n"
                            "\t.size \"%s\",.-\"%s\"\n",
                            symbol, symbol, symbol, symbol, n, symbol, symbol);
    wfp_cc_util_appendf(out, "\t.section wfp_slots,\"aw\",@progbits\n\t.balign 8\n");
    if (is_slot)
        wfp_cc_util_appendf(out,
                            "\t.globl \"%s\"\n\t.hidden \"%s\"\n\t.type \"%s\",@object\n"
                            "\t.size \"%s\",8\n\"%s\":\n",
                            symbol, symbol, symbol, symbol, symbol);
    wfp_cc_util_appendf(out, ".Lslot%zu: .quad 0\n", n);
    wfp_cc_util_appendf(out,
                        "\t.section .rodata.str1.1,\"aMS\",@progbits,1\n"
                        ".Lmodule%zu: .asciz \"%s\"\n.Lname%zu: .asciz \"%s\"\n"
                        "\t.section wfp_imports,\"aw\",@progbits\n\t.balign 8\n"
                        "\t.quad .Lmodule%zu, .Lname%zu, .Lslot%zu\n",
                        n, import->module, n, name, n, n, n);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every name that no object defines: a sanitizer's, a module's, or the driver writer's mistake. */
static int
resolve(struct link *link)
{
    struct wfp_cc_list *undefined = &link->symbols.undefined;
    size_t unknown = 0;

    if (undefined->count > 1)
        qsort(undefined->items, undefined->count, sizeof(*undefined->items), compare_names);
    for (size_t i = 0; i < undefined->count; i++) {
        const char *symbol = undefined->items[i];
        const char *name = strncmp(symbol, "__imp_", 6) == 0 ? symbol + 6 : symbol;
        struct wfp_cc_import import;
        if (link->cc->sanitize && is_sanitizer_symbol(name)) {
            wfp_cc_util_appendf(&link->assembly, "\t.text\n");
            append_thunk(link, name);
            wfp_cc_util_add(&link->wrapped, name);
        } else if (wfp_cc_symbols_find_export(name, &import)) {
            wfp_cc_symbols_note_guess(name, &import);
            append_import(link, symbol, name, &import);
        } else if (strcmp(name, "_GLOBAL_OFFSET_TABLE_") != 0 &&
                   strncmp(name, "__start_asan", 12) != 0 &&
                   strncmp(name, "__stop_asan", 11) != 0) {
            fprintf(stderr,
                    "wfp-cc: undefined: %s (in no source, and no kernel module exports it)\n",
                    name);
            unknown++;
        }
    }
    if (unknown == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("%zu undefined symbols; %s was not made", unknown, link->cc->output);
    return WFP_CC_FAILED;
}

static void
append_image(struct link *link)
{
    struct wfp_cc_text *out = &link->assembly;
    wfp_cc_util_appendf(out,
                        "\t.data\n\t.balign 8\n\t.globl " NT_NATIVE_SYMBOL
                        "\n\t.type " NT_NATIVE_SYMBOL ",@object\n" NT_NATIVE_SYMBOL ":\n"
                        "\t.long 0x%x, %d\n\t.quad %zu, %s, %s\n\t.size " NT_NATIVE_SYMBOL ",32\n",
                        NT_NATIVE_MAGIC,
                        (link->cc->sanitize ? NT_NATIVE_SANITIZED : 0) |
                            (link->kmdf ? NT_NATIVE_KMDF : 0),
                        link->import_count, link->import_count ? "wfp_first_import" : "0",
                        link->kmdf ? "FxDriverEntry" : "DriverEntry");
    wfp_cc_util_appendf(out, "\t.section .note.GNU-stack,\"\",@progbits\n");
    if (!link->cc->sanitize)
        return;
    _cleanup_(freep) char *runtime = wfp_cc_tools_sanitizer_runtime(link->cc);
    wfp_cc_util_appendf(
        out, "\t.section " NT_NATIVE_RUNTIME_SECTION ",\"\",@progbits\n\t.asciz \"%s\"\n",
        runtime ? runtime : "");
}

static int
assemble(struct link *link)
{
    struct wfp_cc *cc = link->cc;
    static const char head[] = "\t.section wfp_imports,\"aw\",@progbits\n\t.balign 8\n"
                               "wfp_first_import:\n";
    _cleanup_(freep) char *source = wfp_cc_util_format("%s/image.s", cc->work_dir);
    _cleanup_(freep) char *object = wfp_cc_util_format("%s/image.o", cc->work_dir);
    struct wfp_cc_text whole = {0};

    wfp_cc_util_append(&whole, head, sizeof(head) - 1);
    wfp_cc_util_append(&whole, link->assembly.data, link->assembly.length);
    wfp_cc_util_write(source, whole.data, whole.length);
    wfp_cc_util_free_text(&whole);
    struct wfp_cc_list argv = {0};
    wfp_cc_util_add(&argv, cc->clang);
    wfp_cc_util_add(&argv, "--target=x86_64-pc-linux-gnu");
    wfp_cc_util_add(&argv, "-c");
    wfp_cc_util_add(&argv, source);
    wfp_cc_util_add(&argv, "-o");
    wfp_cc_util_add(&argv, object);
    int r = wfp_cc_util_run(argv.items);
    wfp_cc_util_clear(&argv);
    if (r != 0) {
        wfp_cc_util_error("cannot assemble the import stubs");
        return WFP_CC_ENVIRONMENT;
    }
    wfp_cc_util_add(&link->objects, object);
    return WFP_CC_OK;
}

static int
run_linker(struct link *link)
{
    static const char version[] = "{ global: " NT_NATIVE_SYMBOL "; local: *; };\n";
    struct wfp_cc *cc = link->cc;
    struct wfp_cc_list argv = {0};
    _cleanup_(freep) char *script = wfp_cc_util_format("%s/version", cc->work_dir);

    wfp_cc_util_write(script, version, sizeof(version) - 1);
    wfp_cc_util_add(&argv, cc->linker);
    static const char *const options[] = {
        "-shared",        "-Bsymbolic",    "-znow",
        "-zrelro",        "-znoexecstack", "--no-dependent-libraries",
        "--gc-sections",  "--build-id",    "--hash-style=gnu",
        "--eh-frame-hdr", "-melf_x86_64"};
    for (size_t i = 0; i < ELEMENTSOF(options); i++)
        wfp_cc_util_add(&argv, options[i]);
    wfp_cc_util_addf(&argv, "--version-script=%s", script);
    for (size_t i = 0; i < link->wrapped.count; i++)
        wfp_cc_util_addf(&argv, "--wrap=%s", link->wrapped.items[i]);
    wfp_cc_util_add(&argv, "-o");
    wfp_cc_util_add(&argv, cc->output);
    for (size_t i = 0; i < link->objects.count; i++)
        wfp_cc_util_add(&argv, link->objects.items[i]);
    int r = wfp_cc_util_run(argv.items);
    wfp_cc_util_clear(&argv);
    if (r == 0)
        return WFP_CC_OK;
    wfp_cc_util_error("the linker failed; %s was not made", cc->output);
    return WFP_CC_FAILED;
}

static int
link_all(struct link *link)
{
    struct wfp_cc *cc = link->cc;
    int r = wfp_cc_runtime_read_objects(cc, &link->symbols, &link->objects);
    if (r == 0)
        r = wfp_cc_runtime_add(cc, &link->symbols, &link->objects);
    if (r != 0)
        return r;
    link->kmdf = wfp_cc_util_has(&link->symbols.defined, "FxDriverEntry");
    r = resolve(link);
    if (r != 0)
        return r;
    append_image(link);
    r = assemble(link);
    return r != 0 ? r : run_linker(link);
}

int
wfp_cc_native_link(struct wfp_cc *cc)
{
    struct link link = {.cc = cc};
    int r = link_all(&link);
    wfp_cc_symbols_fini(&link.symbols);
    wfp_cc_util_clear(&link.objects);
    wfp_cc_util_clear(&link.wrapped);
    wfp_cc_util_free_text(&link.assembly);
    return r;
}
