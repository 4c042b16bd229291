/*
 * File objects and requests for programs outside the kernel; see nt_device.h.
 *
 * Lifetime   nt_device_file -> FILE_OBJECT (one reference) -> DEVICE_OBJECT. Each request holds the
 *            FILE_OBJECT until just before its end is told; the last reference sends IRP_MJ_CLOSE,
 *            which wants PASSIVE_LEVEL: above it a worker drops that reference.
 */
#include "nt/ntos/nt_device.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "nt/ntos/io_irp.h"
#include "nt/ntos/nt_object.h"
#include "nt/ntos/nt_process.h"
#include "nt/ntos/nt_thread.h"
#include "nt/ntos/nt_wdk.h"
#include "nt/ntos/nt_work.h"

__thread struct nt_device_memory nt_device_memory;

struct nt_device_file {
    PFILE_OBJECT object;
    struct nt_device_memory memory;
};

struct nt_device_request {
    atomic_int refs;
    PIRP irp;
    PFILE_OBJECT file;
    MDL *mdl;
    void *system_buffer;
    void *output;
    size_t output_bytes;
    nt_device_done *done;
    void *context;
    struct nt_work close; /* closes the file from PASSIVE_LEVEL */
};

/* --- requests --- */

static void
unref(struct nt_device_request *request)
{
    if (atomic_fetch_sub(&request->refs, 1) > 1)
        return;
    IoFreeIrp(request->irp); /* not earlier: someone may be cancelling it */
    free(request->system_buffer);
    free(request);
}

void
nt_device_unref(struct nt_device_request *request)
{
    if (request)
        unref(request);
}

static void
close_file(struct nt_work *work)
{
    struct nt_device_request *request = CONTAINER_OF(work, struct nt_device_request, close);

    nt_object_unref(request->file);
    unref(request);
}

/** The request no longer needs its file. Who is told of its end may rely on that. */
static void
drop_file(struct nt_device_request *request)
{
    if (!request->file || nt_object_unref_unless_last(request->file))
        return;
    if (nt_cpu.irql == PASSIVE_LEVEL) {
        nt_object_unref(request->file);
        return;
    }
    atomic_fetch_add(&request->refs, 1); /* the worker's */
    nt_work_queue(&request->close, close_file, nt_object_owner(request->file->DeviceObject));
}

static void
irp_done(PIRP irp, void *context)
{
    struct nt_device_request *request = context;
    int32_t status = irp->IoStatus.Status;
    uint64_t information = irp->IoStatus.Information;

    if (request->output && request->system_buffer && !NT_ERROR(status)) {
        if (information > request->output_bytes)
            nt_finding_for(nt_driver_name(nt_object_owner(request->file->DeviceObject)),
                           NT_FINDING_IRP_BAD_STATUS,
                           "a request was completed with %llu bytes; the buffer has %zu",
                           (unsigned long long)information, request->output_bytes);
        memcpy(request->output, request->system_buffer,
               MIN(information, (uint64_t)request->output_bytes));
    }
    struct nt_driver *driver = nt_cpu.driver;
    nt_cpu.driver = NULL;
    if (request->mdl)
        IoFreeMdl(request->mdl);
    drop_file(request);
    if (request->done)
        request->done(request->context, status, information);
    unref(request);
    nt_cpu.driver = driver;
}

static struct nt_device_request *
new_request(PFILE_OBJECT file, UCHAR major, nt_device_done *done, void *context)
{
    PDEVICE_OBJECT device = IoGetRelatedDeviceObject(file);
    struct nt_device_request *request = calloc(1, sizeof(*request));
    PIRP irp = request ? nt_io_irp_new(device->StackSize, irp_done, request) : NULL;

    if (!irp) {
        free(request);
        return NULL;
    }
    atomic_init(&request->refs, 1);
    request->irp = irp;
    request->file = file;
    request->done = done;
    request->context = context;
    irp->RequestorMode = UserMode;
    irp->Tail.Overlay.Thread = (PETHREAD)nt_thread_current();
    irp->Tail.Overlay.OriginalFileObject = file;
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = major;
    stack->FileObject = file;
    return request;
}

static bool
buffer_input(struct nt_device_request *request, const struct nt_device_io *io, size_t bytes)
{
    request->system_buffer = malloc(MAX(bytes, (size_t)1));
    if (!request->system_buffer)
        return false;
    memset(request->system_buffer, 0xA5, bytes); /* not zeros: drivers must fill what they return */
    if (io->input_bytes)
        memcpy(request->system_buffer, io->input, io->input_bytes);
    request->irp->AssociatedIrp.SystemBuffer = request->system_buffer;
    request->irp->Flags |= IRP_BUFFERED_IO;
    return true;
}

