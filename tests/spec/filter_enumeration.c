/*
 * Pages: win32 fwpmtypes/ns-fwpmtypes-fwpm_filter_enum_template0, fwptypes/ne-fwp_filter_enum_type,
 * fwpmu/nf-fwpmu-fwpmfilterenum0. A row per rule.
 */
#include "management.h"

#define V4      WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define ADDRESS WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS
#define PORT    WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT
#define FLAGS   WFP_FIELD_OUTBOUND_TRANSPORT_V4_FLAGS
#define AUTH    WFP_LAYER_ALE_AUTH_CONNECT_V4
#define APP     WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_APP_ID
#define USER    WFP_FIELD_ALE_AUTH_CONNECT_V4_ALE_USER_ID

static FWPM_FILTER_CONDITION0
condition_at(UINT16 layer_id, UINT16 index, FWP_MATCH_TYPE match, FWP_CONDITION_VALUE0 value)
{
    return (FWPM_FILTER_CONDITION0){
        .fieldKey = field(layer_id, index), .matchType = match, .conditionValue = value};
}

static UINT64
add_with(struct world *w, UINT16 layer_id, UINT32 count, FWPM_FILTER_CONDITION0 *conditions)
{
    FWPM_FILTER0 filter = a_filter();
    UINT64 id = 0;

    filter.layerKey = layer(layer_id);
    filter.numFilterConditions = count;
    filter.filterCondition = conditions;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, &id));
    return id;
}

/* How many filters the template selects. */
static UINT32
count_of(struct world *w, const FWPM_FILTER_ENUM_TEMPLATE0 *template_)
{
    FWPM_FILTER0 **entries = NULL;
    UINT32 count = 0;
    HANDLE handle;

    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, template_, &handle));
    GIVES(0, FwpmFilterEnum0(w->session, handle, 1000, &entries, &count));
    FwpmFreeMemory0((void **)&entries);
    GIVES(0, FwpmFilterDestroyEnumHandle0(w->session, handle));
    return count;
}

static FWPM_FILTER_ENUM_TEMPLATE0
at_layer(UINT16 layer_id, UINT32 count, FWPM_FILTER_CONDITION0 *conditions)
{
    return (FWPM_FILTER_ENUM_TEMPLATE0){.layerKey = layer(layer_id),
                                        .actionMask = 0xFFFFFFFF,
                                        .numFilterConditions = count,
                                        .filterCondition = conditions};
}

/* Does a template with this condition select a filter with that one? */
static bool
selects(struct world *w, UINT16 layer_id, FWP_FILTER_ENUM_TYPE type, FWPM_FILTER_CONDITION0 wanted,
        FWPM_FILTER_CONDITION0 *has, UINT32 has_count)
{
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = at_layer(layer_id, 1, &wanted);
    UINT64 id = add_with(w, layer_id, has_count, has);
    UINT32 count;

    template_.enumType = type;
    count = count_of(w, &template_);
    GIVES(0, FwpmFilterDeleteById0(w->session, id));
    return count == 1;
}

static void
no_template_is_all_shown(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 boot = a_filter();
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.actionMask = 0xFFFFFFFF};

    boot.flags = FWPM_FILTER_FLAG_BOOTTIME;
    add_with(w, V4, 0, NULL);
    add_with(w, AUTH, 0, NULL);
    GIVES(0, FwpmFilterAdd0(w->session, &boot, NULL, NULL));
    assert_int_equal(count_of(w, NULL), 2);
    assert_int_equal(count_of(w, &template_), 2);
    template_.flags = FWP_FILTER_ENUM_FLAG_INCLUDE_BOOTTIME;
    assert_int_equal(count_of(w, &template_), 3);
    template_.flags = FWP_FILTER_ENUM_FLAG_BOOTTIME_ONLY;
    assert_int_equal(count_of(w, &template_), 1);
    template_.flags = 0;
    template_.layerKey = layer(AUTH);
    assert_int_equal(count_of(w, &template_), 1);
}

