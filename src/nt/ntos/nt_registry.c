/*
 * The registry: a list of keys with lists of values; see nt_registry.h.
 */
#include "nt/ntos/nt_registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf16.h"
#include "nt/ntos/nt_list.h"
#include "nt/ntos/nt_status.h"

struct value {
    struct nt_list link;
    char *name;
    uint32_t type, size;
    bool is_param;
    unsigned char *data;
};

struct key {
    struct nt_list link;
    char *path; /* canonical */
    struct nt_list values;
};

static struct {
    pthread_mutex_t lock;
    struct nt_list keys;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER, .keys = {&registry.keys, &registry.keys}};

/** No trailing backslash, one control set. The caller frees. */
static char *
canonical(const char *path)
{
    static const char numbered[] = "\\Registry\\Machine\\System\\ControlSet001";
    static const char current[] = "\\Registry\\Machine\\System\\CurrentControlSet";
    size_t length = strlen(numbered);
    char *text;

    if (strncasecmp(path, numbered, length) == 0 && (path[length] == '\\' || !path[length])) {
        text = malloc(sizeof(current) + strlen(path + length));
        if (text)
            strcpy(stpcpy(text, current), path + length);
    } else {
        text = strdup(path);
    }
    for (size_t n = text ? strlen(text) : 0; n > 1 && text[n - 1] == '\\'; n--)
        text[n - 1] = 0;
    return text;
}

static struct key *
find_key_locked(const char *path)
{
    for (struct nt_list *i = registry.keys.next; i != &registry.keys; i = i->next) {
        struct key *key = NT_LIST_ITEM(i, struct key, link);
        if (strcasecmp(key->path, path) == 0)
            return key;
    }
    return NULL;
}

/** The name of @p key below @p path ("Parameters"), or NULL when it lies elsewhere. */
static const char *
name_below(const struct key *key, const char *path)
{
    size_t length = strlen(path);
    if (strncasecmp(key->path, path, length) != 0 || key->path[length] != '\\')
        return NULL;
    return key->path + length + 1;
}

static struct value *
find_value_locked(struct key *key, const char *name)
{
    for (struct nt_list *i = key->values.next; i != &key->values; i = i->next) {
        struct value *value = NT_LIST_ITEM(i, struct value, link);
        if (strcasecmp(value->name, name) == 0)
            return value;
    }
    return NULL;
}

static void
free_value(struct value *value)
{
    nt_list_remove(&value->link);
    free(value->name);
    free(value->data);
    free(value);
}

static void
free_key(struct key *key)
{
    while (!nt_list_is_empty(&key->values))
        free_value(NT_LIST_ITEM(key->values.next, struct value, link));
    nt_list_remove(&key->link);
    free(key->path);
    free(key);
}

static struct key *
make_key_locked(const char *path, bool *ret_created)
{
    struct key *key = find_key_locked(path);

    if (ret_created)
        *ret_created = !key;
    if (key)
        return key;
    key = calloc(1, sizeof(*key));
    if (!key)
        return NULL;
    nt_list_init(&key->link);
    nt_list_init(&key->values);
    key->path = strdup(path);
    if (!key->path) {
        free_key(key);
        return NULL;
    }
    nt_list_append(&registry.keys, &key->link);
    return key;
}

int32_t
nt_registry_create_key(const char *path, bool *ret_created)
{
    _cleanup_(freep) char *wanted = canonical(path);
    bool ok = wanted != NULL;

    if (path[0] != '\\')
        return NT_STATUS_NAME_INVALID;
    pthread_mutex_lock(&registry.lock);
    for (char *p = wanted ? wanted + 1 : NULL; p && ok && (p = strchr(p, '\\')); p++) {
        *p = 0;
        ok = make_key_locked(wanted, NULL) != NULL;
        *p = '\\';
    }
    ok = ok && make_key_locked(wanted, ret_created);
    pthread_mutex_unlock(&registry.lock);
    return ok ? NT_SUCCESS_CODE : NT_STATUS_NO_RESOURCES;
}

bool
nt_registry_has_key(const char *path)
{
    _cleanup_(freep) char *wanted = canonical(path);

    pthread_mutex_lock(&registry.lock);
    bool found = wanted && find_key_locked(wanted);
    pthread_mutex_unlock(&registry.lock);
    return found;
}

