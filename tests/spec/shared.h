/*
 * Where the facts and dumps lie that are checked against and not part of the project: the folder
 * named by OPENWFP_SHARED, or `shared` beside the source tree. Without it a test skips.
 */
#ifndef SPEC_SHARED_H
#define SPEC_SHARED_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIP 77

/* The path of @p name in the folder; ends the program with a reason where it is not there. */
static inline const char *
shared_path(const char *name, char path[4096])
{
    const char *folder = getenv("OPENWFP_SHARED");

    if (folder && *folder)
        snprintf(path, 4096, "%s/%s", folder, name);
    else
        snprintf(path, 4096, "%s/../shared/%s", WFP_SOURCE_ROOT, name);
    if (access(path, R_OK) == 0)
        return path;
    printf("skipped: no %s (set OPENWFP_SHARED to the folder that has it)\n", name);
    exit(SKIP);
}

#endif
