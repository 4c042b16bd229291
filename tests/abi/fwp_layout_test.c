/*
 * The host's view of the WFP and NDIS headers: layouts, values and names are checked while
 * compiling (fwp_layout.h); what only running code sees is checked here: bit-fields and GUID
 * values.
 */
#define INITGUID
#include <guiddef.h>

#include "fwp_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#if NTDDI_VERSION >= 0x0A00000C

/* All ones in the field and zero elsewhere must be exactly these bits of the structure. */
#define CHECK_BITS_OF(type, field, first, width)                                                   \
    do {                                                                                           \
        union {                                                                                    \
            type object;                                                                           \
            uint64_t word;                                                                         \
        } u = {.word = 0};                                                                         \
        u.object.field = (1u << (width)) - 1;                                                      \
        assert_int_equal(u.word, ((1ull << (width)) - 1) << (first));                              \
    } while (0);

static void
test_bit_fields_sit_where_windows_has_them(void **state)
{
#define STRUCT(type, size, alignment)
#define FIELD(type, member, offset, size)
#define OFFSET(type, member, offset)
#define BITS CHECK_BITS_OF
#include "fwp_structs.def"
#undef STRUCT
#undef FIELD
#undef OFFSET
#undef BITS
    (void)state;
}

static const struct {
    const GUID *key;
    GUID value;
    const char *name;
} keys[] = {
#define GUID_VALUE(name, l, w1, w2, ...) {&name, {l, w1, w2, {__VA_ARGS__}}, #name},
#include "fwp_guids.def"
#undef GUID_VALUE
};

static void
test_keys_have_their_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (memcmp(keys[i].key, &keys[i].value, sizeof(GUID)) != 0)
            fail_msg("%s", keys[i].name);
}

#endif

static void
test_metadata_grows_with_the_target(void **state)
{
    (void)state;
#if NTDDI_VERSION >= 0x06030000
    assert_int_equal(sizeof(FWPS_INCOMING_METADATA_VALUES), 280);
#elif NTDDI_VERSION >= 0x06020000
    assert_true(sizeof(FWPS_INCOMING_METADATA_VALUES) < 280);
#elif NTDDI_VERSION >= 0x06010000
    assert_int_equal(sizeof(FWPS_INCOMING_METADATA_VALUES), 216);
#else
    assert_int_equal(sizeof(FWPS_INCOMING_METADATA_VALUES), 160);
#endif
}

/* Two types are one and the same: the way to ask which version an unversioned name stands for. */
#define SAME_TYPE(a, b) __builtin_types_compatible_p(a, b)

static void
test_unversioned_names_follow_the_target(void **state)
{
    (void)state;
#if NTDDI_VERSION >= 0x0A000004
    assert_true(SAME_TYPE(FWPS_CALLOUT, FWPS_CALLOUT3));
    assert_true(SAME_TYPE(FWPS_FILTER, FWPS_FILTER3));
    assert_true(SAME_TYPE(__typeof__(&FwpsCalloutRegister), __typeof__(&FwpsCalloutRegister3)));
#elif NTDDI_VERSION >= 0x06020000
    assert_true(SAME_TYPE(FWPS_CALLOUT, FWPS_CALLOUT2));
    assert_true(SAME_TYPE(FWPM_PROVIDER_CONTEXT, FWPM_PROVIDER_CONTEXT2));
    assert_true(SAME_TYPE(__typeof__(&FwpsCalloutRegister), __typeof__(&FwpsCalloutRegister2)));
#elif NTDDI_VERSION >= 0x06010000
    assert_true(SAME_TYPE(FWPS_CALLOUT, FWPS_CALLOUT1));
    assert_true(SAME_TYPE(FWPS_TRANSPORT_SEND_PARAMS, FWPS_TRANSPORT_SEND_PARAMS1));
#else
    assert_true(SAME_TYPE(FWPS_CALLOUT, FWPS_CALLOUT0));
    assert_true(SAME_TYPE(FWPS_TRANSPORT_SEND_PARAMS, FWPS_TRANSPORT_SEND_PARAMS0));
#endif
    assert_true(SAME_TYPE(FWPM_FILTER, FWPM_FILTER0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#if NTDDI_VERSION >= 0x0A00000C
        cmocka_unit_test(test_bit_fields_sit_where_windows_has_them),
        cmocka_unit_test(test_keys_have_their_values),
#endif
        cmocka_unit_test(test_metadata_grows_with_the_target),
        cmocka_unit_test(test_unversioned_names_follow_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
