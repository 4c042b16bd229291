/* What is kept between two lives of BFE, and what is in force before one starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "core/engine/engine.h"
#include "core/model/layer.h"
#include "policy/bfe/bfe_query.h"
#include "policy/store/store.h"

#define LAYER   WFP_LAYER_OUTBOUND_TRANSPORT_V4
#define ADDRESS WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS
#define PORT    WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_PORT

static const uint16_t name[] = {'n', 0xE9, 0}, other[] = {'o', 0}, service[] = {'s', 'v', 'c', 0};
static const struct wfp_guid provider_key = {1, 1, 1, {1}}, sublayer_key = {2, 2, 2, {2}},
                             callout_key = {3, 3, 3, {3}}, context_key = {4, 4, 4, {4}},
                             options_key = {5, 5, 5, {5}};

/* One life of BFE over a store. */
struct life {
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    struct wfp_store *store;
    struct wfp_bfe_session *session;
    struct wfp_store_counts counts;
};

static char path[] = "/tmp/wfp-store-test-XXXXXX";

static bool
starts_not(void *context, const uint16_t *service_name_utf16)
{
    return !context || service_name_utf16[0] != 's';
}

static void
begin_life_with(struct life *life, void *context, bool started)
{
    char error[WFP_STORE_ERROR_SIZE];

    memset(life, 0, sizeof(*life));
    assert_int_equal(wfp_engine_new(&life->engine), 0);
    assert_int_equal(wfp_bfe_new(life->engine, &life->bfe), 0);
    if (wfp_store_open(path, &life->store, error) < 0)
        fail_msg("%s", error);
    assert_int_equal((started ? wfp_store_boot : wfp_store_load)(life->store, life->bfe, starts_not,
                                                                 context, &life->counts),
                     0);
    assert_int_equal(wfp_bfe_session_open(life->bfe, NULL, &life->session), 0);
}

static void
begin_life(struct life *life)
{
    begin_life_with(life, NULL, true);
}

static void
end_life(struct life *life)
{
    wfp_bfe_session_close(life->session);
    wfp_bfe_free(life->bfe);
    wfp_engine_free(life->engine);
    wfp_store_close(life->store);
}

static int
set_up(void **state)
{
    int fd;

    strcpy(path + strlen(path) - 6, "XXXXXX");
    fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    return unlink(path); /* the store makes it */
}

static int
tear_down(void **state)
{
    unlink(path);
    return 0;
}

/* ---- what is added ---- */

static struct wfp_filter_spec
spec_of(uint32_t flags, uint32_t address, struct wfp_condition *condition)
{
    const struct wfp_layer *layer = wfp_layer_find_id(LAYER);

    *condition = (struct wfp_condition){.field_key = layer->fields[ADDRESS].condition_key,
                                        .match = WFP_MATCH_EQUAL,
                                        .value = {.type = WFP_UINT32, .uint32 = address}};
    return (struct wfp_filter_spec){
        .common = {.name_utf16 = name, .flags = flags},
        .layer_key = layer->key,
        .weight = {.type = WFP_UINT8, .uint8 = 5},
        .condition_count = 1,
        .conditions = condition,
        .action = WFP_ACTION_BLOCK,
    };
}

static uint64_t
add_filter(struct life *life, uint32_t flags, uint32_t address)
{
    struct wfp_condition condition;
    struct wfp_filter_spec spec = spec_of(flags, address, &condition);
    uint64_t id;

    assert_int_equal(wfp_bfe_filter_add(life->session, &spec, NULL, &id), 0);
    return id;
}

static void
add_provider(struct life *life, uint32_t flags)
{
    struct wfp_provider_spec spec = {
        .common = {.key = provider_key, .name_utf16 = name, .flags = flags},
        .service_name_utf16 = service};
    assert_int_equal(wfp_bfe_provider_add(life->session, &spec, NULL), 0);
}

