/*
 * The framework's objects as its files share them.
 *
 * Model      A WDFOBJECT handle is a pointer to struct wdf_object, the first member of every kind of
 *            object. Objects form a tree below the driver object; deleting one deletes what is below.
 * Lifetime   One reference from creation until deletion, one for each child (until its memory goes),
 *            one for each WdfObjectReference. Deletion disposes children first, then calls the
 *            cleanup callbacks; the last dereference calls the destroy callbacks and frees.
 * Locks      tree_lock (wdf_object.c) and each queue's lock are leaves: no driver code runs under them.
 * Ref        wdf/framework-object-life-cycle
 */
#ifndef WFP_NT_WDF_INTERNAL_H
#define WFP_NT_WDF_INTERNAL_H

#include <stdatomic.h>

#include <wdf.h>

#include "nt/ntos/nt_wdk.h"
#include "nt/ntos/nt_work.h"

/* As documented; wdfstatus.h. */
#define WDF_STATUS_PAUSED                ((NTSTATUS)0xC0200203)
#define WDF_STATUS_BUSY                  ((NTSTATUS)0xC0200204)
#define WDF_STATUS_REQUEST_INVALID_STATE ((NTSTATUS)0xC0200209)
#define WDF_STATUS_NO_CALLBACK           ((NTSTATUS)0xC020020B)
#define WDF_STATUS_INCOMPATIBLE_LEVEL    ((NTSTATUS)0xC020020C)
#define WDF_STATUS_PARENT_NOT_SPECIFIED  ((NTSTATUS)0xC0200212)

/** A function of the framework's table: `WDF_API(result, WdfName, parameters...)`, then its body. */
#define WDF_API(result, name, ...)                                                                 \
    result NTAPI imp_##name(PWDF_DRIVER_GLOBALS globals, ##__VA_ARGS__);                           \
    result NTAPI imp_##name(PWDF_DRIVER_GLOBALS globals, ##__VA_ARGS__)

enum wdf_type {
    WDF_TYPE_GENERAL,
    WDF_TYPE_DRIVER,
    WDF_TYPE_DEVICE,
    WDF_TYPE_FILE,
    WDF_TYPE_QUEUE,
    WDF_TYPE_REQUEST,
    WDF_TYPE_MEMORY,
    WDF_TYPE_LOOKASIDE,
    WDF_TYPE_STRING,
    WDF_TYPE_COLLECTION,
    WDF_TYPE_KEY,
    WDF_TYPE_SPINLOCK,
    WDF_TYPE_WAITLOCK,
    WDF_TYPE_TIMER,
    WDF_TYPE_WORKITEM,
    WDF_TYPE_DPC,
    WDF_TYPE_COUNT,
};

#define WDF_OBJECT_MAGIC 0x4a424f464457ull

struct wdf_object;
struct wdf_driver;

/** What a kind of object does besides. All may be NULL. */
struct wdf_operations {
    const char *name;
    void (*quiesce)(struct wdf_object *object); /* its device goes: no callback runs after this */
    void (*dispose)(struct wdf_object *object); /* before the cleanup callbacks: stop what runs */
    void (*finish)(struct wdf_object *object); /* after the destroy callbacks: free what it holds */
};

struct wdf_context {
    struct wdf_context *next;
    struct wdf_object *object;
    PCWDF_OBJECT_CONTEXT_TYPE_INFO type; /* NULL: callbacks only */
    PFN_WDF_OBJECT_CONTEXT_CLEANUP cleanup;
    PFN_WDF_OBJECT_CONTEXT_DESTROY destroy;
    _Alignas(16) unsigned char data[];
};

/** A lock around callbacks, chosen by execution level. */
struct wdf_sync {
    bool is_on, is_passive;
    KMUTEX mutex;
    KSPIN_LOCK spin;
    unsigned depth;
};

struct wdf_object {
    uint64_t magic;
    enum wdf_type type;
    const struct wdf_operations *operations;
    atomic_long refs;
    struct wdf_driver *driver;
    struct wdf_object *parent;
    struct nt_list children, sibling;
    struct wdf_context *contexts;
    atomic_bool is_deleted;
    bool is_quiet;   /* its device goes, and its callbacks were stopped; under tree_lock */
    bool is_passive; /* callbacks run at PASSIVE_LEVEL */
    KSPIN_LOCK lock; /* WdfObjectAcquireLock */
    KIRQL lock_irql;
    struct wdf_sync *sync; /* of the device or queue whose scope covers this object; may be NULL */
};

