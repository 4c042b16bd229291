/*
 * What names a Windows image's code: its COFF symbol table (mingw) and the .pdb beside it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/pdb.h"
#include "nt/loader/pe_headers.h"

static void
unmap_file(struct nt_image_file *file)
{
    if (file->bytes)
        munmap((void *)file->bytes, file->size);
}

static void
map_file(const char *path, struct nt_image_file *ret_file)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED)
            *ret_file = (struct nt_image_file){bytes, (size_t)st.st_size};
    }
    close(fd);
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

/* The .pdb beside the image. It need not be this image's: its GUID tells. */
static void
map_pdb(const struct nt_image *image, struct nt_image_file *ret_file)
{
    const char *dot = strrchr(image->leaf, '.');
    _cleanup_(freep) char *path = NULL;

    if (dot && asprintf(&path, "%.*s.pdb", (int)(dot - image->path), image->path) >= 0)
        map_file(path, ret_file);
}

void
nt_pe_symbols_read(struct nt_image *image, const struct nt_image_file *file,
                   const struct nt_pe_headers *headers)
{
    struct pdb_symbols symbols = {image, headers};
    _cleanup_(unmap_file) struct nt_image_file pdb = {0};
    const uint8_t *guid = codeview_guid(file, image->base, headers);

    read_coff_symbols(image, file, headers);
    if (!guid)
        return;
    map_pdb(image, &pdb);
    if (pdb.bytes)
        (void)nt_pdb_read(pdb.bytes, pdb.size, guid, add_pdb_function, &symbols);
}

void
nt_pe_symbols_find_line(const struct nt_image *image, uint64_t offset, struct nt_place *place)
{
    _cleanup_(unmap_file) struct nt_image_file file = {0}, pdb = {0};
    struct nt_pe_headers headers;
    const char *why;

    map_file(image->path, &file);
    map_pdb(image, &pdb);
    if (!file.bytes || !pdb.bytes ||
        nt_pe_headers_read(file.bytes, file.size, &headers, &why) != NT_IMAGE_OK)
        return;
    const uint8_t *guid = codeview_guid(&file, image->base, &headers);
    const struct pe_section *section = nt_pe_headers_section(&headers, (uint32_t)offset);
    if (guid && section)
        (void)nt_pdb_find_line(
            pdb.bytes, pdb.size, guid, (uint16_t)(section - headers.sections + 1),
            (uint32_t)offset - section->rva, place->file, sizeof(place->file), &place->line);
}
