/*
 * Loading and unloading, whatever the image kind; the list of loaded images.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/nt_import.h"

enum { MAX_IMAGES = 64 };

/* Read by signal handlers: slots only, no lock. */
static _Atomic(struct nt_image *) images[MAX_IMAGES];

enum nt_image_error
nt_image_fail(struct nt_image_report *report, enum nt_image_error error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(report->text, sizeof(report->text), format, args);
    va_end(args);
    return error;
}

static void
free_image(struct nt_image *image)
{
    if (!image)
        return;
    if (image->kind == NT_IMAGE_SO)
        nt_native_image_unload(image);
    else
        nt_pe_image_unload(image);
    for (size_t i = 0; i < image->symbol_count; i++)
        free(image->symbols[i].name);
    free(image->symbols);
    free(image->path);
    free(image->name);
    free(image);
}

DEFINE_FREEP(struct nt_image, free_image)

static void
unmap_file(struct nt_image_file *file)
{
    if (file->bytes)
        munmap((void *)file->bytes, file->size);
}

static enum nt_image_error
map_file(const char *path, struct nt_image_file *ret_file, struct nt_image_report *report)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nt_image_fail(report, NT_IMAGE_UNREADABLE,
                             errno == ENOENT ? "%s: %s; wfp-cc makes drivers" : "%s: %s", path,
                             strerror(errno));
    void *bytes = MAP_FAILED;
    errno = EINVAL;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (regular && st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (!regular)
        return nt_image_fail(report, NT_IMAGE_UNREADABLE, "%s: not a regular file", path);
    if (bytes == MAP_FAILED)
        return nt_image_fail(report, NT_IMAGE_NOT_AN_IMAGE, "%s: %s", path,
                             st.st_size == 0 ? "empty file" : strerror(errno));
    ret_file->bytes = bytes;
    ret_file->size = (size_t)st.st_size;
    return NT_IMAGE_OK;
}

static struct nt_image *
new_image(const char *path)
{
    struct nt_image *image = calloc(1, sizeof(*image));
    if (!image)
        return NULL;
    /* dlopen searches names without a slash elsewhere. */
    if (strchr(path, '/'))
        image->path = strdup(path);
    else if (asprintf(&image->path, "./%s", path) < 0)
        image->path = NULL;
    if (image->path) {
        image->leaf = strrchr(image->path, '/') + 1;
        image->name = strdup(image->leaf);
    }
    if (!image->name) {
        free(image->path);
        free(image);
        return NULL;
    }
    char *dot = strrchr(image->name, '.');
    if (dot && dot != image->name)
        *dot = '\0';
    return image;
}

static bool
enlist(struct nt_image *image)
{
    for (size_t i = 0; i < MAX_IMAGES; i++) {
        struct nt_image *expected = NULL;
        if (atomic_compare_exchange_strong(&images[i], &expected, image))
            return true;
    }
    return false;
}

enum nt_image_error
nt_image_load(const char *path, const struct nt_image_options *options, struct nt_image **ret_image,
              struct nt_image_report *ret_report)
{
    static const struct nt_image_options defaults;
    _cleanup_(unmap_file) struct nt_image_file file = {0};
    enum nt_image_error error;

    *ret_report = (struct nt_image_report){0};
    error = map_file(path, &file, ret_report);
    if (error)
        return error;
    _cleanup_(free_imagep) struct nt_image *image = new_image(path);
    if (!image)
        return nt_image_fail(ret_report, NT_IMAGE_NO_MEMORY, "%s: out of memory", path);

    if (file.size >= 4 && memcmp(file.bytes, "\177ELF", 4) == 0) {
        image->kind = NT_IMAGE_SO;
        error = nt_native_image_load(image, &file, options ? options : &defaults, ret_report);
    } else if (file.size >= 2 && memcmp(file.bytes, "MZ", 2) == 0) {
        image->kind = NT_IMAGE_SYS;
        error = nt_pe_image_load(image, &file, options ? options : &defaults, ret_report);
    } else {
        error =
            nt_image_fail(ret_report, NT_IMAGE_NOT_AN_IMAGE,
                          "%s: neither a native driver (.so) nor a Windows driver (.sys)", path);
    }
    if (error)
        return error;
    if (!enlist(image))
        return nt_image_fail(ret_report, NT_IMAGE_NO_MEMORY, "%s: more than %d drivers loaded",
                             path, MAX_IMAGES);
    *ret_image = TAKE_PTR(image);
    return NT_IMAGE_OK;
}

void
nt_image_unload(struct nt_image *image)
{
    for (size_t i = 0; image && i < MAX_IMAGES; i++) {
        struct nt_image *expected = image;
        if (atomic_compare_exchange_strong(&images[i], &expected, NULL))
            break;
    }
    free_image(image);
}

void
nt_image_report_fini(struct nt_image_report *report)
{
    for (size_t i = 0; i < report->missing_count; i++) {
        free(report->missing[i].module);
        free(report->missing[i].name);
    }
    free(report->missing);
    free(report->sanitizer_runtime);
    *report = (struct nt_image_report){0};
}

