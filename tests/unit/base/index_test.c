/* The index beside a plain array of what is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/index.h"

#define NUMBERS 5000u

/* Few hashes, so that clusters are long. */
static uint32_t
hash_of(const void *owner, uint32_t number)
{
    (void)owner;
    return number * 2654435761u >> 20;
}

static bool
has(const struct wfp_index *index, uint32_t number)
{
    struct wfp_index_probe probe = wfp_index_probe(index, hash_of(NULL, number));
    uint32_t found;

    while ((found = wfp_index_next(&probe)))
        if (found == number)
            return true;
    return false;
}

static void
check(const struct wfp_index *index, const bool *there)
{
    uint32_t count = 0, visited = 0;

    for (uint32_t n = 1; n < NUMBERS; n++) {
        assert_int_equal(has(index, n), there[n]);
        count += there[n];
    }
    for (uint32_t i = 0; i < wfp_index_extent(index); i++)
        visited += wfp_index_at(index, i) != 0;
    assert_int_equal(index->count, count);
    assert_int_equal(visited, count);
}

static void
test_random_changes(void **state)
{
    static bool there[NUMBERS];
    struct wfp_index index = {0};
    uint32_t chance = 1;

    assert_false(has(&index, 1)); /* an empty one has nothing */
    for (uint32_t round = 0; round < 60000; round++) {
        uint32_t number, reach = round < 30000 ? 1 + round / 6 : NUMBERS;

        chance = chance * 1664525u + 1013904223u;
        number = 1 + (chance >> 8) % (reach < NUMBERS - 1 ? reach : NUMBERS - 1);
        if (there[number]) {
            wfp_index_remove(&index, number, hash_of, NULL);
        } else {
            assert_true(wfp_index_reserve(&index, 1 + chance % 3, hash_of, NULL));
            wfp_index_insert(&index, number, hash_of, NULL);
        }
        there[number] = !there[number];
        if (round % 997 == 0)
            check(&index, there);
    }
    check(&index, there);
    wfp_index_fini(&index);
}

static void
test_room_for_many_at_once(void **state)
{
    struct wfp_index index = {0};

    assert_true(wfp_index_reserve(&index, 1, hash_of, NULL));
    wfp_index_insert(&index, 1, hash_of, NULL);
    assert_true(wfp_index_reserve(&index, NUMBERS, hash_of, NULL));
    for (uint32_t n = 2; n < NUMBERS; n++)
        wfp_index_insert(&index, n, hash_of, NULL);
    for (uint32_t n = 1; n < NUMBERS; n++)
        assert_true(has(&index, n));
    assert_false(wfp_index_reserve(&index, UINT32_MAX / 2, hash_of, NULL));
    wfp_index_fini(&index);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_room_for_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
