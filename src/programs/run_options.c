/*
 * `wfp run`: what the words on the command line mean.
 */
#include "programs/run_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/status.h"
#include "programs/verb_option.h"

static const char help[] =
    "usage: wfp run [--read FILE | --live] [options] DRIVER...\n"
    "\n"
    "Load callout drivers (.so from wfp-cc, or .sys) and let them decide over a capture or over\n"
    "the live traffic of this network namespace.\n"
    "\n"
    "  --read FILE          replay a pcap or pcapng capture (no root needed)\n"
    "  --live               decide over live traffic through NFQUEUE (needs root); ends on "
    "SIGINT,\n"
    "                       SIGTERM or after --duration\n"
    "  --local CIDR         addresses of this machine; may be repeated. Without it a replay takes\n"
    "                       the address that most packets share, and says so\n"
    "  --subnet CIDR        an attached network, for answers to multicast from near; may be\n"
    "                       repeated. Live the default is what the interfaces say\n"
    "  --process PATH       replay: whose conversations the capture shows, where it does not say:\n"
    "                       an executable such as 'C:\\dir\\app.exe', or System\n"
    "  --group-fragments    fragments that pass through wait for the others of their datagram and\n"
    "                       are shown as a group, too\n"
    "  --write OUT.pcapng   write every packet with its verdict, layers and filter as a comment\n"
    "  --param [DRIVER:]NAME=VALUE\n"
    "                       registry parameter of the drivers; may be repeated\n"
    "  --store FILE         policy store: its persistent filters are in force, and what drivers "
    "add\n"
    "                       as persistent is there the next time\n"
    "  --json               print one JSON document instead of the table\n"
    "  -v, --verbose        a line per packet: verdict, layer, filter, callout\n"
    "  --events             network events: what was blocked, where, and by which filter\n"
    "  -d, --debug-print    show what drivers print (DbgPrint), as a debugger would\n"
    "  -q, --quiet          no progress\n"
    "  --no-verifier        don't look for leaks and contract violations\n"
    "  --stub-missing       load a driver although it imports functions OpenWFP lacks\n"
    "  --stop-timeout SECONDS\n"
    "                       at the end: how long driver code may take to return (default 10)\n"
    "  --queue N            live: the NFQUEUE number (default 0)\n"
    "  --duration SECONDS   live: stop by itself\n"
    "  --fail-open          live: packets pass while nobody decides them (the default)\n"
    "  --fail-closed        live: packets are dropped while nobody decides them\n"
    "  --control PATH       programs reach the drivers' devices at this socket, see "
    "wfp-device(1);\n"
    "                       'default' is where they look by themselves\n"
    "  --clients N          replay with --control: begin when N programs are there and wait "
    "(default 1)\n"
    "  --busy-poll MICROSECONDS\n"
    "                       live: after a packet, look for the next that long before sleeping\n"
    "  --ready-file FILE    live: create FILE once traffic is being decided\n"
    "\n"
    "Exit codes: 0 fine, 1 a finding or a driver that failed, 2 usage, 3 environment.\n";

