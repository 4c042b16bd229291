/*
 * What the files of the dump reader share: the arena, failing with a line, text, values, names.
 */
#ifndef WFP_POLICY_DUMP_DUMP_INTERNAL_H
#define WFP_POLICY_DUMP_DUMP_INTERNAL_H

#include <libxml/tree.h>

#include "policy/dump/dump.h"

/* dump_arena.c */
struct wfp_dump_arena *wfp_dump_arena_new(void);
void wfp_dump_arena_free(struct wfp_dump_arena *arena);
/** Zeroed, aligned to 16 bytes; NULL when memory is out. */
void *wfp_dump_arena_alloc(struct wfp_dump_arena *arena, size_t size);

/* dump_text.c */
/** UTF-8 with one root element, ready for the XML parser. */
struct wfp_dump_text {
    char *memory; /* to free */
    size_t size;
};
int wfp_dump_text_load(const char *path, struct wfp_dump_text *ret_text,
                       struct wfp_dump_error *error);
int wfp_dump_text_prepare(const void *bytes, size_t size, struct wfp_dump_text *ret_text,
                          struct wfp_dump_error *error);

/* dump_name.c */
enum wfp_dump_name {
    WFP_DUMP_NAME_LAYER,
    WFP_DUMP_NAME_CONDITION,
    WFP_DUMP_NAME_SUBLAYER,
    WFP_DUMP_NAME_PROVIDER,
    WFP_DUMP_NAME_CALLOUT,
    WFP_DUMP_NAME_CONTEXT,
};
/** The GUID of a constant's name, with its FWPM_..._ prefix. @return 0 or -WFP_ERR_NOT_FOUND */
int wfp_dump_name_find(enum wfp_dump_name kind, const char *name, struct wfp_guid *ret_guid);

/**
 * The name by which our tables call a field that a dump calls @p name (without prefix; a GUID in braces,
 * or an older name): weights go by names. @p layer may be NULL. @return @p name where we have none
 */
const char *wfp_dump_condition_name(const struct wfp_layer *layer, const struct wfp_guid *key,
                                    const char *name);

struct wfp_dump_number {
    const char *name;
    uint32_t value;
};
/** The value of a name in a table that ends with a NULL name. @return 0 or -WFP_ERR_NOT_FOUND */
int wfp_dump_number_find(const struct wfp_dump_number *table, const char *name,
                         uint32_t *ret_value);
extern const struct wfp_dump_number wfp_dump_types[], wfp_dump_matches[], wfp_dump_actions[],
    wfp_dump_kinds[], wfp_dump_flag_names[];

/* dump_sddl.c */
/** A SID in text or of two letters, as bytes. @return 0 or -WFP_ERR_INVALID_PARAMETER */
int wfp_dump_sid_parse(const char *text, size_t length, uint8_t ret_sid[68], size_t *ret_size);
/**
 * A self-relative security descriptor from its text form.
 * @param ret_partial  an entry's condition could not be encoded; the entry then holds none
 * @return 0, -WFP_ERR_NO_MEMORY or -WFP_ERR_INVALID_PARAMETER
 */
int wfp_dump_sddl_parse(const char *text, struct wfp_dump_arena *arena,
                        struct wfp_blob *ret_descriptor, bool *ret_partial);

/* dump_node.c */
struct wfp_dump_name_entry {
    const char *name;
    uint8_t kind;
    struct wfp_guid guid;
};
#define WFP_DUMP_NAME_SLOTS 4096

struct wfp_dump_reader {
    struct wfp_dump *dump;
    struct wfp_dump_arena *arena;
    struct wfp_dump_error *error;
    uint32_t name_count;
    struct wfp_dump_name_entry names[WFP_DUMP_NAME_SLOTS];
};
/** Note why reading fails at @p node. @return -WFP_ERR_INVALID_PARAMETER */
int wfp_dump_fail(struct wfp_dump_reader *reader, const xmlNode *node, const char *format, ...)
    _printf_(3, 4);
int wfp_dump_no_memory(struct wfp_dump_reader *reader);
/** Note what is not known at @p node, and go on. @return 0 or -WFP_ERR_NO_MEMORY */
int wfp_dump_note(struct wfp_dump_reader *reader, const xmlNode *node, const char *format, ...)
    _printf_(3, 4);
