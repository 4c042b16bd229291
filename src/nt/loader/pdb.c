/*
 * Program databases: an MSF container of numbered streams, of which three matter.
 *
 *     stream 1   version, signature, age, GUID
 *     stream 3   DBI: numbers of the symbol record stream and of each module's stream
 *     others     symbol records {size 16, kind 16, ...}: public names, and procedures also static
 * ones
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

/* DBI's module list: 64 bytes, two names, padding to four. */
static void
read_modules(const struct msf *msf, const struct stream *dbi, nt_pdb_function *function,
             void *context)
{
    size_t at = 64, end = MIN(64 + (size_t)get32(dbi->data + 24), dbi->size);
    while (at + 64 < end) {
        const char *name = (const char *)dbi->data + at + 64;
        uint16_t number = get16(dbi->data + at + 34);
        uint32_t bytes = get32(dbi->data + at + 36);
        _cleanup_(free_stream) struct stream module = {0};
        if (number != 0xFFFF && read_stream(msf, number, &module))
            read_symbols(&module, 4, bytes, function, context);
        for (unsigned i = 0; i < 2; i++) {
            size_t length = strnlen(name, (size_t)((const char *)dbi->data + end - name));
            name += length;
            if (name < (const char *)dbi->data + end)
                name++;
        }
        at = ALIGN_UP((size_t)((const uint8_t *)name - dbi->data), (size_t)4);
    }
}

int
nt_pdb_read(const uint8_t *bytes, size_t size, const uint8_t *guid, nt_pdb_function *function,
            void *context)
{
    struct msf msf;
    int r = -1;
    if (open_msf(bytes, size, &msf)) {
        _cleanup_(free_stream) struct stream info = {0}, dbi = {0}, publics = {0};
        if (read_stream(&msf, 1, &info) && info.size >= 28 &&
            (!guid || memcmp(info.data + 12, guid, 16) == 0) && read_stream(&msf, 3, &dbi) &&
            dbi.size >= 64) {
            if (read_stream(&msf, get16(dbi.data + 20), &publics))
                read_symbols(&publics, 0, publics.size, function, context);
            read_modules(&msf, &dbi, function, context);
            r = 0;
        }
    }
    free(msf.directory);
    return r;
}