static bool
direct_buffer(struct nt_device_request *request, void *buffer, size_t bytes)
{
    struct nt_driver *driver = nt_cpu.driver;

    nt_cpu.driver = NULL; /* the MDL is the runtime's */
    request->mdl = IoAllocateMdl(buffer, (ULONG)bytes, FALSE, FALSE, request->irp);
    nt_cpu.driver = driver;
    if (!request->mdl)
        return false;
    request->mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return true;
}

static bool
prepare_ioctl(struct nt_device_request *request, const struct nt_device_io *io)
{
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(request->irp);
    bool ok = true;

    stack->Parameters.DeviceIoControl.IoControlCode = io->code;
    stack->Parameters.DeviceIoControl.InputBufferLength = (ULONG)io->input_bytes;
    stack->Parameters.DeviceIoControl.OutputBufferLength = (ULONG)io->output_bytes;
    request->irp->UserBuffer = io->output;
    switch (io->code & 3) {
    case METHOD_BUFFERED:
        if (io->input_bytes || io->output_bytes)
            ok = buffer_input(request, io, MAX(io->input_bytes, io->output_bytes));
        request->output = io->output;
        request->output_bytes = io->output_bytes;
        break;
    case METHOD_NEITHER:
        stack->Parameters.DeviceIoControl.Type3InputBuffer = (void *)io->input;
        break;
    default:
        if (io->input_bytes)
            ok = buffer_input(request, io, io->input_bytes);
        if (ok && io->output_bytes)
            ok = direct_buffer(request, io->output, io->output_bytes);
        break;
    }
    return ok;
}

static bool
prepare_transfer(struct nt_device_request *request, const struct nt_device_io *io)
{
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(request->irp);
    bool reads = io->operation == NT_DEVICE_READ;
    void *buffer = reads ? io->output : (void *)io->input;
    size_t bytes = reads ? io->output_bytes : io->input_bytes;
    ULONG flags = IoGetRelatedDeviceObject(request->file)->Flags;

    stack->Parameters.Read.Length = (ULONG)bytes;
    stack->Parameters.Read.ByteOffset.QuadPart = io->offset;
    request->irp->UserBuffer = buffer;
    request->irp->Flags |= reads ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    if (flags & DO_BUFFERED_IO) {
        struct nt_device_io input = {.input = io->input, .input_bytes = reads ? 0 : bytes};
        if (reads) {
            request->output = buffer;
            request->output_bytes = bytes;
        }
        return buffer_input(request, &input, bytes);
    }
    return !(flags & DO_DIRECT_IO) || !bytes || direct_buffer(request, buffer, bytes);
}

static void
discard(struct nt_device_request *request)
{
    if (request->mdl)
        IoFreeMdl(request->mdl);
    unref(request);
}