/**
 * Read an item. One that cannot be read is taken out of the list again and noted.
 * @return 0 or -WFP_ERR_NO_MEMORY
 */
int wfp_dump_item(struct wfp_dump_reader *reader, const xmlNode *node,
                  int (*read)(struct wfp_dump_reader *, const xmlNode *));
/** The value of a name in a table, or of eight hexadecimal digits; @p otherwise if unknown, noted. */
int wfp_dump_enumerator(struct wfp_dump_reader *reader, const xmlNode *node,
                        const struct wfp_dump_number *table, uint32_t otherwise,
                        uint32_t *ret_value);
/** Room for one more in a list that doubles; NULL when memory is out. */
void *wfp_dump_grow(struct wfp_dump_reader *reader, void *list, uint32_t *count, size_t size);
/** The first child element of that name, or NULL. */
xmlNode *wfp_dump_child(const xmlNode *node, const char *name);
xmlNode *wfp_dump_first_element(const xmlNode *node);
xmlNode *wfp_dump_next_element(const xmlNode *node);
/** The text of an element, "" where it has none; NULL when memory is out. Lives as long as the
 * node. */
const char *wfp_dump_node_text(struct wfp_dump_reader *reader, const xmlNode *node);
/** A GUID in braces or the name of one. An empty element gives the zero GUID. */
int wfp_dump_key(struct wfp_dump_reader *reader, const xmlNode *node, enum wfp_dump_name kind,
                 struct wfp_guid *ret_key);
int wfp_dump_number(struct wfp_dump_reader *reader, const xmlNode *node, uint64_t most,
                    uint64_t *ret_number);
/** <data> of @p node as bytes; an absent one is empty. */
int wfp_dump_blob(struct wfp_dump_reader *reader, const xmlNode *node, struct wfp_blob *ret_blob);
int wfp_dump_string(struct wfp_dump_reader *reader, const xmlNode *node,
                    const uint16_t **ret_string_utf16);

/** The number in a child element; absent or empty means @p otherwise. */
int wfp_dump_child_number(struct wfp_dump_reader *reader, const xmlNode *node, const char *name,
                          uint64_t most, uint64_t otherwise, uint64_t *ret_number);
/** The key in a child element; absent is the zero GUID. */
int wfp_dump_child_key(struct wfp_dump_reader *reader, const xmlNode *node, const char *name,
                       enum wfp_dump_name kind, struct wfp_guid *ret_key);
/** <flags>: names, or eight hexadecimal digits for bits without one. */
int wfp_dump_flags(struct wfp_dump_reader *reader, const xmlNode *node, uint32_t *ret_flags);
/** Eight hexadecimal digits: how netsh prints a number that it has no name for. */
bool wfp_dump_bits(const char *text, uint32_t *ret_bits);
/** A copy that lives as long as the dump, or NULL. */
const char *wfp_dump_keep(struct wfp_dump_reader *reader, const char *text);

#define GROW(reader, list, count)                                                                  \
    ({                                                                                             \
        void *grown_ = wfp_dump_grow(reader, (list), &(count), sizeof(*(list)));                   \
        if (!grown_)                                                                               \
            return wfp_dump_no_memory(reader);                                                     \
        (list) = grown_;                                                                           \
        memset(&(list)[count], 0, sizeof(*(list)));                                                \
        &(list)[(count)++];                                                                        \
    })

/* dump_object.c: each takes an <item> and appends to the dump's list */
int wfp_dump_read_provider(struct wfp_dump_reader *reader, const xmlNode *node);
int wfp_dump_read_sublayer(struct wfp_dump_reader *reader, const xmlNode *node);
int wfp_dump_read_context(struct wfp_dump_reader *reader, const xmlNode *node);
int wfp_dump_read_filter(struct wfp_dump_reader *reader, const xmlNode *node);
/** A layer, with the callouts and filters that a state file lists beneath it. */
int wfp_dump_read_layer(struct wfp_dump_reader *reader, const xmlNode *node);

/* dump_value.c */
/** An element that holds <type> and the value in an element named for it. */
int wfp_dump_value(struct wfp_dump_reader *reader, const xmlNode *node,
                   struct wfp_value *ret_value);

#endif
