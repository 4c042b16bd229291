/*
 * The rules that lead packets to our queue: nftables where it can queue, xtables' NFQUEUE elsewhere.
 *
 * Model      Everything of ours has a name of its own (table `openwfp`, chains `OPENWFP-*`), so that
 *            removal needs no memory of what was added. Hooks at mangle priority: before NAT and
 *            before a host firewall's filter chains.
 * Choice     The programs nft(8) and iptables-restore(8) are used, not libnftnl: it is GPL.
 */
#include "plane/nfqueue/nfqueue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/status.h"

#define TABLE "openwfp"

extern char **environ;

/* The hooks we queue at, and whose marks pass there (nfqueue.h). */
static const struct {
    const char *nft, *xtables;
    bool send_passes, receive_passes;
} hooks[] = {
    {"input", "INPUT", false, true},
    {"output", "OUTPUT", true, true},
    {"forward", "FORWARD", false, false},
};

/* Feed @p input to a program and keep what it prints. @return its exit code, -1 if not run */
static int
run_program(const char *const argv[], const char *input, char *said, size_t said_size)
{
    posix_spawn_file_actions_t actions;
    int in[2], out[2], status = -1;
    pid_t pid;

    said[0] = 0;
    if (pipe2(in, O_CLOEXEC) < 0)
        return -1;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        close(in[1]);
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, out[1], 2);
    int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (r == 0) {
        size_t length = strlen(input), used = 0;
        ssize_t n;
        /* the inputs are far below a pipe's capacity, so this cannot block on an idle reader */
        if (write(in[1], input, length) != (ssize_t)length)
            used = 0;
        close(in[1]);
        in[1] = -1;
        while (used + 1 < said_size && (n = read(out[0], said + used, said_size - used - 1)) > 0)
            used += (size_t)n;
        said[used] = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    } else {
        snprintf(said, said_size, "%s: %s", argv[0], strerror(r));
    }
    if (in[1] >= 0)
        close(in[1]);
    close(out[0]);
    return r == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The same; what it prints is an error message, of which the first line is enough. */
static int
run_quietly(const char *const argv[], const char *input, char *said, size_t said_size)
{
    int code = run_program(argv, input, said, said_size);

    said[strcspn(said, "\n")] = 0;
    return code;
}

/* Text that grows in a buffer large enough for our rules. */
struct text {
    char *at;
    size_t size, used;
};

static void _printf_(2, 3) put(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    assert(n >= 0 && (size_t)n < text->size - text->used);
    text->used += (size_t)n;
}

static void
put_nft(const struct wfp_nfqueue_rules *rules, struct text *text)
{
    put(text, "table inet " TABLE " {\n");
    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        put(text, "chain %s { type filter hook %s priority mangle; policy accept; ", hooks[i].nft,
            hooks[i].nft);
        if (hooks[i].send_passes)
            put(text, "meta mark 0x%x accept; ", WFP_NFQUEUE_MARK_SEND);
        if (hooks[i].receive_passes)
            put(text, "meta mark 0x%x accept; ", WFP_NFQUEUE_MARK_RECEIVE);
        put(text, "counter queue num %u%s; }\n", rules->queue, rules->fail_open ? " bypass" : "");
    }
    put(text, "}\n");
}

static void
put_xtables(const struct wfp_nfqueue_rules *rules, struct text *text)
{
    static const char pass[] = "-A OPENWFP-%s -m mark --mark 0x%x -j RETURN\n";

    put(text, "*mangle\n");
    for (size_t i = 0; i < ELEMENTSOF(hooks); i++)
        put(text, ":OPENWFP-%s - [0:0]\n", hooks[i].xtables);
    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        const char *name = hooks[i].xtables;
        if (hooks[i].send_passes)
            put(text, pass, name, WFP_NFQUEUE_MARK_SEND);
        if (hooks[i].receive_passes)
            put(text, pass, name, WFP_NFQUEUE_MARK_RECEIVE);
        put(text, "-A OPENWFP-%s -j NFQUEUE --queue-num %u%s\n-I %s 1 -j OPENWFP-%s\n", name,
            rules->queue, rules->fail_open ? " --queue-bypass" : "", name, name);
    }
    put(text, "COMMIT\n");
}

void
wfp_nfqueue_rules_text(const struct wfp_nfqueue_rules *rules, enum wfp_nfqueue_backend backend,
                       char ret_text[WFP_NFQUEUE_RULES_SIZE])
{
    struct text text = {ret_text, WFP_NFQUEUE_RULES_SIZE, 0};

    ret_text[0] = 0;
    if (backend == WFP_NFQUEUE_NFT)
        put_nft(rules, &text);
    else if (backend == WFP_NFQUEUE_XTABLES)
        put_xtables(rules, &text);
}

static int
install_nft(const struct wfp_nfqueue_rules *rules, char *said, size_t said_size)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    char text[WFP_NFQUEUE_RULES_SIZE];

    wfp_nfqueue_rules_text(rules, WFP_NFQUEUE_NFT, text);
    return run_quietly(argv, text, said, said_size) == 0 ? 0 : -WFP_ERR_NOT_SUPPORTED;
}

