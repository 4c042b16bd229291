/*
 * A stack's parts: made, ended, and handed to those who ask.
 */
#include <stdlib.h>

#include "base/status.h"
#include "core/packet/fragment.h"
#include "core/shims/stack_private.h"
#include "core/stream/stream.h"

static void
flow_ended(void *context, struct wfp_flow *flow)
{
    struct wfp_stack *stack = context;

    wfp_stream_end(stack->shim.streams, flow);
    wfp_shim_endpoint_ended(&stack->aside, flow);
}

int
wfp_stack_new(const struct wfp_stack_config *config, struct wfp_stack **ret_stack)
{
    _cleanup_(wfp_stack_freep) struct wfp_stack *stack = NULL;

    if (!config->engine || !wfp_stack_address_is_valid(config->local, config->local_count) ||
        !wfp_stack_address_is_valid(config->subnets, config->subnet_count))
        return -WFP_ERR_INVALID_PARAMETER;
    stack = calloc(1, sizeof(*stack));
    if (!stack)
        return -WFP_ERR_NO_MEMORY;
    wfp_shim_init(&stack->shim, config->engine);
    stack->shim.step = config->step;
    stack->shim.step_context = config->step_context;
    stack->shim.token_of = config->token_of;
    stack->fragments = wfp_fragment_table_new();
    if (!stack->fragments)
        return -WFP_ERR_NO_MEMORY;
    stack->config = *config;
    stack->config.local = stack->config.subnets = NULL; /* the caller's */
    stack->local = wfp_stack_address_copy(config->local, config->local_count);
    stack->subnets = wfp_stack_address_copy(config->subnets, config->subnet_count);
    if (!stack->local || !stack->subnets)
        return -WFP_ERR_NO_MEMORY;
    stack->shim.stack = stack;
    if (config->groups_fragments) {
        stack->shim.groups = wfp_group_table_new(stack->fragments);
        if (!stack->shim.groups)
            return -WFP_ERR_NO_MEMORY;
    }
    if (config->flows) {
        int r = wfp_flow_table_new(config->engine, &stack->shim.flows);

        if (r < 0)
            return r;
        stack->shim.endpoints = wfp_endpoint_table_new();
        if (!stack->shim.endpoints)
            return -WFP_ERR_NO_MEMORY;
        stack->shim.pends = wfp_pend_table_new();
        if (!stack->shim.pends)
            return -WFP_ERR_NO_MEMORY;
        stack->shim.owners = wfp_owner_table_new();
        if (!stack->shim.owners)
            return -WFP_ERR_NO_MEMORY;
        stack->shim.find_owner = config->find_owner;
        stack->shim.find_owner_context = config->find_owner_context;
        stack->shim.redirects = wfp_redirect_table_new();
        if (!stack->shim.redirects)
            return -WFP_ERR_NO_MEMORY;
        stack->shim.stack = stack;
        wfp_shim_init(&stack->aside, config->engine);
        stack->aside.token_of = config->token_of;
        stack->aside.owners = stack->shim.owners;
        stack->shim.moved = wfp_moved_table_new();
        if (!stack->shim.moved)
            return -WFP_ERR_NO_MEMORY;
        stack->shim.is_recording = stack->aside.is_recording = config->is_recording;
        stack->aside.moved = stack->shim.moved;
        stack->aside.stack = stack;
        stack->aside.sockets.show = config->list_sockets;
        stack->aside.sockets.tell_owner = config->tell_owner;
        stack->aside.sockets.context = config->find_owner_context;
        stack->aside.redirects = stack->shim.redirects;
        stack->aside.flows = stack->shim.flows;
        stack->aside.endpoints = stack->shim.endpoints;
        stack->aside.closures = stack->aside.pends = stack->shim.pends;
        stack->aside.step = config->step;
        stack->aside.step_context = config->step_context;
        r = wfp_stream_table_new(&(struct wfp_stream_config){.engine = config->engine,
                                                             .flows = stack->shim.flows,
                                                             .is_recorded = config->has_deaf_ends},
                                 &stack->shim.streams);
        if (r < 0)
            return r;
        wfp_flow_table_on_end(stack->shim.flows, flow_ended, stack);
    }
    *ret_stack = TAKE_PTR(stack);
    return 0;
}

void
wfp_stack_free(struct wfp_stack *stack)
{
    if (!stack)
        return;
    wfp_flow_table_free(stack->shim.flows);
    if (stack->aside.endpoints)
        wfp_shim_endpoint_end_all(&stack->aside);
    wfp_endpoint_table_free(stack->shim.endpoints);
    wfp_pend_table_free(stack->shim.pends);
    wfp_owner_table_free(stack->shim.owners);
    wfp_redirect_table_free(stack->shim.redirects);
    wfp_moved_table_free(stack->shim.moved);
    wfp_stream_table_free(stack->shim.streams);
    wfp_fragment_table_free(stack->fragments);
    wfp_group_table_free(stack->shim.groups);
    free(stack->local);
    free(stack->subnets);
    free(stack);
}

void
wfp_stack_endpoints(const struct wfp_stack *stack, wfp_stack_take_endpoint *take, void *context)
{
    if (stack->shim.flows)
        wfp_shim_endpoint_list(&stack->shim, take, context);
}

int
wfp_stack_ask(struct wfp_stack *stack, void (*answer)(void *context), void *context)
{
    return wfp_shim_pend_ask(stack->shim.pends, answer, context);
}

struct wfp_flow_table *
wfp_stack_flows(struct wfp_stack *stack)
{
    return stack->shim.flows;
}

struct wfp_stream_table *
wfp_stack_streams(struct wfp_stack *stack)
{
    return stack->shim.streams;
}

const struct wfp_fragment_counters *
wfp_stack_fragments(const struct wfp_stack *stack)
{
    return wfp_fragment_counters(stack->fragments);
}
