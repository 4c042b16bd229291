/*
 * The network module registrar: clients and providers of a network programming interface find one
 * another.
 *
 * Model      A module is a registration. Of each client and provider with the same NPI id a binding is
 *            tried: the client's attach function runs, and calls NmrClientAttachProvider, which runs
 *            the provider's. A binding ends when one of the two deregisters: both detach functions
 *            run, each may pend; after both, both cleanup functions run.
 * Lifetime   A module's record goes with NmrWaitFor...DeregisterComplete, a binding's after cleanup.
 *            The lock is never held while driver code runs; what happens to a module meanwhile is
 *            found when the lock is taken again.
 * Ref        windows-driver-docs network/introduction-to-the-network-module-registrar
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ndis/ndis_nbl.h"
#include "nt/ntos/nt_callback.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_driver.h"
#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_list.h"

#include <netioddk.h>

struct module {
    struct nt_list link;
    bool is_client, is_leaving;
    struct nt_driver *owner;
    uintptr_t site; /* of the call that made it */
    NPI_CLIENT_CHARACTERISTICS client;
    NPI_PROVIDER_CHARACTERISTICS provider;
    GUID npi;
    void *context;
    size_t bindings;
    struct nt_dispatcher gone; /* event: no binding is left */
};

struct binding {
    struct nt_list link;
    struct module *client, *provider;
    void *client_context, *provider_context;
    bool is_attached, is_detaching;
    bool client_detached, provider_detached;
};

static struct {
    pthread_mutex_t lock;
    struct nt_list modules, bindings;
    bool checking;
} nmr = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .modules = {&nmr.modules, &nmr.modules},
         .bindings = {&nmr.bindings, &nmr.bindings}};

static const NPI_REGISTRATION_INSTANCE *
instance_of(const struct module *module)
{
    return module->is_client ? &module->client.ClientRegistrationInstance
                             : &module->provider.ProviderRegistrationInstance;
}

static struct module *
find_module_locked(HANDLE handle, bool is_client)
{
    for (struct nt_list *i = nmr.modules.next; i != &nmr.modules; i = i->next) {
        struct module *module = NT_LIST_ITEM(i, struct module, link);
        if (module == handle && module->is_client == is_client)
            return module;
    }
    return NULL;
}

static struct binding *
find_binding_locked(HANDLE handle)
{
    for (struct nt_list *i = nmr.bindings.next; i != &nmr.bindings; i = i->next)
        if (NT_LIST_ITEM(i, struct binding, link) == handle)
            return NT_LIST_ITEM(i, struct binding, link);
    return NULL;
}

static bool
are_bound_locked(const struct module *a, const struct module *b)
{
    for (struct nt_list *i = nmr.bindings.next; i != &nmr.bindings; i = i->next) {
        const struct binding *binding = NT_LIST_ITEM(i, struct binding, link);
        if ((binding->client == a && binding->provider == b) ||
            (binding->client == b && binding->provider == a))
            return true;
    }
    return false;
}

/** The binding is over: forget it, and let who waits for its modules go on. */
static void
drop_binding_locked(struct binding *binding)
{
    struct module *const sides[] = {binding->client, binding->provider};

    nt_list_remove(&binding->link);
    for (size_t i = 0; i < ELEMENTSOF(sides); i++)
        if (--sides[i]->bindings == 0 && sides[i]->is_leaving)
            nt_dispatcher_set(&sides[i]->gone, 1);
    free(binding);
}

/* One side has detached; after the second one, clean up. */
static void
note_detached(struct binding *binding, bool client)
{
    pthread_mutex_lock(&nmr.lock);
    *(client ? &binding->client_detached : &binding->provider_detached) = true;
    bool both = binding->client_detached && binding->provider_detached;
    pthread_mutex_unlock(&nmr.lock);
    if (!both)
        return;
    const struct module *c = binding->client, *p = binding->provider;
    if (c->client.ClientCleanupBindingContext)
        NT_CALLBACK_VOID(c->owner, NT_PASSIVE_LEVEL,
                         c->client.ClientCleanupBindingContext(binding->client_context));
    if (p->provider.ProviderCleanupBindingContext)
        NT_CALLBACK_VOID(p->owner, NT_PASSIVE_LEVEL,
                         p->provider.ProviderCleanupBindingContext(binding->provider_context));
    pthread_mutex_lock(&nmr.lock);
    drop_binding_locked(binding);
    pthread_mutex_unlock(&nmr.lock);
}