static uint64_t
who_decides(struct life *life, uint32_t address)
{
    struct wfp_value values[WFP_FIELD_MAX] = {
        [ADDRESS] = {.type = WFP_UINT32, .uint32 = address},
        [PORT] = {.type = WFP_UINT16, .uint16 = 80},
    };
    struct wfp_verdict verdict;

    wfp_classify(life->engine,
                 &(struct wfp_indication){.layer_id = LAYER,
                                          .values = values,
                                          .value_count = wfp_layer_find_id(LAYER)->field_count},
                 &verdict);
    return verdict.filter_id;
}

/* ---- lives ---- */

static void
test_persistent_filters_survive_others_do_not(void **state)
{
    struct life life;

    begin_life(&life);
    assert_int_equal(life.counts.filters, 0);
    add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 1);
    add_filter(&life, 0, 2);
    end_life(&life);

    begin_life(&life);
    assert_int_equal(life.counts.filters, 1);
    assert_true(who_decides(&life, 1) != 0);
    assert_true(who_decides(&life, 2) == 0);
    end_life(&life);
}

static void
test_every_member_of_a_filter_survives(void **state)
{
    const struct wfp_layer *layer = wfp_layer_find_id(LAYER);
    static uint64_t weight = 0xFEDCBA9876543210;
    static uint8_t data[] = {1, 2, 3};
    struct wfp_range ports = {{WFP_UINT16, {.uint16 = 79}}, {WFP_UINT16, {.uint16 = 81}}};
    struct wfp_v4_mask net = {0x0A000000, 0xFF000000};
    struct wfp_condition conditions[] = {
        {layer->fields[ADDRESS].condition_key,
         WFP_MATCH_EQUAL,
         {WFP_V4_ADDR_MASK, {.v4_mask = &net}}},
        {layer->fields[PORT].condition_key, WFP_MATCH_RANGE, {WFP_RANGE, {.range = &ports}}},
    };
    struct wfp_blob blob = {3, data};
    struct wfp_context_spec context = {.common = {.key = context_key,
                                                  .name_utf16 = name,
                                                  .provider_key = &provider_key,
                                                  .flags = WFP_CONTEXT_FLAG_PERSISTENT},
                                       .type = WFP_CONTEXT_GENERAL,
                                       .data = &blob};
    struct wfp_sublayer_spec sublayer = {.common = {.key = sublayer_key,
                                                    .name_utf16 = name,
                                                    .provider_key = &provider_key,
                                                    .flags = WFP_SUBLAYER_FLAG_PERSISTENT},
                                         .weight = 4711};
    struct wfp_callout_spec callout = {.common = {.key = callout_key,
                                                  .name_utf16 = name,
                                                  .provider_key = &provider_key,
                                                  .flags = WFP_CALLOUT_FLAG_PERSISTENT},
                                       .layer_key = layer->key};
    struct wfp_filter_spec spec = {
        .common = {.name_utf16 = name,
                   .description_utf16 = other,
                   .provider_key = &provider_key,
                   .provider_data = {3, data},
                   .flags = WFP_FILTER_FLAG_PERSISTENT | WFP_FILTER_FLAG_HAS_PROVIDER_CONTEXT |
                            WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT},
        .layer_key = layer->key,
        .sublayer_key = sublayer_key,
        .weight = {WFP_UINT64, {.uint64 = &weight}},
        .condition_count = 2,
        .conditions = conditions,
        .action = WFP_ACTION_CALLOUT_INSPECTION,
        .callout_key = callout_key,
        .provider_context_key = context_key,
    };
    struct wfp_bfe_object *object;
    struct wfp_filter *filter;
    struct wfp_filter_walk walk;
    struct life life;

    spec.common.key.data1 = 99;
    begin_life(&life);
    add_provider(&life, WFP_PROVIDER_FLAG_PERSISTENT);
    assert_int_equal(wfp_bfe_context_add(life.session, &context, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_sublayer_add(life.session, &sublayer, NULL), 0);
    assert_int_equal(wfp_bfe_callout_add(life.session, &callout, NULL, NULL), 0);
    assert_int_equal(wfp_bfe_filter_add(life.session, &spec, NULL, NULL), 0);
    end_life(&life);

    begin_life(&life);
    assert_int_equal(life.counts.objects, 4);
    assert_int_equal(life.counts.refused, 0);
    assert_int_equal(wfp_bfe_filter_get(life.session, &spec.common.key, &filter), 0);
    assert_memory_equal(filter->name_utf16, name, sizeof(name));
    assert_memory_equal(filter->extra->description_utf16, other, sizeof(other));
    assert_true(wfp_guid_equal(filter->extra->provider_key, &provider_key));
    assert_true(wfp_guid_equal(filter->extra->callout_key, &callout_key));
    assert_true(wfp_guid_equal(filter->extra->provider_context_key, &context_key));
    assert_true(wfp_guid_equal(&filter->sublayer_key, &sublayer_key));
    assert_int_equal(filter->sublayer_weight, 4711);
    assert_true(filter->weight == weight);
    assert_int_equal(filter->flags, spec.common.flags);
    assert_int_equal(filter->action, WFP_ACTION_CALLOUT_INSPECTION);
    assert_memory_equal(filter->extra->provider_data->data, data, 3);
    assert_int_equal(filter->condition_count, 2);
    walk = wfp_filter_walk(filter);
    for (int i = 0; i < 2; i++) {
        const struct wfp_condition *condition = wfp_filter_next(&walk);
        assert_true(wfp_guid_equal(&condition->field_key, &conditions[i].field_key));
        assert_int_equal(condition->match, conditions[i].match);
        assert_true(wfp_value_equal(&condition->value, &conditions[i].value));
    }
    wfp_filter_unref(filter);
    assert_int_equal(wfp_bfe_object_get(life.session, WFP_BFE_CONTEXT, &context_key, &object), 0);
    assert_memory_equal(object->context_data.data, data, 3);
    wfp_bfe_object_unref(object);
    assert_int_equal(wfp_bfe_object_get(life.session, WFP_BFE_PROVIDER, &provider_key, &object), 0);
    assert_memory_equal(object->service_name_utf16, service, sizeof(service));
    wfp_bfe_object_unref(object);
    end_life(&life);
}

static void
test_classify_options_survive(void **state)
{
    struct wfp_context_setting settings[] = {{2, {WFP_UINT32, {.uint32 = 30}}},
                                             {0, {WFP_UINT8, {.uint8 = 1}}}};
    struct wfp_context_spec spec = {
        .common = {.key = options_key, .name_utf16 = name, .flags = WFP_CONTEXT_FLAG_PERSISTENT},
        .type = WFP_CONTEXT_CLASSIFY_OPTIONS,
        .setting_count = 2,
        .settings = settings};
    struct wfp_bfe_object *object;
    struct life life;

    begin_life(&life);
    assert_int_equal(wfp_bfe_context_add(life.session, &spec, NULL, NULL), 0);
    end_life(&life);
    begin_life(&life);
    assert_int_equal(wfp_bfe_object_get(life.session, WFP_BFE_CONTEXT, &options_key, &object), 0);
    assert_int_equal(object->setting_count, 2);
    assert_int_equal(object->settings[0].type, 2);
    assert_int_equal(object->settings[0].value.uint32, 30);
    assert_int_equal(object->settings[1].value.uint8, 1);
    wfp_bfe_object_unref(object);
    end_life(&life);
}

static void
test_only_what_is_committed_and_not_deleted_is_kept(void **state)
{
    struct life life;
    uint64_t id;

    begin_life(&life);
    id = add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 1);
    assert_int_equal(wfp_bfe_txn_begin(life.session, 0), 0);
    add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 2);
    assert_int_equal(wfp_bfe_txn_abort(life.session), 0);
    assert_int_equal(wfp_bfe_txn_begin(life.session, 0), 0);
    add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 3);
    assert_int_equal(wfp_bfe_delete_by_id(life.session, WFP_BFE_FILTER,
                                          add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 4)),
                     0);
    assert_int_equal(wfp_bfe_txn_commit(life.session), 0);
    assert_int_equal(wfp_bfe_delete_by_id(life.session, WFP_BFE_FILTER, id), 0);
    end_life(&life);

    begin_life(&life);
    assert_int_equal(life.counts.filters, 1);
    assert_true(who_decides(&life, 3) != 0);
    end_life(&life);
}

