/*
 * Windows driver images: an anonymous mapping, laid out by pe_layout.c, then protected page by
 * page.
 *
 * No page is ever writable and executable. Sections that ask for both (INIT, from older linkers)
 * become executable; the driver's own write to one is a fault and gets reported.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/pe_layout.h"

void nt_pe_image_guard_check(void);
void nt_pe_image_guard_dispatch(void);
__asm__(".text\n"
        ".hidden nt_pe_image_guard_check\n.globl nt_pe_image_guard_check\n"
        "nt_pe_image_guard_check:\n    ret\n"
        ".hidden nt_pe_image_guard_dispatch\n.globl nt_pe_image_guard_dispatch\n"
        "nt_pe_image_guard_dispatch:\n    jmpq *%rax\n");

struct binding {
    const struct nt_image_options *options;
    struct nt_image_report *report;
    bool framework, user_mode;
};

static void *
bind_import(void *context, const char *module, const char *name)
{
    struct binding *binding = context;
    if (strcasecmp(module, "ntdll.dll") == 0 || strcasecmp(module, "kernel32.dll") == 0)
        binding->user_mode = true;
    if (strcasecmp(module, "wdfldr.sys") == 0)
        binding->framework = true;
    return nt_image_bind(module, name, binding->options, binding->report);
}

static void
add_symbol(void *context, uint64_t rva, const char *name, size_t length)
{
    nt_image_add_symbol(context, rva, name, length);
}

/* 48 random bits, never 0: the upper 16 are zero by rule. */
static uint64_t
random_cookie(const void *salt)
{
    uint64_t cookie = 0;
    if (getrandom(&cookie, sizeof(cookie), GRND_NONBLOCK) != (ssize_t)sizeof(cookie))
        cookie = (uint64_t)(uintptr_t)salt * 0x9E3779B97F4A7C15ull;
    cookie &= 0x0000FFFFFFFFFFFFull;
    return cookie == 0 || cookie == PE_DEFAULT_COOKIE ? 0x3E4F2A1B7C9Dull : cookie;
}

static int
protection(uint32_t characteristics)
{
    int flags = 0;
    if (characteristics & (PE_SECTION_READ | PE_SECTION_WRITE | PE_SECTION_EXECUTE))
        flags |= PROT_READ;
    if (characteristics & PE_SECTION_EXECUTE)
        flags |= PROT_EXEC;
    else if (characteristics & PE_SECTION_WRITE)
        flags |= PROT_WRITE;
    return flags;
}

static enum nt_image_error
protect(const struct nt_image *image, const struct nt_pe_headers *headers,
        struct nt_image_report *report)
{
    /* Headers and the gaps between sections: readable, nothing more. */
    bool failed = mprotect(image->base, image->size, PROT_READ) < 0;
    for (size_t i = 0; i < headers->section_count && !failed; i++) {
        const struct pe_section *section = &headers->sections[i];
        size_t span = ALIGN_UP((size_t)nt_pe_headers_span(section), NT_PE_PAGE);
        failed = span > 0 && mprotect(image->base + section->rva, span,
                                      protection(section->characteristics)) < 0;
    }
    if (!failed)
        return NT_IMAGE_OK;
    return nt_image_fail(report, NT_IMAGE_NO_MEMORY, "%s: cannot protect its pages: %s",
                         image->path, strerror(errno));
}

static enum nt_image_error
lay_out(struct nt_image *image, const struct nt_image_file *file,
        const struct nt_pe_headers *headers, struct binding *binding)
{
    const char *why = "";
    uint64_t base = (uint64_t)(uintptr_t)image->base;

    nt_pe_layout_copy(headers, file->bytes, file->size, image->base);
    enum nt_image_error error = nt_pe_layout_relocate(headers, image->base, base, &why);
    if (!error)
        error = nt_pe_layout_check_pdata(headers, image->base, &why);
    if (!error)
        error = nt_pe_layout_configure(headers, image->base, base, random_cookie(image),
                                       (void *)nt_pe_image_guard_check,
                                       (void *)nt_pe_image_guard_dispatch, &why);
    if (!error)
        error = nt_pe_layout_bind(headers, image->base, bind_import, binding, &why);
    if (error)
        return nt_image_fail(binding->report, error, "%s: %s", image->path, why);
    if (binding->user_mode)
        return nt_image_fail(binding->report, NT_IMAGE_NOT_A_DRIVER,
                             "%s: a user-mode program or library, not a kernel driver",
                             image->path);
    return nt_image_check_missing(image, binding->options, binding->report);
}

enum nt_image_error
nt_pe_image_load(struct nt_image *image, const struct nt_image_file *file,
                 const struct nt_image_options *options, struct nt_image_report *report)
{
    struct nt_pe_headers headers;
    struct binding binding = {.options = options, .report = report};
    const char *why = "";

    enum nt_image_error error = nt_pe_headers_read(file->bytes, file->size, &headers, &why);
    if (error)
        return nt_image_fail(report, error, "%s: %s", image->path, why);
    void *memory =
        mmap(NULL, headers.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return nt_image_fail(report, NT_IMAGE_NO_MEMORY, "%s: %s", image->path, strerror(errno));
    image->base = memory;
    image->size = headers.size;

    error = lay_out(image, file, &headers, &binding);
    if (error)
        return error;
    image->entry = image->base + headers.optional.entry_rva;
    image->uses_framework = binding.framework;
    image->pdata_offset = headers.directories[PE_DIR_EXCEPTION].rva;
    image->pdata_count =
        headers.directories[PE_DIR_EXCEPTION].size / (uint32_t)sizeof(struct pe_runtime_function);
    nt_pe_layout_exports(&headers, image->base, add_symbol, image);
    nt_pe_symbols_read(image, file, &headers);
    return protect(image, &headers, report);
}

void
nt_pe_image_unload(struct nt_image *image)
{
    if (image->base)
        munmap(image->base, image->size);
    image->base = NULL;
}
