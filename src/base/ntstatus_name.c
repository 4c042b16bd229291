/*
 * The table is made from our own ntstatus.h when building (tools/gen-ntstatus-names).
 */
#include "base/ntstatus_name.h"

#include "base/macros.h"

static const struct {
    uint32_t status;
    const char *name;
} names[] = {
#define NTSTATUS_NAME(name, status) {status, #name},
#include "ntstatus_names.def"
#undef NTSTATUS_NAME
};

const char *
wfp_ntstatus_name(int32_t status)
{
    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (names[i].status == (uint32_t)status)
            return names[i].name;
    return "NTSTATUS";
}