enum {
    OPT_READ = 256,
    OPT_LIVE,
    OPT_LOCAL,
    OPT_SUBNET,
    OPT_PROCESS,
    OPT_GROUP_FRAGMENTS,
    OPT_WRITE,
    OPT_PARAM,
    OPT_JSON,
    OPT_STORE,
    OPT_EVENTS,
    OPT_NO_VERIFIER,
    OPT_STUB_MISSING,
    OPT_STOP_TIMEOUT,
    OPT_QUEUE,
    OPT_DURATION,
    OPT_FAIL_OPEN,
    OPT_FAIL_CLOSED,
    OPT_BUSY_POLL,
    OPT_READY_FILE,
    OPT_CONTROL,
    OPT_CLIENTS,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"read", required_argument, NULL, OPT_READ},
    {"live", no_argument, NULL, OPT_LIVE},
    {"local", required_argument, NULL, OPT_LOCAL},
    {"subnet", required_argument, NULL, OPT_SUBNET},
    {"process", required_argument, NULL, OPT_PROCESS},
    {"group-fragments", no_argument, NULL, OPT_GROUP_FRAGMENTS},
    {"write", required_argument, NULL, OPT_WRITE},
    {"param", required_argument, NULL, OPT_PARAM},
    {"json", no_argument, NULL, OPT_JSON},
    {"store", required_argument, NULL, OPT_STORE},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"verbose", no_argument, NULL, 'v'},
    {"debug-print", no_argument, NULL, 'd'},
    {"quiet", no_argument, NULL, 'q'},
    {"no-verifier", no_argument, NULL, OPT_NO_VERIFIER},
    {"stub-missing", no_argument, NULL, OPT_STUB_MISSING},
    {"stop-timeout", required_argument, NULL, OPT_STOP_TIMEOUT},
    {"queue", required_argument, NULL, OPT_QUEUE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"fail-open", no_argument, NULL, OPT_FAIL_OPEN},
    {"fail-closed", no_argument, NULL, OPT_FAIL_CLOSED},
    {"busy-poll", required_argument, NULL, OPT_BUSY_POLL},
    {"ready-file", required_argument, NULL, OPT_READY_FILE},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

int
run_options_parse_prefix(const char *text, struct wfp_local_prefix *ret_prefix)
{
    struct wfp_local_prefix prefix = {0};
    char addr[64], *end;
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);

    if (length >= sizeof(addr))
        return -WFP_ERR_INVALID_NET_MASK;
    memcpy(addr, text, length);
    addr[length] = 0;
    prefix.version = strchr(addr, ':') ? 6 : 4;
    if (inet_pton(prefix.version == 6 ? AF_INET6 : AF_INET, addr, prefix.addr) != 1)
        return -WFP_ERR_INVALID_NET_MASK;
    unsigned long most = prefix.version == 6 ? 128 : 32, bits = most;
    if (slash) {
        bits = strtoul(slash + 1, &end, 10);
        if (end == slash + 1 || *end || bits > most || slash[1] == '-' || slash[1] == '+')
            return -WFP_ERR_INVALID_NET_MASK;
    }
    prefix.prefix_length = (uint8_t)bits;
    *ret_prefix = prefix;
    return 0;
}

static int
wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "wfp run: %s '%s': expected %s; see 'wfp run --help'\n", option, value,
            expected);
    return WFP_EXIT_USAGE;
}

static int
add_prefix(const char *option, const char *text, struct wfp_local_prefix *prefixes, uint32_t *count)
{
    if (*count == WFP_RUN_MAX_LOCAL)
        return wrong(option, text, "at most 64 of them");
    if (run_options_parse_prefix(text, &prefixes[*count]) < 0)
        return wrong(option, text, "an address or prefix such as 10.0.0.0/8");
    ++*count;
    return 0;
}

/* [DRIVER:]NAME=VALUE; a colon in the value is part of the value. */
static int
add_param(struct run_options *options, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *colon = equals ? memchr(text, ':', (size_t)(equals - text)) : NULL;
    const char *name = colon ? colon + 1 : text;
    struct run_param *param = &options->params[options->param_count];

    if (!equals || equals == name || colon == text)
        return wrong("--param", text, "[DRIVER:]NAME=VALUE");
    if (options->param_count == WFP_RUN_MAX_PARAMS)
        return wrong("--param", text, "at most 64 of them");
    param->driver = colon ? strndup(text, (size_t)(colon - text)) : NULL;
    param->name = strndup(name, (size_t)(equals - name));
    param->value = strdup(equals + 1);
    options->param_count++;
    return 0;
}

static int
parse_number(const char *option, const char *text, double least, double most, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= least && value <= most))
        return wrong(option, text, "a number in range");
    *ret_value = value;
    return 0;
}