/** One per bound driver image; the image knows it by its globals. */
struct wdf_driver {
    WDF_DRIVER_GLOBALS globals;
    struct nt_driver *nt;
    PDRIVER_OBJECT driver_object;
    char *registry_path; /* UTF-8 */
    UNICODE_STRING registry_path_utf16;
    struct wdf_object *root; /* the WDFDRIVER, NULL before WdfDriverCreate */
    WDF_DRIVER_CONFIG config;
    atomic_long objects;    /* alive */
    atomic_bool is_unbound; /* the image is gone: the last object frees this */
};

struct wdf_driver_object {
    struct wdf_object object;
};

struct WDFDEVICE_INIT {
    struct wdf_driver *driver;
    UNICODE_STRING name;
    ULONG device_type, characteristics;
    bool is_exclusive, is_control;
    WDF_DEVICE_IO_TYPE read_write_io, control_io;
    WDF_FILEOBJECT_CONFIG file_config;
    WDF_OBJECT_ATTRIBUTES file_attributes, request_attributes;
    bool has_file_config, has_file_attributes, has_request_attributes;
    PFN_WDF_IO_IN_CALLER_CONTEXT in_caller_context;
    PFN_WDF_DEVICE_SHUTDOWN_NOTIFICATION shutdown;
    struct wdf_preprocess {
        PFN_WDFDEVICE_WDM_IRP_PREPROCESS callback;
        bool has_minors; /* only those in the set */
        uint64_t minors[4];
    } preprocess[IRP_MJ_MAXIMUM_FUNCTION + 1];
};

struct wdf_device {
    struct wdf_object object;
    PDEVICE_OBJECT device_object;
    struct WDFDEVICE_INIT init; /* what it was made from */
    struct wdf_queue *default_queue;
    struct wdf_queue *queue_for[IRP_MJ_MAXIMUM_FUNCTION + 1];
    struct nt_list files;  /* struct wdf_file.link */
    struct nt_list queues; /* struct wdf_queue.link */
    pthread_mutex_t lock;  /* both lists */
    char *symbolic_link;
    struct wdf_sync own_sync;
};

struct wdf_file {
    struct wdf_object object;
    struct nt_list link;
    struct wdf_device *device;
    PFILE_OBJECT file_object;
};

enum wdf_request_state {
    WDF_REQUEST_NEW,       /* in the caller's context, or the driver's own */
    WDF_REQUEST_QUEUED,    /* the framework's */
    WDF_REQUEST_PRESENTED, /* the driver's, from a queue */
    WDF_REQUEST_COMPLETED,
};

struct wdf_memory {
    struct wdf_object object;
    void *buffer;
    size_t size;
    bool owns_buffer;
    ULONG tag;
    PMDL mdl; /* of a locked user buffer */
    struct wdf_lookaside *lookaside;
};

struct wdf_request {
    struct wdf_object object;
    struct nt_list link; /* in its queue */
    PIRP irp;
    struct wdf_device *device;
    struct wdf_queue *queue; /* that holds or presented it */
    enum wdf_request_state state;
    bool was_presented; /* the driver had it before: cancelling tells the driver */
    bool is_cancelled;
    PFN_WDF_REQUEST_CANCEL cancel;
    ULONG_PTR information;
    struct wdf_memory *input, *output;
    PMDL input_mdl, output_mdl;    /* built for buffered requests */
    struct wdf_file *created_file; /* IRP_MJ_CREATE: deleted when it fails */
    bool frees_irp;
};

struct wdf_queue {
    struct wdf_object object;
    struct nt_list link; /* in the device */
    struct wdf_device *device;
    WDF_IO_QUEUE_CONFIG config;
    pthread_mutex_t lock;
    struct nt_list waiting;   /* struct wdf_request.link */
    struct nt_list presented; /* the driver's */
    size_t waiting_count, presented_count;
    bool accepts, dispatches, purges;
    PFN_WDF_IO_QUEUE_STATE idle_done, stop_done, ready;
    WDFCONTEXT idle_context, stop_context, ready_context;
    KEVENT changed;              /* some request ended */
    struct nt_work passive_work; /* dispatches at PASSIVE_LEVEL */
    struct wdf_sync own_sync;
};

/* --- wdf_object.c --- */

static inline struct wdf_driver *
wdf_driver_of(PWDF_DRIVER_GLOBALS globals)
{
    return CONTAINER_OF(globals, struct wdf_driver, globals);
}

/**
 * Make an object of @p size bytes, zeroed, with its first context.
 *
 * @param attributes  may be NULL; checked
 * @param parent      used when the attributes name none; NULL = the driver object
 * @return STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES,
 *         STATUS_DELETE_PENDING
 */
