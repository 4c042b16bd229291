/*
 * pcapng blocks that are no packets, kept for who writes the capture anew.
 *
 * Model      A row per kind that may be copied without understanding it all, with what in it depends
 *            on the byte order. The rest is counted: the format asks to leave out what one does not
 *            know, since it may refer to what changed.
 * Ref        draft-ietf-opsawg-pcapng
 */
#include <string.h>

#include "base/status.h"
#include "plane/replay/capture.h"

#define KEPT_MAX    (64u << 20) /* between two packets */
#define BLOCK_FRAME 12u         /* type and both lengths */
#define OPTION_END  0u

/** Turn the body of a block from the other byte order. @return false if that cannot be done */
typedef bool turn_body(uint8_t *body, uint32_t size);

static void
swap16(uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof(value));
}

static void
swap32(uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof(value));
}

static uint16_t
read16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/** Heads (code, length) of options, or of name records, from @p at on; their values are bytes. */
static uint32_t
turn_heads(uint8_t *body, uint32_t size, uint32_t at)
{
    while (size - at >= 4) {
        uint32_t padded;

        swap16(body + at);
        swap16(body + at + 2);
        padded = (read16(body + at + 2) + 3u) & ~3u;
        if (padded > size - at - 4)
            break;
        at += 4 + padded;
        if (read16(body + at - 4 - padded) == OPTION_END)
            break;
    }
    return at;
}

/* Records like options, ended like options; then options. */
static bool
turn_names(uint8_t *body, uint32_t size)
{
    turn_heads(body, size, turn_heads(body, size, 0));
    return true;
}

static bool
turn_secrets(uint8_t *body, uint32_t size)
{
    uint32_t length;

    if (size < 8)
        return false;
    swap32(body);
    swap32(body + 4);
    memcpy(&length, body + 4, sizeof(length));
    if (length > size - 8 || ((length + 3) & ~3u) > size - 8)
        return false;
    turn_heads(body, size, 8 + ((length + 3) & ~3u));
    return true;
}

static bool
turn_custom(uint8_t *body, uint32_t size)
{
    if (size < 4)
        return false;
    swap32(body); /* whose it is; the rest is theirs */
    return true;
}

static bool
turn_text(uint8_t *body, uint32_t size)
{
    return true;
}

static const struct {
    uint32_t type;
    turn_body *turn; /* NULL: only in our byte order */
} kinds[] = {
    {4, turn_names},          /* name resolution */
    {5, NULL},                /* interface statistics */
    {9, turn_text},           /* systemd journal export */
    {10, turn_secrets},       /* decryption secrets */
    {0x00000bad, turn_custom} /* custom, that may be copied */
};

#define BLOCK_STATISTICS 5u

static bool
make_room(struct wfp_capture_kept *kept, uint32_t length)
{
    uint32_t capacity = kept->capacity ? kept->capacity : 4096;
    uint8_t *bytes;

    while (capacity - kept->size < length)
        capacity *= 2;
    if (capacity == kept->capacity)
        return true;
    bytes = realloc(kept->bytes, capacity);
    if (!bytes)
        return false;
    kept->bytes = bytes;
    kept->capacity = capacity;
    return true;
}

/** @return false if the block cannot be said in our byte order, or names no interface of ours */
static bool
translate(const struct wfp_capture *capture, turn_body *turn, uint32_t type, uint8_t *block,
          uint32_t length)
{
    uint32_t number;

    if (capture->is_swapped) {
        if (!turn || !turn(block + 8, length - BLOCK_FRAME))
            return false;
        memcpy(block, &type, sizeof(type));
        memcpy(block + 4, &length, sizeof(length));
        memcpy(block + length - 4, &length, sizeof(length));
    }
    if (type == BLOCK_STATISTICS) {
        if (length < BLOCK_FRAME + 12)
            return false;
        memcpy(&number, block + 8, sizeof(number));
        if (number >= capture->interface_count - capture->section_first)
            return false;
        number += capture->section_first;
        memcpy(block + 8, &number, sizeof(number));
    }
    return true;
}

int
wfp_capture_keep(struct wfp_capture *capture, uint32_t type, const uint8_t *block, uint32_t length)
{
    struct wfp_capture_kept *kept = &capture->kept;
    size_t kind = 0;

    if (!kept->is_wanted)
        return 0;
    while (kind < ELEMENTSOF(kinds) && kinds[kind].type != type)
        kind++;
    if (kind == ELEMENTSOF(kinds) || length > KEPT_MAX - kept->size) {
        kept->left_out++;
        return 0;
    }
    if (!make_room(kept, length))
        return wfp_capture_fail(capture, "out of memory");
    memcpy(kept->bytes + kept->size, block, length);
    if (translate(capture, kinds[kind].turn, type, kept->bytes + kept->size, length))
        kept->size += length;
    else
        kept->left_out++;
    return 0;
}

void
wfp_capture_forget(struct wfp_capture *capture, bool is_wanted)
{
    struct wfp_capture_kept *kept = &capture->kept;

    kept->is_wanted = is_wanted;
    kept->size = 0;
    if (!is_wanted) {
        free(kept->bytes);
        kept->bytes = NULL;
        kept->capacity = 0;
    }
}
