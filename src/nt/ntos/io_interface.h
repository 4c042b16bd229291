/*
 * Device interfaces for the rest of the nt wing; the Io* functions are in io_interface.c.
 */
#ifndef WFP_NT_IO_INTERFACE_H
#define WFP_NT_IO_INTERFACE_H

#include "nt/ntos/nt_wdk.h"

/**
 * Make an instance of class @p guid for @p device; disabled at first.
 *
 * @param reference  may be NULL
 * @param ret_name   its symbolic link, UTF-8, freed by the caller
 * @return STATUS_SUCCESS, STATUS_OBJECT_NAME_EXISTS it was there, STATUS_INVALID_DEVICE_REQUEST the
 *         reference has a path separator, STATUS_INSUFFICIENT_RESOURCES
 */
NTSTATUS nt_io_interface_register(PDEVICE_OBJECT device, const GUID *guid,
                                  const UNICODE_STRING *reference, char **ret_name);
/** The link of an instance: a string the caller frees; NULL when it was not registered. */
char *nt_io_interface_find(PDEVICE_OBJECT device, const GUID *guid,
                           const UNICODE_STRING *reference);
/** @return STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_NAME_EXISTS when it is as wanted already */
NTSTATUS nt_io_interface_set_state(const char *name, bool enable);
/** The device goes: its interfaces go with it. */
void nt_io_interface_forget(PDEVICE_OBJECT device);

#endif
