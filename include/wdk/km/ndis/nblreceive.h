/* Flags of the receive and return paths. Ref: ddi ndis, send and receive flags. */
#ifndef WDK_NDIS_NBLRECEIVE_H
#define WDK_NDIS_NBLRECEIVE_H

#define NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL           0x00000001
#define NDIS_RECEIVE_FLAGS_RESOURCES                0x00000002
#define NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE        0x00000100
#define NDIS_RECEIVE_FLAGS_SINGLE_VLAN              0x00000200
#define NDIS_RECEIVE_FLAGS_PERFECT_FILTERED         0x00000400
#define NDIS_RECEIVE_FLAGS_SINGLE_QUEUE             0x00000800
#define NDIS_RECEIVE_FLAGS_SHARED_MEMORY_INFO_VALID 0x00001000
#define NDIS_RECEIVE_FLAGS_MORE_NBLS                0x00002000
#define NDIS_RECEIVE_FLAGS_SWITCH_DESTINATION_GROUP 0x00004000
#define NDIS_RECEIVE_FLAGS_SWITCH_SINGLE_SOURCE     0x00008000
#define NDIS_RETURN_FLAGS_DISPATCH_LEVEL            0x00000001
#define NDIS_RETURN_FLAGS_SINGLE_QUEUE              0x00000002

#define NDIS_TEST_RECEIVE_FLAG(_Flags, _Flag)  (((_Flags) & (_Flag)) == (_Flag))
#define NDIS_SET_RECEIVE_FLAG(_Flags, _Flag)   ((_Flags) |= (_Flag))
#define NDIS_CLEAR_RECEIVE_FLAG(_Flags, _Flag) ((_Flags) &= ~(_Flag))
#define NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(_Flags)                                                \
    NDIS_TEST_RECEIVE_FLAG((_Flags), NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_RECEIVE_CANNOT_PEND(_Flags)                                                      \
    NDIS_TEST_RECEIVE_FLAG((_Flags), NDIS_RECEIVE_FLAGS_RESOURCES)
#define NDIS_TEST_RECEIVE_CAN_PEND(_Flags)   (((_Flags)&NDIS_RECEIVE_FLAGS_RESOURCES) == 0)
#define NDIS_TEST_RETURN_FLAG(_Flags, _Flag) (((_Flags) & (_Flag)) == (_Flag))
#define NDIS_SET_RETURN_FLAG(_Flags, _Flag)  ((_Flags) |= (_Flag))
#define NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(_Flags)                                                 \
    NDIS_TEST_RETURN_FLAG((_Flags), NDIS_RETURN_FLAGS_DISPATCH_LEVEL)

#endif