int32_t
nt_registry_delete_key(const char *path)
{
    _cleanup_(freep) char *wanted = canonical(path);
    int32_t status = NT_SUCCESS_CODE;

    if (!wanted)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&registry.lock);
    struct key *key = find_key_locked(wanted);
    if (!key)
        status = NT_STATUS_NAME_NOT_FOUND;
    for (struct nt_list *i = registry.keys.next; i != &registry.keys; i = i->next)
        if (name_below(NT_LIST_ITEM(i, struct key, link), wanted))
            status = NT_STATUS_ACCESS_DENIED;
    if (status >= 0)
        free_key(key);
    pthread_mutex_unlock(&registry.lock);
    return status;
}

static int32_t
set_locked(const char *path, const char *name, uint32_t type, const void *data, uint32_t size,
           bool is_param)
{
    struct key *key = make_key_locked(path, NULL);
    unsigned char *copy = malloc(size ? size : 1);

    if (!key || !copy) {
        free(copy);
        return NT_STATUS_NO_RESOURCES;
    }
    if (size)
        memcpy(copy, data, size);
    struct value *value = find_value_locked(key, name);
    if (!value) {
        value = calloc(1, sizeof(*value));
        if (value)
            value->name = strdup(name);
        if (!value || !value->name) {
            free(value);
            free(copy);
            return NT_STATUS_NO_RESOURCES;
        }
        nt_list_append(&key->values, &value->link);
    }
    free(value->data);
    value->data = copy;
    value->type = type;
    value->size = size;
    value->is_param = is_param;
    return NT_SUCCESS_CODE;
}

static int32_t
set(const char *path, const char *name, uint32_t type, const void *data, uint32_t size,
    bool is_param)
{
    _cleanup_(freep) char *wanted = canonical(path);
    int32_t status = nt_registry_create_key(path, NULL);

    if (status < 0 || !wanted)
        return status < 0 ? status : NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&registry.lock);
    status = set_locked(wanted, name, type, data, size, is_param);
    pthread_mutex_unlock(&registry.lock);
    return status;
}

int32_t
nt_registry_set(const char *path, const char *name, uint32_t type, const void *data, uint32_t size)
{
    return set(path, name, type, data, size, false);
}

static int32_t
copy_out(const struct value *value, struct nt_registry_value *ret_value)
{
    struct nt_registry_value copy = {.name = strdup(value->name),
                                     .type = value->type,
                                     .size = value->size,
                                     .data = malloc(value->size + sizeof(uint16_t)),
                                     .is_param = value->is_param};
    if (!copy.name || !copy.data) {
        nt_registry_value_clear(&copy);
        return NT_STATUS_NO_RESOURCES;
    }
    memcpy(copy.data, value->data, value->size);
    memset((char *)copy.data + value->size, 0, sizeof(uint16_t)); /* strings always end */
    *ret_value = copy;
    return NT_SUCCESS_CODE;
}

void
nt_registry_value_clear(struct nt_registry_value *value)
{
    free(value->name);
    free(value->data);
    *value = (struct nt_registry_value){0};
}

int32_t
nt_registry_get(const char *path, const char *name, struct nt_registry_value *ret_value)
{
    _cleanup_(freep) char *wanted = canonical(path);

    if (!wanted)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&registry.lock);
    struct key *key = find_key_locked(wanted);
    struct value *value = key ? find_value_locked(key, name) : NULL;
    int32_t status = value ? copy_out(value, ret_value) : NT_STATUS_NAME_NOT_FOUND;
    pthread_mutex_unlock(&registry.lock);
    return status;
}

int32_t
nt_registry_delete(const char *path, const char *name)
{
    _cleanup_(freep) char *wanted = canonical(path);

    if (!wanted)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&registry.lock);
    struct key *key = find_key_locked(wanted);
    struct value *value = key ? find_value_locked(key, name) : NULL;
    if (value)
        free_value(value);
    pthread_mutex_unlock(&registry.lock);
    return value ? NT_SUCCESS_CODE : NT_STATUS_NAME_NOT_FOUND;
}

int32_t
nt_registry_value_at(const char *path, size_t index, struct nt_registry_value *ret_value)
{
    _cleanup_(freep) char *wanted = canonical(path);
    int32_t status = NT_STATUS_NAME_NOT_FOUND;

    if (!wanted)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&registry.lock);
    struct key *key = find_key_locked(wanted);
    for (struct nt_list *i = key ? key->values.next : NULL; key && i != &key->values; i = i->next)
        if (index-- == 0) {
            status = copy_out(NT_LIST_ITEM(i, struct value, link), ret_value);
            break;
        }
    pthread_mutex_unlock(&registry.lock);
    return status;
}

