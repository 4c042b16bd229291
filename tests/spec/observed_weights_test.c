/*
 * Weights observed on running systems, in a table that gives the shape of a filter's conditions but
 * not their values: every row whose weight does not depend on them comes out equal.
 *
 * Model      The table does not say which build a system was. The one under whose field lists most
 * rows are equal is taken, and under it all must be.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/model/weight.h"
#include "shared.h"

#define ROWS_MOST       4096
#define CONDITIONS_MOST 24

struct row {
    unsigned line;
    char system[32], layer[64], weight_type[16], conditions[768];
    unsigned given;
    uint64_t effective;
};

static struct row *rows;
static size_t row_count;

/* The next field of a line; the table quotes nothing. */
static char *
next_field(char **at)
{
    char *field = strsep(at, ",");
    return field ? field : (char *)"";
}

static void
read_table(const char *path)
{
    FILE *file = fopen(path, "r");
    static char line[4096];

    rows = calloc(ROWS_MOST, sizeof(*rows));
    if (!file || !rows || !fgets(line, sizeof(line), file)) {
        printf("%s: not readable\n", path);
        exit(1);
    }
    for (unsigned n = 2; fgets(line, sizeof(line), file) && row_count < ROWS_MOST; n++) {
        struct row *row = &rows[row_count++];
        char *at = line;
        row->line = n;
        snprintf(row->system, sizeof(row->system), "%s", next_field(&at));
        snprintf(row->layer, sizeof(row->layer), "%s", next_field(&at));
        snprintf(row->weight_type, sizeof(row->weight_type), "%s", next_field(&at));
        row->given = (unsigned)strtoul(next_field(&at), NULL, 0);
        snprintf(row->conditions, sizeof(row->conditions), "%s", next_field(&at));
        row->effective = strtoull(next_field(&at), NULL, 16);
    }
    fclose(file);
}

/* "IP_PROTOCOL EQUAL UINT8 x2" to conditions with values that do not matter. */
static int
add_condition(const struct wfp_layer *layer, char *text, struct wfp_condition *conditions,
              uint32_t *count)
{
    static const uint8_t no_number[1];
    char *name = strsep(&text, " "), *match = strsep(&text, " ");
    const char *repeat = text ? strstr(text, " x") : NULL;
    int index = wfp_layer_find_field_name(layer, name);
    unsigned times = repeat ? (unsigned)strtoul(repeat + 2, NULL, 10) : 1;

    if (index < 0)
        return index;
    for (unsigned i = 0; i < times && *count < CONDITIONS_MOST; i++) {
        struct wfp_condition *condition = &conditions[(*count)++];
        condition->field_key = layer->fields[index].condition_key;
        condition->match =
            match && strcmp(match, "NOT_EQUAL") == 0 ? WFP_MATCH_NOT_EQUAL : WFP_MATCH_EQUAL;
        /* One value of the field, whatever the type: what a value is, only its number of bits says.
         */
        condition->value = (struct wfp_value){.type = WFP_SID, .sid = (void *)(uintptr_t)no_number};
    }
    return 0;
}

enum outcome { EQUAL, DIFFERENT, DEPENDS };

static enum outcome
weigh(const struct row *row, enum wfp_level level)
{
    const struct wfp_layer *layer = wfp_layer_find_name(row->layer);
    struct wfp_value given = {.type = WFP_EMPTY};
    struct wfp_condition conditions[CONDITIONS_MOST];
    struct wfp_weight_plan plan;
    char text[sizeof(row->conditions)], *at = text;
    uint32_t count = 0;
    uint64_t kept = row->effective, weight = 0;

    if (strstr(row->conditions, "RANGE") || strstr(row->conditions, "MASK"))
        return DEPENDS;
    if (strcmp(row->weight_type, "FWP_UINT8") == 0)
        given = (struct wfp_value){.type = WFP_UINT8, .uint8 = (uint8_t)row->given};
    else if (strcmp(row->weight_type, "FWP_UINT64") == 0)
        given = (struct wfp_value){.type = WFP_UINT64, .uint64 = &kept};
    if (!layer || layer->field_counts[level] < 0)
        return DIFFERENT;
    snprintf(text, sizeof(text), "%s", row->conditions);
    for (char *part; (part = strsep(&at, ";"));) {
        while (*part == ' ')
            part++;
        if (*part && add_condition(layer, part, conditions, &count) < 0)
            return DIFFERENT;
    }
    if (wfp_weight_plan(layer->name, layer->fields, (uint32_t)layer->field_counts[level], &plan) <
            0 ||
        wfp_weight_compute(&plan, &given, conditions, count, &weight) < 0)
        return DIFFERENT;
    return weight == row->effective ? EQUAL : DIFFERENT;
}

static size_t
count_of(const char *system, enum wfp_level level, enum outcome wanted)
{
    size_t count = 0;

    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].system, system) == 0)
            count += weigh(&rows[i], level) == wanted;
    return count;
}

static size_t
check_system(const char *system)
{
    enum wfp_level best = WFP_LEVEL_NEWEST;
    size_t different;

    for (int level = WFP_LEVEL_NEWEST - 1; level >= 0; level--)
        if (count_of(system, (enum wfp_level)level, EQUAL) > count_of(system, best, EQUAL))
            best = (enum wfp_level)level;
    different = count_of(system, best, DIFFERENT);
    printf("%s: %zu equal, %zu different, %zu depend on values not given\n", system,
           count_of(system, best, EQUAL), different, count_of(system, best, DEPENDS));
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].system, system) == 0 && weigh(&rows[i], best) == DIFFERENT)
            printf("line %u: %s %s: 0x%016llx\n", rows[i].line, rows[i].layer, rows[i].conditions,
                   (unsigned long long)rows[i].effective);
    return different;
}

int
main(void)
{
    char path[4096];
    size_t different = 0;

    read_table(shared_path("facts/autoweight-observed.csv", path));
    for (size_t i = 0; i < row_count; i++) {
        bool is_first = true;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = strcmp(rows[i].system, rows[j].system) != 0;
        if (is_first)
            different += check_system(rows[i].system);
    }
    free(rows);
    return different > 0 || row_count == 0;
}
