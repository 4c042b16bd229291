/*
 * Words about refused options; see verb_option.h.
 */
#include "programs/verb_option.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "programs/run_options.h"

/* "--quiet=5" names an option that takes no value. */
static bool
has_needless_value(const char *word, const struct option *long_options)
{
    size_t length = strcspn(word, "=");

    if (strncmp(word, "--", 2) != 0 || !word[length])
        return false;
    for (; long_options->name; long_options++)
        if (strlen(long_options->name) == length - 2 &&
            strncmp(long_options->name, word + 2, length - 2) == 0)
            return true;
    return false;
}

int
verb_option_refuse(const char *verb, int answer, const char *word,
                   const struct option *long_options)
{
    const char *format = answer == ':' ? "%s: option '%s' needs a value; see '%s --help'\n"
                         : has_needless_value(word, long_options)
                             ? "%s: option '%s' takes no value; see '%s --help'\n"
                             : "%s: there is no option '%s'; see '%s --help'\n";

    fprintf(stderr, format, verb, word, verb);
    return WFP_EXIT_USAGE;
}
