/*
 * The packet path with each allocation failing in turn: nothing crashes, leaks, or is decided wrongly.
 *
 * Without memory for a flow a packet is decided like a first packet; without memory for a stack there
 * is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../packet/build.h"
#include "base/macros.h"
#include "base/status.h"
#include "engine_mock.h"

static int allocations_left; /* the one that brings it below zero fails */
static uint32_t failed;

static bool
fails(void)
{
    if (allocations_left-- != 0)
        return false;
    failed++;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);

void *
__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(address, size, protection, flags, fd, offset);
}

static void
send(struct wfp_stack *stack, struct build *build)
{
    struct wfp_decision decision;
    struct wfp_frame frame = {.data = build->bytes,
                              .length = build->length,
                              .wire_length = build->length,
                              .time_100ns = 10000000};

    wfp_stack_packet(stack, &frame, &decision);
    assert_int_equal(decision.outcome, WFP_PERMITTED);
}

/** Enough of everything that allocates: flows beyond a slab's and the index's first size, fragments. */
static void
run_packets(struct wfp_stack *stack)
{
    struct build build;

    for (uint16_t port = 1; port < 2200; port++) {
        build_udp(&build, "10.0.0.1", port, "1.2.3.4", 53, "data");
        send(stack, &build);
    }
    build_tcp(&build, "1.2.3.4", 1000, "10.0.0.1", 80, WFP_TCP_SYN, 1, "");
    send(stack, &build);
    build_udp(&build, "1.2.3.4", 53, "10.0.0.1", 7, "sixteen bytes ..");
    wfp_bytes_put16(build.bytes + 6, 0x2000);
    send(stack, &build);
}

static void
test_each_allocation_failing_in_turn(void **state)
{
    struct wfp_local_prefix local = {4, 8, {10}};
    struct wfp_stack_config config = {
        .engine = (struct wfp_engine *)&mock, .local = &local, .local_count = 1, .flows = true};
    uint32_t refused = 0;

    mock_reset();
    for (int n = 0; n < 200; n++) {
        struct wfp_stack *stack = NULL;
        int r;

        failed = 0;
        allocations_left = n;
        mock.count = ELEMENTSOF(mock.seen); /* nothing is recorded */
        r = wfp_stack_new(&config, &stack);
        if (r < 0) {
            assert_int_equal(r, -WFP_ERR_NO_MEMORY);
            assert_null(stack);
            assert_int_equal(failed, 1);
            refused++;
            continue;
        }
        run_packets(stack);
        wfp_stack_free(stack);
        if (failed == 0) {
            /* Every allocation there is has failed once. */
            assert_true(refused >= 5);
            assert_true(n > (int)refused + 5);
            return;
        }
    }
    fail_msg("the run never came to an end without a failure");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_failing_in_turn),
    };

    allocations_left = -1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
