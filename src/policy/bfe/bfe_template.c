/*
 * Enumeration templates: is the template legal, and does an object fit it?
 *
 * Model      A condition is a set of values of its field; the conditions of a filter on one field are
 *            a union of sets. FULLY_CONTAINED asks that the filter's set holds all of the template's,
 *            OVERLAPPING that they share a value. Sortable types are compared as unions of intervals
 *            in 128 bits, single values by evaluating the filter's condition on them, the rest
 *            (flags, suffixes, descriptors) by identity. A field the filter does not test holds
 *            every value.
 * Choice     Only the template's fields are compared: a filter that also tests another field is
 *            still returned. A template without conditions selects all filters, as documented.
 * Ref        win32 fwpmtypes/ns-fwpmtypes-fwpm_filter_enum_template0,
 *            fwptypes/ne-fwptypes-fwp_filter_enum_type
 */
#include "core/model/condition.h"
#include "policy/bfe/bfe_internal.h"

typedef unsigned __int128 wide;

struct interval {
    wide low, high;
};

#define KNOWN_FLAGS                                                                                \
    (WFP_BFE_ENUM_BEST_TERMINATING_MATCH | WFP_BFE_ENUM_SORTED | WFP_BFE_ENUM_BOOTTIME_ONLY |      \
     WFP_BFE_ENUM_INCLUDE_BOOTTIME | WFP_BFE_ENUM_INCLUDE_DISABLED | WFP_BFE_ENUM_RESERVED1)

/* ---- legality ---------------------------------------------------------------------------- */

static bool
is_token_field(const struct wfp_field *field)
{
    return field->type == WFP_TOKEN_INFORMATION || field->type == WFP_TOKEN_ACCESS_INFORMATION;
}

/* Templates may name a SID where filters carry a descriptor: whom does the filter apply to? */
static int
check_condition(const struct wfp_layer *layer, int field, const struct wfp_condition *condition)
{
    if (is_token_field(&layer->fields[field]) && condition->value.type == WFP_SID) {
        if (condition->match != WFP_MATCH_EQUAL)
            return -WFP_ERR_MATCH_TYPE_MISMATCH;
        if (!condition->value.sid)
            return -WFP_ERR_NULL_POINTER;
        return wfp_access_sid_is_valid(condition->value.sid) ? 0 : -WFP_ERR_INVALID_PARAMETER;
    }
    return wfp_condition_check(layer, condition);
}

