/* Stands in for TDI's object identifiers; see tdi.h. Ref: windows-driver-docs-ddi tdiinfo. */
#ifndef TDI_INFO_INCLUDED
#define TDI_INFO_INCLUDED

#include <ntdef.h>

typedef struct {
    ULONG tei_entity;
    ULONG tei_instance;
} TDIEntityID;

typedef struct {
    TDIEntityID toi_entity;
    ULONG toi_class;
    ULONG toi_type;
    ULONG toi_id;
} TDIObjectID;

#endif