static int
take_option(struct run_options *options, int option, const char *value)
{
    double number;
    int r = 0;

    switch (option) {
    case OPT_READ:
        options->read_path = value;
        break;
    case OPT_LIVE:
        options->live = true;
        break;
    case OPT_LOCAL:
        return add_prefix("--local", value, options->local, &options->local_count);
    case OPT_GROUP_FRAGMENTS:
        options->groups_fragments = true;
        break;
    case OPT_SUBNET:
        return add_prefix("--subnet", value, options->subnets, &options->subnet_count);
    case OPT_PROCESS:
        options->process_path = value;
        break;
    case OPT_WRITE:
        options->write_path = value;
        break;
    case OPT_PARAM:
        return add_param(options, value);
    case OPT_STORE:
        options->store_path = optarg;
        return 0;
    case OPT_EVENTS:
        options->events = true;
        return 0;
    case OPT_JSON:
        options->json = true;
        break;
    case 'v':
        options->verbose = true;
        break;
    case 'd':
        options->debug_print = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case OPT_NO_VERIFIER:
        options->no_verifier = true;
        break;
    case OPT_STUB_MISSING:
        options->stub_missing = true;
        break;
    case OPT_QUEUE:
        r = parse_number("--queue", value, 0, 65535, &number);
        if (r == 0)
            options->queue = (uint16_t)number;
        return r;
    case OPT_STOP_TIMEOUT:
        return parse_number("--stop-timeout", value, 0, 1e6, &options->stop_timeout_s);
    case OPT_DURATION:
        return parse_number("--duration", value, 0, 1e9, &options->duration_s);
    case OPT_FAIL_OPEN:
        options->fail_closed = false;
        break;
    case OPT_BUSY_POLL:
        return parse_number("--busy-poll", value, 0, 1e6, &options->busy_poll_us);
    case OPT_FAIL_CLOSED:
        options->fail_closed = true;
        break;
    case OPT_READY_FILE:
        options->ready_path = value;
        break;
    case OPT_CONTROL:
        options->control_path = value;
        break;
    case OPT_CLIENTS:
        r = parse_number("--clients", value, 0, 64, &number);
        if (r == 0)
            options->clients = (unsigned)number;
        return r;
    case OPT_HELP:
        fputs(help, stdout);
        return RUN_HELPED;
    }
    return 0;
}

static int
check(const struct run_options *options)
{
    const char *what = NULL;

    if (options->live && options->read_path)
        what = "--read and --live exclude each other; choose one";
    else if (!options->live && !options->read_path)
        what = "say where packets come from: --read FILE or --live";
    else if (options->live && options->process_path)
        what = "--process is for captures; live, the sockets' owners are found";
    else if (options->process_path && !options->process_path[0])
        what = "--process needs an executable's path, or System";
    else if (options->driver_count == 0 && !options->store_path)
        what = "name at least one driver (.so or .sys)";
    if (!what)
        return 0;
    fprintf(stderr, "wfp run: %s; see 'wfp run --help'\n", what);
    return WFP_EXIT_USAGE;
}

int
run_options_parse(int argc, char **argv, struct run_options *ret_options)
{
    struct run_options options = {.stop_timeout_s = 10, .clients = 1};
    int option, r = 0;

    optind = 1;
    opterr = 0;
    while (r == 0 && (option = getopt_long(argc, argv, ":vdq", long_options, NULL)) != -1)
        r = option == '?' || option == ':'
                ? verb_option_refuse("wfp run", option, argv[optind - 1], long_options)
                : take_option(&options, option, optarg);
    for (; r == 0 && optind < argc; optind++) {
        if (options.driver_count == WFP_RUN_MAX_DRIVERS)
            r = wrong("DRIVER", argv[optind], "at most 32 of them");
        else
            options.drivers[options.driver_count++] = argv[optind];
    }
    if (r == 0)
        r = check(&options);
    if (r != 0) {
        run_options_fini(&options);
        return r;
    }
    *ret_options = options;
    return 0;
}

void
run_options_fini(struct run_options *options)
{
    for (uint32_t i = 0; i < options->param_count; i++) {
        free(options->params[i].driver);
        free(options->params[i].name);
        free(options->params[i].value);
    }
    options->param_count = 0;
}
