/*
 * Windows driver images. (next)
 */
#include "nt/loader/image_internal.h"

enum nt_image_error
nt_pe_image_load(struct nt_image *image, const struct nt_image_file *file,
                 const struct nt_image_options *options, struct nt_image_report *report)
{
    return nt_image_fail(report, NT_IMAGE_NOT_A_DRIVER, "%s: .sys images are not loaded yet",
                         image->path);
}

void
nt_pe_image_unload(struct nt_image *image)
{
}
