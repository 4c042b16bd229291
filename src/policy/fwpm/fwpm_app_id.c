/*
 * Application ids: what a filter on FWPM_CONDITION_ALE_APP_ID compares with.
 *
 * Model      An id is a path in UTF-16 with its NUL. Linux: the absolute path of the executable, links
 *            resolved, as the kernel knows the process by; case matters there, so it is kept.
 *            A path with a drive letter becomes a lower-cased NT device path, as on Windows.
 * Choice     C: is \device\harddiskvolume3 (the letter's number): where most Windows systems have it.
 * Ref        win32 fwpmu/nf-fwpmu-fwpmgetappidfromfilename0
 */
#include <limits.h>
#include <stdio.h>

#include "base/utf16.h"
#include "policy/fwpm/fwpm_convert.h"

static bool
is_drive_path(const char *path)
{
    return ((path[0] | 0x20) >= 'a' && (path[0] | 0x20) <= 'z') && path[1] == ':';
}

static void
lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text += 'a' - 'A';
}

/* @return a Win32 error; *ret_id is the caller's to free */
static DWORD
make_id(const char *path, char **ret_id)
{
    if (is_drive_path(path)) {
        int letter = (path[0] | 0x20) - 'a' + 1;
        if (asprintf(ret_id, "\\device\\harddiskvolume%d%s", letter, path + 2) < 0)
            return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
        lower(*ret_id);
        return ERROR_SUCCESS;
    }
    if (path[0] == '\\') {
        *ret_id = strdup(path);
        if (!*ret_id)
            return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
        lower(*ret_id);
        return ERROR_SUCCESS;
    }
    *ret_id = realpath(path, NULL);
    return *ret_id ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;
}

static void
write_id(struct wfp_fwpm_arena *arena, void *out, const void *item)
{
    const uint16_t *id_utf16 = item;
    struct wfp_blob blob = {.size = (uint32_t)(2 * (wfp_utf16_length(id_utf16) + 1)),
                            .data = (uint8_t *)(uintptr_t)id_utf16};

    wfp_fwpm_write_blob(arena, out, &blob);
}

/**
 * The application id of an executable.
 *
 * @param fileName  a Linux path, a path with a drive letter, or an NT device path
 * @param appId     one allocation, free it with FwpmFreeMemory0
 * @return ERROR_SUCCESS, ERROR_FILE_NOT_FOUND for a Linux path that leads nowhere, ...
 *
 * Ref: win32 fwpmu/nf-fwpmu-fwpmgetappidfromfilename0.
 */
DWORD NTAPI
FwpmGetAppIdFromFileName0(PCWSTR fileName, FWP_BYTE_BLOB **appId)
{
    _cleanup_(freep) char *path = NULL, *id = NULL;
    _cleanup_(freep) uint16_t *id_utf16 = NULL;
    DWORD error;

    if (!fileName || !appId)
        return wfp_fwpm_status(-WFP_ERR_NULL_POINTER);
    path =
        wfp_utf16_to_utf8((const uint16_t *)fileName, wfp_utf16_length((const uint16_t *)fileName));
    if (!path)
        return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
    error = make_id(path, &id);
    if (error)
        return error;
    id_utf16 = wfp_utf16_from_utf8(id, NULL);
    if (!id_utf16)
        return wfp_fwpm_status(-WFP_ERR_NO_MEMORY);
    return wfp_fwpm_status(
        wfp_fwpm_arena_build(write_id, id_utf16, sizeof(FWP_BYTE_BLOB), (void **)appId));
}
