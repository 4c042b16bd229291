/*
 * Framework objects between the files of this room.
 *
 * Model      A handle is a pointer to `struct wdf_object`; each type's struct begins with one. Objects
 *            form a tree under the driver; deleting one deletes its children first. Typed contexts
 *            hang on an object, each with its own cleanup and destroy callbacks.
 *
 *              WdfObjectDelete: children deleted -> dispose (type) -> EvtCleanup -> unref
 *              last unref:      EvtDestroy -> destroy (type) -> freed
 *
 * Lifetime   One reference belongs to the tree (dropped by delete); others are the driver's.
 * Locks      tree_lock (one per process) guards parents and children; it is never held across
 *            driver code.
 * Ref        windows-driver-docs wdf/framework-object-life-cycle
 */
#ifndef WFP_NT_WDF_INTERNAL_H
#define WFP_NT_WDF_INTERNAL_H

#include <ntddk.h>
#include <wdf.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/macros.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_list.h"

/** A table function: declared and defined under the name the function table wants. */
#define WDF_EXPORT(result, name, ...)                                                              \
    result NTAPI imp_##name(PWDF_DRIVER_GLOBALS globals, __VA_ARGS__);                             \
    result NTAPI imp_##name(PWDF_DRIVER_GLOBALS globals, __VA_ARGS__)

enum wdf_type {
    WDF_DRIVER,
    WDF_DEVICE,
    WDF_QUEUE,
    WDF_REQUEST,
    WDF_FILE,
    WDF_MEMORY,
    WDF_STRING,
    WDF_COLLECTION,
    WDF_KEY,
    WDF_WAIT_LOCK,
    WDF_SPIN_LOCK,
    WDF_TIMER,
    WDF_WORK_ITEM,
    WDF_DPC,
    WDF_GENERAL,
    WDF_TYPE_COUNT,
};

struct wdf_object;
struct wdf_driver;

/** What a type does beyond the common: either may be NULL. */
struct wdf_class {
    enum wdf_type type;
    const char *name; /* "WDFQUEUE" */
    size_t size;
    void (*dispose)(struct wdf_object *object); /* deleted: stop, take out of use */
    void (*destroy)(struct wdf_object *object); /* freed: release memory */
};

struct wdf_context {
    struct wdf_context *next;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO type; /* NULL for attributes without a context */
    struct wdf_object *object;
    PFN_WDF_OBJECT_CONTEXT_CLEANUP cleanup;
    PFN_WDF_OBJECT_CONTEXT_DESTROY destroy;
    _Alignas(16) uint8_t bytes[];
};

struct wdf_object {
    uint32_t magic;
    const struct wdf_class *class;
    struct wdf_driver *driver; /* borrowed; NULL for the driver itself while it is made */
    struct wdf_object *parent;
    struct nt_list link;     /* in parent's children */
    struct nt_list children; /* newest last */
    struct wdf_context *contexts;
    atomic_long references;
    bool deleted;
    KSPIN_LOCK lock; /* WdfObjectAcquireLock */
    KIRQL lock_irql;
};

struct wdf_driver {
    struct wdf_object object;
    WDF_DRIVER_GLOBALS globals; /* what the image's WdfDriverGlobals points at */
    struct nt_driver *nt;
    PDRIVER_OBJECT driver_object;
    UNICODE_STRING registry_path; /* Buffer is NUL-terminated and ours */
    PFN_WDF_DRIVER_UNLOAD unload;
    ULONG init_flags;
    bool created;  /* WdfDriverCreate has run */
    bool unloaded; /* EvtDriverUnload has run */
};

struct wdf_queue;

/** What WdfDeviceInit* collect. */
struct WDFDEVICE_INIT {
    struct wdf_driver *driver;
    UNICODE_STRING name; /* Buffer malloced; empty: none */
    ULONG characteristics;
    DEVICE_TYPE type;
    bool exclusive;
    bool is_control;
    WDF_DEVICE_IO_TYPE io_type;
    WDF_FILEOBJECT_CONFIG file_config;
    bool has_file_config;
    WDF_OBJECT_ATTRIBUTES file_attributes, request_attributes;
    bool has_file_attributes, has_request_attributes;
    PFN_WDF_IO_IN_CALLER_CONTEXT in_caller_context;
    PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION shutdown;
};

struct wdf_device {
    struct wdf_object object;
    struct WDFDEVICE_INIT setup;
    PDEVICE_OBJECT device_object;
    UNICODE_STRING link; /* symbolic link, Buffer malloced */
    struct wdf_queue *default_queue;
    struct wdf_queue *by_type[IRP_MJ_MAXIMUM_FUNCTION + 1]; /* WdfDeviceConfigureRequestDispatching */
    bool initialized;
};