char *
nt_registry_key_at(const char *path, size_t index)
{
    _cleanup_(freep) char *wanted = canonical(path);
    char *name = NULL;

    if (!wanted)
        return NULL;
    pthread_mutex_lock(&registry.lock);
    for (struct nt_list *i = registry.keys.next; i != &registry.keys; i = i->next) {
        const char *below = name_below(NT_LIST_ITEM(i, struct key, link), wanted);
        if (below && !strchr(below, '\\') && index-- == 0) {
            name = strdup(below);
            break;
        }
    }
    pthread_mutex_unlock(&registry.lock);
    return name;
}

void
nt_registry_reset(void)
{
    pthread_mutex_lock(&registry.lock);
    while (!nt_list_is_empty(&registry.keys))
        free_key(NT_LIST_ITEM(registry.keys.next, struct key, link));
    pthread_mutex_unlock(&registry.lock);
}

/* --- parameters from the command line --- */

static bool
parse_number(const char *text, uint64_t *ret_number)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t number = strtoull(text, &end, hex ? 16 : 10);
    if (errno || *end || end == text + (hex ? 2 : 0))
        return false;
    *ret_number = number;
    return true;
}

static int32_t
set_number(const char *path, const char *name, const char *text, uint32_t type)
{
    uint64_t number;

    if (!parse_number(text, &number) || (type == NT_REG_DWORD && number > UINT32_MAX))
        return NT_STATUS_INVALID_PARAMETER;
    return set(path, name, type, &number, type == NT_REG_DWORD ? 4 : 8, true);
}

/** Strings keep their terminators; a REG_MULTI_SZ has one per item and one more. */
static int32_t
set_string(const char *path, const char *name, const char *text, uint32_t type)
{
    size_t length;
    _cleanup_(freep) uint16_t *utf16 = wfp_utf16_from_utf8(text, &length);
    _cleanup_(freep) uint16_t *data = malloc((length + 2) * sizeof(uint16_t));
    size_t count = 0;

    if (!utf16 || !data)
        return NT_STATUS_NO_RESOURCES;
    if (type != NT_REG_MULTI_SZ)
        return set(path, name, type, utf16, (uint32_t)((length + 1) * sizeof(uint16_t)), true);
    for (size_t i = 0; i < length; i++) {
        if (utf16[i] != ',')
            data[count++] = utf16[i];
        else if (count && data[count - 1])
            data[count++] = 0;
    }
    if (count && data[count - 1])
        data[count++] = 0;
    data[count++] = 0;
    return set(path, name, type, data, (uint32_t)(count * sizeof(uint16_t)), true);
}

static int32_t
set_binary(const char *path, const char *name, const char *text, uint32_t type)
{
    size_t length = strlen(text);
    _cleanup_(freep) unsigned char *data = malloc(length / 2 + 1);

    if (!data)
        return NT_STATUS_NO_RESOURCES;
    for (size_t i = 0; i < length; i += 2) {
        char byte[3] = {text[i], text[i + 1], 0}, *end;
        data[i / 2] = (unsigned char)strtoul(byte, &end, 16);
        if (end != byte + 2)
            return NT_STATUS_INVALID_PARAMETER;
    }
    return set(path, name, type, data, (uint32_t)(length / 2), true);
}

static const struct {
    const char *prefix;
    uint32_t type;
    int32_t (*set)(const char *path, const char *name, const char *text, uint32_t type);
} forms[] = {
    {"sz:", NT_REG_SZ, set_string},
    {"expand_sz:", NT_REG_EXPAND_SZ, set_string},
    {"multi_sz:", NT_REG_MULTI_SZ, set_string},
    {"dword:", NT_REG_DWORD, set_number},
    {"qword:", NT_REG_QWORD, set_number},
    {"binary:", NT_REG_BINARY, set_binary},
};

int32_t
nt_registry_set_param(const char *service, const char *name, const char *text)
{
    char path[512];
    uint64_t number;

    if (snprintf(path, sizeof(path), "%s\\%s\\Parameters", NT_REGISTRY_SERVICES, service) >=
            (int)sizeof(path) ||
        !name[0])
        return NT_STATUS_INVALID_PARAMETER;
    for (size_t i = 0; i < ELEMENTSOF(forms); i++)
        if (strncasecmp(text, forms[i].prefix, strlen(forms[i].prefix)) == 0)
            return forms[i].set(path, name, text + strlen(forms[i].prefix), forms[i].type);
    if (parse_number(text, &number))
        return set_number(path, name, text, number > UINT32_MAX ? NT_REG_QWORD : NT_REG_DWORD);
    return set_string(path, name, text, strchr(text, ',') ? NT_REG_MULTI_SZ : NT_REG_SZ);
}
