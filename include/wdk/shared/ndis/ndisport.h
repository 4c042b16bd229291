/* NDIS ports. Ref: ddi ndis, "NDIS ports". */
#ifndef WDK_NDIS_NDISPORT_H
#define WDK_NDIS_NDISPORT_H

#include <ntdef.h>

typedef ULONG NDIS_PORT_NUMBER, *PNDIS_PORT_NUMBER;

#define NDIS_DEFAULT_PORT_NUMBER ((NDIS_PORT_NUMBER)0)

#endif