static void
detach(struct binding *binding)
{
    const struct module *c = binding->client, *p = binding->provider;
    void *client_context = binding->client_context, *provider_context = binding->provider_context;

    NTSTATUS client =
        NT_CALLBACK(c->owner, NT_PASSIVE_LEVEL, c->client.ClientDetachProvider(client_context));
    NTSTATUS provider =
        NT_CALLBACK(p->owner, NT_PASSIVE_LEVEL, p->provider.ProviderDetachClient(provider_context));
    if (client != STATUS_PENDING)
        note_detached(binding, true);
    if (provider != STATUS_PENDING)
        note_detached(binding, false);
}

/** Take up a binding whose end is due and not begun, of @p module, or NULL. */
static struct binding *
next_to_detach_locked(const struct module *module)
{
    for (struct nt_list *i = nmr.bindings.next; i != &nmr.bindings; i = i->next) {
        struct binding *binding = NT_LIST_ITEM(i, struct binding, link);
        if ((binding->client != module && binding->provider != module) || !binding->is_attached ||
            binding->is_detaching)
            continue;
        binding->is_detaching = true;
        return binding;
    }
    return NULL;
}

/** Ask the client; keep what both sides agreed on. */
static void
attach(struct binding *binding)
{
    const struct module *c = binding->client;

    NTSTATUS status = NT_CALLBACK(
        c->owner, NT_PASSIVE_LEVEL,
        c->client.ClientAttachProvider(binding, c->context, instance_of(binding->provider)));
    pthread_mutex_lock(&nmr.lock);
    bool late = binding->is_attached && !binding->is_detaching &&
                (binding->client->is_leaving || binding->provider->is_leaving);
    if (late)
        binding->is_detaching = true;
    if (!binding->is_attached || !NT_SUCCESS(status))
        drop_binding_locked(binding);
    pthread_mutex_unlock(&nmr.lock);
    if (late)
        detach(binding);
}

/* A newcomer meets everyone of the other side; whoever comes meanwhile meets it by himself. */
static void
meet_all(struct module *newcomer)
{
    struct module *met[64];
    size_t count = 0;

    pthread_mutex_lock(&nmr.lock);
    for (struct nt_list *i = nmr.modules.next; i != &nmr.modules && count < ELEMENTSOF(met);
         i = i->next) {
        struct module *other = NT_LIST_ITEM(i, struct module, link);
        if (other->is_client != newcomer->is_client && !other->is_leaving &&
            memcmp(&other->npi, &newcomer->npi, sizeof(GUID)) == 0)
            met[count++] = other;
    }
    for (size_t i = 0; i < count && !newcomer->is_leaving; i++) {
        struct binding *binding = NULL;
        if (find_module_locked(met[i], !newcomer->is_client) && !met[i]->is_leaving &&
            !are_bound_locked(newcomer, met[i]))
            binding = calloc(1, sizeof(*binding));
        if (!binding)
            continue;
        binding->client = newcomer->is_client ? newcomer : met[i];
        binding->provider = newcomer->is_client ? met[i] : newcomer;
        binding->client->bindings++;
        binding->provider->bindings++;
        nt_list_append(&nmr.bindings, &binding->link);
        pthread_mutex_unlock(&nmr.lock);
        attach(binding);
        pthread_mutex_lock(&nmr.lock);
    }
    pthread_mutex_unlock(&nmr.lock);
}

/* What a driver left: its bindings and registrations go without its being asked. */
static void
check_driver(struct nt_driver *driver)
{

    pthread_mutex_lock(&nmr.lock);
    for (struct nt_list *i = nmr.bindings.next, *next; i != &nmr.bindings; i = next) {
        struct binding *binding = NT_LIST_ITEM(i, struct binding, link);
        next = i->next;
        if (binding->client->owner == driver || binding->provider->owner == driver)
            drop_binding_locked(binding);
    }
    for (struct nt_list *i = nmr.modules.next, *next; i != &nmr.modules; i = next) {
        struct module *module = NT_LIST_ITEM(i, struct module, link);
        next = i->next;
        if (module->owner != driver)
            continue;
        nt_finding_at(nt_driver_name(driver), module->site, NT_FINDING_HANDLE_LEAK,
                      "a network module was left registered");
        nt_list_remove(&module->link);
        free(module);
    }
    pthread_mutex_unlock(&nmr.lock);
}

