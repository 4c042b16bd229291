/*
 * Strings, lists, files and processes for the compiler driver.
 */
#include "programs/wfp-cc/cc_util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void
wfp_cc_util_error(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("wfp-cc: error: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void *
grow(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory) {
        wfp_cc_util_error("out of memory");
        exit(WFP_CC_ENVIRONMENT);
    }
    return memory;
}

static char *
format_v(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = grow(NULL, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *
wfp_cc_util_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_v(format, args);
    va_end(args);
    return text;
}

static void
add_owned(struct wfp_cc_list *list, char *item)
{
    if (list->count + 2 > list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->items = grow(list->items, list->room * sizeof(*list->items));
    }
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
}

void
wfp_cc_util_add(struct wfp_cc_list *list, const char *item)
{
    add_owned(list, wfp_cc_util_format("%s", item));
}

void
wfp_cc_util_addf(struct wfp_cc_list *list, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_owned(list, format_v(format, args));
    va_end(args);
}

bool
wfp_cc_util_has(const struct wfp_cc_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

void
wfp_cc_util_clear(struct wfp_cc_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct wfp_cc_list){0};
}

void
wfp_cc_util_append(struct wfp_cc_text *text, const char *bytes, size_t length)
{
    if (text->length + length + 1 > text->room) {
        text->room = (text->length + length + 1) * 2;
        text->data = grow(text->data, text->room);
    }
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void
wfp_cc_util_appendf(struct wfp_cc_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    _cleanup_(freep) char *piece = format_v(format, args);
    va_end(args);
    wfp_cc_util_append(text, piece, strlen(piece));
}

void
wfp_cc_util_free_text(struct wfp_cc_text *text)
{
    free(text->data);
    *text = (struct wfp_cc_text){0};
}

const char *
wfp_cc_util_leaf(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *
wfp_cc_util_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return wfp_cc_util_format(".");
    if (slash == path)
        return wfp_cc_util_format("/");
    return wfp_cc_util_format("%.*s", (int)(slash - path), path);
}

char *
wfp_cc_util_canonical(const char *path)
{
    char cwd[4096] = "";
    if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
        cwd[0] = '\0';
    _cleanup_(freep) char *whole = wfp_cc_util_format("%s/%s", cwd, path);
    char *out = grow(NULL, strlen(whole) + 2);
    size_t length = 0;

    for (const char *p = whole; *p;) {
        while (*p == '/')
            p++;
        size_t part = strcspn(p, "/");
        if (part == 2 && p[0] == '.' && p[1] == '.') {
            while (length > 0 && out[--length] != '/')
                ;
        } else if (part > 0 && !(part == 1 && p[0] == '.')) {
            out[length++] = '/';
            memcpy(out + length, p, part);
            length += part;
        }
        p += part;
    }
    if (length == 0)
        out[length++] = '/';
    out[length] = '\0';
    return out;
}

bool
wfp_cc_util_ends(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n >= s && strcasecmp(name + n - s, suffix) == 0;
}

int
wfp_cc_util_read(const char *path, struct wfp_cc_text *ret_text)
{
    struct wfp_cc_text text = {0};
    char buffer[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    wfp_cc_util_append(&text, "", 0);
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof(buffer));
        if (n < 0) {
            int r = -errno;
            close(fd);
            wfp_cc_util_free_text(&text);
            return r;
        }
        if (n == 0)
            break;
        wfp_cc_util_append(&text, buffer, (size_t)n);
    }
    close(fd);
    *ret_text = text;
    return 0;
}

void
wfp_cc_util_write(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(bytes, 1, length, file) == length;
    if (file && fclose(file) != 0)
        written = false;
    if (!written) {
        wfp_cc_util_error("cannot write %s: %s", path, strerror(errno));
        exit(WFP_CC_ENVIRONMENT);
    }
}

void
wfp_cc_util_make_folders(const char *path)
{
    _cleanup_(freep) char *copy = wfp_cc_util_format("%s", path);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        (void)mkdir(copy, 0777);
        *p = '/';
    }
    (void)mkdir(copy, 0777);
}

void
wfp_cc_util_remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            _cleanup_(freep) char *child = wfp_cc_util_format("%s/%s", path, entry->d_name);
            struct stat st;
            if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode))
                wfp_cc_util_remove_tree(child);
            else
                (void)unlink(child);
        }
        closedir(dir);
    }
    (void)rmdir(path);
}

int
wfp_cc_util_start(char *const argv[], const char *log_path)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0)
        return pid;
    if (log_path) {
        int fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
        }
    }
    execvp(argv[0], argv);
    _exit(127);
}

static int
exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
wfp_cc_util_run(char *const argv[])
{
    int status;
    int pid = wfp_cc_util_start(argv, NULL);
    if (pid < 0)
        return pid;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return exit_code(status);
}

char *
wfp_cc_util_output(char *const argv[])
{
    int ends[2], status;
    char line[4096];
    if (pipe(ends) < 0)
        return NULL;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return NULL;
    }
    FILE *stream = fdopen(ends[0], "r");
    bool got = stream && fgets(line, sizeof(line), stream);
    while (stream && fgetc(stream) != EOF)
        ;
    if (stream)
        fclose(stream);
    else
        close(ends[0]);
    if (waitpid(pid, &status, 0) < 0 || exit_code(status) != 0 || !got)
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return wfp_cc_util_format("%s", line);
}

char *
wfp_cc_util_which(const char *name)
{
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? wfp_cc_util_format("%s", name) : NULL;
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t length = strcspn(p, ":");
        char *candidate = wfp_cc_util_format("%.*s/%s", (int)length, p, name);
        if (access(candidate, X_OK) == 0)
            return candidate;
        free(candidate);
        p += length;
        if (*p == ':')
            p++;
    }
    return NULL;
}
