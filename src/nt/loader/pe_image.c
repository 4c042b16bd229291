/*
 * Windows driver images: an anonymous mapping, laid out by pe_layout.c, then protected page by
 * page.
 *
 * No page is ever writable and executable. Sections that ask for both (INIT, from older linkers)
 * become executable; the driver's own write to one is a fault and gets reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/pdb.h"
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

/* Names from the COFF symbol table, which mingw-built drivers carry. Bounds as in the headers. */
static void
read_coff_symbols(struct nt_image *image, const struct nt_image_file *file,
                  const struct nt_pe_headers *headers)
{
    uint64_t table = headers->file.symbol_table, count = headers->file.symbol_count;
    if (table == 0 || count > (1u << 20) || table > file->size || count * 18 > file->size - table)
        return;
    uint64_t strings = table + count * 18, room = file->size - strings;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *symbol = file->bytes + table + i * 18;
        uint32_t zeroes, offset, value;
        uint16_t section, type;
        memcpy(&zeroes, symbol, 4);
        memcpy(&offset, symbol + 4, 4);
        memcpy(&value, symbol + 8, 4);
        memcpy(&section, symbol + 12, 2);
        memcpy(&type, symbol + 14, 2);
        i += symbol[17];
        if (section == 0 || section > headers->section_count || type >> 4 != 2 /* function */)
            continue;
        const char *name =
            zeroes ? (const char *)symbol : (const char *)file->bytes + strings + offset;
        if (!zeroes && offset >= room)
            continue;
        nt_image_add_symbol(image, (uint64_t)headers->sections[section - 1].rva + value, name,
                            zeroes ? strnlen(name, 8) : strnlen(name, MIN(room - offset, 256)));
    }
}

struct pdb_symbols {
    struct nt_image *image;
    const struct nt_pe_headers *headers;
};

static void
add_pdb_function(void *context, uint16_t section, uint32_t offset, const char *name, size_t length)
{
    const struct pdb_symbols *symbols = context;
    if (section == 0 || section > symbols->headers->section_count || length == 0)
        return;
    nt_image_add_symbol(symbols->image,
                        (uint64_t)symbols->headers->sections[section - 1].rva + offset, name,
                        length);
}

/* The GUID that ties the image to its .pdb: a CodeView record {"RSDS", guid, age, path}. */
static const uint8_t *
codeview_guid(const struct nt_image_file *file, const uint8_t *image,
              const struct nt_pe_headers *headers)
{
    enum { ENTRY_SIZE = 28, TYPE_CODEVIEW = 2 };
    const struct pe_directory *directory = &headers->directories[PE_DIR_DEBUG];
    for (uint32_t at = 0; at + ENTRY_SIZE <= directory->size; at += ENTRY_SIZE) {
        uint32_t type, size, offset;
        memcpy(&type, image + directory->rva + at + 12, 4);
        memcpy(&size, image + directory->rva + at + 16, 4);
        memcpy(&offset, image + directory->rva + at + 24, 4);
        if (type == TYPE_CODEVIEW && size >= 24 && offset <= file->size &&
            size <= file->size - offset && memcmp(file->bytes + offset, "RSDS", 4) == 0)
            return file->bytes + offset + 4;
    }
    return NULL;
}

/* The .pdb beside the image, if it is this image's. */
static void
read_pdb(struct nt_image *image, const struct nt_image_file *file,
         const struct nt_pe_headers *headers)
{
    struct pdb_symbols symbols = {image, headers};
    const uint8_t *guid = codeview_guid(file, image->base, headers);
    const char *dot = strrchr(image->leaf, '.');
    char *path;
    struct stat st;
    if (!guid || !dot || asprintf(&path, "%.*s.pdb", (int)(dot - image->path), image->path) < 0)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            (void)nt_pdb_read(bytes, (size_t)st.st_size, guid, add_pdb_function, &symbols);
            munmap(bytes, (size_t)st.st_size);
        }
    }
    close(fd);
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
    read_coff_symbols(image, file, &headers);
    read_pdb(image, file, &headers);
    return protect(image, &headers, report);
}

void
nt_pe_image_unload(struct nt_image *image)
{
    if (image->base)
        munmap(image->base, image->size);
    image->base = NULL;
}