NTSTATUS wdf_object_new(struct wdf_driver *driver, enum wdf_type type,
                        const struct wdf_operations *operations, size_t size,
                        const WDF_OBJECT_ATTRIBUTES *attributes, struct wdf_object *parent,
                        void *ret_object);
void wdf_object_ref(struct wdf_object *object);
void wdf_object_unref(struct wdf_object *object);
/** Dispose the tree below and the object, drop its first reference. */
void wdf_object_delete(struct wdf_object *object);
/** The object behind a handle of that type; NULL, with a finding, when it is none. */
void *wdf_object_get(WDFOBJECT handle, enum wdf_type type, const char *function);
/** As wdf_object_get() for a handle of any type. */
struct wdf_object *wdf_object_any(WDFOBJECT handle, const char *function);
#define WDF_GET(handle, type) wdf_object_get((WDFOBJECT)(handle), WDF_TYPE_##type, __func__ + 4)

/** Free an unbound driver's record once its last object is gone. */
void wdf_driver_release(struct wdf_driver *driver);

void wdf_sync_init(struct wdf_sync *sync, bool is_passive);
/** Enter the serialised region, if any. @return the IRQL to go back to */
KIRQL wdf_sync_enter(struct wdf_sync *sync);
void wdf_sync_leave(struct wdf_sync *sync, KIRQL irql);

/* --- between devices, queues and requests --- */

/** Every IRP of a framework device comes here. */
NTSTATUS NTAPI wdf_device_dispatch(PDEVICE_OBJECT device_object, PIRP irp);
struct wdf_file *wdf_file_find(struct wdf_device *device, PFILE_OBJECT file_object);
NTSTATUS wdf_file_create(struct wdf_device *device, PIRP irp);
NTSTATUS wdf_file_close(struct wdf_device *device, PIRP irp);
NTSTATUS wdf_file_cleanup(struct wdf_device *device, PIRP irp);
NTSTATUS wdf_request_new(struct wdf_device *device, PIRP irp, struct wdf_request **ret_request);
/** Complete and delete. */
void wdf_request_complete(struct wdf_request *request, NTSTATUS status);
/** Give a request to a queue. On failure it stays with the caller. */
NTSTATUS wdf_queue_add(struct wdf_queue *queue, struct wdf_request *request);
/** The driver is done with a presented request: count, wake, dispatch the next. */
void wdf_queue_forget(struct wdf_queue *queue, struct wdf_request *request);
/** Go on after a presented request left by another way. */
void wdf_queue_continue(struct wdf_queue *queue);
/** A presented request waits again, in front. @return NTSTATUS */
NTSTATUS wdf_queue_put_back(struct wdf_queue *queue, struct wdf_request *request);
/** Cancel what waits of @p file_object (its last handle is closed). */
void wdf_queue_flush_file(struct wdf_queue *queue, PFILE_OBJECT file_object);
struct wdf_queue *wdf_queue_for(struct wdf_device *device, UCHAR major);

NTSTATUS wdf_memory_new(struct wdf_driver *driver, const WDF_OBJECT_ATTRIBUTES *attributes,
                        struct wdf_object *parent, struct wdf_memory **ret_memory);
NTSTATUS wdf_string_new(struct wdf_driver *driver, const UNICODE_STRING *text,
                        const WDF_OBJECT_ATTRIBUTES *attributes, WDFSTRING *ret_string);
NTSTATUS wdf_string_assign(WDFSTRING handle, const UNICODE_STRING *text);

/* Functions of the table that other files of the framework call. */
NTSTATUS NTAPI imp_WdfMemoryCreate(PWDF_DRIVER_GLOBALS globals, PWDF_OBJECT_ATTRIBUTES Attributes,
                                   POOL_TYPE PoolType, ULONG PoolTag, size_t BufferSize,
                                   WDFMEMORY *Memory, PVOID *Buffer);
NTSTATUS NTAPI imp_WdfCollectionAdd(PWDF_DRIVER_GLOBALS globals, WDFCOLLECTION Collection,
                                    WDFOBJECT Object);
ULONG NTAPI imp_WdfCollectionGetCount(PWDF_DRIVER_GLOBALS globals, WDFCOLLECTION Collection);
WDFOBJECT NTAPI imp_WdfCollectionGetItem(PWDF_DRIVER_GLOBALS globals, WDFCOLLECTION Collection,
                                         ULONG Index);
VOID NTAPI imp_WdfStringGetUnicodeString(PWDF_DRIVER_GLOBALS globals, WDFSTRING String,
                                         PUNICODE_STRING UnicodeString);
VOID NTAPI imp_WdfRequestGetParameters(PWDF_DRIVER_GLOBALS globals, WDFREQUEST Request,
                                       PWDF_REQUEST_PARAMETERS Parameters);

#endif
