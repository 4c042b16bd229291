/*
 * The control socket: who is connected, and the lock-step of a replay; see control.h.
 */
#include "programs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/status.h"
#include "client/device_wire.h"
#include "nt/loader/fault.h"
#include "nt/ntos/nt_timer.h"
#include "programs/control_client.h"

#define MAX_CLIENTS  64
#define PATIENCE_MS  10000 /* real time a client of a replay may work without waiting */
#define ENDS_BELIEVE 1000u /* times a client is told of the end before it is hung up on */

struct member {
    struct control *control;
    struct control_client *client;
    bool is_loose; /* not waited for any more */
    bool has_gone; /* left; its requests may still be under way */
};

struct control {
    int fd, stop_fd;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) - 12];
    dev_t device;
    ino_t inode;
    bool is_replay;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* members, live */
    struct member *members[MAX_CLIENTS];
};

/* --- the socket --- */

static bool
is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    bool served = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

    if (fd >= 0)
        close(fd);
    return served;
}

/** Bind, replacing a socket that was left over. @return 0 or -errno */
static int
bind_path(struct control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat there;

    strcpy(address.sun_path, control->path);
    if (lstat(control->path, &there) == 0) {
        if (!S_ISSOCK(there.st_mode))
            return -EEXIST;
        if (is_served(&address))
            return -EADDRINUSE;
    }
    /* it gets its name when somebody listens: who sees it can connect */
    snprintf(address.sun_path, sizeof(address.sun_path), "%s.%d", control->path, (int)getpid());
    mode_t before = umask(0177); /* only who runs the drivers may talk to them */
    int r = bind(control->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(before);
    if (r < 0)
        return r;
    if (listen(control->fd, MAX_CLIENTS) < 0 || rename(address.sun_path, control->path) < 0) {
        r = -errno;
        unlink(address.sun_path);
    } else if (stat(control->path, &there) == 0) {
        control->device = there.st_dev;
        control->inode = there.st_ino;
    }
    return r;
}

static void
unlink_path(const struct control *control)
{
    struct stat there;

    if (lstat(control->path, &there) == 0 && there.st_dev == control->device &&
        there.st_ino == control->inode)
        unlink(control->path);
}

/* --- members --- */

static struct member *
add_member(struct control *control, int fd)
{
    struct member *member = calloc(1, sizeof(*member));
    size_t i = 0;

    if (!member) {
        close(fd);
        return NULL;
    }
    pthread_mutex_lock(&control->lock);
    while (i < MAX_CLIENTS && control->members[i])
        i++;
    if (i < MAX_CLIENTS) {
        member->control = control;
        member->client = control_client_new(fd, control->is_replay);
    }
    if (i == MAX_CLIENTS || !member->client) {
        if (i == MAX_CLIENTS) {
            wfp_log(WFP_LOG_WARNING, "%s: more than %d clients; one was sent away", control->path,
                    MAX_CLIENTS);
            close(fd);
        }
        free(member);
        member = NULL;
    } else {
        control->members[i] = member;
    }
    pthread_mutex_unlock(&control->lock);
    return member;
}

static void
remove_member(struct control *control, struct member *member)
{
    pthread_mutex_lock(&control->lock);
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (control->members[i] == member)
            control->members[i] = NULL;
    pthread_mutex_unlock(&control->lock);
    control_client_free(member->client);
    free(member);
}

/* --- live --- */

static void *
serve(void *argument)
{
    struct member *member = argument;
    int waited_ms = 0;

    (void)nt_fault_prepare_thread(); /* drivers run on it */
    while (control_client_read(member->client, -1) >= 0)
        ;
    control_client_leave(member->client);
    for (; !control_client_is_idle(member->client) && waited_ms < PATIENCE_MS; waited_ms += 10)
        usleep(10000);
    if (control_client_is_idle(member->client)) {
        remove_member(member->control, member);
        nt_fault_release_thread();
        return NULL;
    }
    /* a driver keeps a request that was cancelled: what it points to has to stay */
    wfp_log(WFP_LOG_WARNING, "process %d left, but a driver still holds a request of it",
            (int)control_client_process(member->client));
    pthread_mutex_lock(&member->control->lock);
    member->has_gone = true;
    pthread_mutex_unlock(&member->control->lock);
    nt_fault_release_thread();
    return NULL;
}

static void *
accept_clients(void *argument)
{
    struct control *control = argument;

    for (;;) {
        struct pollfd fds[2] = {{.fd = control->fd, .events = POLLIN},
                                {.fd = control->stop_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents)
            return NULL;
        int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        struct member *member = fd >= 0 ? add_member(control, fd) : NULL;
        if (!member)
            continue;
        pthread_t thread; /* not in the member: its thread may have freed it by now */
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attributes, serve, member) != 0)
            remove_member(control, member);
        pthread_attr_destroy(&attributes);
    }
}

