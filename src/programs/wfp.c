/*
 * wfp: one program, a verb each.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "programs/run_options.h"
#include "programs/verbs.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} verbs[] = {
#define VERB(name, function, text) {name, function, text},
#include "programs/verbs.def"
#undef VERB
};

static void
usage(FILE *out)
{
    fputs("usage: wfp VERB [arguments]\n\nOpenWFP: the Windows Filtering Platform on Linux.\n\n",
          out);
    for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
        fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].text);
    fputs("\n'wfp VERB --help' tells more.\n", out);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return WFP_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return WFP_EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("wfp (OpenWFP) " WFP_VERSION);
        return WFP_EXIT_FINE;
    }
    for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    fprintf(stderr, "wfp: there is no verb '%s'; see 'wfp --help'\n", argv[1]);
    return WFP_EXIT_USAGE;
}
