/*
 * `wfp device`: a driver's devices from the shell.
 *
 * Model      options -> host (socket of `wfp run --control`) -> one request -> bytes out, or one line
 *            that says what failed.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "openwfp/device.h"
#include "programs/run_options.h"
#include "programs/verb_option.h"
#include "programs/verbs.h"

#define MAX_BYTES         (64u << 20)
#define DEFAULT_OUT_BYTES 4096u
#define NO_SUCH_NAME      ((int32_t)0xC0000034)

static const char help[] =
    "usage: wfp device list\n"
    "       wfp device open  [options] NAME\n"
    "       wfp device ioctl [options] NAME CODE\n"
    "       wfp device read  [options] NAME\n"
    "       wfp device write [options] NAME\n"
    "       wfp device wait\n"
    "\n"
    "Use a device of a driver that runs in 'wfp run --control PATH'. NAME is \\\\.\\Name or just\n"
    "Name, \\Device\\Name or a device interface. CODE is a number, or "
    "DEVICE,FUNCTION,METHOD,ACCESS\n"
    "as CTL_CODE has them (METHOD: buffered, in-direct, out-direct, neither; ACCESS: any, read,\n"
    "write, both). wait takes part in a replay, which begins then, until it ends.\n"
    "\n"
    "  --control PATH    the socket; default $OPENWFP_CONTROL, else /run/openwfp.sock\n"
    "  --in HEX          bytes to send, e.g. 0a0b0c; or @FILE, @- for standard input\n"
    "  --out FILE        what came back goes here instead of a hex dump\n"
    "  --out-bytes N     room for what comes back (default 4096; ioctl, read)\n"
    "  --offset N        of a read or write (default 0)\n"
    "  --access WHAT     open for read, write, both (the default) or none\n"
    "  --timeout SECONDS cancel the request after this long\n"
    "  --retry SECONDS   keep trying to connect for this long (default 0)\n"
    "  --json            one JSON document\n"
    "\n"
    "Exit codes: 0 fine, 1 the driver refused, 2 usage, 3 no driver can be reached.\n";

struct device_options {
    const char *control, *out_path, *name;
    uint8_t *input;
    size_t input_bytes, output_bytes;
    uint32_t code, access;
    int64_t offset;
    int timeout_ms, retry_ms;
    bool json;
};

/* --- the command line --- */

static int
wrong(const char *what, const char *value, const char *expected)
{
    fprintf(stderr, "wfp device: %s '%s': expected %s; see 'wfp device --help'\n", what, value,
            expected);
    return WFP_EXIT_USAGE;
}

static bool
parse_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (end == text || *end || errno || *text == '-' || number > most)
        return false;
    *ret_number = number;
    return true;
}

static int
index_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    return -1;
}

/** 0x12e48c, or 0x12,0x923,out-direct,read */
static bool
parse_code(const char *text, uint32_t *ret_code)
{
    static const char *const methods[] = {"buffered", "in-direct", "out-direct", "neither"};
    static const char *const accesses[] = {"any", "read", "write", "both"};
    char copy[128], *parts[4] = {0}, *save;
    size_t count = 0;
    uint64_t type, function;

    if (!strchr(text, ',')) {
        if (!parse_number(text, UINT32_MAX, &type))
            return false;
        *ret_code = (uint32_t)type;
        return true;
    }
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *part = strtok_r(copy, ",", &save); part && count < 4;
         part = strtok_r(NULL, ",", &save))
        parts[count++] = part;
    if (count != 4 || !parse_number(parts[0], 0xFFFF, &type) ||
        !parse_number(parts[1], 0xFFF, &function))
        return false;
    int method = index_of(parts[2], methods, ELEMENTSOF(methods));
    int access = index_of(parts[3], accesses, ELEMENTSOF(accesses));
    if (method < 0 || access < 0)
        return false;
    *ret_code = OPENWFP_IOCTL(type, function, method, access);
    return true;
}

