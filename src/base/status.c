/*
 * Errors as one table: our number, Windows' two, errno's and a text.
 */
#include "base/status.h"

#include <errno.h>
#include <stddef.h>

#include "base/macros.h"

static const struct {
    uint32_t hresult;
    uint32_t ntstatus;
    int error;
    const char *text;
    const char *name;
} rows[] = {
    [WFP_ERR_NONE] = {0, 0, 0, "success", "ERROR_SUCCESS 0x00000000"},
#define WFP_STATUS(name, hresult, ntstatus, error, text, ntname)                                   \
    [WFP_ERR_##name] = {hresult, ntstatus, error, text, "FWP_E_" #name " " #hresult},
#include "base/status.def"
#undef WFP_STATUS
};

static size_t
row_of(int r)
{
    size_t i = r < 0 ? (size_t)-r : (size_t)r;
    return i < ELEMENTSOF(rows) ? i : WFP_ERR_INVALID_PARAMETER;
}

uint32_t
wfp_status_hresult(int r)
{
    return rows[row_of(r)].hresult;
}

int32_t
wfp_status_ntstatus(int r)
{
    return (int32_t)rows[row_of(r)].ntstatus;
}

int
wfp_status_errno(int r)
{
    return rows[row_of(r)].error;
}

const char *
wfp_status_text(int r)
{
    return rows[row_of(r)].text;
}

const char *
wfp_status_name(int r)
{
    return rows[row_of(r)].name;
}

int
wfp_status_from_ntstatus(int32_t ntstatus)
{
    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        if (rows[i].ntstatus == (uint32_t)ntstatus)
            return -(int)i;
    return -WFP_ERR_INVALID_PARAMETER;
}