static NTSTATUS
register_module(struct module *module, const NPI_REGISTRATION_INSTANCE *instance, HANDLE *handle)
{
    if (!instance->NpiId) {
        free(module);
        return STATUS_INVALID_PARAMETER;
    }
    module->npi = *instance->NpiId;
    module->owner = nt_driver_current();
    module->site = nt_place_caller();
    nt_dispatcher_init(&module->gone, NT_NOTIFICATION_EVENT, 0);
    pthread_mutex_lock(&nmr.lock);
    if (!nmr.checking)
        nt_driver_add_check(check_driver);
    nmr.checking = true;
    nt_list_append(&nmr.modules, &module->link);
    pthread_mutex_unlock(&nmr.lock);
    *handle = module;
    meet_all(module);
    return STATUS_SUCCESS;
}

static NTSTATUS
deregister(HANDLE handle, bool is_client)
{
    struct binding *binding;

    pthread_mutex_lock(&nmr.lock);
    struct module *module = find_module_locked(handle, is_client);
    if (!module || module->is_leaving) {
        pthread_mutex_unlock(&nmr.lock);
        nt_finding(NT_FINDING_OBJECT_BAD, "Nmr: this is no registered module");
        return STATUS_INVALID_HANDLE;
    }
    module->is_leaving = true;
    while ((binding = next_to_detach_locked(module)) != NULL) {
        pthread_mutex_unlock(&nmr.lock);
        detach(binding);
        pthread_mutex_lock(&nmr.lock);
    }
    if (module->bindings == 0)
        nt_dispatcher_set(&module->gone, 1);
    pthread_mutex_unlock(&nmr.lock);
    return STATUS_PENDING;
}

static NTSTATUS
wait_for_end(HANDLE handle, bool is_client)
{
    pthread_mutex_lock(&nmr.lock);
    struct module *module = find_module_locked(handle, is_client);
    bool ready = module && module->is_leaving;
    pthread_mutex_unlock(&nmr.lock);
    if (!ready)
        return STATUS_INVALID_HANDLE;
    struct nt_dispatcher *gone = &module->gone;
    nt_dispatcher_wait(1, &gone, false, NULL);
    pthread_mutex_lock(&nmr.lock);
    nt_list_remove(&module->link);
    pthread_mutex_unlock(&nmr.lock);
    free(module);
    return STATUS_SUCCESS;
}

static void
complete(HANDLE handle, bool client, const char *function)
{
    pthread_mutex_lock(&nmr.lock);
    struct binding *binding = find_binding_locked(handle);
    bool expected = binding && binding->is_detaching &&
                    !(client ? binding->client_detached : binding->provider_detached);
    pthread_mutex_unlock(&nmr.lock);
    if (expected)
        note_detached(binding, client);
    else
        nt_finding(NT_FINDING_OBJECT_BAD, "%s: this is no binding that detaches", function);
}

/**
 * Register a client; it may attach to providers before this returns.
 *
 * @param NmrClientHandle  for NmrDeregisterClient
 * @return STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * IRQL: PASSIVE_LEVEL. Ref: ddi netioddk/nf-netioddk-nmrregisterclient
 */
NTSTATUS NTAPI
NmrRegisterClient(PNPI_CLIENT_CHARACTERISTICS ClientCharacteristics, PVOID ClientContext,
                  HANDLE *NmrClientHandle)
{
    nt_cpu_require_max(__func__, NT_PASSIVE_LEVEL);
    if (!ClientCharacteristics || !NmrClientHandle ||
        !ClientCharacteristics->ClientAttachProvider ||
        !ClientCharacteristics->ClientDetachProvider)
        return STATUS_INVALID_PARAMETER;
    struct module *module = calloc(1, sizeof(*module));
    if (!module)
        return STATUS_INSUFFICIENT_RESOURCES;
    module->is_client = true;
    module->client = *ClientCharacteristics;
    module->context = ClientContext;
    return register_module(module, &ClientCharacteristics->ClientRegistrationInstance,
                           NmrClientHandle);
}