static int
nibble(int c)
{
    return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

static int
parse_hex(const char *text, struct device_options *options)
{
    size_t count = 0;

    options->input = malloc(strlen(text) / 2 + 1);
    for (const char *p = text; *p && options->input;) {
        if (isspace((unsigned char)*p) || *p == ':') {
            p++;
            continue;
        }
        int high = nibble((unsigned char)p[0]), low = high < 0 ? -1 : nibble((unsigned char)p[1]);
        if (low < 0)
            return wrong("--in", text, "pairs of hex digits, or @FILE");
        options->input[count++] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    options->input_bytes = count;
    return 0;
}

static int
read_input(const char *path, struct device_options *options)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (!file) {
        fprintf(stderr, "wfp device: %s: %s\n", path, strerror(errno));
        return WFP_EXIT_ENVIRONMENT;
    }
    options->input = malloc(MAX_BYTES);
    if (options->input)
        options->input_bytes = fread(options->input, 1, MAX_BYTES, file);
    if (file != stdin)
        fclose(file);
    return 0;
}

static int
parse_seconds(const char *option, const char *text, int *ret_ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds <= 1e6))
        return wrong(option, text, "seconds");
    *ret_ms = (int)(seconds * 1000);
    return 0;
}

static int
take_option(struct device_options *options, int option, const char *value)
{
    static const char *const accesses[] = {"none", "write", "read", "both"};
    uint64_t number;
    int r;

    switch (option) {
    case 'c':
        options->control = value;
        return 0;
    case 'i':
        return *value == '@' ? read_input(value + 1, options) : parse_hex(value, options);
    case 'o':
        options->out_path = value;
        return 0;
    case 'b':
        if (!parse_number(value, MAX_BYTES, &number))
            return wrong("--out-bytes", value, "a number up to 64 MiB");
        options->output_bytes = number;
        return 0;
    case 'f':
        if (!parse_number(value, INT64_MAX, &number))
            return wrong("--offset", value, "a number");
        options->offset = (int64_t)number;
        return 0;
    case 'a':
        r = index_of(value, accesses, ELEMENTSOF(accesses));
        if (r < 0)
            return wrong("--access", value, "none, read, write or both");
        options->access = (r & 2 ? OPENWFP_READ : 0) | (r & 1 ? OPENWFP_WRITE : 0);
        return 0;
    case 't':
        return parse_seconds("--timeout", value, &options->timeout_ms);
    case 'r':
        return parse_seconds("--retry", value, &options->retry_ms);
    case 'j':
        options->json = true;
        return 0;
    default:
        fputs(help, stdout);
        return RUN_HELPED;
    }
}

/* --- answers --- */

/** One line about what failed. @return the exit code */
static int
explain(const char *object, int32_t status)
{
    const char *why = openwfp_host_error();
    const char *hint =
        *why                     ? why
        : status == NO_SUCH_NAME ? "there is no such device; 'wfp device list' shows what there is"
        : status == OPENWFP_TIMEOUT ? "no answer in that time; the request was cancelled"
                                    : "the driver's answer";

    fprintf(stderr, "wfp device: %s: %s: %s\n", object, openwfp_status_text(status), hint);
    return *why ? WFP_EXIT_ENVIRONMENT : WFP_EXIT_FINDING;
}

static void
dump(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        printf("%08zx ", i);
        for (size_t j = i; j < i + 16; j++)
            j < count ? printf(" %02x", bytes[j]) : printf("   ");
        printf("  ");
        for (size_t j = i; j < MIN(i + 16, count); j++)
            putchar(isprint(bytes[j]) ? bytes[j] : '.');
        putchar('\n');
    }
}

static int
write_file(const char *path, const uint8_t *bytes, size_t count)
{
    FILE *file = fopen(path, "we");
    bool ok = file && fwrite(bytes, 1, count, file) == count;

    if (file && fclose(file) != 0)
        ok = false;
    if (!ok)
        fprintf(stderr, "wfp device: %s: %s\n", path, strerror(errno));
    return ok ? 0 : WFP_EXIT_ENVIRONMENT;
}