int32_t
nt_device_start(struct nt_device_file *file, const struct nt_device_io *io, nt_device_done *done,
                void *context, struct nt_device_request **ret_request)
{
    static const UCHAR majors[] = {IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL};

    if (io->input_bytes > INT32_MAX || io->output_bytes > INT32_MAX)
        return STATUS_INVALID_PARAMETER;
    struct nt_device_request *request =
        new_request(file->object, majors[io->operation], done, context);
    if (!request)
        return STATUS_INSUFFICIENT_RESOURCES;
    bool ok = io->operation == NT_DEVICE_IOCTL ? prepare_ioctl(request, io)
                                               : prepare_transfer(request, io);
    if (!ok) {
        discard(request);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    nt_object_ref(file->object); /* the request's */
    if (ret_request) {
        atomic_fetch_add(&request->refs, 1);
        *ret_request = request;
    }
    struct nt_device_memory before = nt_device_memory;
    nt_device_memory = file->memory;
    int32_t status = IoCallDriver(IoGetRelatedDeviceObject(file->object), request->irp);
    nt_device_memory = before;
    return status;
}

void
nt_device_cancel(struct nt_device_request *request)
{
    IoCancelIrp(request->irp);
}

struct waiter {
    KEVENT event;
    int32_t status;
    uint64_t information;
};

static void
wake(void *context, int32_t status, uint64_t information)
{
    struct waiter *waiter = context;
    waiter->status = status;
    waiter->information = information;
    KeSetEvent(&waiter->event, IO_NO_INCREMENT, FALSE);
}

int32_t
nt_device_send(struct nt_device_file *file, const struct nt_device_io *io,
               uint64_t *ret_information)
{
    struct waiter waiter = {.status = STATUS_PENDING};
    struct nt_device_request *request = NULL;

    KeInitializeEvent(&waiter.event, NotificationEvent, FALSE);
    int32_t status = nt_device_start(file, io, wake, &waiter, &request);
    if (!request)
        return status;
    KeWaitForSingleObject(&waiter.event, Executive, KernelMode, FALSE, NULL);
    nt_device_unref(request);
    if (status != STATUS_PENDING && status != waiter.status)
        nt_finding_for(nt_driver_name(nt_object_owner(file->object->DeviceObject)),
                       NT_FINDING_IRP_BAD_STATUS,
                       "a dispatch routine returned 0x%08X, the request was completed with 0x%08X",
                       (uint32_t)status, (uint32_t)waiter.status);
    if (ret_information)
        *ret_information = waiter.information;
    return waiter.status;
}

int32_t
nt_device_ioctl(struct nt_device_file *file, uint32_t code, const void *input, size_t input_bytes,
                void *output, size_t output_bytes, uint64_t *ret_information)
{
    const struct nt_device_io io = {.operation = NT_DEVICE_IOCTL,
                                    .code = code,
                                    .input = input,
                                    .input_bytes = input_bytes,
                                    .output = output,
                                    .output_bytes = output_bytes};
    return nt_device_send(file, &io, ret_information);
}

/* --- files --- */

/** Send a request that has no buffers, and wait. The file is not referenced by it. */
static int32_t
send_plain(PFILE_OBJECT file, UCHAR major, IO_SECURITY_CONTEXT *security)
{
    struct waiter waiter = {.status = STATUS_PENDING};
    struct nt_device_request *request = new_request(file, major, wake, &waiter);

    if (!request)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&waiter.event, NotificationEvent, FALSE);
    request->file = NULL;
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(request->irp);
    if (major == IRP_MJ_CREATE) {
        stack->Parameters.Create.SecurityContext = security;
        stack->Parameters.Create.Options = 1u << 24; /* FILE_OPEN */
        stack->Parameters.Create.ShareAccess = 7;
        request->irp->Flags |= IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API;
    } else {
        request->irp->Flags |= IRP_CLOSE_OPERATION | IRP_SYNCHRONOUS_API;
    }
    IoCallDriver(IoGetRelatedDeviceObject(file), request->irp);
    KeWaitForSingleObject(&waiter.event, Executive, KernelMode, FALSE, NULL);
    return waiter.status;
}

static void
destroy_file(void *body)
{
    PFILE_OBJECT file = body;
    PDEVICE_OBJECT device = file->DeviceObject;

    if (file->Flags & 1) /* was opened */
        send_plain(file, IRP_MJ_CLOSE, NULL);
    __atomic_fetch_sub(&device->ReferenceCount, 1, __ATOMIC_ACQ_REL);
    free(file->FileName.Buffer);
    if (file->FileObjectExtension)
        nt_object_unref(file->FileObjectExtension);
    nt_object_unref(device);
}

static PFILE_OBJECT
new_file(PDEVICE_OBJECT device, const char *rest, uint32_t access, uint64_t process)
{
    size_t length;
    _cleanup_(freep) uint16_t *name = wfp_utf16_from_utf8(rest, &length);
    PFILE_OBJECT file =
        name ? nt_object_new(NT_OBJECT_FILE, sizeof(*file), NULL, destroy_file) : NULL;

    if (!file)
        return NULL;
    file->Type = IO_TYPE_FILE;
    file->Size = sizeof(*file);
    file->DeviceObject = nt_object_ref(device);
    file->ReadAccess = (access & (GENERIC_READ | GENERIC_ALL | 1)) != 0;
    file->WriteAccess = (access & (GENERIC_WRITE | GENERIC_ALL | 2)) != 0;
    file->SharedRead = file->SharedWrite = TRUE;
    file->FileName =
        (UNICODE_STRING){(USHORT)(length * 2), (USHORT)(length * 2 + 2), TAKE_PTR(name)};
    file->FileObjectExtension = nt_process_open(process ? process : (uint64_t)getpid(), false);
    KeInitializeEvent(&file->Lock, SynchronizationEvent, FALSE);
    KeInitializeEvent(&file->Event, NotificationEvent, FALSE);
    InitializeListHead(&file->IrpList);
    return file;
}