static void
action_mask_selects_by_bits(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = at_layer(V4, 0, NULL);

    GIVES(0, add_callout(w->session, &callout_key, 0));
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL)); /* block */
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.action.calloutKey = callout_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    assert_int_equal(count_of(w, &template_), 2);
    template_.actionMask = FWP_ACTION_FLAG_CALLOUT;
    assert_int_equal(count_of(w, &template_), 1);
    template_.actionMask = FWP_ACTION_FLAG_TERMINATING;
    assert_int_equal(count_of(w, &template_), 1);
    template_.actionMask = 0xFFFFFFFF;
    template_.calloutKey = (GUID *)&callout_key;
    assert_int_equal(count_of(w, &template_), 1);
    template_.calloutKey = (GUID *)&other_key;
    assert_int_equal(count_of(w, &template_), 0);
}

static void
provider_and_context_templates(void **state)
{
    struct world *w = *state;
    FWPM_FILTER0 filter = a_filter();
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = {.actionMask = 0xFFFFFFFF};
    FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 context = {.providerContextType = FWPM_GENERAL_CONTEXT};

    GIVES(0, add_provider(w->session, &provider_key, 0));
    GIVES(0, add_context(w->session, &context_key, 0));
    add_with(w, V4, 0, NULL);
    filter.providerKey = (GUID *)&provider_key;
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = context_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    template_.providerKey = (GUID *)&provider_key;
    assert_int_equal(count_of(w, &template_), 1);
    template_.providerKey = NULL;
    template_.providerContextTemplate = &context;
    assert_int_equal(count_of(w, &template_), 1);
    context.providerContextType = FWPM_CLASSIFY_OPTIONS_CONTEXT;
    assert_int_equal(count_of(w, &template_), 0);
}

static FWP_V4_ADDR_AND_MASK net8 = {0x0A000000, 0xFF000000}, net16 = {0x0A010000, 0xFFFF0000},
                            other16 = {0x0B010000, 0xFFFF0000};
static FWP_RANGE0 low_ports = {{.type = FWP_UINT16, .uint16 = 0},
                               {.type = FWP_UINT16, .uint16 = 1023}};
static FWP_RANGE0 web_ports = {{.type = FWP_UINT16, .uint16 = 80},
                               {.type = FWP_UINT16, .uint16 = 90}};
static FWP_RANGE0 over_ports = {{.type = FWP_UINT16, .uint16 = 1000},
                                {.type = FWP_UINT16, .uint16 = 2000}};

#define MASK(m)  ((FWP_CONDITION_VALUE0){.type = FWP_V4_ADDR_MASK, .v4AddrMask = &(m)})
#define RANGE(r) ((FWP_CONDITION_VALUE0){.type = FWP_RANGE_TYPE, .rangeValue = &(r)})
#define U16(n)   ((FWP_CONDITION_VALUE0){.type = FWP_UINT16, .uint16 = (n)})
#define U32(n)   ((FWP_CONDITION_VALUE0){.type = FWP_UINT32, .uint32 = (n)})

