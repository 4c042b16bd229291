/*
 * Verifying a dump: the report, and the three questions one after another.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "policy/dump/verify_internal.h"

int
wfp_verify_note(struct wfp_verify_report *report, const char *kind, unsigned line,
                const char *format, ...)
{
    struct wfp_verify_difference *larger;
    va_list arguments;
    char *text = NULL;
    int r;

    va_start(arguments, format);
    r = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (r < 0)
        return -WFP_ERR_NO_MEMORY;
    larger = realloc(report->differences, (report->difference_count + (size_t)1) * sizeof(*larger));
    if (!larger) {
        free(text);
        return -WFP_ERR_NO_MEMORY;
    }
    report->differences = larger;
    larger[report->difference_count++] = (struct wfp_verify_difference){kind, line, text};
    return 0;
}

void
wfp_verify_report_free(struct wfp_verify_report *report)
{
    if (!report)
        return;
    for (uint32_t i = 0; i < report->difference_count; i++)
        free(report->differences[i].text);
    free(report->differences);
    free(report);
}

/* An item that could not be read is a difference; a name we do not know is only told. */
static int
note_left_out(const struct wfp_dump *dump, struct wfp_verify_report *report)
{
    int r = 0;

    for (uint32_t i = 0; i < dump->note_count && r == 0; i++)
        if (dump->notes[i].is_left_out)
            r = wfp_verify_note(report, "read", dump->notes[i].line, "left out: %s",
                                dump->notes[i].text);
    return r;
}

int
wfp_verify_dump(const struct wfp_dump *dump, struct wfp_verify_report **ret_report)
{
    _cleanup_(wfp_verify_report_freep) struct wfp_verify_report *report =
        calloc(1, sizeof(*report));
    int r;

    if (!report)
        return -WFP_ERR_NO_MEMORY;
    report->form = dump->form;
    report->unknown_names = dump->unknown_names;
    report->partial_descriptors = dump->partial_descriptors;
    report->dump = dump;
    r = note_left_out(dump, report);
    if (r < 0)
        return r;
    r = dump->form == WFP_DUMP_STATE ? wfp_verify_layers(dump, report) : 0;
    if (r == 0)
        r = wfp_verify_weights(dump, report);
    if (r == 0)
        r = wfp_verify_order(dump, report);
    if (r < 0)
        return r;
    *ret_report = TAKE_PTR(report);
    return 0;
}
