/*
 * Native driver images: dlopen, then fill the slots that wfp-cc left (native_abi.h).
 *
 * The file is checked before dlopen as far as one clear message needs it; a .so is code to be run,
 * so no check makes a hostile one safe.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/native_abi.h"

static bool
in_file(const struct nt_image_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

/* The section called @p name, or NULL. */
static const Elf64_Shdr *
find_section(const struct nt_image_file *file, const char *name)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shstrndx >= header->e_shnum ||
        !in_file(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)))
        return NULL;
    const Elf64_Shdr *sections = (const void *)(file->bytes + header->e_shoff);
    const Elf64_Shdr *names = &sections[header->e_shstrndx];
    if (!in_file(file, names->sh_offset, names->sh_size))
        return NULL;
    for (unsigned i = 0; i < header->e_shnum; i++) {
        const char *own = (const char *)file->bytes + names->sh_offset + sections[i].sh_name;
        if (sections[i].sh_name < names->sh_size &&
            strnlen(own, names->sh_size - sections[i].sh_name) == strlen(name) &&
            memcmp(own, name, strlen(name)) == 0 &&
            (sections[i].sh_type == SHT_NOBITS ||
             in_file(file, sections[i].sh_offset, sections[i].sh_size)))
            return &sections[i];
    }
    return NULL;
}

static enum nt_image_error
check_header(const struct nt_image *image, const struct nt_image_file *file,
             struct nt_image_report *report)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;
    if (file->size < sizeof(*header))
        return nt_image_fail(report, NT_IMAGE_MALFORMED, "%s: truncated ELF file", image->path);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return nt_image_fail(report, NT_IMAGE_WRONG_MACHINE, "%s: not an x86-64 image (machine %u)",
                             image->path, header->e_machine);
    if (header->e_type != ET_DYN)
        return nt_image_fail(report, NT_IMAGE_NOT_A_DRIVER,
                             "%s: not a shared object; build drivers with wfp-cc", image->path);
    return NT_IMAGE_OK;
}

/* Before dlopen, so that no foreign library's constructors run. */
static enum nt_image_error
check_origin(const struct nt_image *image, const struct nt_image_file *file,
             struct nt_image_report *report)
{
    const Elf64_Shdr *names = find_section(file, ".dynstr");
    if (names && names->sh_type != SHT_NOBITS &&
        memmem(file->bytes + names->sh_offset, names->sh_size, NT_NATIVE_SYMBOL,
               sizeof(NT_NATIVE_SYMBOL)))
        return NT_IMAGE_OK;
    return nt_image_fail(report, NT_IMAGE_NOT_A_DRIVER,
                         "%s: not built by wfp-cc (no " NT_NATIVE_SYMBOL ")", image->path);
}

/* A sanitized image cannot be loaded before its runtime; say which one it wants. */
static enum nt_image_error
check_sanitizer(const struct nt_image *image, const struct nt_image_file *file,
                struct nt_image_report *report)
{
    const Elf64_Shdr *section = find_section(file, NT_NATIVE_RUNTIME_SECTION);
    if (!section || dlsym(RTLD_DEFAULT, "__asan_init"))
        return NT_IMAGE_OK;
    const char *path = (const char *)file->bytes + section->sh_offset;
    if (section->sh_size > 1)
        report->sanitizer_runtime = strndup(path, section->sh_size);
    return nt_image_fail(report, NT_IMAGE_NEEDS_SANITIZER,
                         "%s: built with --sanitize; needs LD_PRELOAD=%s", image->path,
                         report->sanitizer_runtime ? report->sanitizer_runtime
                                                   : "libclang_rt.asan-x86_64.so");
}

/* Functions of the static symbol table: the image exports none, but reports name them. */
static void
read_symbols(struct nt_image *image, const struct nt_image_file *file)
{
    const Elf64_Shdr *table = find_section(file, ".symtab");
    const Elf64_Shdr *strings = find_section(file, ".strtab");
    if (!table || !strings || table->sh_type == SHT_NOBITS || strings->sh_type == SHT_NOBITS)
        return;
    const Elf64_Sym *symbols = (const void *)(file->bytes + table->sh_offset);
    const char *names = (const char *)file->bytes + strings->sh_offset;
    for (size_t i = 0; i < table->sh_size / sizeof(*symbols); i++)
        if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && symbols[i].st_shndx != SHN_UNDEF &&
            symbols[i].st_name < strings->sh_size)
            nt_image_add_symbol(
                image, symbols[i].st_value, names + symbols[i].st_name,
                strnlen(names + symbols[i].st_name, strings->sh_size - symbols[i].st_name));
}

/* Where dlopen put it. */
static void
find_extent(struct nt_image *image, const struct nt_image_file *file)
{
    struct link_map *map;
    const Elf64_Ehdr *header = (const void *)file->bytes;
    if (dlinfo(image->handle, RTLD_DI_LINKMAP, &map) != 0)
        return;
    image->base = (uint8_t *)map->l_addr;
    if (header->e_phentsize != sizeof(Elf64_Phdr) ||
        !in_file(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
        return;
    const Elf64_Phdr *segments = (const void *)(file->bytes + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            image->size = MAX(image->size, segments[i].p_vaddr + segments[i].p_memsz);
}

static enum nt_image_error
bind_imports(struct nt_image *image, const struct nt_native_image *native,
             const struct nt_image_options *options, struct nt_image_report *report)
{
    for (uint64_t i = 0; i < native->import_count; i++) {
        const struct nt_native_import *import = &native->imports[i];
        void *address = nt_image_bind(import->module, import->name, options, report);
        if (address)
            *import->slot = address;
    }
    return nt_image_check_missing(image, options, report);
}

enum nt_image_error
nt_native_image_load(struct nt_image *image, const struct nt_image_file *file,
                     const struct nt_image_options *options, struct nt_image_report *report)
{
    enum nt_image_error error = check_header(image, file, report);
    if (!error)
        error = check_origin(image, file, report);
    if (!error)
        error = check_sanitizer(image, file, report);
    if (error)
        return error;
    image->handle = dlopen(image->path, RTLD_NOW | RTLD_LOCAL);
    if (!image->handle)
        return nt_image_fail(report, NT_IMAGE_MALFORMED, "cannot load %s", dlerror());

    const struct nt_native_image *native = dlsym(image->handle, NT_NATIVE_SYMBOL);
    if (!native)
        return nt_image_fail(report, NT_IMAGE_NOT_A_DRIVER,
                             "%s: not built by wfp-cc (no " NT_NATIVE_SYMBOL ")", image->path);
    if (native->magic != NT_NATIVE_MAGIC)
        return nt_image_fail(report, NT_IMAGE_NOT_A_DRIVER,
                             "%s: built by another version of wfp-cc; build it again", image->path);
    if (!native->entry)
        return nt_image_fail(report, NT_IMAGE_NO_ENTRY, "%s: no DriverEntry", image->path);
    image->entry = native->entry;
    image->uses_framework = native->flags & NT_NATIVE_KMDF;
    find_extent(image, file);
    read_symbols(image, file);
    return bind_imports(image, native, options, report);
}

void
nt_native_image_unload(struct nt_image *image)
{
    if (image->handle)
        dlclose(image->handle);
    image->handle = NULL;
}
