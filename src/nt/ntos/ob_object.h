/*
 * From OBJECT_ATTRIBUTES to paths and handles, for the Zw functions.
 */
#ifndef WFP_NT_OB_OBJECT_H
#define WFP_NT_OB_OBJECT_H

#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_wdk.h"

/** The body of an NT_OBJECT_KEY, _DIRECTORY or _SYMLINK: a place known by its path. */
struct nt_ob_place {
    char *path; /* UTF-8 */
};

/**
 * The full path that @p attributes name, relative to its root directory.
 * @return NTSTATUS: 0, INVALID_HANDLE, INVALID_PARAMETER, INSUFFICIENT_RESOURCES
 */
NTSTATUS nt_ob_object_path(const OBJECT_ATTRIBUTES *attributes, char **ret_path);
/** A handle on a new place; takes @p path (on success). @return NTSTATUS */
NTSTATUS nt_ob_object_open_place(enum nt_object_type type, char **path, ACCESS_MASK access,
                                 PHANDLE ret_handle);
/** A copy of the path behind a place's handle. @return NTSTATUS */
NTSTATUS nt_ob_object_place_path(HANDLE handle, enum nt_object_type type, char **ret_path);

#endif