static void
test_ties_keep_their_order(void **state)
{
    struct life life;
    struct wfp_filter *filter;
    uint64_t newest = 0;

    begin_life(&life);
    for (int i = 0; i < 3; i++)
        newest = add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 7);
    assert_true(who_decides(&life, 7) == newest);
    assert_int_equal(wfp_bfe_filter_get_by_id(life.session, newest, &filter), 0);
    end_life(&life);
    begin_life(&life);
    struct wfp_filter *now;
    assert_int_equal(wfp_bfe_filter_get(life.session, &filter->key, &now), 0);
    assert_true(who_decides(&life, 7) == now->id);
    wfp_filter_unref(now);
    wfp_filter_unref(filter);
    end_life(&life);
}

static void
test_boot_time_filters_are_in_force_until_bfe_has_started(void **state)
{
    struct life life;

    begin_life(&life);
    add_filter(&life, WFP_FILTER_FLAG_BOOTTIME, 1);
    add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, 2);
    assert_true(who_decides(&life, 1) == 0); /* BFE runs */
    end_life(&life);

    begin_life_with(&life, NULL, false);
    assert_int_equal(life.counts.boot_time, 1);
    assert_true(who_decides(&life, 1) != 0);
    assert_true(who_decides(&life, 2) == 0);
    assert_int_equal(wfp_bfe_start(life.bfe, NULL, NULL), 0);
    assert_true(who_decides(&life, 1) == 0);
    assert_true(who_decides(&life, 2) != 0);
    end_life(&life);
}

