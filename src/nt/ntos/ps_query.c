/*
 * What drivers ask about processes: handles by id, the path of the image, the list of all.
 *
 * Model      A Linux process's image is the path of its executable ("/usr/bin/curl"), the same text
 *            that the layers show as its application id. Under the virtual clock there is the System
 *            process alone: what runs on this machine has no part in a capture.
 * Ref        win32 winternl NtQueryInformationProcess, NtQuerySystemInformation; ntifs
 */
#include "nt/ntos/nt_wdk.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_pool.h"
#include "nt/ntos/nt_process.h"

#define SYSTEM_PROCESS_ID      4
#define NAME_TAG               0x6e507553 /* "SuPn" */
#define PROCESS_IMAGE_NAME     27
#define PROCESS_IMAGE_NAME_W32 43
#define SYSTEM_PROCESSES       5
#define THIS_PROCESS           ((HANDLE)(LONG_PTR)-1)

/* No wdk header declares these three. */
NTSTATUS NTAPI ZwQueryInformationProcess(HANDLE ProcessHandle, ULONG ProcessInformationClass,
                                         PVOID ProcessInformation, ULONG ProcessInformationLength,
                                         PULONG ReturnLength);
NTSTATUS NTAPI ZwQuerySystemInformation(ULONG SystemInformationClass, PVOID SystemInformation,
                                        ULONG SystemInformationLength, PULONG ReturnLength);
PCHAR NTAPI PsGetProcessImageFileName(PEPROCESS Process);

/** The image's path, UTF-16; the caller frees. "System" has none but its name. NULL: gone, no memory. */
static uint16_t *
image_path(uint64_t id, size_t *ret_units)
{
    char link[40], path[PATH_MAX];

    if (id == SYSTEM_PROCESS_ID)
        return wfp_utf16_from_utf8("System", ret_units);
    snprintf(link, sizeof(link), "/proc/%llu/exe", (unsigned long long)id);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    return wfp_utf16_from_utf8(path, ret_units);
}

/** Parent and name as /proc/ID/stat tells them. @return false when the process is gone */
static bool
read_stat(uint64_t id, char name[16], uint64_t *ret_parent)
{
    char path[40], line[512];

    snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)id);
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(line, sizeof(line), file);
    if (file)
        fclose(file);
    char *open = ok ? strchr(line, '(') : NULL, *close = ok ? strrchr(line, ')') : NULL;
    unsigned long long parent;
    if (!open || !close || sscanf(close + 1, " %*c %llu", &parent) != 1)
        return false;
    snprintf(name, 16, "%.*s", (int)(close - open - 1), open + 1);
    *ret_parent = parent;
    return true;
}

/**
 * A handle on a process by its id.
 *
 * @return STATUS_INVALID_PARAMETER without an id, STATUS_INVALID_CID when it does not live
 * IRQL: PASSIVE_LEVEL. Ref: ntddk/nf-ntddk-zwopenprocess
 */
NTSTATUS NTAPI
ZwOpenProcess(PHANDLE ProcessHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
              PCLIENT_ID ClientId)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (!ClientId)
        return STATUS_INVALID_PARAMETER;
    _cleanup_(nt_object_unrefp) struct nt_process *process =
        nt_process_open((uint64_t)ClientId->UniqueProcess, true);
    if (!process)
        return STATUS_INVALID_CID;
    *ProcessHandle = nt_handle_new(process, DesiredAccess, nt_driver_current());
    return *ProcessHandle ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/** A UNICODE_STRING with its characters behind it. @return STATUS_INFO_LENGTH_MISMATCH: too short */