static int
check_conditions(const struct wfp_bfe_template *template_, const struct wfp_layer *layer)
{
    uint64_t seen = 0;

    if (!template_->condition_count)
        return 0;
    if (!template_->conditions)
        return -WFP_ERR_NULL_POINTER;
    if (!layer)
        return -WFP_ERR_LAYER_NOT_FOUND;
    for (uint32_t i = 0; i < template_->condition_count; i++) {
        int field = wfp_layer_find_field(layer, &template_->conditions[i].field_key), r;
        if (field < 0)
            return field;
        if (seen & 1ull << field)
            return -WFP_ERR_DUPLICATE_CONDITION;
        seen |= 1ull << field;
        r = check_condition(layer, field, &template_->conditions[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool
is_any(const struct wfp_guid *key)
{
    return !key || wfp_guid_is_zero(key);
}

static int
check_filter_template(const struct wfp_bfe_template *template_)
{
    const struct wfp_layer *layer = NULL;

    if (template_->enum_type >= WFP_BFE_ENUM_TYPE_MAX)
        return -WFP_ERR_INVALID_ENUMERATOR;
    if (template_->flags & ~KNOWN_FLAGS)
        return -WFP_ERR_INVALID_FLAGS;
    if (!template_->action_mask)
        return -WFP_ERR_NEVER_MATCH;
    if (template_->context && template_->context->type >= WFP_CONTEXT_TYPE_MAX)
        return -WFP_ERR_INVALID_ENUMERATOR;
    if (!is_any(template_->layer_key) && !(layer = wfp_layer_find_key(template_->layer_key)))
        return -WFP_ERR_LAYER_NOT_FOUND;
    return check_conditions(template_, layer);
}

int
wfp_bfe_template_check(enum wfp_bfe_kind kind, const struct wfp_bfe_template *template_)
{
    switch (kind) {
    case WFP_BFE_FILTER:
        return check_filter_template(template_);
    case WFP_BFE_EVENT:
        return wfp_bfe_event_check(template_);
    case WFP_BFE_CONTEXT:
        return template_->context_type < WFP_CONTEXT_TYPE_MAX ? 0 : -WFP_ERR_INVALID_ENUMERATOR;
    case WFP_BFE_CALLOUT:
        return is_any(template_->layer_key) || wfp_layer_find_key(template_->layer_key)
                   ? 0
                   : -WFP_ERR_LAYER_NOT_FOUND;
    default:
        return 0;
    }
}

/* ---- sets of values ---------------------------------------------------------------------- */

static wide
wide_from_bytes(const uint8_t bytes[16])
{
    wide value = 0;

    for (int i = 0; i < 16; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The order of a sortable scalar as an unsigned number, and the type's highest; false if neither. */
static bool
to_wide(const struct wfp_value *value, wide *ret_number, wide *ret_max)
{
    switch (value->type) {
    case WFP_UINT8:
        *ret_number = value->uint8;
        *ret_max = UINT8_MAX;
        return true;
    case WFP_UINT16:
        *ret_number = value->uint16;
        *ret_max = UINT16_MAX;
        return true;
    case WFP_UINT32:
        *ret_number = value->uint32;
        *ret_max = UINT32_MAX;
        return true;
    case WFP_UINT64:
        *ret_number = *value->uint64;
        *ret_max = UINT64_MAX;
        return true;
    case WFP_INT8:
        *ret_number = (wide)(value->int8 + 0x80);
        *ret_max = UINT8_MAX;
        return true;
    case WFP_INT16:
        *ret_number = (wide)(value->int16 + 0x8000);
        *ret_max = UINT16_MAX;
        return true;
    case WFP_INT32:
        *ret_number = (uint32_t)value->int32 ^ 0x80000000u;
        *ret_max = UINT32_MAX;
        return true;
    case WFP_INT64:
        *ret_number = (uint64_t)*value->int64 ^ 1ull << 63;
        *ret_max = UINT64_MAX;
        return true;
    case WFP_BYTE_ARRAY16:
        *ret_number = wide_from_bytes(value->array16->bytes);
        *ret_max = ~(wide)0;
        return true;
    default:
        return false;
    }
}

/* What a condition's operand spans before its match type is applied. */
static bool
operand_span(const struct wfp_value *value, struct interval *ret_span, wide *ret_max)
{
    switch (value->type) {
    case WFP_V4_ADDR_MASK:
        ret_span->low = value->v4_mask->addr_host & value->v4_mask->mask_host;
        ret_span->high = ret_span->low | (uint32_t)~value->v4_mask->mask_host;
        *ret_max = UINT32_MAX;
        return true;
    case WFP_V6_ADDR_MASK: {
        uint8_t prefix = value->v6_mask->prefix_length;
        wide host = prefix >= 128 ? 0 : ~(wide)0 >> prefix;
        ret_span->low = wide_from_bytes(value->v6_mask->addr) & ~host;
        ret_span->high = ret_span->low | host;
        *ret_max = ~(wide)0;
        return true;
    }
    case WFP_RANGE:
        return to_wide(&value->range->low, &ret_span->low, ret_max) &&
               to_wide(&value->range->high, &ret_span->high, ret_max);
    default:
        if (!to_wide(value, &ret_span->low, ret_max))
            return false;
        ret_span->high = ret_span->low;
        return true;
    }
}

/* The intervals of a condition: 0 to 2, or -1 when it is no union of intervals. */
static int
to_intervals(const struct wfp_condition *condition, struct interval intervals[2])
{
    struct interval span;
    int count = 0;
    wide max;

    if (!operand_span(&condition->value, &span, &max))
        return -1;
    switch (condition->match) {
    case WFP_MATCH_EQUAL:
    case WFP_MATCH_RANGE:
        intervals[count++] = span;
        return count;
    case WFP_MATCH_NOT_EQUAL:
        if (span.low > 0)
            intervals[count++] = (struct interval){0, span.low - 1};
        if (span.high < max)
            intervals[count++] = (struct interval){span.high + 1, max};
        return count;
    case WFP_MATCH_GREATER:
        if (span.high < max)
            intervals[count++] = (struct interval){span.high + 1, max};
        return count;
    case WFP_MATCH_GREATER_OR_EQUAL:
        intervals[count++] = (struct interval){span.low, max};
        return count;
    case WFP_MATCH_LESS:
        if (span.low > 0)
            intervals[count++] = (struct interval){0, span.low - 1};
        return count;
    case WFP_MATCH_LESS_OR_EQUAL:
        intervals[count++] = (struct interval){0, span.high};
        return count;
    default:
        return -1;
    }
}

/* ---- one field of a filter against one condition of the template -------------------------- */

struct group {
    struct wfp_filter_walk first; /* before the first of them */
    uint32_t count;
};

/* How far beyond @p low the group covers without a gap, in one step; false if not even low. */
static bool
covered_to(const struct group *group, wide low, wide *ret_high)
{
    struct wfp_filter_walk walk = group->first;
    bool covered = false;

    for (uint32_t i = 0; i < group->count; i++) {
        struct interval intervals[2];
        int count = to_intervals(wfp_filter_next(&walk), intervals);
        for (int j = 0; j < count; j++) {
            if (intervals[j].low > low || intervals[j].high < low)
                continue;
            if (!covered || intervals[j].high > *ret_high)
                *ret_high = intervals[j].high;
            covered = true;
        }
    }
    return covered;
}

static bool
covers(const struct group *group, struct interval wanted)
{
    wide high = 0;

    for (wide low = wanted.low; covered_to(group, low, &high); low = high + 1)
        if (high >= wanted.high)
            return true;
    return false;
}

static bool
touches(const struct group *group, struct interval wanted)
{
    struct wfp_filter_walk walk = group->first;

    for (uint32_t i = 0; i < group->count; i++) {
        struct interval intervals[2];
        int count = to_intervals(wfp_filter_next(&walk), intervals);
        for (int j = 0; j < count; j++)
            if (intervals[j].low <= wanted.high && wanted.low <= intervals[j].high)
                return true;
    }
    return false;
}

/* Is the filter's condition true of the template's single value? */
static bool
is_true_of(const struct wfp_condition *filters, const struct wfp_value *value)
{
    struct wfp_sid_and_attributes sid = {.sid = value->sid};
    struct wfp_token_information token = {.sid_count = 1, .sids = &sid};
    struct wfp_value user = {.type = WFP_TOKEN_INFORMATION, .token = &token};

    if (value->type == WFP_SID && filters->value.type == WFP_SECURITY_DESCRIPTOR)
        return wfp_condition_match(&user, filters->match, &filters->value);
    return wfp_condition_match(value, filters->match, &filters->value);
}

static bool
is_single(const struct wfp_condition *condition)
{
    return condition->match == WFP_MATCH_EQUAL && condition->value.type != WFP_V4_ADDR_MASK &&
           condition->value.type != WFP_V6_ADDR_MASK &&
           condition->value.type != WFP_SECURITY_DESCRIPTOR;
}

/* No interval: by value or by identity. */
static bool
fits_otherwise(const struct wfp_condition *filters, const struct wfp_condition *wanted,
               bool overlapping)
{
    if (filters->match == wanted->match && wfp_value_equal(&filters->value, &wanted->value))
        return true;
    if (is_single(wanted))
        return is_true_of(filters, &wanted->value);
    return overlapping && is_single(filters) &&
           wfp_condition_match(&filters->value, wanted->match, &wanted->value);
}

static bool
group_fits(const struct group *group, const struct wfp_condition *wanted, bool overlapping)
{
    struct interval intervals[2];
    int count = to_intervals(wanted, intervals);
    struct wfp_filter_walk walk = group->first;
    bool all = count > 0, any = false;

    for (int i = 0; i < count; i++) {
        all &= covers(group, intervals[i]);
        any |= touches(group, intervals[i]);
    }
    if (all || (overlapping && any))
        return true;
    for (uint32_t i = 0; i < group->count; i++)
        if (fits_otherwise(wfp_filter_next(&walk), wanted, overlapping))
            return true;
    return false;
}

/* The filter's conditions on a field, which stand together. */
static struct group
group_on(const struct wfp_filter *filter, const struct wfp_guid *field_key)
{
    struct group group = {.first = wfp_filter_walk(filter)};
    struct wfp_filter_walk walk = group.first;
    const struct wfp_condition *condition;

    while ((condition = wfp_filter_next(&walk))) {
        if (wfp_guid_equal(&condition->field_key, field_key))
            group.count++;
        else if (group.count)
            break;
        else
            group.first = walk;
    }
    return group;
}

static bool
conditions_fit(const struct wfp_filter *filter, const struct wfp_bfe_template *template_)
{
    for (uint32_t i = 0; i < template_->condition_count; i++) {
        const struct wfp_condition *wanted = &template_->conditions[i];
        struct group group = group_on(filter, &wanted->field_key);

        if (group.count &&
            !group_fits(&group, wanted, template_->enum_type == WFP_BFE_ENUM_OVERLAPPING))
            return false;
    }
    return true;
}

/* ---- objects ----------------------------------------------------------------------------- */

static bool
is_shown(const struct wfp_filter *filter, uint32_t flags)
{
    bool boot_time = filter->flags & WFP_FILTER_FLAG_BOOTTIME;

    if (flags & WFP_BFE_ENUM_BOOTTIME_ONLY)
        return boot_time;
    return (!boot_time || (flags & WFP_BFE_ENUM_INCLUDE_BOOTTIME)) &&
           (!(filter->flags & WFP_FILTER_FLAG_DISABLED) || (flags & WFP_BFE_ENUM_INCLUDE_DISABLED));
}

static bool
context_fits(struct wfp_bfe *bfe, const struct wfp_filter *filter,
             const struct wfp_bfe_context_template *template_)
{
    const struct wfp_bfe_entry *entry;
    const struct wfp_guid *provider;

    if (!(filter->flags & WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT))
        return false;
    entry =
        wfp_bfe_table_find_key(&bfe->tables[WFP_BFE_CONTEXT], filter->extra->provider_context_key);
    if (!entry || entry->object->context_type != template_->type)
        return false;
    provider = wfp_bfe_entry_provider(entry);
    return !template_->provider_key ||
           (provider && wfp_guid_equal(provider, template_->provider_key));
}

static bool
filter_fits(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_,
            const struct wfp_filter *filter)
{
    if (!is_shown(filter, template_->flags))
        return false;
    if (!is_any(template_->layer_key) &&
        !wfp_guid_equal(template_->layer_key, &wfp_layer_find_id(filter->layer_id)->key))
        return false;
    if (template_->action_mask != WFP_BFE_ANY_ACTION && !(filter->action & template_->action_mask))
        return false;
    if (template_->callout_key &&
        (!(filter->action & WFP_ACTION_FLAG_CALLOUT) ||
         !wfp_guid_equal(template_->callout_key, filter->extra->callout_key)))
        return false;
    if (template_->context && !context_fits(bfe, filter, template_->context))
        return false;
    return conditions_fit(filter, template_);
}

bool
wfp_bfe_template_match(struct wfp_bfe *bfe, const struct wfp_bfe_template *template_,
                       const struct wfp_bfe_entry *entry)
{
    const struct wfp_guid *provider = wfp_bfe_entry_provider(entry);

    if (!template_)
        return entry->kind != WFP_BFE_FILTER || is_shown(entry->filter, 0);
    if (template_->provider_key && entry->kind != WFP_BFE_PROVIDER &&
        (!provider || !wfp_guid_equal(provider, template_->provider_key)))
        return false;
    switch (entry->kind) {
    case WFP_BFE_FILTER:
        return filter_fits(bfe, template_, entry->filter);
    case WFP_BFE_CONTEXT:
        return entry->object->context_type == template_->context_type;
    case WFP_BFE_CALLOUT:
        return is_any(template_->layer_key) ||
               wfp_guid_equal(template_->layer_key, &entry->object->layer_key);
    default:
        return true;
    }
}

/* ---- copies, for subscriptions ----------------------------------------------------------- */

struct template_copy {
    struct wfp_bfe_template template_;
    struct wfp_bfe_context_template context;
    struct wfp_guid provider_key, layer_key, callout_key, context_provider_key;
    uint32_t condition_count; /* whole ones */
    struct wfp_condition conditions[];
};

void
wfp_bfe_template_free(struct wfp_bfe_template *template_)
{
    struct template_copy *copy = (struct template_copy *)template_;

    for (uint32_t i = 0; copy && i < copy->condition_count; i++)
        wfp_value_fini(&copy->conditions[i].value);
    free(copy);
}

static const struct wfp_guid *
keep(struct wfp_guid *place, const struct wfp_guid *key)
{
    if (!key)
        return NULL;
    *place = *key;
    return place;
}

int
wfp_bfe_template_copy(const struct wfp_bfe_template *template_,
                      struct wfp_bfe_template **ret_template)
{
    uint32_t count = template_->condition_count;
    struct template_copy *copy =
        calloc(1, sizeof(*copy) + (size_t)count * sizeof(struct wfp_condition));

    if (!copy)
        return -WFP_ERR_NO_MEMORY;
    copy->template_ = *template_;
    copy->template_.provider_key = keep(&copy->provider_key, template_->provider_key);
    copy->template_.layer_key = keep(&copy->layer_key, template_->layer_key);
    copy->template_.callout_key = keep(&copy->callout_key, template_->callout_key);
    if (template_->context) {
        copy->context = *template_->context;
        copy->context.provider_key =
            keep(&copy->context_provider_key, template_->context->provider_key);
        copy->template_.context = &copy->context;
    }
    for (uint32_t i = 0; i < count; i++) {
        int r = wfp_value_copy(&template_->conditions[i].value, &copy->conditions[i].value);
        if (r < 0) {
            wfp_bfe_template_free(&copy->template_);
            return r;
        }
        copy->conditions[i].field_key = template_->conditions[i].field_key;
        copy->conditions[i].match = template_->conditions[i].match;
        copy->condition_count++;
    }
    copy->template_.conditions = copy->conditions;
    *ret_template = &copy->template_;
    return 0;
}
