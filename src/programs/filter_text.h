/*
 * Conditions as words of a command line: IP_REMOTE_PORT=443, IP_REMOTE_ADDRESS!=10.0.0.0/8.
 */
#ifndef WFP_PROGRAMS_FILTER_TEXT_H
#define WFP_PROGRAMS_FILTER_TEXT_H

#include "core/model/layer.h"

#define FILTER_TEXT_ERROR_SIZE 200

/** A condition and what it points to. It must not be copied. */
struct filter_text {
    struct wfp_condition condition;
    struct wfp_range range;
    struct wfp_v4_mask v4;
    struct wfp_v6_mask v6;
    struct wfp_array16 address;
    struct wfp_blob blob;
    uint64_t number;
    uint16_t *text_utf16; /* owned */
};

/**
 * FIELD=VALUE or FIELD!=VALUE; a value is a number, LOW-HIGH, an address, a prefix or a path, as the
 * field's type has it.
 *
 * @param error  FILTER_TEXT_ERROR_SIZE bytes: what is wrong with the word
 * @return 0, -WFP_ERR_CONDITION_NOT_FOUND, -WFP_ERR_INVALID_PARAMETER, -WFP_ERR_NOT_SUPPORTED,
 *         -WFP_ERR_NO_MEMORY
 */
int filter_text_parse(const struct wfp_layer *layer, const char *word, struct filter_text *ret_text,
                      char *error);
void filter_text_fini(struct filter_text *text);

#endif
