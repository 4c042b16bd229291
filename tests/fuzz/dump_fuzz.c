/*
 * Hostile dumps: whatever the bytes, the reader reads or refuses; what it read can be verified.
 *
 * Run        As a test: a small dump of our own and a number of random mutations of it (argument 1,
 *            default 3,000; argument 2 is the random seed). More seeds may follow as files. With
 *            clang -fsanitize=fuzzer -DWFP_LIBFUZZER: a libFuzzer target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/policy/dump/fixture.h"
#include "policy/dump/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static unsigned accepted, refused;

static void
demand(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct wfp_dump *dump = NULL;
    struct wfp_verify_report *report = NULL;
    struct wfp_dump_error error;
    int r = wfp_dump_parse(bytes, size, &dump, &error);

    if (r < 0) {
        refused++;
        demand(!dump, "nothing is returned with an error");
        demand(error.text[0] != '\0', "an error has a text");
        return 0;
    }
    accepted++;
    r = wfp_verify_dump(dump, &report);
    demand(r == 0, "what was read can be verified");
    demand(report->weights_equal <= report->filters, "no more equal than there are");
    demand(report->layers_equal <= report->layers, "no more equal than there are");
    demand(report->sublayers_in_order <= report->sublayers, "no more in order than there are");
    wfp_verify_report_free(report);
    wfp_dump_free(dump);
    return 0;
}

#ifndef WFP_LIBFUZZER
static uint64_t random_state;

static uint32_t
random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

/* What is likely to matter: markup, digits at the edges, names that mean something. */
static const char *const words[] = {
    "<",
    ">",
    "</item>",
    "<item>",
    "&amp;",
    "<![CDATA[x]]>",
    "<!--",
    "-->",
    "<?xml ",
    "?>",
    "{",
    "}",
    "0",
    "-1",
    "65536",
    "4294967296",
    "18446744073709551616",
    "FWP_EMPTY",
    "FWP_RANGE_TYPE",
    "FWP_UINT64",
    "FWP_SID",
    "FWP_SECURITY_DESCRIPTOR_TYPE",
    "FWP_V6_ADDR_MASK",
    "S-1-5-18",
    "O:SYD:(A;;CC;;;WD)",
    "fe80::/10",
    "\xFF",
    "\xEF\xBB\xBF",
    "<rangeValue>",
    "<type>",
    "",
};

static size_t
mutate(uint8_t *bytes, size_t size, size_t room)
{
    for (uint32_t n = 1 + random_below(4); n > 0 && size > 0; n--) {
        size_t at = random_below((uint32_t)size), length = random_below(40);
        const char *word = words[random_below(sizeof(words) / sizeof(words[0]))];

        switch (random_below(4)) {
        case 0: /* another byte */
            bytes[at] = (uint8_t)random_below(256);
            break;
        case 1: /* some are gone */
            length = length > size - at ? size - at : length;
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        case 2: /* the end is gone */
            if (random_below(8) == 0)
                size = at;
            break;
        default: /* a word more */
            length = strlen(word);
            if (size + length > room)
                break;
            memmove(bytes + at + length, bytes + at, size - at);
            memcpy(bytes + at, word, length);
            size += length;
        }
    }
    return size;
}

static void
run_on(const char *seed, size_t seed_size, unsigned runs)
{
    size_t room = seed_size + 1024;
    uint8_t *work = malloc(room);

    LLVMFuzzerTestOneInput((const uint8_t *)seed, seed_size);
    for (unsigned i = 0; i < runs; i++) {
        uint8_t *exact;
        size_t size;
        memcpy(work, seed, seed_size);
        size = mutate(work, seed_size, room);
        exact = malloc(size ? size : 1); /* so that reading past the end shows */
        memcpy(exact, work, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    free(work);
}

static void
run_on_file(const char *path, unsigned runs)
{
    FILE *file = fopen(path, "rb");
    char *seed;
    long size;

    if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
        fprintf(stderr, "%s: not readable\n", path);
        exit(3);
    }
    rewind(file);
    seed = malloc((size_t)size + 1);
    demand(fread(seed, 1, (size_t)size, file) == (size_t)size, "the file is read whole");
    fclose(file);
    run_on(seed, (size_t)size, runs);
    free(seed);
}

int
main(int argc, char **argv)
{
    static const struct fixture_filter filters[] = {
        {FILTER_KEY, "FWPM_LAYER_ALE_AUTH_LISTEN_V4", "<type>FWP_UINT8</type><uint8>1</uint8>",
         PORT_CONDITION("1"), "FWP_ACTION_PERMIT", 8, 1},
        {"{00000000-0000-0000-0000-000000000002}", "FWPM_LAYER_ALE_AUTH_LISTEN_V4", EMPTY_WEIGHT,
         "<item><fieldKey>FWPM_CONDITION_IP_LOCAL_PORT</fieldKey><matchType>FWP_MATCH_RANGE"
         "</matchType><conditionValue><type>FWP_RANGE_TYPE</type><rangeValue><valueLow><type>"
         "FWP_UINT16</type><uint16>1</uint16></valueLow><valueHigh><type>FWP_UINT16</type>"
         "<uint16>5</uint16></valueHigh></rangeValue></conditionValue></item>"
         "<item><fieldKey>FWPM_CONDITION_ALE_USER_ID</fieldKey><matchType>FWP_MATCH_EQUAL"
         "</matchType><conditionValue><type>FWP_SECURITY_DESCRIPTOR_TYPE</type>"
         "<sd>O:SYG:SYD:(XA;;CC;;;WD;(a Contains \"b\"))(A;;CC;;;S-1-5-80-1)</sd>"
         "</conditionValue></item>",
         "FWP_ACTION_BLOCK", 9, 0},
    };
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 3000;
    char *seed;

    random_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    seed = fixture_filters(filters, 2);
    run_on(seed, strlen(seed), runs);
    free(seed);
    seed = fixture_state("ALE_AUTH_LISTEN_V4", WFP_LEVEL_RS3, filters, 2);
    run_on(seed, strlen(seed), runs);
    free(seed);
    for (int i = 3; i < argc; i++)
        run_on_file(argv[i], runs);
    printf("%u accepted, %u refused\n", accepted, refused);
    demand(accepted > 0 && refused > 0, "both happened");
    return 0;
}
#endif
