/*
 * `wfp dump verify`: does our engine say what Windows wrote?
 *
 * Model      Four questions. Weights: does our rule, given the field lists of the dump's own
 * build, give each filter the effective weight Windows gave it? Tables: are our layers and fields
 * those of the dump? Order: rebuilt in our BFE, do the filters of each layer and sublayer come in
 *            the order they had? Objects: does BFE
 *            then hold what the file says?
 */
#ifndef WFP_POLICY_DUMP_VERIFY_H
#define WFP_POLICY_DUMP_VERIFY_H

#include <stdio.h>

#include "policy/dump/dump.h"
#include "policy/dump/import.h"

struct wfp_verify_difference {
    const char *kind; /* "weight", "layer", "order", "sublayer", "import", "object", "read" */
    unsigned line;    /* of the file, 0 where there is none */
    char *text;
};

struct wfp_verify_report {
    enum wfp_dump_form form;
    enum wfp_level level;       /* the build whose field lists fit best */
    enum wfp_level layer_level; /* and the one whose layers do; a filters file does not tell */
    uint32_t filters, weights_equal;
    uint32_t
        weights_inferred; /* of filters at layers where the order of fields was never observed */
    uint32_t layers, layers_equal;
    uint32_t sublayers, sublayers_in_order; /* pairs of layer and sublayer that hold filters */
    uint32_t objects, objects_equal;        /* of the file, made up ones not counted */
    uint32_t unknown_names, partial_descriptors;
    struct wfp_import_result import;
    uint32_t difference_count;
    struct wfp_verify_difference *differences;
    const struct wfp_dump *dump; /* borrowed: its notes and other sections are printed */
};

/** "10.0.20348": the oldest SDK whose tables have what @p level has. */
const char *wfp_verify_level_name(enum wfp_level level);

/** Ask the four questions. @return 0 (whatever the answers) or -WFP_ERR_NO_MEMORY */
int wfp_verify_dump(const struct wfp_dump *dump, struct wfp_verify_report **ret_report);
void wfp_verify_report_free(struct wfp_verify_report *report);
DEFINE_FREEP(struct wfp_verify_report, wfp_verify_report_free)

/** As a table, or as one JSON document. @return false when writing failed */
bool wfp_verify_print(FILE *out, const char *path, const struct wfp_verify_report *report,
                      bool json);

/**
 * Read, verify and print @p path; complaints about the file go to stderr.
 *
 * @return an exit code: 0 all equal, 1 differences, 3 not readable
 */
int wfp_verify_run(FILE *out, const char *path, bool json);

#endif
