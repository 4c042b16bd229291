/*
 * Version-independent names: FWPS_CALLOUT, FwpmFilterAdd, ... stand for the newest numbered version
 * that the targeted Windows (NTDDI_VERSION) has.
 *
 * Names follow the tables of types and functions; see "WFP version-independent names".
 */
#ifndef WDK_FWPVI_H
#define WDK_FWPVI_H

#include <sdkddkver.h>

#include "fwpvi_generated.h"

#endif