static void
test_filters_of_a_service_that_does_not_start_are_disabled(void **state)
{
    struct wfp_condition condition;
    struct wfp_filter_spec spec = spec_of(WFP_FILTER_FLAG_PERSISTENT, 1, &condition);
    struct wfp_filter *filter;
    struct life life;

    spec.common.key.data1 = 77;
    spec.common.provider_key = &provider_key;
    begin_life(&life);
    add_provider(&life, WFP_PROVIDER_FLAG_PERSISTENT);
    assert_int_equal(wfp_bfe_filter_add(life.session, &spec, NULL, NULL), 0);
    assert_true(who_decides(&life, 1) != 0);
    end_life(&life);

    begin_life_with(&life, &life, true); /* the service is not auto-start */
    assert_int_equal(life.counts.disabled, 1);
    assert_true(who_decides(&life, 1) == 0);
    assert_int_equal(wfp_bfe_filter_get(life.session, &spec.common.key, &filter), 0);
    assert_true(filter->flags & WFP_FILTER_FLAG_DISABLED);
    wfp_filter_unref(filter);
    spec.common.key.data1 = 78;
    spec.common.flags |= WFP_FILTER_FLAG_DISABLED; /* only ever returned */
    assert_int_equal(wfp_bfe_filter_add(life.session, &spec, NULL, NULL), -WFP_ERR_INVALID_FLAGS);
    end_life(&life);

    begin_life(&life); /* and now it is */
    assert_int_equal(life.counts.disabled, 0);
    assert_true(who_decides(&life, 1) != 0);
    end_life(&life);
}

/* ---- when it cannot be written ---- */

static int
refuse_begin(void *context)
{
    (void)context;
    return -WFP_ERR_IO;
}