static NTSTATUS
put_image_name(const struct nt_process *process, PVOID buffer, ULONG length, PULONG needed)
{
    size_t units = 0;
    _cleanup_(freep) uint16_t *path = image_path(process->id, &units);
    UNICODE_STRING *name = buffer;

    if (!path)
        return STATUS_PROCESS_IS_TERMINATING;
    *needed = (ULONG)(sizeof(*name) + (units + 1) * sizeof(*path));
    if (!buffer || length < *needed)
        return STATUS_INFO_LENGTH_MISMATCH;
    memcpy(name + 1, path, (units + 1) * sizeof(*path));
    *name = (UNICODE_STRING){(USHORT)(units * sizeof(*path)), (USHORT)((units + 1) * sizeof(*path)),
                             (PWCH)(name + 1)};
    return STATUS_SUCCESS;
}

static NTSTATUS
put_basic(const struct nt_process *process, PVOID buffer, ULONG length, PULONG needed)
{
    PROCESS_BASIC_INFORMATION *basic = buffer;
    char name[16];
    uint64_t parent = 0;

    *needed = sizeof(*basic);
    if (!buffer || length < sizeof(*basic))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (process->id != SYSTEM_PROCESS_ID)
        (void)read_stat(process->id, name, &parent);
    memset(basic, 0, sizeof(*basic));
    basic->ExitStatus = process->exit_status;
    basic->UniqueProcessId = process->id;
    basic->InheritedFromUniqueProcessId = parent;
    return STATUS_SUCCESS;
}

/**
 * Ask about a process: ProcessBasicInformation, ProcessImageFileName, ProcessImageFileNameWin32.
 *
 * @return STATUS_INFO_LENGTH_MISMATCH with the size in @p ReturnLength, STATUS_INVALID_HANDLE,
 *         STATUS_INVALID_INFO_CLASS for what else Windows can tell
 * IRQL: PASSIVE_LEVEL. Ref: win32 winternl NtQueryInformationProcess
 */
NTSTATUS NTAPI
ZwQueryInformationProcess(HANDLE ProcessHandle, ULONG ProcessInformationClass,
                          PVOID ProcessInformation, ULONG ProcessInformationLength,
                          PULONG ReturnLength)
{
    _cleanup_(nt_object_unrefp) struct nt_process *process = NULL;
    ULONG needed = 0;
    NTSTATUS status = STATUS_SUCCESS;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (ProcessHandle == THIS_PROCESS)
        process = nt_object_ref(nt_process_system());
    else
        status = nt_handle_resolve(ProcessHandle, NT_OBJECT_PROCESS, (void **)&process);
    if (!NT_SUCCESS(status))
        return status;
    switch (ProcessInformationClass) {
    case ProcessBasicInformation:
        status = put_basic(process, ProcessInformation, ProcessInformationLength, &needed);
        break;
    case PROCESS_IMAGE_NAME:
    case PROCESS_IMAGE_NAME_W32:
        status = put_image_name(process, ProcessInformation, ProcessInformationLength, &needed);
        break;
    default:
        status = STATUS_INVALID_INFO_CLASS;
    }
    if (ReturnLength)
        *ReturnLength = needed;
    return status;
}

/** One element of SystemProcessInformation, without threads. */
struct system_process {
    ULONG next_offset, thread_count;
    LARGE_INTEGER reserved[3], create_time, user_time, kernel_time;
    UNICODE_STRING name;
    LONG priority;
    HANDLE id, parent_id;
    ULONG handle_count, session_id;
    ULONG_PTR key;
    ULONG64 rest[18]; /* sizes and counts of memory and I/O */
};
static_assert(sizeof(struct system_process) == 0x100, "winternl's size");

struct process_list {
    char *buffer;
    ULONG room, used;
    struct system_process *last;
};

