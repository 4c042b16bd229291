/*
 * FWPS_METADATA_FIELD_TOKEN and FwpsOpenToken: the token of the user whose socket it is. One user has one
 * token; where no user is known there is none.
 *
 * Ref        ddi fwpsk/ns-fwpsk-fwps_incoming_metadata_values0_, fwpsk/nf-fwpsk-fwpsopentoken0,
 *            ntifs/nf-ntifs-zwqueryinformationtoken
 */
#include <stdio.h>
#include <string.h>

#include <openwfp/sim.h>

#define LATE_FINDINGS 6 /* a line of the driver each: five uses after the classify, and a close */

static struct wfp_sim *sim;

static int
start(const char *image)
{
    sim = wfp_sim_new(NULL);
    return sim && wfp_sim_load(sim, image, NULL) == 0;
}

static void
expect_said(const char *text)
{
    if (!wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), text) != NULL))
        fprintf(stderr, "expected \"%s\" in\n%s", text, wfp_sim_printed(sim));
}

/** A socket of a user who is no administrator, LocalSystem's, nobody's. */
static int
well_behaved(const char *image)
{
    if (!start(image))
        return 1;
    wfp_sim_process(sim, 4711, "\\device\\x\\app.exe", "S-1-5-21-1-2-3-1001");
    wfp_sim_connect(sim, "10.0.0.1:1000", "192.0.2.1:80");
    wfp_sim_wait(sim, 1000);
    expect_said("lent: S-1-5-21-1-2-3-1001, 0 groups, type 1, elevated 0, admin 0, modified 1\n");
    expect_said("opened: S-1-5-21-1-2-3-1001, 0 groups, type 1, elevated 0, admin 0, modified 1\n");
    expect_said("others are not found\n");
    wfp_sim_expect(sim, strstr(wfp_sim_printed(sim), "none") == NULL);
    wfp_sim_process(sim, 4, "System", "S-1-5-18");
    wfp_sim_connect(sim, "10.0.0.1:1001", "192.0.2.1:80");
    wfp_sim_wait(sim, 1000);
    expect_said("opened: S-1-5-18, 0 groups");
    wfp_sim_process(sim, 0, NULL, NULL);
    wfp_sim_connect(sim, "10.0.0.1:1002", "192.0.2.1:80");
    wfp_sim_wait(sim, 1000);
    expect_said("token: none\n");
    return wfp_sim_finish(sim);
}

/** What breaks the rules is found, and each time it is @p findings things. */
static int
badly_behaved(const char *image, size_t findings)
{
    size_t found;

    if (!start(image))
        return 1;
    wfp_sim_process(sim, 4711, "\\device\\x\\app.exe", "S-1-5-21-1-2-3-1001");
    wfp_sim_connect(sim, "10.0.0.1:1000", "192.0.2.1:80");
    wfp_sim_wait(sim, 1000);
    wfp_sim_unload(sim);
    found = wfp_sim_findings(sim);
    if (found != findings)
        fprintf(stderr, "%s: %zu findings, not %zu\n", image, found, findings);
    return wfp_sim_finish(sim) != 1 || found != findings;
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    return well_behaved(argv[1]) || badly_behaved(argv[2], LATE_FINDINGS) ||
           badly_behaved(argv[3], 1);
}