static void
test_a_store_that_cannot_be_written_fails_the_transaction(void **state)
{
    static const struct wfp_bfe_store_ops refusing = {.begin = refuse_begin};
    struct wfp_condition condition;
    struct wfp_filter_spec spec = spec_of(WFP_FILTER_FLAG_PERSISTENT, 1, &condition);
    struct life life;
    uint64_t before;

    begin_life_with(&life, NULL, false);
    assert_int_equal(wfp_bfe_start(life.bfe, &refusing, NULL), 0);
    before = wfp_bfe_state_hash(life.bfe);
    assert_int_equal(wfp_bfe_filter_add(life.session, &spec, NULL, NULL), -WFP_ERR_IO);
    assert_true(wfp_bfe_state_hash(life.bfe) == before);
    assert_true(who_decides(&life, 1) == 0);
    add_filter(&life, 0, 2); /* what is not persistent does not care */
    end_life(&life);
}

static void
test_files_that_are_no_stores(void **state)
{
    struct wfp_store *store = NULL, *second = NULL;
    char error[WFP_STORE_ERROR_SIZE];
    sqlite3 *database;
    FILE *file;

    assert_int_equal(wfp_store_open("/nonexistent/store", &store, error), -WFP_ERR_IO);
    assert_non_null(strstr(error, "/nonexistent/store"));
    file = fopen(path, "w");
    for (int i = 0; i < 2000; i++)
        fputs("no database ", file);
    fclose(file);
    assert_int_equal(wfp_store_open(path, &store, error), -WFP_ERR_INVALID_PARAMETER);
    assert_non_null(strstr(error, "no policy store"));
    unlink(path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(wfp_store_open(path, &store, error), -WFP_ERR_INVALID_PARAMETER);
    unlink(path);
    assert_int_equal(wfp_store_open(path, &store, error), 0);
    assert_int_equal(wfp_store_open(path, &second, error), -WFP_ERR_IN_USE);
    wfp_store_close(store);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(wfp_store_open(path, &store, error), -WFP_ERR_NOT_SUPPORTED);
    assert_non_null(strstr(error, "newer"));
}

/* Bytes wrong at random: refused rows, never a fault, and the rest is there. */
static void
test_broken_rows_are_refused(void **state)
{
    struct life life;
    sqlite3 *database;
    uint32_t chance = 7;

    begin_life(&life);
    for (uint32_t i = 1; i <= 40; i++)
        add_filter(&life, WFP_FILTER_FLAG_PERSISTENT, i);
    end_life(&life);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    for (int i = 1; i < 40; i++) {
        char sql[200];
        chance = chance * 1664525u + 1013904223u;
        snprintf(sql, sizeof(sql),
                 "UPDATE filter SET conditions = substr(conditions, 1, %u) || x'%02x' || "
                 "substr(conditions, %u, %u) WHERE seq = %d",
                 chance >> 8 & 31, chance >> 16 & 255, (chance >> 8 & 31) + 2, chance >> 24 & 31,
                 i);
        assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    }
    assert_int_equal(
        sqlite3_exec(database, "UPDATE filter SET layer = x'00' WHERE seq = 39", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(database);
    begin_life(&life);
    assert_true(life.counts.refused > 0);
    assert_int_equal(life.counts.refused + life.counts.filters, 40);
    assert_true(who_decides(&life, 40) != 0);
    end_life(&life);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_persistent_filters_survive_others_do_not),
        TEST(test_every_member_of_a_filter_survives),
        TEST(test_classify_options_survive),
        TEST(test_only_what_is_committed_and_not_deleted_is_kept),
        TEST(test_ties_keep_their_order),
        TEST(test_boot_time_filters_are_in_force_until_bfe_has_started),
        TEST(test_filters_of_a_service_that_does_not_start_are_disabled),
        TEST(test_a_store_that_cannot_be_written_fails_the_transaction),
        TEST(test_files_that_are_no_stores),
        TEST(test_broken_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
