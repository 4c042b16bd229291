/*
 * The object manager: headers, names, links, handles; see nt_object.h.
 */
#include "nt/ntos/nt_object.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_list.h"
#include "nt/ntos/nt_status.h"

#define OBJECT_MAGIC 0x6a626f746e70666full
#define MAX_LINKS    16 /* links followed by one lookup */

struct object {
    uint64_t magic;
    atomic_long refs;
    enum nt_object_type type;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
    void (*destroy)(void *body);
    struct name *name;
    _Alignas(16) char body[];
};

/** An entry of the namespace: an object or a link. */
struct name {
    struct nt_list link;
    char *path;   /* canonical */
    char *target; /* of a symbolic link, else NULL */
    struct object *object;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
};

struct handle {
    void *body;
    uint32_t access;
    struct nt_driver *owner;
    bool is_lent;
    uintptr_t site; /* of the call that made it */
};

static struct {
    pthread_mutex_t lock;
    struct nt_list names;
    struct handle *handles;
    size_t handle_count;
    bool (*is_given)(void *handle);
} manager = {.lock = PTHREAD_MUTEX_INITIALIZER, .names = {&manager.names, &manager.names}};

static const char *const type_names[] = {
    "Object", "Driver",    "Device",       "File",     "Event",   "Thread", "Process",
    "Key",    "Directory", "SymbolicLink", "Callback", "Section", "Token",  "FilterConnectionPort",
};
static_assert(ELEMENTSOF(type_names) == NT_OBJECT_TYPE_COUNT, "a name for each type");

static struct object *
header_of(const void *body)
{
    return CONTAINER_OF((void *)body, struct object, body);
}

void *
nt_object_new(enum nt_object_type type, size_t size, struct nt_driver *owner,
              void (*destroy)(void *body))
{
    size_t total = ALIGN_UP(sizeof(struct object) + size, (size_t)16);
    struct object *object = aligned_alloc(16, total);

    if (!object)
        return NULL;
    memset(object, 0, total);
    object->magic = OBJECT_MAGIC;
    atomic_init(&object->refs, 1);
    object->type = type;
    object->owner = owner;
    object->site = owner ? nt_place_caller() : 0;
    object->destroy = destroy;
    return object->body;
}

void *
nt_object_ref(void *body)
{
    atomic_fetch_add_explicit(&header_of(body)->refs, 1, memory_order_relaxed);
    return body;
}

static void
forget_name_locked(struct name *name)
{
    if (name->object)
        name->object->name = NULL;
    nt_list_remove(&name->link);
    free(name->path);
    free(name->target);
    free(name);
}

long
nt_object_unref(void *body)
{
    struct object *object = header_of(body);
    long left = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel) - 1;

    if (left > 0)
        return left;
    if (left < 0) {
        nt_finding(NT_FINDING_REFERENCE_BAD, "a %s was dereferenced more often than referenced",
                   type_names[object->type]);
        return left;
    }
    nt_object_unname(body);
    if (object->destroy)
        object->destroy(body);
    object->magic = 0;
    free(object);
    return 0;
}

bool
nt_object_unref_unless_last(void *body)
{
    struct object *object = header_of(body);
    long refs = atomic_load_explicit(&object->refs, memory_order_relaxed);

    while (refs > 1)
        if (atomic_compare_exchange_weak_explicit(&object->refs, &refs, refs - 1,
                                                  memory_order_acq_rel, memory_order_relaxed))
            return true;
    return false;
}

long
nt_object_refs(const void *body)
{
    return atomic_load_explicit(&header_of(body)->refs, memory_order_relaxed);
}

enum nt_object_type
nt_object_type(const void *body)
{
    if (!body || (uintptr_t)body % 16 || header_of(body)->magic != OBJECT_MAGIC)
        return NT_OBJECT_ANY;
    return header_of(body)->type;
}

struct nt_driver *
nt_object_owner(const void *body)
{
    return header_of(body)->owner;
}

uintptr_t
nt_object_site(const void *body)
{
    return header_of(body)->site;
}

const char *
nt_object_get_name(const void *body)
{
    const struct name *name = header_of(body)->name;
    return name ? name->path : NULL;
}

const char *
nt_object_type_name(enum nt_object_type type)
{
    return type_names[type];
}

/** All spellings of the DOS devices directory become "\??\". The caller frees. */
static char *
canonical(const char *path)
{
    static const char *const spellings[] = {
        "\\DosDevices\\Global\\", "\\DosDevices\\", "\\GLOBAL??\\",
        "\\??\\Global\\",         "\\\\.\\",        "\\\\?\\"};
    for (size_t i = 0; i < ELEMENTSOF(spellings); i++) {
        size_t length = strlen(spellings[i]);
        if (strncasecmp(path, spellings[i], length) != 0)
            continue;
        char *text = malloc(strlen(path) - length + 5);
        if (text)
            strcpy(stpcpy(text, "\\??\\"), path + length);
        return text;
    }
    return strdup(path);
}

