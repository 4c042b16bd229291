/*
 * Management of filters, callouts, sublayers, providers and transactions from a driver.
 *
 * Ref: ddi fwpmk, win32 FWP. The functions need PASSIVE_LEVEL.
 */
#ifndef WDK_FWPMK_H
#define WDK_FWPMK_H

#include <wdm.h>
#include <rpcdce.h>

#include "fwpmtypes.h"
#include "fwpm_generated.h"
#include "fwp_guids_generated.h"

#define FWPM_STATUS NTSTATUS
#include "fwpm_functions.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- state of the base filtering engine ---- */

typedef void(NTAPI *FWPM_SERVICE_STATE_CHANGE_CALLBACK0)(void *context,
                                                         FWPM_SERVICE_STATE newState);

FWPM_SERVICE_STATE NTAPI FwpmBfeStateGet0(void);
NTSTATUS NTAPI FwpmBfeStateSubscribeChanges0(void *deviceObject,
                                             FWPM_SERVICE_STATE_CHANGE_CALLBACK0 callback,
                                             void *context, HANDLE *changeHandle);
NTSTATUS NTAPI FwpmBfeStateUnsubscribeChanges0(HANDLE changeHandle);

#ifdef __cplusplus
}
#endif

#endif
