/*
 * Security descriptors in text (SDDL) to the self-relative form that conditions hold.
 *
 * Model      "O:sid G:sid D:flags(ace)(ace) S:..." with ace = type;flags;rights;object;inherit;sid,
 * and for conditional entries one more part, (name operator "text"), that becomes an expression in
 * postfix order behind the SID. Ref        win32 SecAuthZ/security-descriptor-definition-language,
 * MS-DTYP 2.4.4.17
 */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "policy/dump/dump_internal.h"

#define CONTROL_DACL_PRESENT  0x0004u
#define CONTROL_SACL_PRESENT  0x0010u
#define CONTROL_PROTECTED     0x1000u
#define CONTROL_SELF_RELATIVE 0x8000u
#define ACL_MOST              65535u

struct word {
    const char *text;
    uint32_t value;
};

static const struct word rights[] = {
    {"CC", 0x1},        {"DC", 0x2},        {"LC", 0x4},        {"SW", 0x8},
    {"RP", 0x10},       {"WP", 0x20},       {"DT", 0x40},       {"LO", 0x80},
    {"CR", 0x100},      {"SD", 0x10000},    {"RC", 0x20000},    {"WD", 0x40000},
    {"WO", 0x80000},    {"GA", 0x10000000}, {"GX", 0x20000000}, {"GW", 0x40000000},
    {"GR", 0x80000000}, {"FA", 0x1f01ff},   {"FR", 0x120089},   {"FW", 0x120116},
    {"FX", 0x1200a0},   {"KA", 0xf003f},    {"KR", 0x20019},    {"KW", 0x20006},
    {"KX", 0x20019},    {NULL, 0},
};
static const struct word ace_flags[] = {
    {"OI", 0x1},  {"CI", 0x2},  {"NP", 0x4},  {"IO", 0x8},
    {"ID", 0x10}, {"SA", 0x40}, {"FA", 0x80}, {NULL, 0},
};
static const struct word ace_types[] = {
    {"A", 0}, {"D", 1}, {"AU", 2}, {"XA", 9}, {"XD", 10}, {"XU", 13}, {"ML", 17}, {NULL, 0},
};
static const struct word operators[] = {
    {"==", 0x80},         {"!=", 0x81},     {"<", 0x82},
    {"<=", 0x83},         {">", 0x84},      {">=", 0x85},
    {"Contains", 0x86},   {"Any_of", 0x88}, {"Not_Contains", 0x8e},
    {"Not_Any_of", 0x8f}, {NULL, 0},
};

/* Two-letter SIDs. Those of a domain stand for the domain 0-0-0: which one, the text does not say.
 */
static const struct {
    const char name[3];
    const char *sid;
} known_sids[] = {
    {"WD", "S-1-1-0"},
    {"CO", "S-1-3-0"},
    {"CG", "S-1-3-1"},
    {"OW", "S-1-3-4"},
    {"NU", "S-1-5-2"},
    {"IU", "S-1-5-4"},
    {"SU", "S-1-5-6"},
    {"AN", "S-1-5-7"},
    {"ED", "S-1-5-9"},
    {"PS", "S-1-5-10"},
    {"AU", "S-1-5-11"},
    {"RC", "S-1-5-12"},
    {"SY", "S-1-5-18"},
    {"LS", "S-1-5-19"},
    {"NS", "S-1-5-20"},
    {"WR", "S-1-5-33"},
    {"BA", "S-1-5-32-544"},
    {"BU", "S-1-5-32-545"},
    {"BG", "S-1-5-32-546"},
    {"PU", "S-1-5-32-547"},
    {"AO", "S-1-5-32-548"},
    {"SO", "S-1-5-32-549"},
    {"PO", "S-1-5-32-550"},
    {"BO", "S-1-5-32-551"},
    {"RE", "S-1-5-32-552"},
    {"RU", "S-1-5-32-554"},
    {"RD", "S-1-5-32-555"},
    {"NO", "S-1-5-32-556"},
    {"MU", "S-1-5-32-558"},
    {"LU", "S-1-5-32-559"},
    {"IS", "S-1-5-32-568"},
    {"CY", "S-1-5-32-569"},
    {"ER", "S-1-5-32-573"},
    {"HA", "S-1-5-32-578"},
    {"RM", "S-1-5-32-580"},
    {"AC", "S-1-15-2-1"},
    {"LW", "S-1-16-4096"},
    {"ME", "S-1-16-8192"},
    {"HI", "S-1-16-12288"},
    {"SI", "S-1-16-16384"},
    {"LA", "S-1-5-21-0-0-0-500"},
    {"LG", "S-1-5-21-0-0-0-501"},
    {"DA", "S-1-5-21-0-0-0-512"},
    {"DU", "S-1-5-21-0-0-0-513"},
    {"DG", "S-1-5-21-0-0-0-514"},
    {"DC", "S-1-5-21-0-0-0-515"},
    {"DD", "S-1-5-21-0-0-0-516"},
    {"CA", "S-1-5-21-0-0-0-517"},
    {"EA", "S-1-5-21-0-0-0-519"},
    {"PA", "S-1-5-21-0-0-0-520"},
};

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void
put32(uint8_t *at, uint32_t value)
{
    put16(at, value);
    put16(at + 2, value >> 16);
}

