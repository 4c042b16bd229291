/*
 * A registry in memory: keys by path, typed values. What the host sets is what a driver reads.
 *
 * Model      Paths are UTF-8, "\Registry\Machine\System\CurrentControlSet\Services\name\Parameters";
 *            case is ignored, "ControlSet001" is CurrentControlSet. A key exists once it or something
 *            below it was created. Nothing is written to disk: it is gone with the process.
 * Context    any thread; takes one mutex; allocates.
 */
#ifndef WFP_NT_REGISTRY_H
#define WFP_NT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum nt_registry_type {
    NT_REG_NONE = 0,
    NT_REG_SZ = 1,
    NT_REG_EXPAND_SZ = 2,
    NT_REG_BINARY = 3,
    NT_REG_DWORD = 4,
    NT_REG_MULTI_SZ = 7,
    NT_REG_QWORD = 11,
};

#define NT_REGISTRY_SERVICES "\\Registry\\Machine\\System\\CurrentControlSet\\Services"

/** A copy of a value. Free data with free(). Strings are UTF-16 with their terminators. */
struct nt_registry_value {
    char *name; /* UTF-8 */
    uint32_t type;
    uint32_t size;
    void *data;
    bool is_param; /* came as --param: its type was inferred, readers may convert it */
};
void nt_registry_value_clear(struct nt_registry_value *value);

/**
 * `--param NAME=VALUE`: set a value of a service's Parameters key.
 *
 * The type is what @p text looks like: digits or 0x… is REG_DWORD (REG_QWORD above 32 bits), text
 * with commas is REG_MULTI_SZ (a string per item), anything else REG_SZ. A prefix decides itself:
 * "sz:", "expand_sz:", "multi_sz:" (items by comma), "dword:", "qword:", "binary:" (hex digits).
 * @return NTSTATUS: 0, INVALID_PARAMETER, NO_RESOURCES
 */
int32_t nt_registry_set_param(const char *service, const char *name, const char *text);

/** Make a key and those above it. @param ret_created  may be NULL. @return NTSTATUS */
int32_t nt_registry_create_key(const char *path, bool *ret_created);
bool nt_registry_has_key(const char *path);
/** @return NTSTATUS: 0, NAME_NOT_FOUND, ACCESS_DENIED while it has keys below */
int32_t nt_registry_delete_key(const char *path);
/** Set a value; the key is made if need be. @return NTSTATUS */
int32_t nt_registry_set(const char *path, const char *name, uint32_t type, const void *data,
                        uint32_t size);
/** @return NTSTATUS: 0, NAME_NOT_FOUND, NO_RESOURCES */
int32_t nt_registry_get(const char *path, const char *name, struct nt_registry_value *ret_value);
int32_t nt_registry_delete(const char *path, const char *name);
/** The @p index th value, in the order of setting. @return NTSTATUS: 0 or NAME_NOT_FOUND */
int32_t nt_registry_value_at(const char *path, size_t index, struct nt_registry_value *ret_value);
/** Name of the @p index th key below, a string the caller frees; NULL past the end. */
char *nt_registry_key_at(const char *path, size_t index);
/** Forget everything. */
void nt_registry_reset(void);

#endif
