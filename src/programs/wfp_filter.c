/*
 * `wfp filter`: filters of a policy store, added and deleted as a program would through BFE.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf16.h"
#include "core/engine/engine.h"
#include "policy/store/store.h"
#include "programs/filter_text.h"
#include "programs/run_options.h"
#include "programs/verbs.h"

static const char help[] =
    "usage: wfp filter add --store FILE --layer LAYER --action block|permit [options] "
    "[FIELD=VALUE]...\n"
    "       wfp filter delete --store FILE KEY...\n"
    "\n"
    "Add a persistent filter to a policy store, which 'wfp run --store' and 'wfp show --store' "
    "read;\n"
    "its key is printed. Or delete filters by key.\n"
    "\n"
    "  --store FILE      the policy store; made if there is none\n"
    "  --layer LAYER     OUTBOUND_TRANSPORT_V4 ...; 'wfp show layers' lists them\n"
    "  --action ACTION   block or permit\n"
    "  --name TEXT       display name (default: filter)\n"
    "  --weight N        0 to 15; without it a weight by the conditions\n"
    "  --sublayer KEY    default: the universal sublayer\n"
    "  --hard            a permit that blocks in lower sublayers cannot undo\n"
    "  --boot-time       in force until BFE has started, instead of persistent\n"
    "\n"
    "A condition is FIELD=VALUE or FIELD!=VALUE: IP_REMOTE_ADDRESS=10.0.0.0/8, "
    "IP_REMOTE_PORT=443,\n"
    "IP_REMOTE_PORT=1000-2000, IP_PROTOCOL=6, ALE_APP_ID=PATH. Several on one field are "
    "alternatives.\n"
    "\n"
    "Exit codes: 0 done, 1 refused, 2 usage, 3 the store cannot be used.\n";

/* One BFE over the store. */
struct scene {
    struct wfp_engine *engine;
    struct wfp_bfe *bfe;
    struct wfp_store *store;
    struct wfp_bfe_session *session;
};

static void
scene_fini(struct scene *scene)
{
    if (scene->session)
        wfp_bfe_session_close(scene->session);
    wfp_bfe_free(scene->bfe);
    wfp_engine_free(scene->engine);
    wfp_store_close(scene->store);
}

static int
scene_init(struct scene *scene, const char *path)
{
    char error[WFP_STORE_ERROR_SIZE] = "out of memory";
    int r = wfp_engine_new(&scene->engine);

    if (r == 0)
        r = wfp_bfe_new(scene->engine, &scene->bfe);
    if (r == 0)
        r = wfp_store_open(path, &scene->store, error);
    if (r == 0)
        r = wfp_store_boot(scene->store, scene->bfe, NULL, NULL, NULL);
    if (r == 0)
        r = wfp_bfe_session_open(scene->bfe, NULL, &scene->session);
    if (r < 0)
        fprintf(stderr, "wfp filter: %s\n", error);
    return r < 0 ? WFP_EXIT_ENVIRONMENT : 0;
}

struct options {
    const char *store, *layer, *action, *name, *weight, *sublayer;
    bool hard, boot_time;
    int word_count;
    char **words;
};

static int
refuse(const char *what, const char *text)
{
    fprintf(stderr, "wfp filter: %s '%s'; see 'wfp filter --help'\n", what, text);
    return WFP_EXIT_USAGE;
}

/* Everything but the conditions. @return 0 or an exit code */
static int
make_spec(const struct options *options, struct wfp_filter_spec *spec,
          const struct wfp_layer **ret_layer)
{
    char *end;
    unsigned long weight;

    *ret_layer = wfp_layer_find_name(options->layer);
    if (!*ret_layer)
        return refuse("there is no layer", options->layer);
    spec->layer_key = (*ret_layer)->key;
    if (strcmp(options->action, "block") == 0)
        spec->action = WFP_ACTION_BLOCK;
    else if (strcmp(options->action, "permit") == 0)
        spec->action = WFP_ACTION_PERMIT;
    else
        return refuse("there is no action", options->action);
    spec->common.flags = options->boot_time ? WFP_FILTER_FLAG_BOOTTIME : WFP_FILTER_FLAG_PERSISTENT;
    if (options->hard)
        spec->common.flags |= WFP_FILTER_FLAG_CLEAR_ACTION_RIGHT;
    if (options->weight) {
        weight = strtoul(options->weight, &end, 10);
        if (end == options->weight || *end || weight > 15)
            return refuse("no weight from 0 to 15 is", options->weight);
        spec->weight = (struct wfp_value){WFP_UINT8, {.uint8 = (uint8_t)weight}};
    }
    if (options->sublayer && wfp_guid_parse(options->sublayer, &spec->sublayer_key) < 0)
        return refuse("no key is", options->sublayer);
    return 0;
}

