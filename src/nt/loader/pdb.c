/*
 * Program databases: an MSF container of numbered streams, of which these matter.
 *
 *     stream 1   version, signature, age, GUID, numbers of the streams that have a name
 *     stream 3   DBI: numbers of the symbol record stream and of each module's stream
 *     /names     the names of source files, each at an offset
 *     others     symbol records {size 16, kind 16, ...}: public names, and procedures also static
 *                ones; a module's line numbers follow its symbols: subsections {kind 32, size 32, ...}
 *
 * Streams are scattered over blocks: each is copied together before it is read.
 *
 * Ref: LLVM docs PDB/MsfFile, PDB/DbiStream
 */
#include "nt/loader/pdb.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

enum { SYMBOL_PUBLIC = 0x110E, SYMBOL_LOCAL_PROC = 0x110F, SYMBOL_GLOBAL_PROC = 0x1110 };
enum { MAX_STREAMS = 65536, MAX_STREAM_SIZE = 64 << 20 };

struct msf {
    const uint8_t *bytes;
    size_t size;
    uint32_t block_size, stream_count;
    uint8_t *directory; /* stream count, sizes, then block numbers */
    size_t directory_size;
};

struct stream {
    uint8_t *data;
    size_t size;
};

static uint32_t
get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint16_t
get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static size_t
blocks_for(const struct msf *msf, uint64_t size)
{
    return (size_t)((size + msf->block_size - 1) / msf->block_size);
}

/* Copy @p size bytes whose block numbers stand at @p numbers. */
static uint8_t *
gather(const struct msf *msf, const uint8_t *numbers, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    for (size_t done = 0, i = 0; data && done < size; i++) {
        uint64_t from = (uint64_t)get32(numbers + i * 4) * msf->block_size;
        size_t length = MIN((size_t)msf->block_size, size - done);
        if (from > msf->size || length > msf->size - from) {
            free(data);
            return NULL;
        }
        memcpy(data + done, msf->bytes + from, length);
        done += length;
    }
    return data;
}

static bool
open_msf(const uint8_t *bytes, size_t size, struct msf *msf)
{
    static const char magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                  "DS\0\0";
    *msf = (struct msf){.bytes = bytes, .size = size};
    if (size < 56 || memcmp(bytes, magic, 32) != 0)
        return false;
    msf->block_size = get32(bytes + 32);
    msf->directory_size = get32(bytes + 44);
    if (msf->block_size < 512 || msf->block_size > 65536 ||
        (msf->block_size & (msf->block_size - 1)) != 0 || msf->directory_size < 4 ||
        msf->directory_size > size)
        return false;
    uint64_t map = (uint64_t)get32(bytes + 52) * msf->block_size;
    if (map > size || blocks_for(msf, msf->directory_size) * 4 > size - map)
        return false;
    msf->directory = gather(msf, bytes + map, msf->directory_size);
    if (!msf->directory)
        return false;
    msf->stream_count = get32(msf->directory);
    return msf->stream_count <= MAX_STREAMS && 4 + msf->stream_count * 4ull <= msf->directory_size;
}

static bool
read_stream(const struct msf *msf, uint32_t number, struct stream *ret_stream)
{
    uint64_t at = 4 + msf->stream_count * 4ull;
    if (number >= msf->stream_count)
        return false;
    for (uint32_t i = 0; i <= number; i++) {
        uint32_t size = get32(msf->directory + 4 + i * 4ull);
        if (size == 0xFFFFFFFFu)
            size = 0;
        size_t length = blocks_for(msf, size) * 4;
        if (at > msf->directory_size || length > msf->directory_size - at || size > MAX_STREAM_SIZE)
            return false;
        if (i == number) {
            ret_stream->data = gather(msf, msf->directory + at, size);
            ret_stream->size = size;
            return ret_stream->data != NULL;
        }
        at += length;
    }
    return false;
}

static void
free_stream(struct stream *stream)
{
    free(stream->data);
}