static bool
has_live_members(const struct control *control)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (control->members[i] && !control->members[i]->has_gone)
            return true;
    return false;
}

/** Hang up on everyone and wait until their threads are through; drivers may need our work for that. */
static void
dismiss(struct control *control, void (*work)(void *context), void *context)
{
    uint64_t once = 1;
    int waited_ms = 0;

    if (control->has_thread) {
        if (write(control->stop_fd, &once, sizeof(once)) == sizeof(once))
            pthread_join(control->thread, NULL);
    }
    pthread_mutex_lock(&control->lock);
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (control->members[i])
            control_client_hang_up(control->members[i]->client);
    for (; has_live_members(control) && waited_ms < 2 * PATIENCE_MS; waited_ms += 10) {
        pthread_mutex_unlock(&control->lock);
        if (work)
            work(context);
        usleep(10000);
        pthread_mutex_lock(&control->lock);
    }
    pthread_mutex_unlock(&control->lock);
}

/* --- replay --- */

/** Take in who wants to connect, and whatever those at rest say unasked. @return something happened */
static bool
look_around(struct control *control)
{
    struct pollfd fds[MAX_CLIENTS + 1];
    bool moved = false;

    fds[MAX_CLIENTS] = (struct pollfd){.fd = control->fd, .events = POLLIN};
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        struct member *member = control->members[i];
        bool listens = member && !member->has_gone;
        fds[i] = (struct pollfd){.fd = listens ? control_client_fd(member->client) : -1,
                                 .events = POLLIN};
    }
    if (poll(fds, MAX_CLIENTS + 1, 0) <= 0)
        return false;
    if (fds[MAX_CLIENTS].revents) {
        int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        moved = fd >= 0 && add_member(control, fd);
    }
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (fds[i].revents) {
            struct member *member = control->members[i];
            if (control_client_read(member->client, 0) < 0) {
                member->has_gone = true;
                control_client_leave(member->client);
            }
            moved = true;
        }
    return moved;
}

/** Serve one client until it rests. @return something happened */
static bool
serve_until_rest(struct member *member)
{
    bool moved = false;

    while (!member->has_gone && !member->is_loose && !control_client_is_at_rest(member->client)) {
        int r = control_client_read(member->client, PATIENCE_MS);
        if (r == 0) {
            wfp_log(WFP_LOG_WARNING,
                    "process %d has neither waited nor left for %d s; the replay goes on without "
                    "waiting for it, and may not repeat",
                    (int)control_client_process(member->client), PATIENCE_MS / 1000);
            member->is_loose = true;
        } else if (r < 0) {
            member->has_gone = true;
            control_client_leave(member->client);
        }
        moved = true;
        nt_time_settle();
    }
    return moved;
}

bool
control_settle(struct control *control)
{
    bool any = false, moved;

    do {
        nt_time_settle();
        moved = look_around(control);
        for (size_t i = 0; i < MAX_CLIENTS; i++) {
            struct member *member = control->members[i];
            if (!member)
                continue;
            moved |= serve_until_rest(member);
            if (member->has_gone && control_client_is_idle(member->client))
                remove_member(control, member);
        }
        any |= moved;
    } while (moved);
    return any;
}

static unsigned
present(const struct control *control)
{
    unsigned count = 0;

    for (size_t i = 0; i < MAX_CLIENTS; i++)
        count += control->members[i] && !control->members[i]->has_gone;
    return count;
}

