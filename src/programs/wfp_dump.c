/*
 * `wfp dump`: what `netsh wfp show` wrote on a real Windows, held against our engine.
 */
#include <stdio.h>
#include <string.h>

#include "policy/dump/verify.h"
#include "programs/run_options.h"
#include "programs/verbs.h"

static const char help[] =
    "usage: wfp dump verify FILE... [--json]\n"
    "\n"
    "Read the output of 'netsh wfp show state' or 'netsh wfp show filters' (plain or .xz), rebuild "
    "it\n"
    "through the engine and report: filters, weights_equal, layers, layers_equal,\n"
    "sublayers_in_order, and each difference.\n"
    "\n"
    "Exit codes: 0 all equal, 1 differences, 2 usage, 3 a file cannot be read.\n";

int
wfp_dump_main(int argc, char **argv)
{
    bool json = false;
    int files = 0, worst = WFP_EXIT_FINE;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return WFP_EXIT_FINE;
        }
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            fprintf(stderr, "wfp dump: there is no option '%s'; see 'wfp dump --help'\n", argv[i]);
            return WFP_EXIT_USAGE;
        } else if (i > 1) {
            files++;
        }
    }
    if (argc < 2 || strcmp(argv[1], "verify") != 0 || files == 0) {
        fprintf(stderr, "wfp dump: say 'verify' and at least one file; see 'wfp dump --help'\n");
        return WFP_EXIT_USAGE;
    }
    for (int i = 2; i < argc; i++)
        if (argv[i][0] != '-') {
            int code = wfp_verify_run(stdout, argv[i], json);
            worst = code > worst ? code : worst;
        }
    return worst;
}
