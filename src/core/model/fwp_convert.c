/*
 * The model's Windows face: proof that our types are the platform's, member for member, so that
 * they cross the border by a cast.
 *
 * Not here   conversions that need more than a cast: nt/fwps and policy/fwpm.
 */
#define NTDDI_VERSION 0x0A000010 /* the newest level: the biggest structures */
#include <ntddk.h>
#include <fwpsk.h>
#include <fwpmk.h>

#include "core/engine/callout.h"
#include "core/model/filter.h"
#include "core/model/metadata.h"

#define SAME_SIZE(ours, theirs)                                                                    \
    _Static_assert(sizeof(struct ours) == sizeof(theirs), #theirs " has another size")
#define SAME_PLACE(ours, a, theirs, b)                                                             \
    _Static_assert(offsetof(struct ours, a) == offsetof(theirs, b) &&                              \
                       sizeof(((struct ours *)0)->a) == sizeof(((theirs *)0)->b),                  \
                   #theirs "." #b " lies elsewhere")
#define SAME_VALUE(ours, theirs)                                                                   \
    _Static_assert((unsigned long long)(ours) == (unsigned long long)(theirs), #theirs " differs")

SAME_SIZE(wfp_guid, GUID);
SAME_SIZE(wfp_blob, FWP_BYTE_BLOB);
SAME_PLACE(wfp_blob, data, FWP_BYTE_BLOB, data);
SAME_SIZE(wfp_array16, FWP_BYTE_ARRAY16);
SAME_SIZE(wfp_array6, FWP_BYTE_ARRAY6);
SAME_SIZE(wfp_v4_mask, FWP_V4_ADDR_AND_MASK);
SAME_PLACE(wfp_v4_mask, mask_host, FWP_V4_ADDR_AND_MASK, mask);
SAME_SIZE(wfp_v6_mask, FWP_V6_ADDR_AND_MASK);
SAME_PLACE(wfp_v6_mask, prefix_length, FWP_V6_ADDR_AND_MASK, prefixLength);
SAME_SIZE(wfp_token_information, FWP_TOKEN_INFORMATION);
SAME_PLACE(wfp_token_information, restricted_sids, FWP_TOKEN_INFORMATION, restrictedSids);
SAME_SIZE(wfp_value, FWP_VALUE0);
SAME_SIZE(wfp_value, FWP_CONDITION_VALUE0);
SAME_PLACE(wfp_value, type, FWP_VALUE0, type);
SAME_PLACE(wfp_value, uint8, FWP_VALUE0, uint8);
SAME_PLACE(wfp_value, uint64, FWP_VALUE0, uint64);
SAME_PLACE(wfp_value, range, FWP_CONDITION_VALUE0, rangeValue);
SAME_SIZE(wfp_range, FWP_RANGE0);
SAME_PLACE(wfp_range, high, FWP_RANGE0, valueHigh);
SAME_SIZE(wfp_condition, FWPM_FILTER_CONDITION0);
SAME_PLACE(wfp_condition, match, FWPM_FILTER_CONDITION0, matchType);
SAME_PLACE(wfp_condition, value, FWPM_FILTER_CONDITION0, conditionValue);

SAME_SIZE(wfp_classify_out, FWPS_CLASSIFY_OUT0);
SAME_PLACE(wfp_classify_out, action, FWPS_CLASSIFY_OUT0, actionType);
SAME_PLACE(wfp_classify_out, out_context, FWPS_CLASSIFY_OUT0, outContext);
SAME_PLACE(wfp_classify_out, filter_id, FWPS_CLASSIFY_OUT0, filterId);
SAME_PLACE(wfp_classify_out, rights, FWPS_CLASSIFY_OUT0, rights);
SAME_PLACE(wfp_classify_out, flags, FWPS_CLASSIFY_OUT0, flags);

#define METADATA(ours, theirs)                                                                     \
    SAME_PLACE(wfp_metadata, ours, FWPS_INCOMING_METADATA_VALUES0, theirs)
SAME_SIZE(wfp_metadata, FWPS_INCOMING_METADATA_VALUES0);
METADATA(present, currentMetadataValues);
METADATA(flags, flags);
METADATA(discard, discardMetadata);
METADATA(flow_handle, flowHandle);
METADATA(ip_header_size, ipHeaderSize);
METADATA(transport_header_size, transportHeaderSize);
METADATA(process_path, processPath);
METADATA(token, token);
METADATA(process_id, processId);
METADATA(source_interface_index, sourceInterfaceIndex);
METADATA(destination_interface_index, destinationInterfaceIndex);
METADATA(compartment_id, compartmentId);
METADATA(fragment, fragmentMetadata);
METADATA(path_mtu, pathMtu);
METADATA(completion_handle, completionHandle);
METADATA(transport_endpoint_handle, transportEndpointHandle);
METADATA(remote_scope_id, remoteScopeId);
METADATA(control_data, controlData);
METADATA(control_data_length, controlDataLength);
METADATA(packet_direction, packetDirection);
METADATA(header_include_header, headerIncludeHeader);
METADATA(header_include_header_length, headerIncludeHeaderLength);
METADATA(destination_prefix, destinationPrefix);
METADATA(frame_length, frameLength);
METADATA(parent_endpoint_handle, parentEndpointHandle);
METADATA(icmp_id_and_sequence, icmpIdAndSequence);
METADATA(local_redirect_target_pid, localRedirectTargetPID);
METADATA(original_destination, originalDestination);
METADATA(redirect_records, redirectRecords);
METADATA(present_l2, currentL2MetadataValues);
METADATA(l2_flags, l2Flags);
METADATA(ethernet_mac_header_size, ethernetMacHeaderSize);
METADATA(wifi_operation_mode, wiFiOperationMode);
METADATA(vswitch_source_port_id, vSwitchSourcePortId);
METADATA(vswitch_source_nic_index, vSwitchSourceNicIndex);
METADATA(vswitch_destination_port_id, vSwitchDestinationPortId);
METADATA(vswitch_packet_context, vSwitchPacketContext);
METADATA(sub_process_tag, subProcessTag);

SAME_VALUE(WFP_EMPTY, FWP_EMPTY);
SAME_VALUE(WFP_UINT64, FWP_UINT64);
SAME_VALUE(WFP_INT64, FWP_INT64);
SAME_VALUE(WFP_DOUBLE, FWP_DOUBLE);
SAME_VALUE(WFP_BYTE_ARRAY16, FWP_BYTE_ARRAY16_TYPE);
SAME_VALUE(WFP_BYTE_BLOB, FWP_BYTE_BLOB_TYPE);
SAME_VALUE(WFP_SID, FWP_SID);
SAME_VALUE(WFP_SECURITY_DESCRIPTOR, FWP_SECURITY_DESCRIPTOR_TYPE);
SAME_VALUE(WFP_TOKEN_INFORMATION, FWP_TOKEN_INFORMATION_TYPE);
SAME_VALUE(WFP_TOKEN_ACCESS_INFORMATION, FWP_TOKEN_ACCESS_INFORMATION_TYPE);
SAME_VALUE(WFP_UNICODE_STRING, FWP_UNICODE_STRING_TYPE);
SAME_VALUE(WFP_BYTE_ARRAY6, FWP_BYTE_ARRAY6_TYPE);
SAME_VALUE(WFP_V4_ADDR_MASK, FWP_V4_ADDR_MASK);
SAME_VALUE(WFP_V6_ADDR_MASK, FWP_V6_ADDR_MASK);
SAME_VALUE(WFP_RANGE, FWP_RANGE_TYPE);
SAME_VALUE(WFP_MATCH_EQUAL, FWP_MATCH_EQUAL);
SAME_VALUE(WFP_MATCH_RANGE, FWP_MATCH_RANGE);
SAME_VALUE(WFP_MATCH_FLAGS_NONE_SET, FWP_MATCH_FLAGS_NONE_SET);
SAME_VALUE(WFP_MATCH_NOT_EQUAL, FWP_MATCH_NOT_EQUAL);
SAME_VALUE(WFP_MATCH_NOT_PREFIX, FWP_MATCH_NOT_PREFIX);
SAME_VALUE(WFP_MATCH_TYPE_MAX, FWP_MATCH_TYPE_MAX);

SAME_VALUE(WFP_ACTION_BLOCK, FWP_ACTION_BLOCK);
SAME_VALUE(WFP_ACTION_PERMIT, FWP_ACTION_PERMIT);
SAME_VALUE(WFP_ACTION_CALLOUT_TERMINATING, FWP_ACTION_CALLOUT_TERMINATING);
SAME_VALUE(WFP_ACTION_CALLOUT_INSPECTION, FWP_ACTION_CALLOUT_INSPECTION);
SAME_VALUE(WFP_ACTION_CALLOUT_UNKNOWN, FWP_ACTION_CALLOUT_UNKNOWN);
SAME_VALUE(WFP_ACTION_CONTINUE, FWP_ACTION_CONTINUE);
SAME_VALUE(WFP_ACTION_NONE, FWP_ACTION_NONE);
SAME_VALUE(WFP_ACTION_NONE_NO_MATCH, FWP_ACTION_NONE_NO_MATCH);
SAME_VALUE(WFP_FILTER_FLAG_PERSISTENT, FWPM_FILTER_FLAG_PERSISTENT);
SAME_VALUE(WFP_FILTER_FLAG_BOOTTIME, FWPM_FILTER_FLAG_BOOTTIME);
SAME_VALUE(WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT, FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT);
SAME_VALUE(WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT, FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT);
SAME_VALUE(WFP_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED,
           FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED);
SAME_VALUE(WFP_FILTER_FLAG_DISABLED, FWPM_FILTER_FLAG_DISABLED);
SAME_VALUE(WFP_FILTER_FLAG_INDEXED, FWPM_FILTER_FLAG_INDEXED);

SAME_VALUE(WFP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW, FWP_CALLOUT_FLAG_CONDITIONAL_ON_FLOW);
SAME_VALUE(WFP_CALLOUT_FLAG_ALLOW_OFFLOAD, FWP_CALLOUT_FLAG_ALLOW_OFFLOAD);
SAME_VALUE(WFP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY, FWP_CALLOUT_FLAG_ENABLE_COMMIT_ADD_NOTIFY);
SAME_VALUE(WFP_RIGHT_ACTION_WRITE, FWPS_RIGHT_ACTION_WRITE);
SAME_VALUE(WFP_CLASSIFY_OUT_FLAG_ABSORB, FWPS_CLASSIFY_OUT_FLAG_ABSORB);
SAME_VALUE(WFP_NOTIFY_ADD_FILTER, FWPS_CALLOUT_NOTIFY_ADD_FILTER);
SAME_VALUE(WFP_NOTIFY_DELETE_FILTER, FWPS_CALLOUT_NOTIFY_DELETE_FILTER);
SAME_VALUE(WFP_NOTIFY_ADD_FILTER_POST_COMMIT, FWPS_CALLOUT_NOTIFY_ADD_FILTER_POST_COMMIT);

#define SAME_METADATA_FLAG(name) SAME_VALUE(WFP_METADATA_##name, FWPS_METADATA_FIELD_##name)
SAME_METADATA_FLAG(DISCARD_REASON);
SAME_METADATA_FLAG(FLOW_HANDLE);
SAME_METADATA_FLAG(IP_HEADER_SIZE);
SAME_METADATA_FLAG(PROCESS_PATH);
SAME_METADATA_FLAG(PROCESS_ID);
SAME_METADATA_FLAG(TRANSPORT_HEADER_SIZE);
SAME_METADATA_FLAG(COMPARTMENT_ID);
SAME_METADATA_FLAG(FRAGMENT_DATA);
SAME_METADATA_FLAG(PATH_MTU);
SAME_METADATA_FLAG(COMPLETION_HANDLE);
SAME_METADATA_FLAG(TRANSPORT_ENDPOINT_HANDLE);
SAME_METADATA_FLAG(REMOTE_SCOPE_ID);
SAME_METADATA_FLAG(PACKET_DIRECTION);
SAME_METADATA_FLAG(ALE_CLASSIFY_REQUIRED);
SAME_METADATA_FLAG(TRANSPORT_HEADER_INCLUDE_HEADER);
SAME_METADATA_FLAG(ICMP_ID_AND_SEQUENCE);
SAME_METADATA_FLAG(PARENT_ENDPOINT_HANDLE);
SAME_METADATA_FLAG(REDIRECT_RECORD_HANDLE);
SAME_METADATA_FLAG(SUB_PROCESS_TAG);
