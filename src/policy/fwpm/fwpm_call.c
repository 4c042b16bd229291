/*
 * Which BFE is reached, which session a handle means, which number a result is.
 */
#include "policy/fwpm/fwpm_call.h"

#include "policy/fwpm/fwpm_convert.h"
#include "policy/fwpm/fwpm_state.h"

static _Atomic(struct wfp_bfe *) current_bfe;

struct wfp_bfe *
wfp_fwpm_bfe(void)
{
    return atomic_load(&current_bfe);
}

void
wfp_fwpm_set_bfe(struct wfp_bfe *bfe)
{
    bool was_running;

    if (bfe)
        wfp_bfe_set_context_renderer(bfe, wfp_fwpm_render_context);
    was_running = atomic_exchange(&current_bfe, bfe) != NULL;

#ifdef WFP_FWPM_USER
    (void)was_running; /* only drivers follow the service's state */
#else
    if (was_running != (bfe != NULL))
        wfp_fwpm_state_changed(bfe ? FWPM_SERVICE_RUNNING : FWPM_SERVICE_STOPPED);
#endif
}

struct wfp_bfe_session *
wfp_fwpm_session(HANDLE engine_handle)
{
    struct wfp_bfe *bfe = wfp_fwpm_bfe();

    return bfe ? wfp_bfe_session_find(bfe, wfp_fwpm_number(engine_handle)) : NULL;
}

FWPM_STATUS
wfp_fwpm_status(int r)
{
#ifdef WFP_FWPM_USER
    uint32_t hresult = wfp_status_hresult(r);

    /* Win32 errors come as such; the pages list a bad descriptor as the HRESULT, though. */
    if (hresult >> 16 == 0x8007 && r != -WFP_ERR_INVALID_SECURITY_DESCR)
        return hresult & 0xFFFF;
    return hresult;
#else
    return wfp_status_ntstatus(r);
#endif
}
