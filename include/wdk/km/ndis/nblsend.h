/* Flags of the send path. Ref: ddi ndis, send and receive flags. */
#ifndef WDK_NDIS_NBLSEND_H
#define WDK_NDIS_NBLSEND_H

#define NDIS_SEND_FLAGS_DISPATCH_LEVEL           0x00000001
#define NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK       0x00000002
#define NDIS_SEND_FLAGS_SINGLE_QUEUE             0x00000004
#define NDIS_SEND_FLAGS_SWITCH_DESTINATION_GROUP 0x00000010
#define NDIS_SEND_FLAGS_SWITCH_SINGLE_SOURCE     0x00000020
#define NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL  0x00000001
#define NDIS_SEND_COMPLETE_FLAGS_SINGLE_QUEUE    0x00000002

#define NDIS_TEST_SEND_FLAG(_Flags, _Flag)  (((_Flags) & (_Flag)) == (_Flag))
#define NDIS_SET_SEND_FLAG(_Flags, _Flag)   ((_Flags) |= (_Flag))
#define NDIS_CLEAR_SEND_FLAG(_Flags, _Flag) ((_Flags) &= ~(_Flag))
#define NDIS_TEST_SEND_AT_DISPATCH_LEVEL(_Flags)                                                   \
    NDIS_TEST_SEND_FLAG((_Flags), NDIS_SEND_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_SEND_COMPLETE_FLAG(_Flags, _Flag) (((_Flags) & (_Flag)) == (_Flag))
#define NDIS_SET_SEND_COMPLETE_FLAG(_Flags, _Flag)  ((_Flags) |= (_Flag))
#define NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(_Flags)                                          \
    NDIS_TEST_SEND_COMPLETE_FLAG((_Flags), NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL)

#endif