static void
print_json(const struct device_options *options, int32_t status, uint64_t information,
           const uint8_t *bytes, size_t count)
{
    _cleanup_(freep) char *hex = malloc(2 * count + 1);
    char number[16];

    if (!hex)
        return;
    hex[0] = 0;
    for (size_t i = 0; i < count; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
    snprintf(number, sizeof(number), "0x%08X", (uint32_t)status);
    json_t *document = json_pack("{s:s, s:s, s:s, s:I, s:s}", "device", options->name, "status",
                                 number, "status_text", openwfp_status_text(status), "information",
                                 (json_int_t)information, "output", hex);
    if (document) {
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(document);
    }
}

/* --- the verbs --- */

struct listing {
    json_t *array; /* NULL: a table */
};

static void
list_one(void *context, const struct openwfp_device_info *info)
{
    struct listing *listing = context;

    if (listing->array)
        json_array_append_new(listing->array,
                              json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", info->name, "driver",
                                        info->driver, "link", info->link, "type",
                                        (json_int_t)info->type, "open_files",
                                        (json_int_t)info->open_files));
    else
        printf("%-28s %-28s %-16s 0x%-6x %u\n", info->name, info->link, info->driver, info->type,
               info->open_files);
}

static int
list_devices(struct openwfp_host *host, const struct device_options *options)
{
    struct listing listing = {options->json ? json_array() : NULL};

    if (!listing.array)
        printf("%-28s %-28s %-16s %-8s %s\n", "device", "opened as", "driver", "type", "open");
    int32_t status = openwfp_host_list(host, list_one, &listing);
    if (status < 0) {
        json_decref(listing.array);
        return explain("list", status);
    }
    if (listing.array) {
        json_dumpf(listing.array, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(listing.array);
    }
    return WFP_EXIT_FINE;
}

static int
send_request(struct openwfp_device *device, enum openwfp_operation operation,
             const struct device_options *options)
{
    size_t room = operation == OPENWFP_IO_WRITE ? 0 : options->output_bytes;
    _cleanup_(freep) uint8_t *output = calloc(1, MAX(room, (size_t)1));
    const struct openwfp_io io = {.operation = operation,
                                  .code = options->code,
                                  .input = options->input,
                                  .input_bytes = options->input_bytes,
                                  .output = output,
                                  .output_bytes = room,
                                  .offset = options->offset};
    uint64_t information = 0;

    if (!output)
        return WFP_EXIT_ENVIRONMENT;
    int32_t status = openwfp_device_send(device, &io, options->timeout_ms, &information);
    size_t count = MIN(information, (uint64_t)room);
    int code = status < 0 || status == OPENWFP_TIMEOUT ? WFP_EXIT_FINDING : WFP_EXIT_FINE;
    if (options->json)
        print_json(options, status, information, output, count);
    else if (code)
        code = explain(options->name, status);
    else if (operation == OPENWFP_IO_WRITE)
        printf("%llu bytes written\n", (unsigned long long)information);
    else if (!options->out_path)
        dump(output, count);
    if (code == WFP_EXIT_FINE && options->out_path)
        code = write_file(options->out_path, output, count);
    return code;
}

enum verb { VERB_LIST, VERB_WAIT, VERB_OPEN, VERB_IOCTL, VERB_READ, VERB_WRITE };

static int
use_device(struct openwfp_host *host, enum verb verb, const struct device_options *options)
{
    static const enum openwfp_operation operations[] = {
        [VERB_IOCTL] = OPENWFP_IO_CONTROL,
        [VERB_READ] = OPENWFP_IO_READ,
        [VERB_WRITE] = OPENWFP_IO_WRITE,
    };
    struct openwfp_device *device;
    char path[600];

    snprintf(path, sizeof(path), "%s%s", options->name[0] == '\\' ? "" : "\\\\.\\", options->name);
    int32_t status = openwfp_device_open(host, path, options->access, &device);
    if (status < 0)
        return explain(path, status);
    int code = WFP_EXIT_FINE;
    if (verb != VERB_OPEN)
        code = send_request(device, operations[verb], options);
    else if (options->json)
        print_json(options, status, 0, NULL, 0);
    else
        printf("%s: opened and closed\n", path);
    openwfp_device_close(device);
    return code;
}

/** In a replay: let it begin and go on; nothing is asked of any device. */
static int
wait_for_end(struct openwfp_host *host)
{
    int32_t status;

    do
        status = openwfp_host_wait(host, -1);
    while (status >= 0);
    return status == OPENWFP_END || !openwfp_host_is_replay(host) ? WFP_EXIT_FINE
                                                                  : explain("wait", status);
}

static int32_t
connect_host(const struct device_options *options, struct openwfp_host **ret_host)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int waited_ms = 0;

    for (;; waited_ms += 50) {
        int32_t status = openwfp_host_connect(options->control, ret_host);
        if (status >= 0 || waited_ms >= options->retry_ms)
            return status;
        nanosleep(&pause, NULL);
    }
}