/* A decimal or 0x number that ends at '-' or at @p end. */
static bool
take_number(const char **at, const char *end, uint64_t most, uint64_t *ret_number)
{
    const char *from = *at;
    unsigned base = 10;
    uint64_t number = 0;

    if (end - from > 2 && from[0] == '0' && (from[1] == 'x' || from[1] == 'X')) {
        base = 16;
        from += 2;
    }
    if (from == end || *from == '-')
        return false;
    for (; from < end && *from != '-'; from++) {
        unsigned digit = *from >= '0' && *from <= '9'   ? (unsigned)(*from - '0')
                         : *from >= 'a' && *from <= 'f' ? (unsigned)(*from - 'a' + 10)
                         : *from >= 'A' && *from <= 'F' ? (unsigned)(*from - 'A' + 10)
                                                        : 16;
        if (digit >= base || number > (most - digit) / base)
            return false;
        number = number * base + digit;
    }
    *at = from;
    *ret_number = number;
    return true;
}

int
wfp_dump_sid_parse(const char *text, size_t length, uint8_t ret_sid[68], size_t *ret_size)
{
    const char *end = text + length;
    uint64_t number;
    uint8_t count = 0;

    for (size_t i = 0; length == 2 && i < ELEMENTSOF(known_sids); i++)
        if (memcmp(text, known_sids[i].name, 2) == 0)
            return wfp_dump_sid_parse(known_sids[i].sid, strlen(known_sids[i].sid), ret_sid,
                                      ret_size);
    if (length < 5 || memcmp(text, "S-1-", 4) != 0)
        return -WFP_ERR_INVALID_PARAMETER;
    text += 4;
    if (!take_number(&text, end, (UINT64_C(1) << 48) - 1, &number))
        return -WFP_ERR_INVALID_PARAMETER;
    ret_sid[0] = 1;
    for (int i = 0; i < 6; i++)
        ret_sid[2 + i] = (uint8_t)(number >> (40 - 8 * i));
    while (text < end) {
        text++; /* the '-' at which the number before ended */
        if (count == 15 || !take_number(&text, end, UINT32_MAX, &number))
            return -WFP_ERR_INVALID_PARAMETER;
        put32(ret_sid + 8 + 4 * count++, (uint32_t)number);
    }
    ret_sid[1] = count;
    *ret_size = 8u + 4u * count;
    return 0;
}

/* The sum of words of two letters, or one number. */
static bool
take_words(const struct word *table, const char *from, const char *to, uint32_t *ret_sum)
{
    uint64_t number;

    *ret_sum = 0;
    if (from < to && *from == '0') {
        if (!take_number(&from, to, UINT32_MAX, &number) || from != to)
            return false;
        *ret_sum = (uint32_t)number;
        return true;
    }
    for (; from < to; from += 2) {
        const struct word *word = table;
        while (word->text && (to - from < 2 || memcmp(word->text, from, 2) != 0))
            word++;
        if (!word->text)
            return false;
        *ret_sum |= word->value;
    }
    return true;
}

static const struct word *
find_word(const struct word *table, const char *from, size_t length)
{
    for (; table->text; table++)
        if (strlen(table->text) == length && memcmp(table->text, from, length) == 0)
            return table;
    return NULL;
}

struct buffer {
    uint8_t *bytes;
    size_t used, room;
    bool no_memory;
};

