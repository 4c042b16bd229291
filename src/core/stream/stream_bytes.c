/*
 * Bytes in a row, kept in one block.
 */
#include "core/stream/stream_private.h"

bool
wfp_stream_bytes_add(struct wfp_stream_bytes *bytes, const uint8_t *from, uint32_t length)
{
    if (length == 0)
        return true;
    if (bytes->start + bytes->length + length > bytes->capacity && bytes->start) {
        memmove(bytes->data, bytes->data + bytes->start, bytes->length);
        bytes->start = 0;
    }
    if (bytes->length + length > bytes->capacity) {
        uint32_t capacity = MAX(bytes->capacity * 2, ALIGN_UP(bytes->length + length, 4096u));
        uint8_t *data = realloc(bytes->data, capacity);

        if (!data)
            return false;
        bytes->data = data;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->start + bytes->length, from, length);
    bytes->length += length;
    return true;
}

void
wfp_stream_bytes_take(struct wfp_stream_bytes *bytes, uint32_t length)
{
    bytes->start += length;
    bytes->length -= length;
    if (bytes->length == 0)
        bytes->start = 0;
}

void
wfp_stream_bytes_fini(struct wfp_stream_bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof(*bytes));
}