static void
contained_and_overlapping_sets(void **state)
{
    const struct {
        UINT16 index;
        FWP_MATCH_TYPE wanted_match;
        FWP_CONDITION_VALUE0 wanted;
        FWP_MATCH_TYPE has_match;
        FWP_CONDITION_VALUE0 has;
        bool contained, overlapping;
    } table[] = {
        {ADDRESS, FWP_MATCH_EQUAL, MASK(net16), FWP_MATCH_EQUAL, MASK(net8), true, true},
        {ADDRESS, FWP_MATCH_EQUAL, MASK(net8), FWP_MATCH_EQUAL, MASK(net16), false, true},
        {ADDRESS, FWP_MATCH_EQUAL, MASK(other16), FWP_MATCH_EQUAL, MASK(net8), false, false},
        {ADDRESS, FWP_MATCH_EQUAL, U32(0x0A010203), FWP_MATCH_EQUAL, MASK(net16), true, true},
        {ADDRESS, FWP_MATCH_EQUAL, MASK(other16), FWP_MATCH_NOT_EQUAL, MASK(net8), true, true},
        {PORT, FWP_MATCH_RANGE, RANGE(web_ports), FWP_MATCH_RANGE, RANGE(low_ports), true, true},
        {PORT, FWP_MATCH_RANGE, RANGE(low_ports), FWP_MATCH_RANGE, RANGE(web_ports), false, true},
        {PORT, FWP_MATCH_RANGE, RANGE(over_ports), FWP_MATCH_RANGE, RANGE(low_ports), false, true},
        {PORT, FWP_MATCH_RANGE, RANGE(over_ports), FWP_MATCH_RANGE, RANGE(web_ports), false, false},
        {PORT, FWP_MATCH_EQUAL, U16(80), FWP_MATCH_RANGE, RANGE(web_ports), true, true},
        {PORT, FWP_MATCH_EQUAL, U16(79), FWP_MATCH_RANGE, RANGE(web_ports), false, false},
        {PORT, FWP_MATCH_EQUAL, U16(80), FWP_MATCH_NOT_EQUAL, U16(81), true, true},
        {PORT, FWP_MATCH_EQUAL, U16(80), FWP_MATCH_NOT_EQUAL, U16(80), false, false},
        {PORT, FWP_MATCH_GREATER, U16(100), FWP_MATCH_GREATER, U16(99), true, true},
        {PORT, FWP_MATCH_GREATER, U16(99), FWP_MATCH_GREATER, U16(100), false, true},
        {PORT, FWP_MATCH_LESS, U16(100), FWP_MATCH_GREATER, U16(100), false, false},
        {PORT, FWP_MATCH_LESS_OR_EQUAL, U16(100), FWP_MATCH_GREATER_OR_EQUAL, U16(100), false,
         true},
        {PORT, FWP_MATCH_GREATER_OR_EQUAL, U16(0), FWP_MATCH_LESS_OR_EQUAL, U16(65535), true, true},
        {FLAGS, FWP_MATCH_EQUAL, U32(5), FWP_MATCH_FLAGS_ALL_SET, U32(4), true, true},
        {FLAGS, FWP_MATCH_EQUAL, U32(5), FWP_MATCH_FLAGS_NONE_SET, U32(4), false, false},
        {FLAGS, FWP_MATCH_FLAGS_ALL_SET, U32(4), FWP_MATCH_FLAGS_ALL_SET, U32(4), true, true},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ELEMENTSOF(table); i++) {
        FWPM_FILTER_CONDITION0 wanted =
            condition_at(V4, table[i].index, table[i].wanted_match, table[i].wanted);
        FWPM_FILTER_CONDITION0 has =
            condition_at(V4, table[i].index, table[i].has_match, table[i].has);
        bool contained = selects(w, V4, FWP_FILTER_ENUM_FULLY_CONTAINED, wanted, &has, 1);
        bool overlapping = selects(w, V4, FWP_FILTER_ENUM_OVERLAPPING, wanted, &has, 1);
        if (contained != table[i].contained || overlapping != table[i].overlapping)
            fail_msg("line %zu: contained %d, overlapping %d", i, contained, overlapping);
    }
}

static void
or_group_is_a_union(void **state)
{
    struct world *w = *state;
    static FWP_RANGE0 low = {{.type = FWP_UINT16, .uint16 = 0}, {.type = FWP_UINT16, .uint16 = 99}};
    static FWP_RANGE0 high = {{.type = FWP_UINT16, .uint16 = 100},
                              {.type = FWP_UINT16, .uint16 = 5000}};
    FWPM_FILTER_CONDITION0 has[] = {condition_at(V4, PORT, FWP_MATCH_RANGE, RANGE(high)),
                                    condition_at(V4, PORT, FWP_MATCH_RANGE, RANGE(low))};
    FWPM_FILTER_CONDITION0 wanted = condition_at(V4, PORT, FWP_MATCH_RANGE, RANGE(low_ports));

    assert_true(selects(w, V4, FWP_FILTER_ENUM_FULLY_CONTAINED, wanted, has, 2));
    assert_false(selects(w, V4, FWP_FILTER_ENUM_FULLY_CONTAINED, wanted, has, 1));
}