static int
add_parsed(const struct options *options, struct wfp_filter_spec *spec)
{
    struct scene scene = {0};
    char key[WFP_GUID_TEXT_SIZE];
    int code = scene_init(&scene, options->store), r;

    wfp_guid_generate(&spec->common.key);
    if (code == 0) {
        r = wfp_bfe_filter_add(scene.session, spec, NULL, NULL);
        if (r < 0) {
            fprintf(stderr, "wfp filter: refused: %s (%s)\n", wfp_status_text(r),
                    wfp_status_name(r));
            code = WFP_EXIT_FINDING;
        } else {
            puts(wfp_guid_format(&spec->common.key, key));
        }
    }
    scene_fini(&scene);
    return code;
}

static int
add(const struct options *options)
{
    struct wfp_filter_spec spec = {0};
    const struct wfp_layer *layer;
    struct filter_text *texts;
    struct wfp_condition *conditions;
    char error[FILTER_TEXT_ERROR_SIZE];
    size_t length;
    uint16_t *name;
    int code, parsed = 0;

    if (!options->layer || !options->action)
        return refuse("missing:", options->layer ? "--action" : "--layer");
    code = make_spec(options, &spec, &layer);
    if (code)
        return code;
    texts = calloc((size_t)options->word_count + 1, sizeof(*texts));
    conditions = calloc((size_t)options->word_count + 1, sizeof(*conditions));
    name = wfp_utf16_from_utf8(options->name ? options->name : "filter", &length);
    if (!texts || !conditions || !name) {
        fprintf(stderr, "wfp filter: out of memory\n");
        code = WFP_EXIT_ENVIRONMENT;
    }
    for (; code == 0 && parsed < options->word_count; parsed++) {
        if (filter_text_parse(layer, options->words[parsed], &texts[parsed], error) < 0) {
            fprintf(stderr, "wfp filter: %s\n", error);
            code = WFP_EXIT_USAGE;
        }
        conditions[parsed] = texts[parsed].condition;
    }
    spec.common.name_utf16 = name;
    spec.condition_count = (uint32_t)parsed;
    spec.conditions = conditions;
    if (code == 0)
        code = add_parsed(options, &spec);
    for (int i = 0; i < parsed; i++)
        filter_text_fini(&texts[i]);
    free(texts);
    free(conditions);
    free(name);
    return code;
}

static int
delete_all(const struct options *options)
{
    struct scene scene = {0};
    struct wfp_guid key;
    int code = 0, r;

    if (options->word_count == 0)
        return refuse("missing:", "KEY");
    for (int i = 0; i < options->word_count; i++)
        if (wfp_guid_parse(options->words[i], &key) < 0)
            return refuse("no key is", options->words[i]);
    code = scene_init(&scene, options->store);
    for (int i = 0; code == 0 && i < options->word_count; i++) {
        (void)wfp_guid_parse(options->words[i], &key);
        r = wfp_bfe_delete_by_key(scene.session, WFP_BFE_FILTER, &key);
        if (r < 0) {
            fprintf(stderr, "wfp filter: %s: %s (%s)\n", options->words[i], wfp_status_text(r),
                    wfp_status_name(r));
            code = WFP_EXIT_FINDING;
        }
    }
    scene_fini(&scene);
    return code;
}

int
wfp_filter_main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"store", required_argument, NULL, 's'},  {"layer", required_argument, NULL, 'l'},
        {"action", required_argument, NULL, 'a'}, {"name", required_argument, NULL, 'n'},
        {"weight", required_argument, NULL, 'w'}, {"sublayer", required_argument, NULL, 'u'},
        {"hard", no_argument, NULL, 'H'},         {"boot-time", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    struct options options = {0};
    int option;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (option) {
        case 's':
            options.store = optarg;
            break;
        case 'l':
            options.layer = optarg;
            break;
        case 'a':
            options.action = optarg;
            break;
        case 'n':
            options.name = optarg;
            break;
        case 'w':
            options.weight = optarg;
            break;
        case 'u':
            options.sublayer = optarg;
            break;
        case 'H':
            options.hard = true;
            break;
        case 'b':
            options.boot_time = true;
            break;
        case 'h':
            fputs(help, stdout);
            return WFP_EXIT_FINE;
        default:
            return WFP_EXIT_USAGE; /* getopt has said what is wrong */
        }
    }
    options.words = argv + optind + 1;
    options.word_count = argc - optind - 1;
    if (optind == argc)
        return refuse("missing:", "add or delete");
    if (!options.store)
        return refuse("missing:", "--store");
    if (strcmp(argv[optind], "add") == 0)
        return add(&options);
    if (strcmp(argv[optind], "delete") == 0)
        return delete_all(&options);
    return refuse("there is no", argv[optind]);
}
