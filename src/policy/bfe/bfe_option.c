/*
 * Engine options: six numbers with limits.
 *
 * Ref        win32 fwpmtypes/ne-fwpmtypes-fwpm_engine_option, fwpmu/nf-fwpmu-fwpmenginesetoption0
 */
#include "policy/bfe/bfe_security.h"

/* The bits (or for the watchdog, the numbers) that an option takes. */
static const struct {
    uint32_t valid_bits;
    bool is_number;
} rows[WFP_BFE_OPTION_MAX] = {
    [WFP_BFE_OPTION_COLLECT_NET_EVENTS] = {.valid_bits = 0x1},
    [WFP_BFE_OPTION_NET_EVENT_KEYWORDS] = {.valid_bits = 0x3F},
    [WFP_BFE_OPTION_NAME_CACHE] = {.valid_bits = 0x1},
    [WFP_BFE_OPTION_MONITOR_IPSEC_CONNECTIONS] = {.valid_bits = 0x1},
    [WFP_BFE_OPTION_PACKET_QUEUING] = {.valid_bits = 0x7},
    [WFP_BFE_OPTION_TXN_WATCHDOG_TIMEOUT_MS] = {.is_number = true},
};

void
wfp_bfe_option_init(struct wfp_bfe *bfe)
{
    atomic_store(&bfe->options[WFP_BFE_OPTION_COLLECT_NET_EVENTS], 1);
    atomic_store(&bfe->options[WFP_BFE_OPTION_TXN_WATCHDOG_TIMEOUT_MS], WFP_SESSION_HOLD_LIMIT_MS);
}

int
wfp_bfe_option_get(struct wfp_bfe_session *session, uint32_t option, uint32_t *ret_value)
{
    uint32_t savepoint;
    int r;

    if (!ret_value)
        return -WFP_ERR_NULL_POINTER;
    if (option >= WFP_BFE_OPTION_MAX)
        return -WFP_ERR_INVALID_ENUMERATOR;
    r = wfp_bfe_call_begin(session, false, &savepoint);
    if (r < 0)
        return r;
    r = wfp_bfe_security_check_engine(session, WFP_ACTRL_READ);
    if (r == 0)
        *ret_value = atomic_load(&session->bfe->options[option]);
    return wfp_bfe_call_end(session, savepoint, r);
}

int
wfp_bfe_option_set(struct wfp_bfe_session *session, uint32_t option, const struct wfp_value *value)
{
    uint32_t savepoint;
    int r;

    if (!value)
        return -WFP_ERR_NULL_POINTER;
    if (option >= WFP_BFE_OPTION_MAX)
        return -WFP_ERR_INVALID_ENUMERATOR;
    if (value->type != WFP_UINT32)
        return -WFP_ERR_TYPE_MISMATCH;
    if (!rows[option].is_number && (value->uint32 & ~rows[option].valid_bits))
        return -WFP_ERR_OUT_OF_BOUNDS;
    r = wfp_bfe_call_begin(session, false, &savepoint);
    if (r < 0)
        return r;
    r = session->is_explicit ? -WFP_ERR_TXN_IN_PROGRESS
                             : wfp_bfe_security_check_engine(session, WFP_ACTRL_WRITE);
    if (r == 0) {
        atomic_store(&session->bfe->options[option], value->uint32);
        wfp_bfe_recorder_retune(session->bfe);
    }
    return wfp_bfe_call_end(session, savepoint, r);
}
