/*
 * The queue of injected packets: from drivers' threads to the stack's, completed exactly once.
 *
 * Context    Pushed from any thread, also inside classify; drained on the stack's thread, outside.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/macros.h"
#include "core/packet/ethernet.h"
#include "core/stream/stream.h"
#include "nt/fwps/fwps_inject.h"
#include "nt/ntos/nt_callback.h"

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static struct injected *queue_first, **queue_end = &queue_first;

static void
finish(struct injected *item, NTSTATUS status)
{
    if (item->is_last) {
        item->nbl->Status = status;
        atomic_fetch_sub(&CONTAINER_OF(item->nbl, struct nt_nbl, nbl)->in_flight, 1);
        if (item->complete)
            NT_CALLBACK_VOID(item->driver, NT_DISPATCH_LEVEL,
                             item->complete(item->context, item->nbl, TRUE));
        atomic_fetch_sub(&item->handle->outstanding, 1);
    }
    free(item);
}

static struct injected *
take_all(void)
{
    pthread_mutex_lock(&queue_lock);
    struct injected *first = queue_first;
    queue_first = NULL;
    queue_end = &queue_first;
    pthread_mutex_unlock(&queue_lock);
    return first;
}

/* An injected MAC frame: the IP packet in it, or none. */
static void
find_packet(const struct injected *item, struct wfp_frame *frame)
{
    struct wfp_ethernet ethernet;

    if (item->entry != WFP_ENTRY_MAC_SEND && item->entry != WFP_ENTRY_MAC_RECEIVE)
        return;
    frame->mac = item->bytes;
    frame->link_reason = WFP_UNDECODABLE_NOT_IP;
    if (!wfp_ethernet_parse(item->bytes, item->length, &ethernet)) {
        frame->link_reason = WFP_UNDECODABLE_TRUNCATED;
    } else if (ethernet.ether_type == WFP_ETHERTYPE_IPV4 ||
               ethernet.ether_type == WFP_ETHERTYPE_IPV6) {
        frame->link_reason = WFP_DECODED;
        frame->data += ethernet.header_size;
        frame->length -= ethernet.header_size;
        frame->wire_length = frame->length;
    }
}

static _noinline_ unsigned
drain_queue(nt_fwps_take *take, void *context)
{
    unsigned count = 0;
    struct injected *item;

    while ((item = take_all()) != NULL)
        for (struct injected *next; item; item = next, count++) {
            struct wfp_frame frame = {
                .data = item->bytes,
                .length = item->length,
                .wire_length = item->length,
                .time_100ns = wfp_clock_now(),
                .interface_index = item->interface_index,
                .entry = item->entry,
                .sender = item->sender,
                .control_data_length = item->control_length,
                .control_data = item->control,
                .plane_id = item->view->plane_id,
                .adapter = nt_fwps_nbl_adapter(item->view),
            };
            find_packet(item, &frame);
            next = item->next;
            /* the stack releases its packet before the plane has read the bytes */
            struct nt_nbl *view = item->view;
            atomic_fetch_add(&view->references, 1);
            take(context, &frame);
            nt_fwps_nbl_drop(view);
            finish(item, item->sender && frame.link_reason != WFP_DECODED ? STATUS_INVALID_HANDLE
                                                                          : STATUS_SUCCESS);
        }
    return count;
}

unsigned
nt_fwps_drain(nt_fwps_take *take, void *context)
{
    if (LIKELY(__atomic_load_n(&queue_first, __ATOMIC_RELAXED) == NULL))
        return 0;
    return drain_queue(take, context);
}

void
nt_fwps_abandon(void)
{
    struct injected *item = take_all();

    for (struct injected *next; item; item = next) {
        next = item->next;
        nt_fwps_nbl_drop(item->view);
        finish(item, STATUS_FWP_TCPIP_NOT_READY);
    }
    if (nt_fwps.streams)
        wfp_stream_abandon(nt_fwps.streams);
}

void
nt_fwps_inject_push(struct injected *first, struct injected **end)
{
    pthread_mutex_lock(&queue_lock);
    *queue_end = first;
    queue_end = end;
    pthread_mutex_unlock(&queue_lock);
    nt_fwps_wake();
}

void
nt_fwps_inject_drop(struct injected *item)
{
    for (struct injected *next; item; item = next) {
        next = item->next;
        nt_fwps_nbl_drop(item->view);
        free(item);
    }
}
