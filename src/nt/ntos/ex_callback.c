/*
 * Callback objects: named lists of routines that one driver announces to and others listen on.
 *
 * Ref        kernel/callback-objects
 */
#include "nt/ntos/ob_object.h"

#include <stdlib.h>
#include <strings.h>

struct _CALLBACK_OBJECT {
    pthread_mutex_t lock;
    struct nt_list registrations;
    bool allows_several;
};

struct registration {
    struct nt_list link, all;
    struct _CALLBACK_OBJECT *object;
    PCALLBACK_FUNCTION function;
    PVOID context;
    struct nt_driver *driver;
    uintptr_t site; /* of the call that made it */
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nt_list all = {&all, &all};

static void
destroy(void *body)
{
    pthread_mutex_destroy(&((struct _CALLBACK_OBJECT *)body)->lock);
}

/* The kernel's own, there from the start. What they announce does not happen here: no announcement. */
static bool
is_system_callback(const char *path)
{
    static const char *const names[] = {"\\Callback\\PowerState", "\\Callback\\SetSystemTime",
                                        "\\Callback\\ProcessorAdd",
                                        "\\Callback\\EnlightenmentState"};

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (strcasecmp(path, names[i]) == 0)
            return true;
    return false;
}

/**
 * Open or make a callback object; the caller dereferences it.
 *
 * @return STATUS_OBJECT_NAME_NOT_FOUND without @p Create, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-excreatecallback.
 */
NTSTATUS NTAPI
ExCreateCallback(PCALLBACK_OBJECT *CallbackObject, POBJECT_ATTRIBUTES ObjectAttributes,
                 BOOLEAN Create, BOOLEAN AllowMultipleCallbacks)
{
    _cleanup_(freep) char *path = NULL;

    NT_IRQL_MAX(APC_LEVEL);
    *CallbackObject = NULL;
    if (ObjectAttributes->ObjectName) {
        NTSTATUS status = nt_ob_object_path(ObjectAttributes, &path);
        if (!NT_SUCCESS(status))
            return status;
        status = nt_object_open(path, NT_OBJECT_CALLBACK, NULL, (void **)CallbackObject);
        bool is_system = is_system_callback(path);
        if (NT_SUCCESS(status) || (!Create && !is_system))
            return status;
        AllowMultipleCallbacks |= is_system;
    } else if (!Create) {
        return STATUS_UNSUCCESSFUL;
    }
    _cleanup_(nt_object_unrefp) PCALLBACK_OBJECT object =
        nt_object_new(NT_OBJECT_CALLBACK, sizeof(*object), nt_driver_current(), destroy);
    if (!object)
        return STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_init(&object->lock, NULL);
    nt_list_init(&object->registrations);
    object->allows_several = AllowMultipleCallbacks;
    if (path) {
        NTSTATUS status = nt_object_name(object, path);
        if (!NT_SUCCESS(status))
            return status;
        if (ObjectAttributes->Attributes & OBJ_PERMANENT)
            nt_object_ref(object);
    }
    *CallbackObject = TAKE_PTR(object);
    return STATUS_SUCCESS;
}

/** @return NULL when memory is out, or when there is one already and only one may be. Ref: wdm. */
PVOID NTAPI
ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction,
                   PVOID CallbackContext)
{
    struct registration *registration = calloc(1, sizeof(*registration));

    NT_IRQL_MAX(APC_LEVEL);
    if (!registration)
        return NULL;
    registration->object = CallbackObject;
    registration->function = CallbackFunction;
    registration->context = CallbackContext;
    registration->driver = nt_driver_current();
    registration->site = NT_CALLER;
    pthread_mutex_lock(&CallbackObject->lock);
    bool taken =
        !CallbackObject->allows_several && !nt_list_is_empty(&CallbackObject->registrations);
    if (!taken)
        nt_list_append(&CallbackObject->registrations, &registration->link);
    pthread_mutex_unlock(&CallbackObject->lock);
    if (taken) {
        free(registration);
        return NULL;
    }
    pthread_mutex_lock(&all_lock);
    nt_list_append(&all, &registration->all);
    pthread_mutex_unlock(&all_lock);
    nt_object_ref(CallbackObject);
    return registration;
}

/** IRQL: <= APC_LEVEL. Ref: wdm/nf-wdm-exunregistercallback. */
VOID NTAPI
ExUnregisterCallback(PVOID CallbackRegistration)
{
    struct registration *registration = CallbackRegistration;
    PCALLBACK_OBJECT object = registration->object;

    NT_IRQL_MAX(APC_LEVEL);
    pthread_mutex_lock(&object->lock);
    nt_list_remove(&registration->link);
    pthread_mutex_unlock(&object->lock);
    pthread_mutex_lock(&all_lock);
    nt_list_remove(&registration->all);
    pthread_mutex_unlock(&all_lock);
    free(registration);
    nt_object_unref(object);
}

/** Call all registered routines in order. IRQL: <= DISPATCH_LEVEL. Ref: wdm/nf-wdm-exnotifycallback. */
VOID NTAPI
ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2)
{
    PCALLBACK_OBJECT object = CallbackObject;
    struct registration calls[32];
    size_t count = 0;

    pthread_mutex_lock(&object->lock);
    for (struct nt_list *i = object->registrations.next;
         i != &object->registrations && count < ELEMENTSOF(calls); i = i->next)
        calls[count++] = *NT_LIST_ITEM(i, struct registration, link);
    pthread_mutex_unlock(&object->lock);
    for (size_t i = 0; i < count; i++)
        NT_CALLBACK_VOID(calls[i].driver, nt_cpu.irql,
                         calls[i].function(calls[i].context, Argument1, Argument2));
}

void nt_ex_callback_check_driver(struct nt_driver *driver);
/** Report and remove registrations that a stopping driver left. */
void
nt_ex_callback_check_driver(struct nt_driver *driver)
{
    for (;;) {
        struct registration *left = NULL;
        pthread_mutex_lock(&all_lock);
        for (struct nt_list *i = all.next; i != &all && !left; i = i->next)
            if (NT_LIST_ITEM(i, struct registration, all)->driver == driver)
                left = NT_LIST_ITEM(i, struct registration, all);
        pthread_mutex_unlock(&all_lock);
        if (!left)
            return;
        nt_finding_at(driver->name, left->site, NT_FINDING_CALLBACK_LEAK,
                      "a callback registration was left");
        ExUnregisterCallback(left);
    }
}
