/*
 * What accompanies an indication besides its fields: FWPS_INCOMING_METADATA_VALUES0, newest level.
 *
 * Model      Member for member the Windows structure (280 bytes), so that a driver reads it in
 *            place. `present` and `present_l2` say which members hold something.
 * Ref        ddi fwpsk/ns-fwpsk-fwps_incoming_metadata_values0_
 */
#ifndef WFP_CORE_MODEL_METADATA_H
#define WFP_CORE_MODEL_METADATA_H

#include <assert.h>
#include <stddef.h>

#include "core/model/value.h"

/* FWPS_METADATA_FIELD_* */
#define WFP_METADATA_DISCARD_REASON                   0x00000001u
#define WFP_METADATA_FLOW_HANDLE                      0x00000002u
#define WFP_METADATA_IP_HEADER_SIZE                   0x00000004u
#define WFP_METADATA_PROCESS_PATH                     0x00000008u
#define WFP_METADATA_TOKEN                            0x00000010u
#define WFP_METADATA_PROCESS_ID                       0x00000020u
#define WFP_METADATA_SYSTEM_FLAGS                     0x00000040u
#define WFP_METADATA_RESERVED                         0x00000080u
#define WFP_METADATA_SOURCE_INTERFACE_INDEX           0x00000100u
#define WFP_METADATA_DESTINATION_INTERFACE_INDEX      0x00000200u
#define WFP_METADATA_TRANSPORT_HEADER_SIZE            0x00000400u
#define WFP_METADATA_COMPARTMENT_ID                   0x00000800u
#define WFP_METADATA_FRAGMENT_DATA                    0x00001000u
#define WFP_METADATA_PATH_MTU                         0x00002000u
#define WFP_METADATA_COMPLETION_HANDLE                0x00004000u
#define WFP_METADATA_TRANSPORT_ENDPOINT_HANDLE        0x00008000u
#define WFP_METADATA_TRANSPORT_CONTROL_DATA           0x00010000u
#define WFP_METADATA_REMOTE_SCOPE_ID                  0x00020000u
#define WFP_METADATA_PACKET_DIRECTION                 0x00040000u
#define WFP_METADATA_PACKET_SYSTEM_CRITICAL           0x00080000u
#define WFP_METADATA_FORWARD_LAYER_OUTBOUND_PASS_THRU 0x00100000u
#define WFP_METADATA_FORWARD_LAYER_INBOUND_PASS_THRU  0x00200000u
#define WFP_METADATA_ALE_CLASSIFY_REQUIRED            0x00400000u
#define WFP_METADATA_TRANSPORT_HEADER_INCLUDE_HEADER  0x00800000u
#define WFP_METADATA_DESTINATION_PREFIX               0x01000000u
#define WFP_METADATA_ETHER_FRAME_LENGTH               0x02000000u
#define WFP_METADATA_PARENT_ENDPOINT_HANDLE           0x04000000u
#define WFP_METADATA_ICMP_ID_AND_SEQUENCE             0x08000000u
#define WFP_METADATA_LOCAL_REDIRECT_TARGET_PID        0x10000000u
#define WFP_METADATA_ORIGINAL_DESTINATION             0x20000000u
#define WFP_METADATA_REDIRECT_RECORD_HANDLE           0x40000000u
#define WFP_METADATA_SUB_PROCESS_TAG                  0x80000000u

/* FWPS_L2_METADATA_FIELD_* */
#define WFP_METADATA_L2_ETHERNET_MAC_HEADER_SIZE    0x00000001u
#define WFP_METADATA_L2_WIFI_OPERATION_MODE         0x00000002u
#define WFP_METADATA_L2_VSWITCH_SOURCE_PORT_ID      0x00000004u
#define WFP_METADATA_L2_VSWITCH_SOURCE_NIC_INDEX    0x00000008u
#define WFP_METADATA_L2_VSWITCH_PACKET_CONTEXT      0x00000010u
#define WFP_METADATA_L2_VSWITCH_DESTINATION_PORT_ID 0x00000020u

/** FWPS_DISCARD_METADATA0. */
struct wfp_discard_metadata {
    uint32_t module; /* FWPS_DISCARD_MODULE0 */
    uint32_t reason;
    uint64_t filter_id;
};

/** FWPS_INBOUND_FRAGMENT_METADATA0. */
struct wfp_fragment_metadata {
    uint32_t identification;
    uint16_t offset;
    uint32_t length;
};

struct wfp_metadata {
    uint32_t present; /* WFP_METADATA_* */
    uint32_t flags;
    uint64_t reserved;
    struct wfp_discard_metadata discard;
    uint64_t flow_handle;
    uint32_t ip_header_size;
    uint32_t transport_header_size;
    struct wfp_blob *process_path;
    uint64_t token;
    uint64_t process_id;
    uint32_t source_interface_index;
    uint32_t destination_interface_index;
    uint32_t compartment_id;
    struct wfp_fragment_metadata fragment;
    uint32_t path_mtu;
    void *completion_handle;
    uint64_t transport_endpoint_handle;
    uint32_t remote_scope_id; /* SCOPE_ID, host order */
    void *control_data;
    uint32_t control_data_length;
    uint32_t packet_direction; /* 0 outbound, 1 inbound */
    void *header_include_header;
    uint32_t header_include_header_length;
    uint32_t destination_prefix[8]; /* IP_ADDRESS_PREFIX */
    uint16_t frame_length;
    uint64_t parent_endpoint_handle;
    uint32_t icmp_id_and_sequence;
    uint32_t local_redirect_target_pid;
    void *original_destination; /* SOCKADDR */
    void *redirect_records;
    uint32_t present_l2; /* WFP_METADATA_L2_* */
    uint32_t l2_flags;
    uint32_t ethernet_mac_header_size;
    uint32_t wifi_operation_mode;
    uint32_t vswitch_source_port_id;
    uint16_t vswitch_source_nic_index;
    uint32_t vswitch_destination_port_id;
    void *vswitch_packet_context;
    void *sub_process_tag;
    uint64_t reserved1;
};

static_assert(sizeof(struct wfp_metadata) == 280, "FWPS_INCOMING_METADATA_VALUES0 is 280 bytes");
static_assert(offsetof(struct wfp_metadata, fragment) == 84, "fragmentMetadata");
static_assert(offsetof(struct wfp_metadata, completion_handle) == 104, "completionHandle");
static_assert(offsetof(struct wfp_metadata, control_data) == 128, "controlData");
static_assert(offsetof(struct wfp_metadata, destination_prefix) == 156, "destinationPrefix");
static_assert(offsetof(struct wfp_metadata, frame_length) == 188, "frameLength");
static_assert(offsetof(struct wfp_metadata, original_destination) == 208, "originalDestination");
static_assert(offsetof(struct wfp_metadata, present_l2) == 224, "currentL2MetadataValues");
static_assert(offsetof(struct wfp_metadata, vswitch_packet_context) == 256, "vSwitchPacketContext");

#endif