static void
add_process(struct process_list *list, uint64_t id, uint64_t parent, const char *name)
{
    size_t units = 0;
    _cleanup_(freep) uint16_t *text = wfp_utf16_from_utf8(name, &units);
    ULONG bytes = text ? (ULONG)((units + 1) * sizeof(*text)) : 0;
    ULONG size = (ULONG)(sizeof(struct system_process) + bytes + 7) & ~7u;

    if (list->buffer && list->used + size <= list->room) {
        struct system_process *entry = (void *)(list->buffer + list->used);
        memset(entry, 0, sizeof(*entry));
        entry->thread_count = 1;
        entry->id = (HANDLE)id;
        entry->parent_id = (HANDLE)parent;
        if (text) {
            memcpy(entry + 1, text, bytes);
            entry->name =
                (UNICODE_STRING){(USHORT)(bytes - sizeof(*text)), (USHORT)bytes, (PWCH)(entry + 1)};
        }
        if (list->last)
            list->last->next_offset = (ULONG)((char *)entry - (char *)list->last);
        list->last = entry;
    }
    list->used += size;
}

static void
add_linux_processes(struct process_list *list)
{
    DIR *folder = opendir("/proc");
    char name[16];
    uint64_t parent;

    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *end;
        unsigned long long id = strtoull(entry->d_name, &end, 10);
        if (*end == 0 && id > 0 && read_stat(id, name, &parent))
            add_process(list, id, parent, name);
    }
    if (folder)
        closedir(folder);
}

/**
 * Ask about the system: the list of processes.
 *
 * @return STATUS_INFO_LENGTH_MISMATCH with the size in @p ReturnLength, STATUS_NOT_IMPLEMENTED for
 *         what else Windows can tell
 * IRQL: PASSIVE_LEVEL. Ref: win32 winternl NtQuerySystemInformation
 */
NTSTATUS NTAPI
ZwQuerySystemInformation(ULONG SystemInformationClass, PVOID SystemInformation,
                         ULONG SystemInformationLength, PULONG ReturnLength)
{
    struct process_list list = {.buffer = SystemInformation, .room = SystemInformationLength};

    NT_IRQL_MAX(PASSIVE_LEVEL);
    if (SystemInformationClass != SYSTEM_PROCESSES)
        return STATUS_NOT_IMPLEMENTED;
    add_process(&list, SYSTEM_PROCESS_ID, 0, "System");
    if (!wfp_clock_is_virtual())
        add_linux_processes(&list);
    if (ReturnLength)
        *ReturnLength = list.used;
    return list.used <= list.room ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

/**
 * The path of a process's image.
 *
 * @param pImageFileName  one pool block, the caller's to free with ExFreePool
 * @return STATUS_INSUFFICIENT_RESOURCES, STATUS_PROCESS_IS_TERMINATING
 * IRQL: PASSIVE_LEVEL. Ref: ntifs/nf-ntifs-selocateprocessimagename
 */
NTSTATUS NTAPI
SeLocateProcessImageName(PEPROCESS Process, PUNICODE_STRING *pImageFileName)
{
    ULONG needed = 0;

    NT_IRQL_MAX(PASSIVE_LEVEL);
    *pImageFileName = NULL;
    NTSTATUS status = put_image_name((struct nt_process *)Process, NULL, 0, &needed);
    if (status != STATUS_INFO_LENGTH_MISMATCH)
        return status;
    needed += 512; /* it may be another program by then */
    PVOID block = nt_pool_allocate(needed, NAME_TAG, false, NT_CALLER);
    if (!block)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = put_image_name((struct nt_process *)Process, block, needed, &needed);
    if (NT_SUCCESS(status))
        *pImageFileName = block;
    else
        nt_pool_free(block, 0);
    return status;
}

/** The first 14 characters of the image's name, of this thread's last call. IRQL: any. Undocumented. */
PCHAR NTAPI
PsGetProcessImageFileName(PEPROCESS Process)
{
    static __thread char name[16];
    const struct nt_process *process = (const struct nt_process *)Process;
    uint64_t parent;

    name[0] = 0;
    if (process->id == SYSTEM_PROCESS_ID)
        snprintf(name, sizeof(name), "System");
    else if (read_stat(process->id, name, &parent))
        name[14] = 0;
    return name;
}
