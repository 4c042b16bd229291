/*
 * A machine in one process: engine, BFE, stack and driver host, joined (the embedded default).
 *
 * Lifetime   machine_init() .. machine_fini(); drivers are stopped in reverse order of their start.
 */
#ifndef WFP_PROGRAMS_MACHINE_H
#define WFP_PROGRAMS_MACHINE_H

#include "core/shims/stack.h"
#include "policy/bfe/bfe.h"

#define MACHINE_MAX_DRIVERS 32
#define MACHINE_ERROR_SIZE  1024

struct nt_driver;
struct wfp_store;
struct nt_image;

struct machine_driver {
    char *name; /* service name: the file's name without its ending */
    const char *path;
    const char *image_kind; /* "so" or "sys" */
    struct nt_image *image;
    struct nt_driver *driver;
};

struct machine {
    struct wfp_engine *engine;
    struct wfp_store *store; /* NULL: nothing outlives the machine */
    struct wfp_bfe *bfe;
    struct wfp_bfe_session *session; /* ours, to look names up */
    struct wfp_stack *stack;
    wfp_stack_find_owner *find_owner; /* of live sockets: set before machine_add_stack(), or NULL */
    void *find_owner_context;
    const struct wfp_local_prefix *subnets; /* attached networks; before machine_add_stack() */
    uint32_t subnet_count;
    bool groups_fragments;                                              /* likewise */
    bool (*is_awaited)(void *context, const struct wfp_packet *packet); /* likewise */
    void (*list_sockets)(void *context, wfp_stack_take_socket *take, void *take_context);
    void (*tell_owner)(void *context, struct wfp_socket *socket);
    /* who hears of each step of the stack (stack.h); before machine_add_stack() */
    void (*step)(void *context, const struct wfp_packet *packet, const struct wfp_step *step);
    void *step_context;
    void (*socket_decided)(void *context, const struct wfp_socket *socket, bool is_permitted);
    void *decided_context;
    bool is_simulated;       /* time is virtual, but packets find who is there; likewise */
    bool has_deaf_ends;      /* packets come from a capture; set before machine_add_stack() */
    char *sanitizer_runtime; /* start again with this preloaded; NULL when not needed */
    uint32_t driver_count;
    struct machine_driver *_Atomic stopping; /* whose unload runs; for who watches */
    struct machine_driver drivers[MACHINE_MAX_DRIVERS];
};

/** @return 0 or -WFP_ERR_NO_MEMORY */
int machine_init(struct machine *machine);
/**
 * Boot from a policy store and keep persistent changes there. Right after machine_init().
 * @param error  MACHINE_ERROR_SIZE bytes. @return 0 or an error of wfp_store_open()
 */
int machine_add_store(struct machine *machine, const char *path, char *error);
/** The stack that packets go through. @return 0 or an error of wfp_stack_new() */
int machine_add_stack(struct machine *machine, const struct wfp_local_prefix *local,
                      uint32_t local_count);
/**
 * Load an image and run its DriverEntry.
 *
 * @param error  MACHINE_ERROR_SIZE bytes: what went wrong, one clear line (missing imports: one each)
 * @return 0, or an exit code (1: the driver is at fault, 3: the file cannot be read)
 */
int machine_start_driver(struct machine *machine, const char *path, bool stub_missing, char *error);
/** Unload all drivers, last first; what they leave behind becomes findings. */
void machine_stop_drivers(struct machine *machine);
/**
 * The filters that drivers and programs added (not BFE's own), oldest first, each referenced.
 * @param ret_filters  an array the caller frees. @return 0 or -WFP_ERR_NO_MEMORY
 */
int machine_list_filters(struct machine *machine, struct wfp_filter ***ret_filters,
                         size_t *ret_count);
/** A filter's display name in UTF-8; the caller frees it. */
char *machine_filter_name(const struct wfp_filter *filter);
void machine_fini(struct machine *machine);

/** "block_ip" for "build/drivers/block_ip.sys"; a string the caller frees, NULL when memory is out. */
char *machine_service_name(const char *path);

#endif
