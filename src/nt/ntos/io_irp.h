/*
 * I/O request packets between the files of this room.
 */
#ifndef WFP_NT_IO_IRP_H
#define WFP_NT_IO_IRP_H

#include "nt/ntos/nt_wdk.h"

/** Called once an IRP made by nt_io_irp_new() has gone through all completion routines. */
typedef void nt_io_irp_done(PIRP irp, void *context);

/** An IRP of ours. The owner frees it, with IoFreeIrp, once it is done. */
PIRP nt_io_irp_new(CCHAR stack_size, nt_io_irp_done *done, void *context);

#endif
