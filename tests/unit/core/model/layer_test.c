/* Layers and fields: the tables are dense, and every way in finds the same row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"
#include "core/model/layer.h"

static void
test_every_layer_is_found_by_id_key_and_name(void **state)
{
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        assert_non_null(layer);
        assert_int_equal(layer->id, id);
        assert_ptr_equal(wfp_layer_find_key(&layer->key), layer);
        assert_ptr_equal(wfp_layer_find_name(layer->name), layer);
        assert_int_equal(layer->field_counts[WFP_LEVEL_NEWEST], layer->field_count);
    }
    assert_null(wfp_layer_find_id(WFP_LAYER_COUNT));
    assert_null(wfp_layer_find_id(UINT16_MAX));
    assert_null(wfp_layer_find_key(&(struct wfp_guid){1, 2, 3, {4}}));
    assert_null(wfp_layer_find_name("FWPM_LAYER_NONE"));
    assert_string_equal(wfp_layer_name(9999), "unknown");
}

static void
test_every_field_is_found_by_its_condition(void **state)
{
    for (uint16_t id = 0; id < WFP_LAYER_COUNT; id++) {
        const struct wfp_layer *layer = wfp_layer_find_id(id);
        for (int i = 0; i < layer->field_count; i++) {
            assert_int_equal(wfp_layer_find_field(layer, &layer->fields[i].condition_key), i);
            assert_int_equal(wfp_layer_find_field_name(layer, layer->fields[i].condition_name), i);
        }
    }
}

static void
test_known_rows(void **state)
{
    const struct wfp_layer *layer = wfp_layer_find_name("FWPM_LAYER_OUTBOUND_TRANSPORT_V4");
    const struct wfp_field *remote =
        &layer->fields[WFP_FIELD_OUTBOUND_TRANSPORT_V4_IP_REMOTE_ADDRESS];

    assert_int_equal(layer->id, 16);
    assert_string_equal(remote->name, "IP_REMOTE_ADDRESS");
    assert_int_equal(remote->kind, WFP_FIELD_IP_ADDRESS);
    assert_int_equal(remote->type, WFP_UINT32);
    assert_int_equal(wfp_layer_find_field_name(layer, "FWPM_CONDITION_ICMP_TYPE"),
                     wfp_layer_find_field_name(layer, "IP_LOCAL_PORT"));
    assert_int_equal(wfp_layer_find_field_name(layer, "ALE_APP_ID"), -WFP_ERR_CONDITION_NOT_FOUND);
    assert_int_equal(wfp_layer_discard_twin(16), 17);
    assert_int_equal(wfp_layer_discard_twin(17), WFP_LAYER_COUNT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_is_found_by_id_key_and_name),
        cmocka_unit_test(test_every_field_is_found_by_its_condition),
        cmocka_unit_test(test_known_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
