/*
 * The message compiler's headers: a .mc file gives names to 32-bit statuses, an event manifest
 * gives names to events. Drivers include the header that mc makes of it.
 *
 *     status = Severity << 30 | Facility << 16 | MessageId
 *
 * Events of a manifest become macros that do nothing and report success: nothing on Linux listens.
 *
 * Ref       win32 wes/message-text-files, wes/writing-an-instrumentation-manifest
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "programs/wfp-cc/cc.h"

enum { MAX_NAMES = 64, NAME_SIZE = 96 };

struct named_number {
    char name[NAME_SIZE];
    unsigned long value;
};

struct message_file {
    struct named_number severities[MAX_NAMES], facilities[MAX_NAMES];
    size_t severity_count, facility_count;
    char type[NAME_SIZE];
    unsigned long severity, facility, id;
    bool id_given;
};

static unsigned long
lookup(const struct named_number *names, size_t count, const char *name, size_t length,
       unsigned long otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, name, length) == 0)
            return names[i].value;
    return otherwise;
}

/* `(Success=0x0:STATUS_SEVERITY_SUCCESS Error=0x3)`, perhaps over several lines. */
static const char *
parse_names(const char *p, struct named_number *names, size_t *count)
{
    p += strspn(p, " \t");
    if (*p != '(')
        return p;
    p++;
    while (*p && *p != ')') {
        p += strspn(p, " \t\r\n");
        size_t length = strcspn(p, "= \t\r\n)");
        const char *equals = p + length + strspn(p + length, " \t");
        if (length == 0 || *equals != '=')
            break;
        char *end;
        unsigned long value = strtoul(equals + 1, &end, 0);
        if (*count < MAX_NAMES && length < NAME_SIZE) {
            memcpy(names[*count].name, p, length);
            names[*count].name[length] = '\0';
            names[(*count)++].value = value;
        }
        p = end + strcspn(end, " \t\r\n)");
        p += strspn(p, " \t\r\n");
    }
    return p;
}

static bool
keyword(const char **p, const char *word)
{
    size_t length = strlen(word);
    if (strncasecmp(*p, word, length) != 0)
        return false;
    const char *after = *p + length + strspn(*p + length, " \t");
    if (*after != '=')
        return false;
    *p = after + 1 + strspn(after + 1, " \t");
    return true;
}

static void
emit(struct message_file *file, const char *name, size_t length, struct wfp_cc_text *out)
{
    unsigned long value =
        (file->severity & 3) << 30 | (file->facility & 0xFFF) << 16 | (file->id & 0xFFFF);
    wfp_cc_util_appendf(out, "#define %.*s ((%s)0x%08lXL)\n", (int)length, name,
                        file->type[0] ? file->type : "unsigned long", value & 0xFFFFFFFFul);
}

/* One header line of a message: `MessageId=1 Facility=Net Severity=Error SymbolicName=X`. */
static const char *
parse_keyword(struct message_file *file, const char *p, bool *in_message, struct wfp_cc_text *out)
{
    if (keyword(&p, "MessageIdTypedef")) {
        size_t length = strcspn(p, " \t\r\n");
        snprintf(file->type, sizeof(file->type), "%.*s", (int)MIN(length, sizeof(file->type) - 1),
                 p);
    } else if (keyword(&p, "SeverityNames")) {
        return parse_names(p, file->severities, &file->severity_count);
    } else if (keyword(&p, "FacilityNames")) {
        return parse_names(p, file->facilities, &file->facility_count);
    } else if (keyword(&p, "MessageId")) {
        if (*p == '+')
            file->id += strtoul(p + 1, NULL, 0);
        else
            file->id = isdigit((unsigned char)*p) ? strtoul(p, NULL, 0) : file->id + 1;
        *in_message = true;
    } else if (keyword(&p, "Severity")) {
        file->severity = lookup(file->severities, file->severity_count, p, strcspn(p, " \t\r\n"),
                                file->severity);
    } else if (keyword(&p, "Facility")) {
        file->facility = lookup(file->facilities, file->facility_count, p, strcspn(p, " \t\r\n"),
                                file->facility);
    } else if (keyword(&p, "SymbolicName")) {
        emit(file, p, strcspn(p, " \t\r\n"), out);
    }
    return p + strcspn(p, " \t\r\n");
}

void
wfp_cc_messages_header(const char *text, struct wfp_cc_text *out)
{
    struct message_file file = {
        .severities = {{"Success", 0}, {"Informational", 1}, {"Warning", 2}, {"Error", 3}},
        .facilities = {{"System", 0xFF}, {"Application", 0xFFF}},
        .severity_count = 4,
        .facility_count = 2,
    };
    bool in_message = false, in_text = false;

    wfp_cc_util_appendf(out, "#pragma once\n");
    for (const char *p = text; *p;) {
        size_t line = strcspn(p, "\r\n");
        if (in_text) { /* the message itself, up to a line with a full stop alone */
            if (line == 1 && *p == '.')
                in_text = in_message = false;
            p += line;
        } else if (in_message && strncasecmp(p, "Language", 8) == 0) {
            in_text = true;
            p += line;
        } else if (*p == ';') { /* copied to the header as it is */
            wfp_cc_util_appendf(out, "%.*s\n", (int)line - 1, p + 1);
            p += line;
        } else {
            const char *end = p + line;
            for (p += strspn(p, " \t"); *p && p < end; p += strspn(p, " \t"))
                p = parse_keyword(&file, p, &in_message, out);
        }
        p += strspn(p, "\r\n");
    }
}

/* The value of @p attribute in the tag that starts at @p tag, or NULL. */
static const char *
attribute(const char *tag, const char *name, size_t *ret_length)
{
    const char *end = tag + strcspn(tag, ">");
    size_t name_length = strlen(name);
    for (const char *p = tag; (p = strstr(p, name)) && p < end; p += name_length) {
        const char *q = p + name_length + strspn(p + name_length, " \t\r\n");
        if (!isspace((unsigned char)p[-1]) || *q != '=')
            continue;
        q += 1 + strspn(q + 1, " \t\r\n");
        if (*q != '"' && *q != '\'')
            continue;
        *ret_length = strcspn(q + 1, *q == '"' ? "\"" : "'");
        return q + 1;
    }
    return NULL;
}

void
wfp_cc_messages_manifest_header(const char *text, struct wfp_cc_text *out)
{
    size_t length;
    wfp_cc_util_appendf(out, "#pragma once\n");
    for (const char *p = text; (p = strstr(p, "<provider")); p++) {
        const char *name = attribute(p, "name", &length);
        if (!name)
            continue;
        _cleanup_(freep) char *clean = wfp_cc_util_format("%.*s", (int)length, name);
        for (char *c = clean; *c; c++)
            if (!isalnum((unsigned char)*c))
                *c = '_';
        wfp_cc_util_appendf(out, "#define EventRegister%s() 0L\n#define EventUnregister%s() 0L\n",
                            clean, clean);
    }
    for (const char *p = text; (p = strstr(p, "<event")); p++) {
        if (!isspace((unsigned char)p[6]))
            continue;
        const char *symbol = attribute(p, "symbol", &length);
        if (symbol)
            wfp_cc_util_appendf(out,
                                "#define EventWrite%.*s(...) 0L\n"
                                "#define EventEnabled%.*s() 0\n",
                                (int)length, symbol, (int)length, symbol);
    }
}
