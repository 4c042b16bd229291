/* Which process holds a socket, over a folder made like /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "plane/owner/process_find.h"

struct world {
    char root[64];
    struct wfp_process_finder *finder;
};

static void
write_file(const struct world *world, unsigned pid, const char *what, const char *text)
{
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%u/%s", world->root, pid, what);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void
add_process(const struct world *world, unsigned pid, unsigned parent, const char *exe)
{
    char path[160], text[128];

    snprintf(path, sizeof(path), "%s/%u", world->root, pid);
    assert_int_equal(mkdir(path, 0755), 0);
    strcat(path, "/fd");
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/%u/exe", world->root, pid);
    assert_int_equal(symlink(exe, path), 0);
    snprintf(text, sizeof(text), "%u (a) name) S %u 1 1 0", pid, parent);
    write_file(world, pid, "stat", text);
    write_file(
        world, pid, "status",
        "Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t7\t8\t7\t7\nGroups:\t8 24 27 \nVmPeak:\t1 kB\n");
}

static void
add_socket(const struct world *world, unsigned pid, unsigned descriptor, unsigned inode)
{
    char path[160], target[32];

    snprintf(path, sizeof(path), "%s/%u/fd/%u", world->root, pid, descriptor);
    snprintf(target, sizeof(target), "socket:[%u]", inode);
    assert_int_equal(symlink(target, path), 0);
}

static void
close_socket(const struct world *world, unsigned pid, unsigned descriptor)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%u/fd/%u", world->root, pid, descriptor);
    assert_int_equal(unlink(path), 0);
}

static int
setup(void **state)
{
    static struct world world;

    strcpy(world.root, "/tmp/openwfp-proc-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    assert_int_equal(wfp_process_finder_new(world.root, &world.finder), 0);
    add_process(&world, 1, 0, "/sbin/init");
    add_process(&world, 50, 1, "/usr/sbin/server");
    add_process(&world, 60, 50, "/usr/sbin/worker");
    add_process(&world, 900, 1, "/usr/bin/curl (deleted)");
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    char command[96];

    wfp_process_finder_free(world->finder);
    snprintf(command, sizeof(command), "rm -r %s", world->root);
    return system(command);
}

static uint32_t
find(struct world *world, uint32_t inode)
{
    struct wfp_process process;

    return wfp_process_find(world->finder, inode, 1000, &process) ? process.id : 0;
}

static void
test_the_holder_is_found_again_and_again(void **state)
{
    struct world *world = *state;

    add_socket(world, 60, 3, 777);
    assert_int_equal(find(world, 777), 60);
    assert_int_equal(find(world, 777), 60);
    assert_int_equal(find(world, 77), 0);
    /* the number was given to another process' socket */
    close_socket(world, 60, 3);
    add_socket(world, 900, 12, 777);
    assert_int_equal(find(world, 777), 900);
}

static void
test_the_eldest_of_several_holders_is_the_owner(void **state)
{
    struct world *world = *state;

    add_socket(world, 50, 3, 777);
    add_socket(world, 60, 3, 777);
    assert_int_equal(find(world, 777), 50);
}

static void
test_what_init_opened_is_its_services(void **state)
{
    struct world *world = *state;

    add_socket(world, 1, 9, 777);
    assert_int_equal(find(world, 777), 1);
    close_socket(world, 1, 9);
    add_socket(world, 1, 9, 778);
    add_socket(world, 50, 3, 778);
    assert_int_equal(find(world, 778), 50);
}

static void
test_absence_is_remembered_for_a_moment(void **state)
{
    struct world *world = *state;

    assert_int_equal(find(world, 777), 0);
    add_socket(world, 50, 3, 777);
    assert_int_equal(find(world, 777), 0);
    usleep(1100000);
    assert_int_equal(find(world, 777), 50);
}

static void
test_path_and_groups_are_told(void **state)
{
    static struct wfp_process process;
    struct world *world = *state;

    add_socket(world, 900, 3, 777);
    assert_true(wfp_process_find(world->finder, 777, 1000, &process));
    assert_string_equal(process.path, "/usr/bin/curl");
    assert_int_equal(process.group_count, 4);
    assert_int_equal(process.groups[0], 8);
    assert_int_equal(process.groups[3], 27);
    /* a socket of a user that the process no longer is */
    assert_true(wfp_process_find(world->finder, 777, 2000, &process));
    assert_int_equal(process.group_count, 0);
}

static void
test_what_was_seen_in_passing_is_its_eldest_holders(void **state)
{
    struct world *world = *state;

    add_socket(world, 60, 3, 777);
    add_socket(world, 60, 4, 778); /* inherited */
    add_socket(world, 50, 9, 778);
    add_socket(world, 1, 9, 779);
    add_socket(world, 60, 5, 779);
    assert_int_equal(find(world, 777), 60);
    assert_int_equal(find(world, 778), 50);
    assert_int_equal(find(world, 779), 60);
    close_socket(world, 50, 9);
    assert_int_equal(find(world, 778), 60);
}

static void
test_a_socket_in_the_place_of_another(void **state)
{
    struct world *world = *state;

    add_socket(world, 900, 3, 800);
    add_socket(world, 900, 9, 801);
    assert_int_equal(find(world, 800), 900);
    close_socket(world, 900, 3);
    add_socket(world, 900, 3, 802);
    assert_int_equal(find(world, 802), 900);
    close_socket(world, 900, 9); /* as many descriptors as before, none where it is expected */
    add_socket(world, 900, 9, 803);
    assert_int_equal(find(world, 803), 900);
    assert_int_equal(find(world, 801), 0);
}

static void
test_processes_come_and_go(void **state)
{
    struct world *world = *state;
    char command[128];

    add_socket(world, 50, 3, 777);
    assert_int_equal(find(world, 777), 50);
    add_process(world, 55, 1, "/usr/bin/new");
    add_socket(world, 55, 7, 778);
    assert_int_equal(find(world, 778), 55);
    snprintf(command, sizeof(command), "rm -r %s/55", world->root);
    assert_int_equal(system(command), 0);
    add_socket(world, 60, 7, 779);
    assert_int_equal(find(world, 779), 60);
    add_process(world, 55, 1, "/usr/bin/newer"); /* the number again */
    add_socket(world, 55, 7, 778);
    assert_int_equal(find(world, 778), 55);
}

static void
test_no_such_folder(void **state)
{
    struct wfp_process_finder *finder;

    assert_int_equal(wfp_process_finder_new("/nonexistent", &finder), -WFP_ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_holder_is_found_again_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_eldest_of_several_holders_is_the_owner, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_init_opened_is_its_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absence_is_remembered_for_a_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_path_and_groups_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_seen_in_passing_is_its_eldest_holders, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_socket_in_the_place_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes_come_and_go, setup, teardown),
        cmocka_unit_test(test_no_such_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