/* Symbol records from @p at to @p end. */
static void
read_symbols(const struct stream *stream, size_t at, size_t end, nt_pdb_function *function,
             void *context)
{
    end = MIN(end, stream->size);
    while (at + 4 <= end) {
        size_t length = get16(stream->data + at) + 2u;
        uint16_t kind = get16(stream->data + at + 2);
        const uint8_t *record = stream->data + at + 4;
        if (length < 4 || length > end - at)
            return;
        size_t room = length - 4;
        if (kind == SYMBOL_PUBLIC && room > 10 && (get32(record) & 2) /* function */)
            function(context, get16(record + 8), get32(record + 4), (const char *)record + 10,
                     strnlen((const char *)record + 10, room - 10));
        else if ((kind == SYMBOL_LOCAL_PROC || kind == SYMBOL_GLOBAL_PROC) && room > 35)
            function(context, get16(record + 32), get32(record + 28), (const char *)record + 35,
                     strnlen((const char *)record + 35, room - 35));
        at += length;
    }
}

struct module {
    struct stream stream;
    uint32_t symbol_bytes, old_line_bytes, line_bytes; /* in this order, each after the other */
};

/* Whether to go on with the next module. */
typedef bool each_module(void *context, const struct module *module);

/* DBI's module list: 64 bytes, two names, padding to four. */
static void
for_each_module(const struct msf *msf, const struct stream *dbi, each_module *each, void *context)
{
    size_t at = 64, end = MIN(64 + (size_t)get32(dbi->data + 24), dbi->size);
    bool more = true;
    while (more && at + 64 < end) {
        const uint8_t *row = dbi->data + at;
        const char *name = (const char *)row + 64;
        uint16_t number = get16(row + 34);
        struct module module = {{0}, get32(row + 36), get32(row + 40), get32(row + 44)};
        if (number != 0xFFFF && read_stream(msf, number, &module.stream))
            more = each(context, &module);
        free_stream(&module.stream);
        for (unsigned i = 0; i < 2; i++) {
            size_t length = strnlen(name, (size_t)((const char *)dbi->data + end - name));
            name += length;
            if (name < (const char *)dbi->data + end)
                name++;
        }
        at = ALIGN_UP((size_t)((const uint8_t *)name - dbi->data), (size_t)4);
    }
}

struct pdb {
    struct msf msf;
    struct stream info, dbi;
};

static void
close_pdb(struct pdb *pdb)
{
    free_stream(&pdb->info);
    free_stream(&pdb->dbi);
    free(pdb->msf.directory);
}

static bool
open_pdb(struct pdb *pdb, const uint8_t *bytes, size_t size, const uint8_t *guid)
{
    return open_msf(bytes, size, &pdb->msf) && read_stream(&pdb->msf, 1, &pdb->info) &&
           pdb->info.size >= 28 && (!guid || memcmp(pdb->info.data + 12, guid, 16) == 0) &&
           read_stream(&pdb->msf, 3, &pdb->dbi) && pdb->dbi.size >= 64;
}

/* ---- functions ---- */

struct listener {
    nt_pdb_function *function;
    void *context;
};

static bool
read_procedures(void *context, const struct module *module)
{
    const struct listener *listener = context;
    read_symbols(&module->stream, 4, module->symbol_bytes, listener->function, listener->context);
    return true;
}

int
nt_pdb_read(const uint8_t *bytes, size_t size, const uint8_t *guid, nt_pdb_function *function,
            void *context)
{
    _cleanup_(close_pdb) struct pdb pdb = {0};
    _cleanup_(free_stream) struct stream publics = {0};

    if (!open_pdb(&pdb, bytes, size, guid))
        return -1;
    if (read_stream(&pdb.msf, get16(pdb.dbi.data + 20), &publics))
        read_symbols(&publics, 0, publics.size, function, context);
    for_each_module(&pdb.msf, &pdb.dbi, read_procedures, &(struct listener){function, context});
    return 0;
}

/* ---- lines ---- */

enum { SUBSECTION_LINES = 0xF2, SUBSECTION_CHECKSUMS = 0xF4 };
enum { LINE_NONE = 0xFEEFEE, LINE_NEVER = 0xF00F00 }; /* code without a line of its own */

struct line_search {
    uint16_t section;
    uint32_t offset;
    uint32_t line;      /* 0: not found yet */
    uint32_t file_name; /* offset in /names */
};

/* A part of a stream. */
struct span {
    const uint8_t *data;
    size_t size;
};

/* The part at @p at of the subsections @p all; moves @p at behind it. */
static bool
next_subsection(struct span all, size_t *at, uint32_t *ret_kind, struct span *ret_part)
{
    if (*at + 8 > all.size)
        return false;
    size_t size = get32(all.data + *at + 4);
    if (size > all.size - *at - 8)
        return false;
    *ret_kind = get32(all.data + *at);
    *ret_part = (struct span){all.data + *at + 8, size};
    *at = ALIGN_UP(*at + 8 + size, (size_t)4);
    return true;
}

