/*
 * The nt wing as the programs see it: start the kernel, start and stop drivers. No wdk header needed.
 *
 *     nt_host_init();
 *     nt_registry_set_param("block_ip", "Addresses", "10.0.0.0/8,192.0.2.1");
 *     status = nt_driver_start(image, "block_ip", &driver);       DriverEntry
 *     ... packets; under the virtual clock nt_time_run_until() before each ...
 *     status = nt_driver_stop(driver);                            DriverUnload, leak findings
 *     nt_host_fini();
 */
#ifndef WFP_NT_HOST_H
#define WFP_NT_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "nt/ntos/nt_finding.h"
#include "nt/ntos/nt_registry.h"
#include "nt/ntos/nt_timer.h"

struct nt_driver;
struct nt_image;

/** NTSTATUS of nt_driver_stop(): threads still run in the image; it must stay mapped. */
#define NT_STATUS_DEVICE_BUSY ((int32_t)0x80000011)

/** Start the kernel: once per process; again after fini. The caller owns the clock. */
void nt_host_init(void);
/** Stop workers and the timer thread, forget the registry. All drivers are stopped before. */
void nt_host_fini(void);

/**
 * Make the DRIVER_OBJECT and call the image's entry.
 *
 * @param service_name  also the registry key; NULL: the image's name
 * @param ret_driver    on success; stop it with nt_driver_stop()
 * @return what DriverEntry returned. On failure what it left is reported, released, and the image
 *         may be unloaded (unless NT_STATUS_DEVICE_BUSY).
 * Context: PASSIVE_LEVEL; may block.
 */
int32_t nt_driver_start(const struct nt_image *image, const char *service_name,
                        struct nt_driver **ret_driver);
/** As nt_driver_start() for code that lies at @p entry; @p base and @p size may be 0. For tests. */
int32_t nt_driver_start_entry(void *entry, void *base, size_t size, const char *service_name,
                              struct nt_driver **ret_driver);
/**
 * Call DriverUnload, wait for its work, report and release what it left.
 *
 * @return NTSTATUS: 0: the image may be unloaded; NT_STATUS_DEVICE_BUSY: it may not
 */
int32_t nt_driver_stop(struct nt_driver *driver);

/**
 * The calling thread is the stack's: while it waits in driver code (an unload, a wait in classify) it
 * runs @p serve whenever drivers' threads want something of the stack. NULL ends this.
 * @p serve runs at PASSIVE_LEVEL, and finds out itself whether it came in the middle of a packet.
 */
void nt_host_set_service(void (*serve)(void *context), void *context);

/** Messages of drivers that the log's level hid, since the program started. */
unsigned long nt_debug_print_hidden(void);

/** Text of an NTSTATUS: "STATUS_ACCESS_DENIED 0xC0000022". Overwritten by the thread's next call. */
const char *nt_status_text(int32_t status);

#endif
