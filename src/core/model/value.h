/*
 * Typed values: what a layer's fields carry, what conditions compare with.
 *
 * Model      The layouts are those of Windows' FWP_VALUE0, FWP_RANGE0, FWPM_FILTER_CONDITION0 and
 *            their kin, member for member (fwp_convert.c proves it), so that a value crosses the
 *            border to a driver without being copied. 64-bit integers and larger things are
 *            pointers.
 * Lifetime   A value borrows what it points to, unless a wfp_value_copy() made it.
 * Ref        win32 fwptypes/ns-fwptypes-fwp_value0
 */
#ifndef WFP_CORE_MODEL_VALUE_H
#define WFP_CORE_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"

enum wfp_type {
    WFP_EMPTY = 0,
    WFP_UINT8,
    WFP_UINT16,
    WFP_UINT32,
    WFP_UINT64,
    WFP_INT8,
    WFP_INT16,
    WFP_INT32,
    WFP_INT64,
    WFP_FLOAT,
    WFP_DOUBLE,
    WFP_BYTE_ARRAY16,
    WFP_BYTE_BLOB,
    WFP_SID,
    WFP_SECURITY_DESCRIPTOR,
    WFP_TOKEN_INFORMATION,
    WFP_TOKEN_ACCESS_INFORMATION,
    WFP_UNICODE_STRING,
    WFP_BYTE_ARRAY6,
    WFP_SINGLE_DATA_TYPE_MAX = 0xff,
    WFP_V4_ADDR_MASK,
    WFP_V6_ADDR_MASK,
    WFP_RANGE,
};

enum wfp_match {
    WFP_MATCH_EQUAL,
    WFP_MATCH_GREATER,
    WFP_MATCH_LESS,
    WFP_MATCH_GREATER_OR_EQUAL,
    WFP_MATCH_LESS_OR_EQUAL,
    WFP_MATCH_RANGE,
    WFP_MATCH_FLAGS_ALL_SET,
    WFP_MATCH_FLAGS_ANY_SET,
    WFP_MATCH_FLAGS_NONE_SET,
    WFP_MATCH_EQUAL_CASE_INSENSITIVE,
    WFP_MATCH_NOT_EQUAL,
    WFP_MATCH_PREFIX,
    WFP_MATCH_NOT_PREFIX,
    WFP_MATCH_TYPE_MAX,
};

struct wfp_blob {
    uint32_t size; /* bytes */
    uint8_t *data;
};

struct wfp_array16 {
    uint8_t bytes[16];
};

struct wfp_array6 {
    uint8_t bytes[6];
};

/** An IPv4 network: address and mask in host byte order. */
struct wfp_v4_mask {
    uint32_t addr_host;
    uint32_t mask_host;
};

/** An IPv6 network: address in network order and prefix length in bits. */
struct wfp_v6_mask {
    uint8_t addr[16];
    uint8_t prefix_length;
};

struct wfp_range;

/** FWP_VALUE0 / FWP_CONDITION_VALUE0: IPv4 addresses and ports in host order, IPv6 in network
 * order. */
struct wfp_value {
    uint32_t type; /* enum wfp_type */
    union {
        uint8_t uint8;
        uint16_t uint16;
        uint32_t uint32;
        uint64_t *uint64;
        int8_t int8;
        int16_t int16;
        int32_t int32;
        int64_t *int64;
        float float32;
        double *double64;
        struct wfp_array16 *array16;
        struct wfp_array6 *array6;
        struct wfp_blob *blob; /* also security descriptors (self-relative) and token access info */
        void *sid;
        void *token;
        uint16_t *string_utf16;
        struct wfp_v4_mask *v4_mask;
        struct wfp_v6_mask *v6_mask;
        struct wfp_range *range;
        void *pointer;
    };
};

/** SID_AND_ATTRIBUTES. */
struct wfp_sid_and_attributes {
    void *sid;
    uint32_t attributes;
};

/** FWP_TOKEN_INFORMATION: what WFP_TOKEN_INFORMATION points to. */
struct wfp_token_information {
    uint32_t sid_count;
    struct wfp_sid_and_attributes *sids;
    uint32_t restricted_sid_count;
    struct wfp_sid_and_attributes *restricted_sids;
};

struct wfp_range {
    struct wfp_value low;
    struct wfp_value high;
};

/** FWPM_FILTER_CONDITION0. */
struct wfp_condition {
    struct wfp_guid field_key;
    uint32_t match; /* enum wfp_match */
    struct wfp_value value;
};

/**
 * Deep copy. @p ret_copy owns everything it points to.
 * @return 0, -WFP_ERR_NO_MEMORY, or -WFP_ERR_TYPE_MISMATCH / NULL_POINTER for a value no one may
 * hold
 */
int wfp_value_copy(const struct wfp_value *value, struct wfp_value *ret_copy);
/** Bytes a wfp_value_pack() of @p value needs: a multiple of 8, 0 for what is inline. */
size_t wfp_value_pack_size(const struct wfp_value *value);
/**
 * Deep copy into memory the caller has: from @p *place on, which moves. Not for wfp_value_fini().
 * Token information is not copied: its pointer is kept.
 */
void wfp_value_pack(const struct wfp_value *value, struct wfp_value *ret_packed, uint8_t **place);
/** Release what a copied value owns and make it WFP_EMPTY. */
void wfp_value_fini(struct wfp_value *value);
/** Are both of one type and equal in content? */
bool wfp_value_equal(const struct wfp_value *a, const struct wfp_value *b);
/** Readable text ("168.63.129.16", "443-445"), for tables. Returns @p text. */
const char *wfp_value_format(const struct wfp_value *value, char *text, uint32_t size);
/** The same for a value of an address field: a UINT32 reads "168.63.129.16". */
const char *wfp_value_format_address(const struct wfp_value *value, char *text, uint32_t size);
/** Bytes of a SID, by its count of sub-authorities. */
uint32_t wfp_value_sid_size(const void *sid);
/** Bytes behind the pointer of a type that has a fixed number of them; 0 for the others. */
uint32_t wfp_value_fixed_size(uint32_t type);

#endif