/*
 * One function's lines: {offset 32, section 16, flags 16, size 32}, then for each source file
 * {checksum 32, lines 32, size 32, {offset 32, line 24 + 8 flags}...}.
 */
static bool
search_lines(struct span part, struct line_search *search, uint32_t *ret_checksum)
{
    if (part.size < 12 || get16(part.data + 4) != search->section)
        return false;
    uint32_t start = get32(part.data), best = 0;
    if (search->offset < start || search->offset - start >= get32(part.data + 8))
        return false;
    for (size_t at = 12; at + 12 <= part.size;) {
        const uint8_t *block = part.data + at;
        uint32_t count = get32(block + 4), size = get32(block + 8);
        if (size < 12 || size > part.size - at || count > (size - 12) / 8)
            break;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t offset = get32(block + 12 + i * 8ull);
            uint32_t line = get32(block + 16 + i * 8ull) & 0xFFFFFF;
            if (offset > search->offset - start || (search->line && offset < best) ||
                line == LINE_NONE || line == LINE_NEVER)
                continue;
            best = offset;
            search->line = line;
            *ret_checksum = get32(block);
        }
        at += size;
    }
    return search->line != 0;
}

static bool
search_module(void *context, const struct module *module)
{
    struct line_search *search = context;
    uint64_t start = (uint64_t)module->symbol_bytes + module->old_line_bytes;
    struct span part, checksums = {0};
    uint32_t kind, checksum = 0;

    if (start > module->stream.size || module->line_bytes > module->stream.size - start)
        return true;
    struct span all = {module->stream.data + start, module->line_bytes};
    for (size_t at = 0; next_subsection(all, &at, &kind, &part);) {
        if (kind == SUBSECTION_CHECKSUMS)
            checksums = part;
        else if (kind == SUBSECTION_LINES && search->line == 0)
            (void)search_lines(part, search, &checksum);
    }
    if (search->line == 0)
        return true;
    if (checksum + 4ull > checksums.size)
        search->line = 0;
    else
        search->file_name = get32(checksums.data + checksum);
    return false;
}

/*
 * The number of the stream called @p name. Behind the GUID: {size 32, names}, then a hash table
 * {count 32, capacity 32, {words 32, bits}, {words 32, bits}, {name 32, stream 32}...}.
 */
static bool
find_named_stream(const struct pdb *pdb, const char *name, uint32_t *ret_number)
{
    const uint8_t *info = pdb->info.data;
    uint64_t size = pdb->info.size, names = 32, at;

    if (size < 32 || get32(info + 28) > size - 32)
        return false;
    uint64_t names_size = get32(info + 28);
    at = names + names_size;
    if (at + 8 > size)
        return false;
    uint64_t count = get32(info + at);
    at += 8;
    for (unsigned i = 0; i < 2; i++) {
        if (at + 4 > size)
            return false;
        at += 4 + get32(info + at) * 4ull;
    }
    for (; count > 0 && at + 8 <= size; count--, at += 8) {
        uint64_t key = get32(info + at);
        if (key + strlen(name) < names_size &&
            memcmp(info + names + key, name, strlen(name) + 1) == 0) {
            *ret_number = get32(info + at + 4);
            return true;
        }
    }
    return false;
}

int
nt_pdb_find_line(const uint8_t *bytes, size_t size, const uint8_t *guid, uint16_t section,
                 uint32_t offset, char *file, size_t file_size, unsigned *ret_line)
{
    _cleanup_(close_pdb) struct pdb pdb = {0};
    _cleanup_(free_stream) struct stream names = {0};
    struct line_search search = {.section = section, .offset = offset};
    uint32_t number;

    if (!open_pdb(&pdb, bytes, size, guid))
        return -1;
    for_each_module(&pdb.msf, &pdb.dbi, search_module, &search);
    if (search.line == 0 || !find_named_stream(&pdb, "/names", &number) ||
        !read_stream(&pdb.msf, number, &names))
        return -1;
    uint64_t at = 12ull + search.file_name; /* signature, version, size */
    if (at >= names.size)
        return -1;
    size_t length = strnlen((const char *)names.data + at, names.size - at);
    length = MIN(length, file_size - 1);
    memcpy(file, names.data + at, length);
    file[length] = '\0';
    *ret_line = search.line;
    return 0;
}
