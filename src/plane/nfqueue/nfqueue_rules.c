/*
 * The rules that lead packets to our queue: nftables where it can queue, xtables' NFQUEUE elsewhere.
 *
 * Model      Everything of ours has a name of its own (table `openwfp`, chains `OPENWFP-*`), so that
 *            removal needs no memory of what was added. Hooks at mangle priority: before NAT and
 *            before a host firewall's filter chains.
 * Choice     The programs nft(8) and iptables-restore(8) are used, not libnftnl: it is GPL.
 */
#include "plane/nfqueue/nfqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/status.h"

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

/* Feed @p input to a program and keep the first line it prints. @return its exit code, -1 if not run */
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
        said[strcspn(said, "\n")] = 0;
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

static int
install_nft(const struct wfp_nfqueue_rules *rules, char *said, size_t said_size)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    const char *bypass = rules->fail_open ? " bypass" : "";
    char text[2048];
    int n = snprintf(text, sizeof(text), "table inet openwfp {\n");

    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "chain %s { type filter hook %s priority mangle; policy accept; ",
                      hooks[i].nft, hooks[i].nft);
        if (hooks[i].send_passes)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "meta mark 0x%x accept; ",
                          WFP_NFQUEUE_MARK_SEND);
        if (hooks[i].receive_passes)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "meta mark 0x%x accept; ",
                          WFP_NFQUEUE_MARK_RECEIVE);
        n += snprintf(text + n, sizeof(text) - (size_t)n, "queue num %u%s; }\n", rules->queue,
                      bypass);
    }
    snprintf(text + n, sizeof(text) - (size_t)n, "}\n");
    return run_program(argv, text, said, said_size) == 0 ? 0 : -WFP_ERR_NOT_SUPPORTED;
}

static int
install_xtables(const char *program, const struct wfp_nfqueue_rules *rules, char *said,
                size_t said_size)
{
    static const char pass[] = "-A OPENWFP-%s -m mark --mark 0x%x -j RETURN\n";
    const char *argv[] = {program, "--noflush", "-w", "5", NULL};
    const char *bypass = rules->fail_open ? " --queue-bypass" : "";
    char text[2048];
    int n = snprintf(text, sizeof(text), "*mangle\n");

    for (size_t i = 0; i < ELEMENTSOF(hooks); i++)
        n +=
            snprintf(text + n, sizeof(text) - (size_t)n, ":OPENWFP-%s - [0:0]\n", hooks[i].xtables);
    for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
        const char *name = hooks[i].xtables;
        if (hooks[i].send_passes)
            n += snprintf(text + n, sizeof(text) - (size_t)n, pass, name, WFP_NFQUEUE_MARK_SEND);
        if (hooks[i].receive_passes)
            n += snprintf(text + n, sizeof(text) - (size_t)n, pass, name, WFP_NFQUEUE_MARK_RECEIVE);
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "-A OPENWFP-%s -j NFQUEUE --queue-num %u%s\n-I %s 1 -j OPENWFP-%s\n", name,
                      rules->queue, bypass, name, name);
    }
    snprintf(text + n, sizeof(text) - (size_t)n, "COMMIT\n");
    return run_program(argv, text, said, said_size) == 0 ? 0 : -WFP_ERR_NOT_SUPPORTED;
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
        if (run_program(flush, "", said, sizeof(said)) != 0)
            continue;
        while (run_program(unhook, "", said, sizeof(said)) == 0)
            ;
        run_program(drop, "", said, sizeof(said));
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
    static const char *const argv[] = {"nft", "delete", "table", "inet", "openwfp", NULL};
    char said[64];

    run_program(argv, "", said, sizeof(said));
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

const char *
wfp_nfqueue_backend_name(enum wfp_nfqueue_backend backend)
{
    static const char *const names[] = {"none", "nftables queue", "xtables NFQUEUE"};
    return names[backend];
}