static struct name *
find_locked(const char *path)
{
    for (struct nt_list *i = manager.names.next; i != &manager.names; i = i->next) {
        struct name *name = NT_LIST_ITEM(i, struct name, link);
        if (strcasecmp(name->path, path) == 0)
            return name;
    }
    return NULL;
}

static int32_t
add_name(const char *path, const char *target, struct object *object, struct nt_driver *owner)
{
    int32_t status = NT_SUCCESS_CODE;

    if (path[0] != '\\' || !path[1])
        return NT_STATUS_NAME_INVALID;
    struct name *name = calloc(1, sizeof(*name));
    if (!name)
        return NT_STATUS_NO_RESOURCES;
    name->path = canonical(path);
    name->target = target ? canonical(target) : NULL;
    name->owner = owner;
    name->site = owner ? nt_place_caller() : 0;
    name->object = object;
    nt_list_init(&name->link);
    pthread_mutex_lock(&manager.lock);
    if (!name->path || (target && !name->target))
        status = NT_STATUS_NO_RESOURCES;
    else if (find_locked(name->path))
        status = NT_STATUS_NAME_COLLISION;
    if (status < 0) {
        name->object = NULL;
        forget_name_locked(name);
    } else {
        nt_list_append(&manager.names, &name->link);
        if (object)
            object->name = name;
    }
    pthread_mutex_unlock(&manager.lock);
    return status;
}

int32_t
nt_object_name(void *body, const char *name)
{
    return add_name(name, NULL, header_of(body), header_of(body)->owner);
}

void
nt_object_unname(void *body)
{
    pthread_mutex_lock(&manager.lock);
    if (header_of(body)->name)
        forget_name_locked(header_of(body)->name);
    pthread_mutex_unlock(&manager.lock);
}

int32_t
nt_object_link(const char *name, const char *target, struct nt_driver *owner)
{
    return add_name(name, target, NULL, owner);
}

int32_t
nt_object_unlink(const char *path)
{
    _cleanup_(freep) char *wanted = canonical(path);
    int32_t status = NT_STATUS_NAME_NOT_FOUND;

    if (!wanted)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&manager.lock);
    struct name *name = find_locked(wanted);
    if (name && !name->target)
        status = NT_STATUS_TYPE_MISMATCH;
    else if (name) {
        forget_name_locked(name);
        status = NT_SUCCESS_CODE;
    }
    pthread_mutex_unlock(&manager.lock);
    return status;
}

char *
nt_object_link_target(const char *path)
{
    _cleanup_(freep) char *wanted = canonical(path);
    char *target = NULL;

    if (!wanted)
        return NULL;
    pthread_mutex_lock(&manager.lock);
    struct name *name = find_locked(wanted);
    if (name && name->target)
        target = strdup(name->target);
    pthread_mutex_unlock(&manager.lock);
    return target;
}

/** The longest name that is @p path or a directory prefix of it. */
static struct name *
find_longest_locked(const char *path, size_t *ret_length)
{
    struct name *best = NULL;
    size_t best_length = 0;

    for (struct nt_list *i = manager.names.next; i != &manager.names; i = i->next) {
        struct name *name = NT_LIST_ITEM(i, struct name, link);
        size_t length = strlen(name->path);
        if (length > best_length && strncasecmp(name->path, path, length) == 0 &&
            (path[length] == 0 || path[length] == '\\')) {
            best = name;
            best_length = length;
        }
    }
    *ret_length = best_length;
    return best;
}

static int32_t
open_locked(char **path, enum nt_object_type type, char **ret_rest, void **ret_body)
{
    for (int hops = 0; hops < MAX_LINKS; hops++) {
        size_t length;
        struct name *name = find_longest_locked(*path, &length);
        if (!name)
            return NT_STATUS_NAME_NOT_FOUND;
        const char *rest = *path + length;
        if (name->target) {
            char *next = malloc(strlen(name->target) + strlen(rest) + 1);
            if (!next)
                return NT_STATUS_NO_RESOURCES;
            strcpy(stpcpy(next, name->target), rest);
            free(*path);
            *path = next;
            continue;
        }
        if (*rest && !ret_rest)
            return NT_STATUS_NAME_NOT_FOUND;
        if (type != NT_OBJECT_ANY && name->object->type != type)
            return NT_STATUS_TYPE_MISMATCH;
        if (ret_rest) {
            *ret_rest = strdup(rest);
            if (!*ret_rest)
                return NT_STATUS_NO_RESOURCES;
        }
        *ret_body = nt_object_ref(name->object->body);
        return NT_SUCCESS_CODE;
    }
    return NT_STATUS_NAME_INVALID;
}

int32_t
nt_object_open(const char *name, enum nt_object_type type, char **ret_rest, void **ret_body)
{
    _cleanup_(freep) char *path = canonical(name);

    if (!path)
        return NT_STATUS_NO_RESOURCES;
    pthread_mutex_lock(&manager.lock);
    int32_t status = open_locked(&path, type, ret_rest, ret_body);
    pthread_mutex_unlock(&manager.lock);
    return status;
}

