/*
 * GUIDs as 16 bytes in Windows' memory layout (first three parts little-endian).
 */
#ifndef WFP_BASE_GUID_H
#define WFP_BASE_GUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** Same layout as Windows' GUID. */
struct wfp_guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};

#define WFP_GUID_TEXT_SIZE 37 /* 36 characters and the NUL, without braces */

static inline bool
wfp_guid_equal(const struct wfp_guid *a, const struct wfp_guid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool
wfp_guid_is_zero(const struct wfp_guid *guid)
{
    static const struct wfp_guid zero;
    return wfp_guid_equal(guid, &zero);
}

/** 64-bit hash; GUIDs are random enough that a mix of the halves does. */
uint64_t wfp_guid_hash(const struct wfp_guid *guid);
/** Write "c86fd1bf-21cd-497e-a0bb-17425c885c58" and return @p text. */
const char *wfp_guid_format(const struct wfp_guid *guid, char text[WFP_GUID_TEXT_SIZE]);
/** Parse with or without braces, any case. @return 0 or -WFP_ERR_INVALID_PARAMETER. */
int wfp_guid_parse(const char *text, struct wfp_guid *ret_guid);
/**
 * Make the GUIDs to come a sequence of @p seed, so that a replay gives the same bytes again (decision
 * D6); 0: the kernel's randomness again. Not where they outlive the process: they would come twice.
 * Context: before threads that generate.
 */
void wfp_guid_seed(uint64_t seed);
/** A random (version 4) GUID. Context: any thread. */
void wfp_guid_generate(struct wfp_guid *ret_guid);

#endif