static int
parse(int argc, char **argv, enum verb verb, struct device_options *options)
{
    static const struct option long_options[] = {
        {"control", required_argument, NULL, 'c'},
        {"in", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},
        {"out-bytes", required_argument, NULL, 'b'},
        {"offset", required_argument, NULL, 'f'},
        {"access", required_argument, NULL, 'a'},
        {"timeout", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"retry", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, r = 0, wanted = verb <= VERB_WAIT ? 0 : verb == VERB_IOCTL ? 2 : 1;

    *options = (struct device_options){.output_bytes = DEFAULT_OUT_BYTES,
                                       .access = OPENWFP_READ | OPENWFP_WRITE,
                                       .timeout_ms = -1};
    optind = 1;
    opterr = 0;
    while (r == 0 && (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
        r = option == '?' || option == ':'
                ? verb_option_refuse("wfp device", option, argv[optind - 1], long_options)
                : take_option(options, option, optarg);
    if (r)
        return r;
    if (argc - optind != wanted) {
        fprintf(stderr, "wfp device: '%s' takes %s; see 'wfp device --help'\n", argv[0],
                wanted == 0   ? "no name"
                : wanted == 1 ? "the name of one device"
                              : "a device's name and a code");
        return WFP_EXIT_USAGE;
    }
    options->name = wanted ? argv[optind] : "";
    if (verb == VERB_IOCTL && !parse_code(argv[optind + 1], &options->code))
        return wrong("CODE", argv[optind + 1], "a number or DEVICE,FUNCTION,METHOD,ACCESS");
    return 0;
}

int
wfp_device_main(int argc, char **argv)
{
    static const char *const verbs[] = {"list", "wait", "open", "ioctl", "read", "write"};
    struct device_options options;
    struct openwfp_host *host;
    int verb = argc > 1 ? index_of(argv[1], verbs, ELEMENTSOF(verbs)) : -1;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return WFP_EXIT_FINE;
    }
    if (verb < 0)
        return wrong("word", argc > 1 ? argv[1] : "", "list, open, ioctl, read, write or wait");
    int code = parse(argc - 1, argv + 1, (enum verb)verb, &options);
    if (code == 0) {
        int32_t status = connect_host(&options, &host);
        if (status < 0) {
            code = explain("connect", status);
        } else {
            code = verb == VERB_LIST   ? list_devices(host, &options)
                   : verb == VERB_WAIT ? wait_for_end(host)
                                       : use_device(host, (enum verb)verb, &options);
            openwfp_host_close(host);
        }
    }
    free(options.input);
    return code == RUN_HELPED ? WFP_EXIT_FINE : code;
}
