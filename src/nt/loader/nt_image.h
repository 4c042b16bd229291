/*
 * Driver images: a native .so that wfp-cc built, or a Windows .sys.
 *
 * Model     load maps the image, binds its imports to the tables of import.h, and finds its entry
 * point; it runs none of the driver's code. The caller makes the DRIVER_OBJECT and calls the entry.
 * Lifetime  an image may be unloaded when no callback can reach it any more; the caller knows that.
 */
#ifndef WFP_NT_IMAGE_H
#define WFP_NT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nt_image_kind { NT_IMAGE_SO, NT_IMAGE_SYS };

enum nt_image_error {
    NT_IMAGE_OK,
    NT_IMAGE_UNREADABLE, /* no such file, no permission */
    NT_IMAGE_NO_MEMORY,
    NT_IMAGE_NOT_AN_IMAGE,  /* neither ELF nor PE */
    NT_IMAGE_WRONG_MACHINE, /* not x86-64 */
    NT_IMAGE_NOT_A_DRIVER,  /* an ELF file not made by wfp-cc; a user-mode or 32-bit PE file */
    NT_IMAGE_MALFORMED,     /* headers or tables point outside the file, or contradict each other */
    NT_IMAGE_NO_ENTRY,      /* no DriverEntry */
    NT_IMAGE_MISSING_IMPORTS, /* report.missing lists them */
    /* Start again with LD_PRELOAD=report.sanitizer_runtime and, unless set,
       ASAN_OPTIONS=detect_leaks=0 (the verifier finds pool leaks; the host's own are no finding).
     */
    NT_IMAGE_NEEDS_SANITIZER,
};

struct nt_image_missing {
    char *module, *name;
};

/** What load found; text is one line, without "error:" and newline. Free with nt_image_report_fini.
 */
struct nt_image_report {
    char text[512];
    struct nt_image_missing *missing;
    size_t missing_count, present_count; /* imports we lack, imports we have */
    size_t stub_count;                   /* of those present: rows that only log */
    char *sanitizer_runtime;             /* path, or NULL when wfp-cc found none */
};

struct nt_image_options {
    bool stub_missing; /* load anyway; each missing function reports its first call */
};

struct nt_image;

/**
 * Load the driver at @p path.
 *
 * @param options     or NULL for the defaults
 * @param ret_image   written on success
 * @param ret_report  always written, also on success
 *
 * Context: may block and allocate; one load at a time.
 */
enum nt_image_error nt_image_load(const char *path, const struct nt_image_options *options,
                                  struct nt_image **ret_image, struct nt_image_report *ret_report);
/** Unmap and free; NULL is fine. */
void nt_image_unload(struct nt_image *image);
void nt_image_report_fini(struct nt_image_report *report);

/** The program's exit code for @p error: 1 the driver is at fault, 3 this machine is. */
int nt_image_exit_code(enum nt_image_error error);

enum nt_image_kind nt_image_kind(const struct nt_image *image);
/** The file's name without folders and extension: the service name. */
const char *nt_image_name(const struct nt_image *image);
const char *nt_image_path(const struct nt_image *image);
/** NTSTATUS (NTAPI *)(DRIVER_OBJECT *, UNICODE_STRING *) */
void *nt_image_entry(const struct nt_image *image);
/** Whether the image binds to the framework (its DRIVER_OBJECT is the framework's). */
bool nt_image_uses_framework(const struct nt_image *image);
void *nt_image_base(const struct nt_image *image);
size_t nt_image_size(const struct nt_image *image);

/** The loaded image that contains @p address, or NULL. Context: any, also a signal handler. */
const struct nt_image *nt_image_find(const void *address);
/**
 * "name.sys+0x1234 (Function+0x10)" for an address in @p image, as far as its symbols tell.
 *
 * Context: any, also a signal handler.
 */
void nt_image_describe(const struct nt_image *image, const void *address, char *text, size_t size);

#endif