static bool
append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (buffer->room - buffer->used < size)
        return false;
    memcpy(buffer->bytes + buffer->used, bytes, size);
    buffer->used += size;
    return true;
}

/* A token of an expression that holds text: its byte, the length in bytes, UTF-16. */
static bool
append_text(struct buffer *buffer, uint8_t token, const char *from, size_t length)
{
    char *text = malloc(length + 1);
    uint16_t *utf16 = NULL;
    size_t units = 0;
    uint8_t head[5] = {token};
    bool ok;

    if (text) {
        memcpy(text, from, length);
        text[length] = '\0';
        utf16 = wfp_utf16_from_utf8(text, &units);
    }
    buffer->no_memory |= !utf16;
    put32(head + 1, (uint32_t)(units * 2));
    ok = utf16 && append(buffer, head, sizeof(head)) && append(buffer, utf16, units * 2);
    free(text);
    free(utf16);
    return ok;
}

/* (name operator "text"): anything richer is not encoded. */
static bool
append_expression(struct buffer *buffer, const char *from, const char *to)
{
    const char *name = from + 1, *name_end, *operator_end, *quote;
    const struct word *word;
    size_t start = buffer->used;
    uint8_t operation;

    if (to - from < 5 || *from != '(' || to[-1] != ')' || to[-2] != '"')
        return false;
    name_end = memchr(name, ' ', (size_t)(to - name));
    operator_end = name_end ? memchr(name_end + 1, ' ', (size_t)(to - name_end - 1)) : NULL;
    quote = operator_end ? operator_end + 1 : NULL;
    if (!quote || quote >= to - 2 || *quote != '"' || *name == '@' || *name == '(' ||
        memchr(quote + 1, '"', (size_t)(to - 2 - quote - 1)))
        return false;
    word = find_word(operators, name_end + 1, (size_t)(operator_end - name_end - 1));
    if (!word)
        return false;
    operation = (uint8_t)word->value;
    if (append(buffer, "artx", 4) && append_text(buffer, 0xf8, name, (size_t)(name_end - name)) &&
        append_text(buffer, 0x10, quote + 1, (size_t)(to - 2 - quote - 1)) &&
        append(buffer, &operation, 1)) {
        while ((buffer->used - start) % 4)
            if (!append(buffer, "", 1))
                break;
        return (buffer->used - start) % 4 == 0;
    }
    buffer->used = start;
    return false;
}

/* The end of the part that begins at @p from: a ';' or ')' outside of inner parentheses and quotes.
 */
static const char *
end_of_part(const char *from)
{
    int depth = 0;
    bool quoted = false;

    for (; *from; from++) {
        if (*from == '"')
            quoted = !quoted;
        else if (!quoted && *from == '(')
            depth++;
        else if (!quoted && *from == ')' && depth-- == 0)
            return from;
        else if (!quoted && *from == ';' && depth == 0)
            return from;
    }
    return NULL;
}

/* One (ace); @p at is behind its opening parenthesis and moves behind the closing one. */
static bool
append_ace(struct buffer *buffer, const char **at, bool *ret_partial)
{
    struct {
        const char *from, *to;
    } parts[8];
    size_t count = 0, start = buffer->used, sid_size;
    const struct word *type;
    uint32_t flags, mask;
    uint8_t head[8], sid[68];

    do {
        if (count == ELEMENTSOF(parts))
            return false;
        parts[count].from = *at;
        parts[count].to = end_of_part(*at);
        if (!parts[count].to)
            return false;
        *at = parts[count].to + 1;
    } while (*parts[count++].to == ';');
    if (count < 6)
        return false;
    type = find_word(ace_types, parts[0].from, (size_t)(parts[0].to - parts[0].from));
    if (!type || !take_words(ace_flags, parts[1].from, parts[1].to, &flags) ||
        !take_words(rights, parts[2].from, parts[2].to, &mask) ||
        wfp_dump_sid_parse(parts[5].from, (size_t)(parts[5].to - parts[5].from), sid, &sid_size) <
            0)
        return false;
    head[0] = (uint8_t)type->value;
    head[1] = (uint8_t)flags;
    put32(head + 4, mask);
    if (!append(buffer, head, sizeof(head)) || !append(buffer, sid, sid_size))
        return false;
    if (count > 6 && !append_expression(buffer, parts[6].from, parts[6].to))
        *ret_partial = true;
    put16(buffer->bytes + start + 2, (uint32_t)(buffer->used - start));
    return true;
}