static void
untested_field_holds_everything(void **state)
{
    struct world *w = *state;
    FWPM_FILTER_CONDITION0 wanted = condition_at(V4, PORT, FWP_MATCH_EQUAL, U16(80));
    FWPM_FILTER_CONDITION0 has = condition_at(V4, ADDRESS, FWP_MATCH_EQUAL, MASK(net8));

    assert_true(selects(w, V4, FWP_FILTER_ENUM_FULLY_CONTAINED, wanted, NULL, 0));
    assert_true(selects(w, V4, FWP_FILTER_ENUM_FULLY_CONTAINED, wanted, &has, 1));
}

static void
blobs_and_users(void **state)
{
    struct world *w = *state;
    FWP_BYTE_BLOB app = {4, (UINT8 *)"a\0\0"}, other = {4, (UINT8 *)"b\0\0"};
    FWP_CONDITION_VALUE0 app_value = {.type = FWP_BYTE_BLOB_TYPE, .byteBlob = &app};
    FWP_CONDITION_VALUE0 other_value = {.type = FWP_BYTE_BLOB_TYPE, .byteBlob = &other};
    FWPM_FILTER_CONDITION0 has = condition_at(AUTH, APP, FWP_MATCH_EQUAL, app_value);
    static UINT8 user[16] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    static UINT8 stranger[16] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0};
    static UINT8 sd[20 + 32] = {1, 0, 4, 0x80, 0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 20, 0,
                                0, 0, 2, 0,    32, 0, 1, 0, 0, 0, 0, 0, 24, 0, 1, 0, 0,  0};
    FWP_BYTE_BLOB sd_blob = {sizeof(sd), sd};
    FWP_CONDITION_VALUE0 sd_value = {.type = FWP_SECURITY_DESCRIPTOR_TYPE, .sd = &sd_blob};
    FWP_CONDITION_VALUE0 user_value = {.type = FWP_SID, .sid = (struct _SID *)user};
    FWP_CONDITION_VALUE0 stranger_value = {.type = FWP_SID, .sid = (struct _SID *)stranger};

    assert_true(selects(w, AUTH, FWP_FILTER_ENUM_FULLY_CONTAINED, has, &has, 1));
    assert_false(selects(w, AUTH, FWP_FILTER_ENUM_OVERLAPPING,
                         condition_at(AUTH, APP, FWP_MATCH_EQUAL, other_value), &has, 1));
    memcpy(sd + 36, user, sizeof(user)); /* may match: the user */
    has = condition_at(AUTH, USER, FWP_MATCH_EQUAL, sd_value);
    assert_true(selects(w, AUTH, FWP_FILTER_ENUM_FULLY_CONTAINED,
                        condition_at(AUTH, USER, FWP_MATCH_EQUAL, user_value), &has, 1));
    assert_false(selects(w, AUTH, FWP_FILTER_ENUM_FULLY_CONTAINED,
                         condition_at(AUTH, USER, FWP_MATCH_EQUAL, stranger_value), &has, 1));
}