static int
install_xtables(const char *program, const struct wfp_nfqueue_rules *rules, char *said,
                size_t said_size)
{
    const char *argv[] = {program, "--noflush", "-w", "5", NULL};
    char text[WFP_NFQUEUE_RULES_SIZE];

    wfp_nfqueue_rules_text(rules, WFP_NFQUEUE_XTABLES, text);
    return run_quietly(argv, text, said, said_size) == 0 ? 0 : -WFP_ERR_NOT_SUPPORTED;
}

/* xtables has no "remove if there": each step may fail, harmlessly. */
static void
remove_xtables(const char *program)
{
    char chain[32], said[64];

    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        snprintf(chain, sizeof(chain), "OPENWFP-%s", hooks[i].xtables);
        const char *const unhook[] = {program,          "-w", "5",   "-t", "mangle", "-D",
                                      hooks[i].xtables, "-j", chain, NULL};
        const char *const flush[] = {program, "-w", "5", "-t", "mangle", "-F", chain, NULL};
        const char *const drop[] = {program, "-w", "5", "-t", "mangle", "-X", chain, NULL};
        if (run_quietly(flush, "", said, sizeof(said)) != 0)
            continue;
        while (run_quietly(unhook, "", said, sizeof(said)) == 0)
            ;
        run_quietly(drop, "", said, sizeof(said));
    }
}

/* A family of xtables programs: which restore, which edit. */
static const struct {
    const char *restore, *edit;
} xtables_v4[] = {{"iptables-restore", "iptables"}, {"iptables-legacy-restore", "iptables-legacy"}},
  xtables_v6[] = {{"ip6tables-restore", "ip6tables"},
                  {"ip6tables-legacy-restore", "ip6tables-legacy"}};

void
wfp_nfqueue_rules_remove(void)
{
    static const char *const argv[] = {"nft", "delete", "table", "inet", TABLE, NULL};
    char said[64];

    run_quietly(argv, "", said, sizeof(said));
    for (size_t i = 0; i < ELEMENTSOF(xtables_v4); i++) {
        remove_xtables(xtables_v4[i].edit);
        remove_xtables(xtables_v6[i].edit);
    }
}

int
wfp_nfqueue_rules_install(const struct wfp_nfqueue_rules *rules,
                          enum wfp_nfqueue_backend *ret_backend, char error[256])
{
    char said_nft[96], said_xtables[96] = "";

    wfp_nfqueue_rules_remove();
    if (install_nft(rules, said_nft, sizeof(said_nft)) == 0) {
        *ret_backend = WFP_NFQUEUE_NFT;
        return 0;
    }
    for (size_t i = 0; i < ELEMENTSOF(xtables_v4); i++) {
        if (install_xtables(xtables_v4[i].restore, rules, said_xtables, sizeof(said_xtables)) ==
                0 &&
            install_xtables(xtables_v6[i].restore, rules, said_xtables, sizeof(said_xtables)) ==
                0) {
            *ret_backend = WFP_NFQUEUE_XTABLES;
            return 0;
        }
        wfp_nfqueue_rules_remove();
    }
    snprintf(error, 256,
             "packet queue: neither nft (%.70s) nor iptables (%.70s) took the rule; "
             "install nftables or iptables and a kernel with NFQUEUE",
             said_nft, said_xtables);
    return -WFP_ERR_NOT_SUPPORTED;
}

/* Sum the packets of rules: "   123    4567 NFQUEUE ..." and "... counter packets 123 bytes 4567 ...". */
static uint64_t
sum_packets(const char *listing)
{
    static const char counter[] = "counter packets ";
    uint64_t total = 0;

    for (const char *line = listing; *line;) {
        size_t length = strcspn(line, "\n");
        const char *found = memmem(line, length, counter, strlen(counter));

        if (found)
            total += strtoull(found + strlen(counter), NULL, 10);
        else if (memmem(line, length, "NFQUEUE", strlen("NFQUEUE")))
            total += strtoull(line, NULL, 10);
        line += length + (line[length] == '\n');
    }
    return total;
}

static uint64_t
count_xtables(const char *program)
{
    char chain[32], said[4096];
    uint64_t total = 0;

    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        snprintf(chain, sizeof(chain), "OPENWFP-%s", hooks[i].xtables);
        const char *const argv[] = {program, "-w", "5", "-t", "mangle", "-nvxL", chain, NULL};
        if (run_program(argv, "", said, sizeof(said)) == 0)
            total += sum_packets(said);
    }
    return total;
}

uint64_t
wfp_nfqueue_rules_matched(enum wfp_nfqueue_backend backend)
{
    static const char *const argv[] = {"nft", "list", "table", "inet", TABLE, NULL};
    char said[4096];
    uint64_t total = 0;

    if (backend == WFP_NFQUEUE_NFT && run_program(argv, "", said, sizeof(said)) == 0)
        return sum_packets(said);
    /* two names may lead to one table: the larger count, not the sum */
    for (size_t i = 0; backend == WFP_NFQUEUE_XTABLES && i < ELEMENTSOF(xtables_v4); i++)
        total = MAX(total, count_xtables(xtables_v4[i].edit) + count_xtables(xtables_v6[i].edit));
    return total;
}

const char *
wfp_nfqueue_backend_name(enum wfp_nfqueue_backend backend)
{
    static const char *const names[] = {"none", "nftables queue", "xtables NFQUEUE"};
    return names[backend];
}
