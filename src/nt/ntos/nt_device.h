/*
 * Devices from outside: open a driver's device by name and send it requests. No wdk header needed.
 *
 * Model      One struct nt_device_file per open handle. A request is an IRP with one of the four
 *            transfer methods; it may complete at once, later, or after nt_device_cancel().
 * Lifetime   The caller's buffers must live until the request is done. close waits for nothing: it
 *            sends IRP_MJ_CLEANUP, and IRP_MJ_CLOSE once the last request is done.
 * Context    PASSIVE_LEVEL, any thread. `done` may run on any thread, up to DISPATCH_LEVEL.
 */
#ifndef WFP_NT_DEVICE_H
#define WFP_NT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct nt_device_file;
struct nt_device_request;

enum nt_device_operation { NT_DEVICE_READ, NT_DEVICE_WRITE, NT_DEVICE_IOCTL };

struct nt_device_io {
    enum nt_device_operation operation;
    uint32_t code; /* of an ioctl; its low two bits are the transfer method */
    const void *input;
    size_t input_bytes;
    void *output; /* what the driver fills; for METHOD_IN_DIRECT it may also read it */
    size_t output_bytes;
    int64_t offset; /* of a read or write */
};

/** The memory of the program whose request this thread brings to a driver; size 0: any is taken. */
struct nt_device_memory {
    uintptr_t base;
    size_t size;
};
extern __thread struct nt_device_memory nt_device_memory;

/** May a probe of user memory succeed there? What is mapped is another question. */
static inline bool
nt_device_is_user_memory(const volatile void *address, size_t size)
{
    uintptr_t offset = (uintptr_t)address - nt_device_memory.base;
    return nt_device_memory.size == 0 ||
           (offset < nt_device_memory.size && size <= nt_device_memory.size - offset);
}

/** Called once, when the request is done. */
typedef void nt_device_done(void *context, int32_t status, uint64_t information);

/**
 * Open "\Device\Name", "\\.\Name" or "\??\Name\rest" (IRP_MJ_CREATE).
 *
 * @param access   ACCESS_MASK asked for, e.g. 0xC0000000 read and write
 * @param process  id the driver sees as the requestor; 0: this process
 * @return NTSTATUS of the driver, or OBJECT_NAME_NOT_FOUND, ACCESS_DENIED (exclusive device)
 */
int32_t nt_device_open(const char *name, uint32_t access, uint64_t process,
                       struct nt_device_file **ret_file);
void nt_device_close(struct nt_device_file *file);
/** Drivers may take addresses in the program's requests only from here (ProbeForRead and the like). */
void nt_device_set_memory(struct nt_device_file *file, void *base, size_t size);
DEFINE_FREEP(struct nt_device_file, nt_device_close)

/**
 * Start a request.
 *
 * @param ret_request  may be NULL; else a reference to cancel by, dropped with nt_device_unref()
 * @return STATUS_PENDING, or what it completed with. `done` runs in every case that returns >= 0
 *         or was refused by the driver; it does not run for INVALID_PARAMETER and NO_RESOURCES.
 */
int32_t nt_device_start(struct nt_device_file *file, const struct nt_device_io *io,
                        nt_device_done *done, void *context,
                        struct nt_device_request **ret_request);
/** Ask the driver to cancel. The request still completes, perhaps successfully. */
void nt_device_cancel(struct nt_device_request *request);
void nt_device_unref(struct nt_device_request *request);

/** Send and wait. @param ret_information  bytes, may be NULL. @return NTSTATUS */
int32_t nt_device_send(struct nt_device_file *file, const struct nt_device_io *io,
                       uint64_t *ret_information);
/** The ioctl among nt_device_send()s. */
int32_t nt_device_ioctl(struct nt_device_file *file, uint32_t code, const void *input,
                        size_t input_bytes, void *output, size_t output_bytes,
                        uint64_t *ret_information);

/** One device that has a name; strings live as long as the call. */
struct nt_device_entry {
    const char *name;   /* "\\Device\\Foo" */
    const char *driver; /* service name */
    const char *link;   /* "\\??\\Foo", the first that leads to it; "" none */
    uint32_t type;      /* FILE_DEVICE_* */
    uint32_t open_files;
};
/** Call @p each for every device with a name, in order of creation. PASSIVE_LEVEL. */
void nt_device_list(void (*each)(void *context, const struct nt_device_entry *entry),
                    void *context);

#endif
