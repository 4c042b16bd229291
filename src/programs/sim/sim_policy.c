/*
 * Filters of the test's own, by words.
 */
#include <stdio.h>
#include <string.h>

#include "base/utf16.h"
#include "core/model/layer.h"
#include "programs/run_options.h"
#include "programs/sim/sim_world.h"

#define CONDITIONS_MAX 8

/** What a condition's value points to. */
struct operand {
    struct wfp_v4_mask v4;
    struct wfp_v6_mask v6;
};

static int
set_address(struct wfp_sim *sim, const struct wfp_layer *layer, const char *text,
            struct wfp_value *value, struct operand *operand)
{
    struct wfp_local_prefix prefix;
    bool is_v4 = strstr(layer->name, "_V4") != NULL;
    uint32_t address;

    if (run_options_parse_prefix(text, &prefix) < 0 || (prefix.version == 4) != is_v4)
        return sim_fail(sim, "filter at %s: '%s': expected an IPv%d address or prefix", layer->name,
                        text, is_v4 ? 4 : 6);
    if (is_v4) {
        memcpy(&address, prefix.addr, 4);
        operand->v4.addr_host = __builtin_bswap32(address);
        operand->v4.mask_host =
            prefix.prefix_length ? UINT32_MAX << (32 - prefix.prefix_length) : 0;
        *value = (struct wfp_value){.type = WFP_V4_ADDR_MASK, .v4_mask = &operand->v4};
    } else {
        memcpy(operand->v6.addr, prefix.addr, 16);
        operand->v6.prefix_length = prefix.prefix_length;
        *value = (struct wfp_value){.type = WFP_V6_ADDR_MASK, .v6_mask = &operand->v6};
    }
    return 0;
}

static int
set_condition(struct wfp_sim *sim, const struct wfp_layer *layer, char *word,
              struct wfp_condition *condition, struct operand *operand)
{
    static const struct {
        const char *word, *field;
    } names[] = {
        {"local", "IP_LOCAL_ADDRESS"}, {"remote", "IP_REMOTE_ADDRESS"},
        {"port", "IP_REMOTE_PORT"},    {"local_port", "IP_LOCAL_PORT"},
        {"protocol", "IP_PROTOCOL"},
    };
    char *equals = strchr(word, '=');
    int field = -1;

    if (equals)
        *equals = 0;
    for (size_t i = 0; equals && i < ELEMENTSOF(names); i++)
        if (strcmp(names[i].word, word) == 0)
            field = wfp_layer_find_field_name(layer, names[i].field);
    if (field < 0)
        return sim_fail(sim,
                        "filter at %s: '%s': no such condition there; local, remote, port, "
                        "local_port and protocol are known",
                        layer->name, word);
    condition->field_key = layer->fields[field].condition_key;
    condition->match = WFP_MATCH_EQUAL;
    if (strcmp(word, "local") == 0 || strcmp(word, "remote") == 0)
        return set_address(sim, layer, equals + 1, &condition->value, operand);
    condition->value.type = strcmp(word, "protocol") == 0 ? WFP_UINT8 : WFP_UINT16;
    condition->value.uint16 = (uint16_t)strtoul(equals + 1, NULL, 0);
    return 0;
}

uint64_t
wfp_sim_filter(struct wfp_sim *sim, const char *layer_name, const char *action,
               const char *conditions)
{
    const struct wfp_layer *layer = wfp_layer_find_name(layer_name);
    struct wfp_condition list[CONDITIONS_MAX] = {0};
    struct operand operands[CONDITIONS_MAX] = {0};
    _cleanup_(freep) char *text = strdup(conditions ? conditions : "");
    _cleanup_(freep) uint16_t *name = wfp_utf16_from_utf8("test filter", NULL);
    struct wfp_filter_spec spec = {.common.name_utf16 = name, .conditions = list};
    bool is_block = strcmp(action, "block") == 0;
    char *at = NULL;
    uint64_t id;
    int r;

    if (!layer || (!is_block && strcmp(action, "permit") != 0)) {
        sim_fail(sim,
                 "filter at '%s', action '%s': expected a layer like ALE_AUTH_CONNECT_V4, and "
                 "block or permit",
                 layer_name, action);
        return 0;
    }
    for (char *word = text ? strtok_r(text, " ", &at) : NULL; word;
         word = strtok_r(NULL, " ", &at)) {
        if (spec.condition_count == CONDITIONS_MAX) {
            sim_fail(sim, "filter at %s: more than %d conditions", layer_name, CONDITIONS_MAX);
            return 0;
        }
        if (set_condition(sim, layer, word, &list[spec.condition_count],
                          &operands[spec.condition_count]) < 0)
            return 0;
        spec.condition_count++;
    }
    spec.layer_key = layer->key;
    spec.action = is_block ? WFP_ACTION_BLOCK : WFP_ACTION_PERMIT;
    r = wfp_bfe_filter_add(sim->machine.session, &spec, NULL, &id);
    if (r < 0) {
        sim_fail(sim, "filter at %s: %s", layer_name, wfp_status_name(r));
        return 0;
    }
    return id;
}

int
wfp_sim_delete_filter(struct wfp_sim *sim, uint64_t id)
{
    int r = wfp_bfe_delete_by_id(sim->machine.session, WFP_BFE_FILTER, id);

    return r < 0 ? sim_fail(sim, "filter %llu: %s", (unsigned long long)id, wfp_status_name(r)) : 0;
}
