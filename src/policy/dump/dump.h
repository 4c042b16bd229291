/*
 * Reader of what `netsh wfp show state` and `netsh wfp show filters` write on Windows.
 *
 * Model      A state file holds two root elements, a filters file one; either may be UTF-8 or
 * UTF-16, with or without a byte order mark, LF or CRLF, and xz-compressed. Names for people are
 *            localized, names of things are not: a key is a GUID in braces or the name of a
 * constant. A name we do not know gets a GUID derived from it, the same each time, and is counted.
 *            What a newer build writes and we do not know is kept as far as it goes, and noted: an
 *            unknown name, match type or data type; an item that cannot be read is left out.
 * Lifetime   Everything hangs on the `struct wfp_dump` and goes with it.
 * Not here   What a dump says about our own engine: verify.h.
 */
#ifndef WFP_POLICY_DUMP_DUMP_H
#define WFP_POLICY_DUMP_DUMP_H

#include <stddef.h>

#include "base/macros.h"
#include "core/model/layer.h"
#include "core/model/value.h"

struct wfp_dump_arena;

/** What all objects have. */
struct wfp_dump_common {
    unsigned line; /* where the object begins in the file */
    struct wfp_guid key;
    const uint16_t *name_utf16;        /* never NULL, may be empty */
    const uint16_t *description_utf16; /* likewise */
    uint32_t flags;
    bool has_provider;
    struct wfp_guid provider_key;
    struct wfp_blob provider_data;
};

struct wfp_dump_layer {
    unsigned line;
    struct wfp_guid key;
    const char *key_name; /* as in the file: "FWPM_LAYER_STREAM_V4" or "{...}" */
    const uint16_t *name_utf16;
    uint32_t flags;
    struct wfp_guid default_sublayer_key;
    uint16_t id;
    uint32_t field_count;
    struct wfp_field *fields; /* in order; `name` is NULL, `level` is not set */
};

struct wfp_dump_provider {
    struct wfp_dump_common common;
    const uint16_t *service_name_utf16; /* NULL: none */
};

struct wfp_dump_sublayer {
    struct wfp_dump_common common;
    uint16_t weight;
};

struct wfp_dump_callout {
    struct wfp_dump_common common;
    struct wfp_guid layer_key;
    uint32_t id;
};

/** One classify option or network connection setting. */
struct wfp_dump_setting {
    const char *type; /* FWP_CLASSIFY_OPTION_..., as in the file */
    struct wfp_value value;
};

struct wfp_dump_context {
    struct wfp_dump_common common;
    uint64_t id;
    const char *type; /* FWPM_GENERAL_CONTEXT ..., as in the file */
    struct wfp_blob data;
    uint32_t setting_count;
    struct wfp_dump_setting *settings;
    const char *policy_xml; /* IPsec contexts: the policy as it stands in the file; else NULL */
};

struct wfp_dump_filter {
    struct wfp_dump_common common;
    struct wfp_guid layer_key;
    const char *layer_name; /* as in the file */
    struct wfp_guid sublayer_key;
    struct wfp_value weight; /* as given */
    uint32_t condition_count;
    struct wfp_condition *conditions;
    uint32_t action;             /* enum wfp_action */
    struct wfp_guid callout_key; /* or filter type; zero: none */
    bool has_provider_context;
    struct wfp_guid provider_context_key;
    uint64_t raw_context;
    uint64_t id;
    bool has_effective_weight;
    uint64_t effective_weight;
};

/** What of the file we do not know or could not use. */
struct wfp_dump_note {
    unsigned line;
    bool is_left_out; /* the whole item */
    const char *text;
};

/** A section that holds no policy: sessions, subscriptions, statistics. */
struct wfp_dump_section {
    const char *name;
    uint32_t items;
};

enum wfp_dump_form { WFP_DUMP_STATE, WFP_DUMP_FILTERS };

struct wfp_dump {
    enum wfp_dump_form form;
    uint32_t layer_count, provider_count, sublayer_count, callout_count, context_count,
        filter_count;
    struct wfp_dump_layer *layers;
    struct wfp_dump_provider *providers;
    struct wfp_dump_sublayer *sublayers;
    struct wfp_dump_callout *callouts;
    struct wfp_dump_context *contexts;
    struct wfp_dump_filter *filters; /* in the file's order */
    uint32_t note_count, section_count;
    struct wfp_dump_note *notes;
    struct wfp_dump_section *sections;
    uint32_t unknown_names; /* names of things or flags that we do not know, each counted once */
    uint32_t
        partial_descriptors; /* security descriptors with a conditional entry we cannot encode */
    struct wfp_dump_arena *arena;
};

/** Where and why reading failed. */
struct wfp_dump_error {
    unsigned line; /* 0: not in a line */
    char text[240];
};

/**
 * Read a dump from a file.
 *
 * @param ret_error  filled in on failure
 * @return 0, -WFP_ERR_IO, -WFP_ERR_NOT_SUPPORTED (compressed, and no liblzma), -WFP_ERR_NO_MEMORY,
 *         -WFP_ERR_INVALID_PARAMETER for anything that is not a dump
 */
int wfp_dump_read(const char *path, struct wfp_dump **ret_dump, struct wfp_dump_error *ret_error);
/** The same from memory; the bytes are not needed afterwards. */
int wfp_dump_parse(const void *bytes, size_t size, struct wfp_dump **ret_dump,
                   struct wfp_dump_error *ret_error);
void wfp_dump_free(struct wfp_dump *dump);
DEFINE_FREEP(struct wfp_dump, wfp_dump_free)

#endif