struct wdf_file {
    struct wdf_object object;
    struct wdf_device *device;
    PFILE_OBJECT file_object;
};

struct wdf_memory {
    struct wdf_object object;
    void *bytes;
    size_t size;
    bool owned;
    PMDL mdl; /* locked user buffer */
};

struct wdf_string {
    struct wdf_object object;
    UNICODE_STRING text; /* Buffer malloced, NUL-terminated */
};

struct wdf_request {
    struct wdf_object object;
    struct wdf_device *device;
    struct wdf_queue *queue; /* that delivered or holds it; NULL before */
    struct nt_list queued;   /* in queue->waiting */
    bool in_queue, in_driver;
    PIRP irp;
    ULONG_PTR information;
    PFN_WDF_REQUEST_CANCEL cancel;
    bool completed, canceled;
    struct wdf_memory *input, *output;
    PMDL input_mdl, output_mdl;
    bool owns_input_mdl, owns_output_mdl;
};

/* wdf_object.c */
/** A new object of @p class under @p parent (or the attributes' parent); errors as documented. */
NTSTATUS wdf_object_new(struct wdf_driver *driver, const struct wdf_class *class,
                        PWDF_OBJECT_ATTRIBUTES attributes, struct wdf_object *parent,
                        void *ret_object);
/** What attributes ask for beyond the object: a typed context, callbacks. */
NTSTATUS wdf_object_add_context(struct wdf_object *object, PWDF_OBJECT_ATTRIBUTES attributes);
/** Delete with children; the handle is dead for the driver afterwards. */
void wdf_object_delete(struct wdf_object *object);
void wdf_object_ref(struct wdf_object *object);
void wdf_object_unref(struct wdf_object *object);
/** The object of a handle if it is one of @p class; else a finding and NULL. */
void *wdf_object_check(const void *handle, const struct wdf_class *class, const char *function);
/** Objects alive under @p driver, itself included; for the leak check and tests. */
size_t wdf_object_count(struct wdf_driver *driver);

#define WDF_CHECK(handle, class) wdf_object_check((handle), &(class), __func__)

extern const struct wdf_class wdf_class_driver, wdf_class_device, wdf_class_queue,
    wdf_class_request, wdf_class_file, wdf_class_memory, wdf_class_string, wdf_class_collection,
    wdf_class_key;

/* wdf_driver.c */
static inline struct wdf_driver *
wdf_driver_of(PWDF_DRIVER_GLOBALS globals)
{
    return CONTAINER_OF(globals, struct wdf_driver, globals);
}
/** A malloced, NUL-terminated copy. @return false when memory is out */
bool wdf_driver_copy_string(PCUNICODE_STRING from, UNICODE_STRING *ret_copy);

/* wdf_memory.c */
NTSTATUS wdf_memory_wrap(struct wdf_driver *driver, struct wdf_object *parent, void *bytes,
                         size_t size, struct wdf_memory **ret_memory);
NTSTATUS wdf_string_make(struct wdf_driver *driver, PCUNICODE_STRING text,
                         PWDF_OBJECT_ATTRIBUTES attributes, struct wdf_string **ret_string);

/* wdf_queue.c */
NTSTATUS wdf_queue_submit(struct wdf_queue *queue, struct wdf_request *request);
/** The request was completed or forwarded: a sequential queue may present the next. */
void wdf_queue_done_with(struct wdf_queue *queue, struct wdf_request *request);
/** The queue that takes IRPs of @p major; NULL: none, the IRP fails. */
struct wdf_queue *wdf_queue_for(struct wdf_device *device, UCHAR major);
/** Cancel a waiting request. @return false if it is no longer waiting */
bool wdf_queue_cancel_waiting(struct wdf_request *request);
/** A file is cleaned up: its waiting requests are canceled. */
void wdf_queue_cancel_file(struct wdf_device *device, PFILE_OBJECT file);

/* wdf_request.c */
NTSTATUS wdf_request_new(struct wdf_device *device, PIRP irp, struct wdf_request **ret_request);
void wdf_request_complete(struct wdf_request *request, NTSTATUS status);

/* wdf_file.c */
struct wdf_file *wdf_file_of(PFILE_OBJECT file_object);
NTSTATUS wdf_file_create(struct wdf_device *device, PIRP irp);
void wdf_file_cleanup(struct wdf_device *device, PFILE_OBJECT file_object);
void wdf_file_close(struct wdf_device *device, PFILE_OBJECT file_object);

#endif
