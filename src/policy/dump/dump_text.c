/*
 * From the bytes of a file to text that an XML parser takes.
 *
 * Model      unpack xz -> UTF-16 to UTF-8 -> blank out byte order marks and XML declarations ->
 *            put one root element around it all. Lines keep their numbers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef WFP_HAVE_LZMA
#include <lzma.h>
#endif

#include "base/status.h"
#include "base/utf16.h"
#include "policy/dump/dump_internal.h"

#define SIZE_LIMIT (512u << 20)

static const char root_open[] = "<dump>", root_close[] = "</dump>";

static int
fail(struct wfp_dump_error *error, int code, const char *text)
{
    error->line = 0;
    snprintf(error->text, sizeof(error->text), "%s", text);
    return code;
}

/* Blank all but the line ends, so that lines keep their numbers. */
static void
blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n' && *from != '\r')
            *from = ' ';
}

/* Each root element may have come with a byte order mark and a declaration of its own. */
static void
blank_declarations(char *text, char *end)
{
    char *at = text;

    while ((at = memmem(at, (size_t)(end - at), "<?xml ", 6))) {
        char *close = memmem(at, (size_t)(end - at), "?>", 2);
        if (!close)
            return; /* the parser will say where */
        if (at - text >= 3 && memcmp(at - 3, "\xEF\xBB\xBF", 3) == 0)
            blank(at - 3, at);
        blank(at, close + 2);
        at = close + 2;
    }
    if (end - text >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        blank(text, text + 3);
}

static int
wrap(const char *utf8, size_t size, struct wfp_dump_text *ret_text, struct wfp_dump_error *error)
{
    size_t open = sizeof(root_open) - 1, close = sizeof(root_close) - 1;
    char *memory = malloc(open + size + close + 1);

    if (!memory)
        return fail(error, -WFP_ERR_NO_MEMORY, "out of memory");
    memcpy(memory, root_open, open);
    memcpy(memory + open, utf8, size);
    blank_declarations(memory + open, memory + open + size);
    memcpy(memory + open + size, root_close, close + 1);
    ret_text->memory = memory;
    ret_text->size = open + size + close;
    return 0;
}

static int
from_utf16(const uint8_t *bytes, size_t size, bool is_big_endian, struct wfp_dump_text *ret_text,
           struct wfp_dump_error *error)
{
    _cleanup_(freep) uint16_t *units = NULL;
    _cleanup_(freep) char *utf8 = NULL;

    if (size % 2)
        return fail(error, -WFP_ERR_INVALID_PARAMETER, "UTF-16 text ends inside a character");
    units = malloc(size + 2);
    if (!units)
        return fail(error, -WFP_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < size / 2; i++)
        units[i] = is_big_endian ? (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1])
                                 : (uint16_t)(bytes[2 * i + 1] << 8 | bytes[2 * i]);
    utf8 = wfp_utf16_to_utf8(units, size / 2);
    if (!utf8)
        return fail(error, -WFP_ERR_NO_MEMORY, "out of memory");
    return wrap(utf8, strlen(utf8), ret_text, error);
}

#ifdef WFP_HAVE_LZMA
static int
unpack(const uint8_t *bytes, size_t size, uint8_t **ret_bytes, size_t *ret_size,
       struct wfp_dump_error *error)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    _cleanup_(freep) uint8_t *out = NULL;
    size_t room = size * 16 + 65536;
    lzma_ret r = lzma_stream_decoder(&stream, 256u << 20, LZMA_CONCATENATED);

    stream.next_in = bytes;
    stream.avail_in = size;
    while (r == LZMA_OK) {
        uint8_t *larger = room <= SIZE_LIMIT ? realloc(out, room) : NULL;
        if (!larger) {
            lzma_end(&stream);
            return fail(error, -WFP_ERR_NO_MEMORY, "the file unpacks to too much");
        }
        out = larger;
        stream.next_out = out + stream.total_out;
        stream.avail_out = room - (size_t)stream.total_out;
        r = lzma_code(&stream, LZMA_FINISH);
        room *= 2;
    }
    *ret_size = (size_t)stream.total_out;
    lzma_end(&stream);
    if (r != LZMA_STREAM_END)
        return fail(error, -WFP_ERR_INVALID_PARAMETER, "the xz data is damaged");
    *ret_bytes = TAKE_PTR(out);
    return 0;
}
#else
static int
unpack(const uint8_t *bytes, size_t size, uint8_t **ret_bytes, size_t *ret_size,
       struct wfp_dump_error *error)
{
    return fail(error, -WFP_ERR_NOT_SUPPORTED,
                "compressed, and built without liblzma: unpack it with xz -d first");
}
#endif

int
wfp_dump_text_prepare(const void *bytes_, size_t size, struct wfp_dump_text *ret_text,
                      struct wfp_dump_error *error)
{
    const uint8_t *bytes = bytes_;
    _cleanup_(freep) uint8_t *unpacked = NULL;

    if (size >= 6 && memcmp(bytes,
                            "\xFD"
                            "7zXZ\0",
                            6) == 0) {
        int r = unpack(bytes, size, &unpacked, &size, error);
        if (r < 0)
            return r;
        bytes = unpacked;
    }
    if (size > SIZE_LIMIT)
        return fail(error, -WFP_ERR_NO_MEMORY, "the file is too large");
    if (size >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE)
        return from_utf16(bytes + 2, size - 2, false, ret_text, error);
    if (size >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF)
        return from_utf16(bytes + 2, size - 2, true, ret_text, error);
    if (size >= 2 && bytes[0] == '<' && bytes[1] == 0)
        return from_utf16(bytes, size, false, ret_text, error);
    if (size >= 2 && bytes[0] == 0 && bytes[1] == '<')
        return from_utf16(bytes, size, true, ret_text, error);
    return wrap((const char *)bytes, size, ret_text, error);
}

static void
close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

int
wfp_dump_text_load(const char *path, struct wfp_dump_text *ret_text, struct wfp_dump_error *error)
{
    _cleanup_(close_file) FILE *file = fopen(path, "rb");
    _cleanup_(freep) char *bytes = NULL;
    size_t size = 0, room = 1 << 20, got;
    struct stat info;

    if (!file)
        return fail(error, -WFP_ERR_IO, strerror(errno));
    if (fstat(fileno(file), &info) == 0 && info.st_size > 0 && info.st_size < SIZE_LIMIT)
        room = (size_t)info.st_size + 1;
    do {
        char *larger = size < SIZE_LIMIT ? realloc(bytes, room) : NULL;
        if (!larger)
            return fail(error, -WFP_ERR_NO_MEMORY, "the file is too large");
        bytes = larger;
        got = fread(bytes + size, 1, room - size, file);
        size += got;
        if (size == room)
            room *= 2;
    } while (got > 0);
    if (ferror(file))
        return fail(error, -WFP_ERR_IO, strerror(errno));
    return wfp_dump_text_prepare(bytes, size, ret_text, error);
}
