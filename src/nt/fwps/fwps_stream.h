/*
 * What the files about streams share.
 */
#ifndef WFP_NT_FWPS_STREAM_H
#define WFP_NT_FWPS_STREAM_H

#include <ntddk.h>
#include <ndis.h>

/** Classifies at a STREAM layer that this thread is inside of. */
extern __thread unsigned nt_fwps_stream_depth;

/** Bytes of a chain of lists to a flat buffer. @return bytes copied */
size_t nt_fwps_stream_read(NET_BUFFER_LIST *chain, uint8_t *to, size_t length);

#endif