int32_t
nt_device_open(const char *name, uint32_t access, uint64_t process,
               struct nt_device_file **ret_file)
{
    _cleanup_(nt_object_unrefp) PDEVICE_OBJECT device = NULL;
    _cleanup_(freep) char *rest = NULL;
    ACCESS_STATE state = {.OriginalDesiredAccess = access, .RemainingDesiredAccess = access};
    IO_SECURITY_CONTEXT security = {.AccessState = &state, .DesiredAccess = access};

    int32_t status = nt_object_open(name, NT_OBJECT_DEVICE, &rest, (void **)&device);
    if (status < 0)
        return status;
    _cleanup_(freep) struct nt_device_file *file = calloc(1, sizeof(*file));
    if (!file)
        return STATUS_INSUFFICIENT_RESOURCES;
    LONG opened = __atomic_fetch_add(&device->ReferenceCount, 1, __ATOMIC_ACQ_REL);
    if (((device->Flags & DO_EXCLUSIVE) && opened > 0) ||
        (device->Flags & DO_DEVICE_INITIALIZING)) {
        __atomic_fetch_sub(&device->ReferenceCount, 1, __ATOMIC_ACQ_REL);
        return device->Flags & DO_EXCLUSIVE && opened > 0 ? STATUS_ACCESS_DENIED
                                                          : STATUS_NO_SUCH_DEVICE;
    }
    file->object = new_file(device, rest, access, process);
    if (!file->object) {
        __atomic_fetch_sub(&device->ReferenceCount, 1, __ATOMIC_ACQ_REL);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = send_plain(file->object, IRP_MJ_CREATE, &security);
    if (!NT_SUCCESS(status)) {
        nt_object_unref(file->object);
        return status;
    }
    file->object->Flags |= 1;
    *ret_file = TAKE_PTR(file);
    return STATUS_SUCCESS;
}

void
nt_device_set_memory(struct nt_device_file *file, void *base, size_t size)
{
    file->memory = (struct nt_device_memory){(uintptr_t)base, size};
}

void
nt_device_close(struct nt_device_file *file)
{
    if (!file)
        return;
    send_plain(file->object, IRP_MJ_CLEANUP, NULL);
    nt_object_unref(file->object);
    free(file);
}

/* --- listing --- */

/** The namespace as it was: devices and links, in order of creation. */
struct names {
    struct {
        char *name, *target; /* target NULL: a device */
    } * rows;
    size_t count, room;
};

static void
note_name(void *context, const char *name, const char *target, enum nt_object_type type)
{
    struct names *names = context;

    if (type != NT_OBJECT_DEVICE && type != NT_OBJECT_SYMLINK)
        return;
    if (names->count == names->room) {
        size_t room = 2 * names->room + 16;
        void *rows = realloc(names->rows, room * sizeof(*names->rows));
        if (!rows)
            return;
        names->rows = rows;
        names->room = room;
    }
    char *copy = strdup(name), *target_copy = target ? strdup(target) : NULL;
    if (!copy || (target && !target_copy)) {
        free(copy);
        return;
    }
    names->rows[names->count].name = copy;
    names->rows[names->count++].target = target_copy;
}

static const char *
link_to(const struct names *names, const char *device)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->rows[i].target && strcasecmp(names->rows[i].target, device) == 0)
            return names->rows[i].name;
    return "";
}

void
nt_device_list(void (*each)(void *context, const struct nt_device_entry *entry), void *context)
{
    struct names names = {0};

    nt_object_each_name(note_name, &names);
    for (size_t i = 0; i < names.count; i++) {
        _cleanup_(nt_object_unrefp) PDEVICE_OBJECT device = NULL;
        if (names.rows[i].target ||
            nt_object_open(names.rows[i].name, NT_OBJECT_DEVICE, NULL, (void **)&device) < 0)
            continue;
        const struct nt_device_entry entry = {
            .name = names.rows[i].name,
            .driver = nt_driver_name(nt_object_owner(device)),
            .link = link_to(&names, names.rows[i].name),
            .type = device->DeviceType,
            .open_files = (uint32_t)__atomic_load_n(&device->ReferenceCount, __ATOMIC_ACQUIRE),
        };
        each(context, &entry);
    }
    for (size_t i = 0; i < names.count; i++) {
        free(names.rows[i].name);
        free(names.rows[i].target);
    }
    free(names.rows);
}
