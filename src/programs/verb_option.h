/*
 * What verbs say about options that getopt_long() refuses.
 */
#ifndef WFP_PROGRAMS_VERB_OPTION_H
#define WFP_PROGRAMS_VERB_OPTION_H

#include <getopt.h>

/**
 * Say what is wrong with an option, on standard error.
 *
 * @param verb    "wfp run"
 * @param answer  getopt_long()'s: ':' (the short options begin with one) or '?'
 * @param word    of the command line, argv[optind - 1]
 * @return WFP_EXIT_USAGE
 */
int verb_option_refuse(const char *verb, int answer, const char *word,
                       const struct option *long_options);

#endif