/** As NmrRegisterClient, for a provider. Ref: ddi netioddk/nf-netioddk-nmrregisterprovider */
NTSTATUS NTAPI
NmrRegisterProvider(PNPI_PROVIDER_CHARACTERISTICS ProviderCharacteristics, PVOID ProviderContext,
                    HANDLE *NmrProviderHandle)
{
    nt_cpu_require_max(__func__, NT_PASSIVE_LEVEL);
    if (!ProviderCharacteristics || !NmrProviderHandle ||
        !ProviderCharacteristics->ProviderAttachClient ||
        !ProviderCharacteristics->ProviderDetachClient)
        return STATUS_INVALID_PARAMETER;
    struct module *module = calloc(1, sizeof(*module));
    if (!module)
        return STATUS_INSUFFICIENT_RESOURCES;
    module->provider = *ProviderCharacteristics;
    module->context = ProviderContext;
    return register_module(module, &ProviderCharacteristics->ProviderRegistrationInstance,
                           NmrProviderHandle);
}

/**
 * Inside ClientAttachProvider: ask the provider.
 *
 * @param ProviderBindingContext  of the provider's, for calls of its functions
 * @return what the provider's ProviderAttachClient returns; STATUS_INVALID_HANDLE elsewhere
 * IRQL: PASSIVE_LEVEL. Ref: ddi netioddk/nf-netioddk-nmrclientattachprovider
 */
NTSTATUS NTAPI
NmrClientAttachProvider(HANDLE NmrBindingHandle, PVOID ClientBindingContext,
                        const VOID *ClientDispatch, PVOID *ProviderBindingContext,
                        const VOID **ProviderDispatch)
{
    void *context = NULL;
    const void *dispatch = NULL;

    pthread_mutex_lock(&nmr.lock);
    struct binding *binding = find_binding_locked(NmrBindingHandle);
    pthread_mutex_unlock(&nmr.lock);
    if (!binding || binding->is_attached)
        return STATUS_INVALID_HANDLE;
    const struct module *p = binding->provider;
    NTSTATUS status = NT_CALLBACK(p->owner, NT_PASSIVE_LEVEL,
                                  p->provider.ProviderAttachClient(
                                      binding, p->context, instance_of(binding->client),
                                      ClientBindingContext, ClientDispatch, &context, &dispatch));
    if (!NT_SUCCESS(status))
        return status;
    *ProviderBindingContext = context;
    *ProviderDispatch = dispatch;
    pthread_mutex_lock(&nmr.lock);
    binding->client_context = ClientBindingContext;
    binding->provider_context = context;
    binding->is_attached = true;
    pthread_mutex_unlock(&nmr.lock);
    return status;
}

/** Detach from every provider. @return STATUS_PENDING: wait. Ref: ddi netioddk/nf-netioddk-nmrderegisterclient */
NTSTATUS NTAPI
NmrDeregisterClient(HANDLE NmrClientHandle)
{
    return deregister(NmrClientHandle, true);
}

/** Detach from every client. @return STATUS_PENDING: wait. Ref: ddi netioddk/nf-netioddk-nmrderegisterprovider */
NTSTATUS NTAPI
NmrDeregisterProvider(HANDLE NmrProviderHandle)
{
    return deregister(NmrProviderHandle, false);
}

/** Until every binding is cleaned up; uses the handle up. IRQL: PASSIVE_LEVEL. Ref: ddi netioddk. */
NTSTATUS NTAPI
NmrWaitForClientDeregisterComplete(HANDLE NmrClientHandle)
{
    nt_cpu_require_max(__func__, NT_PASSIVE_LEVEL);
    return wait_for_end(NmrClientHandle, true);
}

/** As for clients. Ref: ddi netioddk/nf-netioddk-nmrwaitforproviderderegistercomplete */
NTSTATUS NTAPI
NmrWaitForProviderDeregisterComplete(HANDLE NmrProviderHandle)
{
    nt_cpu_require_max(__func__, NT_PASSIVE_LEVEL);
    return wait_for_end(NmrProviderHandle, false);
}

/** A ClientDetachProvider that returned STATUS_PENDING is done. IRQL: <= DISPATCH_LEVEL. Ref: ddi netioddk. */
VOID NTAPI
NmrClientDetachProviderComplete(HANDLE NmrBindingHandle)
{
    complete(NmrBindingHandle, true, __func__);
}

/** A ProviderDetachClient that returned STATUS_PENDING is done. IRQL: <= DISPATCH_LEVEL. Ref: ddi netioddk. */
VOID NTAPI
NmrProviderDetachClientComplete(HANDLE NmrBindingHandle)
{
    complete(NmrBindingHandle, false, __func__);
}