void
nt_object_each_name(void (*each)(void *context, const char *name, const char *target,
                                 enum nt_object_type type),
                    void *context)
{
    pthread_mutex_lock(&manager.lock);
    for (struct nt_list *i = manager.names.next; i != &manager.names; i = i->next) {
        struct name *name = NT_LIST_ITEM(i, struct name, link);
        each(context, name->path, name->target,
             name->target ? NT_OBJECT_SYMLINK : name->object->type);
    }
    pthread_mutex_unlock(&manager.lock);
}

/* Handles are multiples of four, never 0: (index + 1) * 4. */

static struct handle *
handle_locked(void *handle)
{
    uintptr_t value = (uintptr_t)handle;
    if (!value || value % 4 || value / 4 > manager.handle_count ||
        !manager.handles[value / 4 - 1].body)
        return NULL;
    return &manager.handles[value / 4 - 1];
}

static void *
new_handle(void *body, uint32_t access, struct nt_driver *owner, bool is_lent)
{
    void *handle = NULL;
    size_t i = 0;

    pthread_mutex_lock(&manager.lock);
    while (i < manager.handle_count && manager.handles[i].body)
        i++;
    if (i == manager.handle_count) {
        size_t count = 2 * manager.handle_count + 16;
        struct handle *handles = realloc(manager.handles, count * sizeof(*handles));
        if (!handles)
            goto out;
        memset(handles + manager.handle_count, 0,
               (count - manager.handle_count) * sizeof(*handles));
        manager.handles = handles;
        manager.handle_count = count;
    }
    manager.handles[i] = (struct handle){nt_object_ref(body), access, owner, is_lent,
                                         owner && !is_lent ? nt_place_caller() : 0};
    handle = (void *)((i + 1) * 4);
out:
    pthread_mutex_unlock(&manager.lock);
    return handle;
}

void *
nt_handle_new(void *body, uint32_t access, struct nt_driver *owner)
{
    return new_handle(body, access, owner, false);
}

void *
nt_handle_lend(void *body, uint32_t access)
{
    return new_handle(body, access, NULL, true);
}

void
nt_handle_set_given(bool (*is_given)(void *handle))
{
    manager.is_given = is_given;
}

int32_t
nt_handle_resolve(void *handle, enum nt_object_type type, void **ret_body)
{
    int32_t status = NT_SUCCESS_CODE;
    bool is_lent;

    pthread_mutex_lock(&manager.lock);
    struct handle *entry = handle_locked(handle);
    if (!entry)
        status = NT_STATUS_INVALID_HANDLE;
    else if (type != NT_OBJECT_ANY && header_of(entry->body)->type != type)
        status = NT_STATUS_TYPE_MISMATCH;
    else
        *ret_body = nt_object_ref(entry->body);
    is_lent = entry && entry->is_lent;
    pthread_mutex_unlock(&manager.lock);
    if (is_lent && manager.is_given && !manager.is_given(handle))
        nt_finding(NT_FINDING_HANDLE_LATE, "a token handle is used after its classify");
    return status;
}

uint32_t
nt_handle_access(void *handle)
{
    pthread_mutex_lock(&manager.lock);
    struct handle *entry = handle_locked(handle);
    uint32_t access = entry ? entry->access : 0;
    pthread_mutex_unlock(&manager.lock);
    return access;
}

int32_t
nt_handle_close(void *handle)
{
    void *body = NULL;
    bool is_lent;

    pthread_mutex_lock(&manager.lock);
    struct handle *entry = handle_locked(handle);
    is_lent = entry && entry->is_lent;
    if (entry && !is_lent) {
        body = entry->body;
        *entry = (struct handle){0};
    }
    pthread_mutex_unlock(&manager.lock);
    if (is_lent) {
        nt_finding(NT_FINDING_OBJECT_BAD, "ZwClose of a token handle that a classify lent");
        return NT_STATUS_NOT_CLOSABLE;
    }
    if (!body)
        return NT_STATUS_INVALID_HANDLE;
    nt_object_unref(body);
    return NT_SUCCESS_CODE;
}

/** What a stopping driver left in the namespace and in the handle table. */
void
nt_object_check_driver(struct nt_driver *driver)
{
    pthread_mutex_lock(&manager.lock);
    for (struct nt_list *i = manager.names.next, *next; i != &manager.names; i = next) {
        struct name *name = NT_LIST_ITEM(i, struct name, link);
        next = i->next;
        if (name->owner != driver || !name->target)
            continue;
        nt_finding_at(driver->name, name->site, NT_FINDING_SYMLINK_LEAK,
                      "symbolic link %s -> %s was left", name->path, name->target);
        forget_name_locked(name);
    }
    pthread_mutex_unlock(&manager.lock);
    for (size_t i = 0; i < manager.handle_count; i++) {
        pthread_mutex_lock(&manager.lock);
        struct handle entry = manager.handles[i];
        pthread_mutex_unlock(&manager.lock);
        if (!entry.body || entry.owner != driver)
            continue;
        nt_finding_at(driver->name, entry.site, NT_FINDING_HANDLE_LEAK,
                      "a handle to a %s was left open", type_names[header_of(entry.body)->type]);
        nt_handle_close((void *)((i + 1) * 4));
    }
}