int
nt_image_exit_code(enum nt_image_error error)
{
    switch (error) {
    case NT_IMAGE_OK:
        return 0;
    case NT_IMAGE_UNREADABLE:
    case NT_IMAGE_NO_MEMORY:
    case NT_IMAGE_NEEDS_SANITIZER:
        return 3;
    default:
        return 1;
    }
}

static bool
add_missing(struct nt_image_report *report, const char *module, const char *name)
{
    for (size_t i = 0; i < report->missing_count; i++)
        if (strcmp(report->missing[i].name, name) == 0 &&
            strcmp(report->missing[i].module, module) == 0)
            return true;
    struct nt_image_missing *grown =
        realloc(report->missing, (report->missing_count + 1) * sizeof(*grown));
    if (!grown)
        return false;
    report->missing = grown;
    struct nt_image_missing *entry = &grown[report->missing_count];
    entry->module = strdup(module);
    entry->name = strdup(name);
    report->missing_count++; /* also half-built: report_fini takes NULL */
    return entry->module && entry->name;
}

void *
nt_image_bind(const char *module, const char *name, const struct nt_image_options *options,
              struct nt_image_report *report)
{
    const struct wfp_export *row = nt_import_find(module, name);
    if (row && row->address) {
        report->present_count++;
        report->stub_count += row->state == WFP_EXPORT_STUB;
        return row->address;
    }
    if (!add_missing(report, module, name))
        return NULL;
    return options->stub_missing ? nt_import_make_missing(module, name) : NULL;
}

static int
compare_missing(const void *a, const void *b)
{
    const struct nt_image_missing *l = a, *r = b;
    int order = strcmp(l->module, r->module);
    return order ? order : strcmp(l->name, r->name);
}

enum nt_image_error
nt_image_check_missing(struct nt_image *image, const struct nt_image_options *options,
                       struct nt_image_report *report)
{
    if (report->missing_count == 0)
        return NT_IMAGE_OK;
    for (size_t i = 0; i < report->missing_count; i++)
        if (!report->missing[i].module || !report->missing[i].name)
            return nt_image_fail(report, NT_IMAGE_NO_MEMORY, "%s: out of memory", image->path);
    qsort(report->missing, report->missing_count, sizeof(*report->missing), compare_missing);
    if (options->stub_missing)
        return NT_IMAGE_OK;
    return nt_image_fail(report, NT_IMAGE_MISSING_IMPORTS,
                         "%s: imports missing: %zu, present: %zu (--stub-missing loads it anyway)",
                         image->path, report->missing_count, report->present_count);
}

enum nt_image_kind
nt_image_kind(const struct nt_image *image)
{
    return image->kind;
}

const char *
nt_image_name(const struct nt_image *image)
{
    return image->name;
}

const char *
nt_image_path(const struct nt_image *image)
{
    return image->path;
}

void *
nt_image_entry(const struct nt_image *image)
{
    return image->entry;
}

bool
nt_image_uses_framework(const struct nt_image *image)
{
    return image->uses_framework;
}

void *
nt_image_base(const struct nt_image *image)
{
    return image->base;
}

size_t
nt_image_size(const struct nt_image *image)
{
    return image->size;
}

const struct nt_image *
nt_image_find(const void *address)
{
    for (size_t i = 0; i < MAX_IMAGES; i++) {
        const struct nt_image *image = atomic_load(&images[i]);
        if (image && (const uint8_t *)address >= image->base &&
            (const uint8_t *)address < image->base + image->size)
            return image;
    }
    return NULL;
}

void
nt_image_add_symbol(struct nt_image *image, uint64_t offset, const char *name, size_t length)
{
    if ((image->symbol_count & (image->symbol_count - 1)) == 0) { /* 0 or a power of two: full */
        size_t room = image->symbol_count ? image->symbol_count * 2 : 1;
        struct nt_image_symbol *grown = realloc(image->symbols, room * sizeof(*grown));
        if (!grown)
            return;
        image->symbols = grown;
    }
    char *copy = strndup(name, length);
    if (copy)
        image->symbols[image->symbol_count++] = (struct nt_image_symbol){offset, copy};
}

const struct nt_image_symbol *
nt_image_symbol_at(const struct nt_image *image, const void *address)
{
    uint64_t offset = (uint64_t)((const uint8_t *)address - image->base);
    const struct nt_image_symbol *best = NULL;

    for (size_t i = 0; i < image->symbol_count; i++)
        if (image->symbols[i].offset <= offset &&
            (!best || image->symbols[i].offset > best->offset))
            best = &image->symbols[i];
    return best;
}

void
nt_image_describe(const struct nt_image *image, const void *address, char *text, size_t size)
{
    uint64_t offset = (uint64_t)((const uint8_t *)address - image->base);
    const struct nt_image_symbol *best = nt_image_symbol_at(image, address);

    if (best)
        snprintf(text, size, "%s+0x%llx (%s+0x%llx)", image->leaf, (unsigned long long)offset,
                 best->name, (unsigned long long)(offset - best->offset));
    else
        snprintf(text, size, "%s+0x%llx", image->leaf, (unsigned long long)offset);
}