void
control_gather(struct control *control, unsigned count, bool is_quiet,
               const volatile sig_atomic_t *stop)
{
    if (count > present(control) && !is_quiet)
        fprintf(stderr, "waiting for %u client%s at %s; Ctrl-C gives up\n", count,
                count == 1 ? "" : "s", control->path);
    while (present(control) < count && !*stop) {
        struct pollfd pollfd = {.fd = control->fd, .events = POLLIN};
        if (poll(&pollfd, 1, 100) > 0)
            control_settle(control);
    }
    control_settle(control);
}

uint64_t
control_next_due(struct control *control)
{
    uint64_t first = 0;

    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        struct member *member = control->members[i];
        uint64_t due = member && !member->has_gone ? control_client_due(member->client) : 0;
        if (due && (!first || due < first))
            first = due;
    }
    return first;
}

void
control_expire(struct control *control)
{
    uint64_t now = wfp_clock_now();

    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        struct member *member = control->members[i];
        uint64_t due = member && !member->has_gone ? control_client_due(member->client) : 0;
        if (due && due <= now)
            control_client_wake(member->client);
    }
}

/**
 * Tell one client that nothing more comes, the latest first: the others see what its leaving causes.
 * @return false: nobody was there to tell
 */
static bool
tell_end(struct control *control)
{
    for (size_t i = MAX_CLIENTS; i-- > 0;) {
        struct member *member = control->members[i];
        if (!member || member->has_gone)
            continue;
        if (member->is_loose || !control_client_is_at_rest(member->client) ||
            control_client_end(member->client) > ENDS_BELIEVE) {
            wfp_log(WFP_LOG_WARNING, "process %d does not leave at the end; hung up",
                    (int)control_client_process(member->client));
            control_client_hang_up(member->client);
            member->has_gone = true;
            control_client_leave(member->client);
        }
        return true;
    }
    return false;
}

static void
see_off(struct control *control, void (*work)(void *context), void *context)
{
    do {
        do
            if (work)
                work(context);
        while (control_settle(control));
    } while (tell_end(control));
    nt_time_settle();
}

/* --- life --- */

int
control_open(const char *path, bool is_replay, struct control **ret_control, char error[256])
{
    const char *place = strcmp(path, CONTROL_DEFAULT) == 0 ? DEVICE_WIRE_DEFAULT : path;
    struct control *control;

    if (strlen(place) >= sizeof(control->path)) {
        snprintf(error, 256, "--control: a socket's path has at most %zu bytes",
                 sizeof(control->path) - 1);
        return -WFP_ERR_INVALID_PARAMETER;
    }
    control = calloc(1, sizeof(*control));
    if (!control) {
        snprintf(error, 256, "--control: out of memory");
        return -WFP_ERR_NO_MEMORY;
    }
    strcpy(control->path, place);
    control->is_replay = is_replay;
    pthread_mutex_init(&control->lock, NULL);
    control->stop_fd = eventfd(0, EFD_CLOEXEC);
    control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int r = control->fd < 0 ? -errno : bind_path(control);
    if (r == 0 && !is_replay) {
        control->has_thread = pthread_create(&control->thread, NULL, accept_clients, control) == 0;
        r = control->has_thread ? 0 : -EAGAIN;
    }
    if (r < 0) {
        snprintf(error, 256, "--control %s: %s", control->path,
                 r == -EEXIST       ? "is there and is no socket; name another path"
                 : r == -EADDRINUSE ? "another 'wfp run' serves it; name another path"
                                    : strerror(-r));
        control_close(control, NULL, NULL);
        return -WFP_ERR_IO;
    }
    *ret_control = control;
    return 0;
}

void
control_close(struct control *control, void (*work)(void *context), void *context)
{
    if (!control)
        return;
    if (control->inode)
        unlink_path(control);
    if (control->is_replay)
        see_off(control, work, context);
    else
        dismiss(control, work, context);
    bool has_rest = false;
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        has_rest |= control->members[i] != NULL;
    if (control->fd >= 0)
        close(control->fd);
    if (control->stop_fd >= 0)
        close(control->stop_fd);
    if (has_rest)
        return; /* drivers hold requests whose ends still come here */
    pthread_mutex_destroy(&control->lock);
    free(control);
}
