/*
 * Objects with a type, a count of references and perhaps a name; handles to them.
 *
 * Model      A body that drivers see (DEVICE_OBJECT, ETHREAD, a registry key ...) follows a header of
 *            ours. Names form one namespace: "\Device\Foo"; "\DosDevices\", "\??\" and
 *            "\GLOBAL??\" are the same directory; symbolic links are followed, case is ignored.
 * Lifetime   new returns one reference. A name holds none: nt_object_unname() or the last unref
 *            removes it. A handle holds one reference until closed.
 * Context    any thread; may allocate; takes one mutex.
 */
#ifndef WFP_NT_OBJECT_H
#define WFP_NT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct nt_driver;

enum nt_object_type {
    NT_OBJECT_ANY,
    NT_OBJECT_DRIVER,
    NT_OBJECT_DEVICE,
    NT_OBJECT_FILE,
    NT_OBJECT_EVENT,
    NT_OBJECT_THREAD,
    NT_OBJECT_PROCESS,
    NT_OBJECT_KEY,
    NT_OBJECT_DIRECTORY,
    NT_OBJECT_SYMLINK,
    NT_OBJECT_CALLBACK,
    NT_OBJECT_SECTION,
    NT_OBJECT_TOKEN,
    NT_OBJECT_PORT,
    NT_OBJECT_TYPE_COUNT,
};

/** A zeroed, 16-byte aligned body of @p size; @p destroy (may be NULL) runs before it is freed. */
void *nt_object_new(enum nt_object_type type, size_t size, struct nt_driver *owner,
                    void (*destroy)(void *body));
void *nt_object_ref(void *body);
/** Drop one reference. @return references left; one too many is a finding */
long nt_object_unref(void *body);
/** Drop one reference that is not the last. @return false: it is, and stays */
bool nt_object_unref_unless_last(void *body);
/** For cleanup handlers: NULL is fine. */
static inline void
nt_object_unrefp(void *p)
{
    if (*(void **)p)
        nt_object_unref(*(void **)p);
    *(void **)p = NULL;
}
long nt_object_refs(const void *body);
/** The type, or NT_OBJECT_ANY when @p body is no object of ours. */
enum nt_object_type nt_object_type(const void *body);
struct nt_driver *nt_object_owner(const void *body);
/** The return address into the owner's code of the call that made it; 0 when unknown. */
uintptr_t nt_object_site(const void *body);
/** Name given by nt_object_name(), or NULL. Borrowed. */
const char *nt_object_get_name(const void *body);
const char *nt_object_type_name(enum nt_object_type type);

/** Give a name (UTF-8, "\Device\Foo"). @return NTSTATUS: 0, OBJECT_NAME_COLLISION, ... */
int32_t nt_object_name(void *body, const char *name);
void nt_object_unname(void *body);
/** A link: @p name leads to @p target. @return NTSTATUS */
int32_t nt_object_link(const char *name, const char *target, struct nt_driver *owner);
int32_t nt_object_unlink(const char *name);
/** Where the link @p name leads: a string the caller frees, or NULL. */
char *nt_object_link_target(const char *name);
/**
 * Find by name, following links.
 *
 * @param ret_rest  what follows the object's name ("\file" in "\Device\Foo\file"), a string the
 *                  caller frees; NULL: the name must match to its end
 * @param ret_body  referenced
 * @return NTSTATUS: 0, OBJECT_NAME_NOT_FOUND, OBJECT_TYPE_MISMATCH
 */
int32_t nt_object_open(const char *name, enum nt_object_type type, char **ret_rest,
                       void **ret_body);
/** Call @p each for every name; for listings. @p target is NULL for objects. */
void nt_object_each_name(void (*each)(void *context, const char *name, const char *target,
                                      enum nt_object_type type),
                         void *context);

/** A handle on @p body (takes a reference of its own); NULL when memory is out. */
void *nt_handle_new(void *body, uint32_t access, struct nt_driver *owner);
/** The referenced body. @return NTSTATUS: 0, INVALID_HANDLE, OBJECT_TYPE_MISMATCH */
int32_t nt_handle_resolve(void *handle, enum nt_object_type type, void **ret_body);
/**
 * A handle that classifies are given, for ever: closing it is refused. Using it while @p is_given (of
 * the last nt_handle_set_given()) says no works, but is a finding. NULL when memory is out.
 */
void *nt_handle_lend(void *body, uint32_t access);
void nt_handle_set_given(bool (*is_given)(void *handle));
uint32_t nt_handle_access(void *handle);
/** @return NTSTATUS: 0, INVALID_HANDLE, HANDLE_NOT_CLOSABLE */
int32_t nt_handle_close(void *handle);

/** Report and release links and handles that a stopping driver left. */
void nt_object_check_driver(struct nt_driver *driver);

#endif
