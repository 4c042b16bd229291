/*
 * The export tables of ndis.sys and netio.sys.
 */
#define WFP_EXPORT_MODULE "ndis.sys"
#define WFP_EXPORT_DEF    "nt/ndis/ndis.def"
#define WFP_EXPORT_TABLE  nt_ndis_exports
#include "base/export_rows.h"

#define WFP_EXPORT_MODULE "netio.sys"
#define WFP_EXPORT_DEF    "nt/ndis/netio.def"
#define WFP_EXPORT_TABLE  nt_netio_exports
#include "base/export_rows.h"
