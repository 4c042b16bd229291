/*
 * Load and unload a driver image: milliseconds for each of N loads, one a line.
 *
 * usage: load_bench IMAGE N
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/macros.h"
#include "nt/exports.h"
#include "nt/loader/nt_image.h"
#include "nt/loader/nt_import.h"

static double
milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
    static const struct nt_image_options options = {.stub_missing = true};
    static const struct wfp_export_table *const tables[] = {
        &nt_ntoskrnl_exports, &nt_hal_exports,      &nt_ndis_exports,
        &nt_netio_exports,    &nt_fwpkclnt_exports, &nt_wdfldr_exports};

    if (argc != 3)
        return 2;
    for (size_t i = 0; i < ELEMENTSOF(tables); i++)
        nt_import_add_table(tables[i]);
    for (int n = atoi(argv[2]); n > 0; n--) {
        struct nt_image *image;
        struct nt_image_report report;
        double start = milliseconds();
        enum nt_image_error error = nt_image_load(argv[1], &options, &image, &report);
        if (error) {
            fprintf(stderr, "%s\n", report.text);
            return 1;
        }
        printf("%.4f\n", milliseconds() - start);
        nt_image_unload(image);
        nt_image_report_fini(&report);
    }
    return 0;
}