/* "D:" or "S:": flags and entries. @p ret_offset stays 0 for NO_ACCESS_CONTROL. */
static bool
append_acl(struct buffer *buffer, const char **at, uint32_t *control, uint32_t *ret_offset,
           bool *ret_partial)
{
    static const char none[] = "NO_ACCESS_CONTROL";
    size_t start = buffer->used;
    uint32_t count = 0;
    uint8_t head[8] = {2};

    if (strncmp(*at, none, sizeof(none) - 1) == 0) {
        *at += sizeof(none) - 1;
        return true;
    }
    for (; **at && **at != '(' && (*at)[1] != ':'; ++*at) { /* P, AI, AR: only P is kept */
        if (!strchr("PAIR", **at))
            return false;
        *control |= **at == 'P' ? CONTROL_PROTECTED : 0;
    }
    if (!append(buffer, head, sizeof(head)))
        return false;
    for (; **at == '('; count++) {
        ++*at;
        if (!append_ace(buffer, at, ret_partial))
            return false;
    }
    if (buffer->used - start > ACL_MOST)
        return false;
    put16(buffer->bytes + start + 2, (uint32_t)(buffer->used - start));
    put16(buffer->bytes + start + 4, count);
    *ret_offset = (uint32_t)start;
    return true;
}

static bool
append_sid(struct buffer *buffer, const char **at, uint32_t *ret_offset)
{
    const char *end = *at;
    uint8_t sid[68];
    size_t size;

    /* A SID ends where the next part, a letter and a colon, begins. */
    while (*end && !(end[0] && end[1] == ':'))
        end++;
    if (wfp_dump_sid_parse(*at, (size_t)(end - *at), sid, &size) < 0)
        return false;
    *at = end;
    *ret_offset = (uint32_t)buffer->used;
    return append(buffer, sid, size);
}

static bool
encode(struct buffer *buffer, const char *at, bool *ret_partial)
{
    uint32_t offsets[4] = {0}; /* owner, group, SACL, DACL: as they stand in the header */
    uint32_t control = CONTROL_SELF_RELATIVE;
    uint8_t head[20] = {1};

    if (!append(buffer, head, sizeof(head)))
        return false;
    while (*at) {
        char part = at[0];
        if (at[1] != ':')
            return false;
        at += 2;
        if (part == 'O' || part == 'G') {
            if (!append_sid(buffer, &at, &offsets[part == 'G']))
                return false;
        } else if (part == 'D' || part == 'S') {
            uint32_t ignored = 0;
            control |= part == 'D' ? CONTROL_DACL_PRESENT : CONTROL_SACL_PRESENT;
            if (!append_acl(buffer, &at, part == 'D' ? &control : &ignored,
                            &offsets[part == 'D' ? 3 : 2], ret_partial))
                return false;
        } else {
            return false;
        }
    }
    put16(buffer->bytes + 2, control);
    for (int i = 0; i < 4; i++)
        put32(buffer->bytes + 4 + 4 * i, offsets[i]);
    return true;
}

int
wfp_dump_sddl_parse(const char *text, struct wfp_dump_arena *arena, struct wfp_blob *ret_descriptor,
                    bool *ret_partial)
{
    size_t length = strlen(text);
    /* The shortest entry, "(A;;;;;DA)", becomes 36 bytes; no other text grows more. */
    struct buffer buffer = {.room = 256 + length * 8};
    bool is_partial = false;
    int r = 0;

    if (length > ACL_MOST * 4)
        return -WFP_ERR_INVALID_PARAMETER;
    buffer.bytes = malloc(buffer.room);
    if (!buffer.bytes)
        return -WFP_ERR_NO_MEMORY;
    if (!encode(&buffer, text, &is_partial) || buffer.no_memory) {
        r = buffer.no_memory ? -WFP_ERR_NO_MEMORY : -WFP_ERR_INVALID_PARAMETER;
    } else {
        uint8_t *bytes = wfp_dump_arena_alloc(arena, buffer.used);
        if (bytes) {
            memcpy(bytes, buffer.bytes, buffer.used);
            *ret_descriptor = (struct wfp_blob){(uint32_t)buffer.used, bytes};
            *ret_partial = is_partial;
        } else {
            r = -WFP_ERR_NO_MEMORY;
        }
    }
    free(buffer.bytes);
    return r;
}