static void
sorted_and_best(void **state)
{
    static UINT64 weights[] = {5, 9, 7};
    struct world *w = *state;
    FWPM_FILTER_ENUM_TEMPLATE0 template_ = at_layer(V4, 0, NULL);
    FWPM_FILTER0 filter = a_filter(), **entries = NULL;
    UINT32 count = 0;
    HANDLE handle;

    GIVES(0, add_callout(w->session, &callout_key, 0));
    for (size_t i = 0; i < ELEMENTSOF(weights); i++) {
        filter.weight = (FWP_VALUE0){.type = FWP_UINT64, .uint64 = &weights[i]};
        GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));
    }
    filter.weight = (FWP_VALUE0){.type = FWP_UINT8, .uint8 = 15}; /* heaviest, not terminating */
    filter.action.type = FWP_ACTION_CALLOUT_INSPECTION;
    filter.action.calloutKey = callout_key;
    GIVES(0, FwpmFilterAdd0(w->session, &filter, NULL, NULL));

    template_.flags = FWP_FILTER_ENUM_FLAG_SORTED;
    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
    GIVES(0, FwpmFilterEnum0(w->session, handle, 10, &entries, &count));
    assert_int_equal(count, 4);
    assert_int_equal(*entries[1]->effectiveWeight.uint64, 9);
    assert_int_equal(*entries[2]->effectiveWeight.uint64, 7);
    assert_int_equal(*entries[3]->effectiveWeight.uint64, 5);
    FwpmFreeMemory0((void **)&entries);

    template_.flags = FWP_FILTER_ENUM_FLAG_BEST_TERMINATING_MATCH;
    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, &template_, &handle));
    GIVES(0, FwpmFilterEnum0(w->session, handle, 10, &entries, &count));
    assert_int_equal(count, 1);
    assert_int_equal(*entries[0]->effectiveWeight.uint64, 9);
    FwpmFreeMemory0((void **)&entries);
}

static void
snapshot_outlives_session_of_objects(void **state)
{
    struct world *w = *state;
    HANDLE dynamic = open_session(FWPM_SESSION_FLAG_DYNAMIC), handle;
    FWPM_FILTER0 filter = a_filter(), **entries = NULL;
    UINT32 count = 0;

    GIVES(0, FwpmFilterAdd0(dynamic, &filter, NULL, NULL));
    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, NULL, &handle));
    GIVES(0, FwpmEngineClose0(dynamic));
    GIVES(0, FwpmFilterEnum0(w->session, handle, 10, &entries, &count));
    assert_int_equal(count, 1);
    assert_memory_equal(entries[0]->displayData.name, u"filter", sizeof(u"filter"));
    FwpmFreeMemory0((void **)&entries);
    assert_int_equal(count_of(w, NULL), 0);
}

static void
handle_belongs_to_its_session_and_kind(void **state)
{
    struct world *w = *state;
    HANDLE other = open_session(0), handle;
    FWPM_FILTER0 **entries;
    UINT32 count;

    GIVES(0, FwpmFilterCreateEnumHandle0(w->session, NULL, &handle));
    GIVES(ERROR_INVALID_HANDLE, FwpmFilterEnum0(other, handle, 1, &entries, &count));
    GIVES(ERROR_INVALID_HANDLE, FwpmSubLayerDestroyEnumHandle0(w->session, handle));
    GIVES(0, FwpmFilterDestroyEnumHandle0(w->session, handle));
    GIVES(ERROR_INVALID_HANDLE, FwpmFilterEnum0(w->session, handle, 1, &entries, &count));
}

int
main(void)
{
    const struct CMUnitTest rows[] = {
        ROW("no template: all but boot-time and disabled ones", no_template_is_all_shown),
        ROW("the action mask selects by bits", action_mask_selects_by_bits),
        ROW("provider and provider context select", provider_and_context_templates),
        ROW("fully contained and overlapping compare sets", contained_and_overlapping_sets),
        ROW("an OR group is a union", or_group_is_a_union),
        ROW("a field that is not tested holds everything", untested_field_holds_everything),
        ROW("blobs compare by value, users by access", blobs_and_users),
        ROW("sorted: heaviest first; best: the terminating one", sorted_and_best),
        ROW("a snapshot outlives what it shows", snapshot_outlives_session_of_objects),
        ROW("a handle belongs to its session and kind", handle_belongs_to_its_session_and_kind),
    };
    return RUN(rows);
}
