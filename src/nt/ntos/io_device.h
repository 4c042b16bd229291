/*
 * Driver and device objects between the files of this room.
 */
#ifndef WFP_NT_IO_DEVICE_H
#define WFP_NT_IO_DEVICE_H

#include "nt/ntos/nt_wdk.h"

/** A DRIVER_OBJECT for @p driver with every dispatch routine failing. NULL when memory is out. */
PDRIVER_OBJECT nt_io_device_new_driver_object(struct nt_driver *driver);
/** The driver a DRIVER_OBJECT or DEVICE_OBJECT belongs to. */
struct nt_driver *nt_io_device_driver(const void *object);
/** Wait, not for long, until no file of @p driver is open: its unload routine relies on that. */
void nt_io_device_await_close(struct nt_driver *driver);
/** Report and delete devices that a stopping driver left. */
void nt_io_device_check_driver(struct nt_driver *driver);
/** Tell drivers that registered for it that the system shuts down. */
void nt_io_device_shut_down(void);

#endif
