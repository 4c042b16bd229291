/*
 * The driver's frames on the stack of a fault; see fault_frames.h.
 */
#include "nt/loader/fault_frames.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nt/loader/image_internal.h"
#include "nt/loader/seh_unwind.h"

enum { MAX_STEPS = 64 }; /* a chain of frame pointers may be a circle */

static void
describe_place(uint64_t address, char *place, size_t size)
{
    const struct nt_image *image = nt_image_find((const void *)(uintptr_t)address);
    if (image)
        nt_image_describe(image, (const void *)(uintptr_t)address, place, size);
    else
        snprintf(place, size, "0x%llx (the runtime)", (unsigned long long)address);
}

static const struct nt_image *
image_at(uint64_t address)
{
    return nt_image_find((const void *)(uintptr_t)address);
}

/* A frame outwards: by .pdata in a .sys; a call to nowhere has its return address on top of the stack;
 * elsewhere by the chain of frame pointers. */
static bool
step_outwards(struct nt_context *walk, bool first)
{
    const struct nt_image *image = image_at(walk->rip);
    struct nt_seh_frame frame;
    uint64_t rsp = walk->gpr[NT_RSP], rbp = walk->gpr[NT_RBP];

    if (image && image->kind == NT_IMAGE_SYS)
        return nt_seh_unwind_step(image, nt_seh_unwind_find(image, walk->rip), 0, walk, &frame);
    if (first && !image && rsp % 8 == 0 && nt_seh_unwind_on_stack(rsp, 8) &&
        image_at(*(const uint64_t *)(uintptr_t)rsp)) {
        walk->rip = *(const uint64_t *)(uintptr_t)rsp;
        walk->gpr[NT_RSP] = rsp + 8;
        return true;
    }
    if (rbp % 8 != 0 || !nt_seh_unwind_on_stack(rbp, 16))
        return false;
    const uint64_t *link = (const uint64_t *)(uintptr_t)rbp;
    walk->gpr[NT_RSP] = rbp + 16;
    walk->gpr[NT_RBP] = link[0];
    walk->rip = link[1];
    return true;
}

static void
add_frame(struct nt_fault_frames *frames, uint64_t address)
{
    struct nt_fault_frame *frame = &frames->frames[frames->count++];

    frame->address = address;
    frame->line[0] = '\0';
    describe_place(address, frame->place, sizeof(frame->place));
}

void
nt_fault_frames_walk(struct nt_fault_frames *frames, const struct nt_context *context)
{
    struct nt_context walk = *context;

    frames->count = 0;
    add_frame(frames, context->rip);
    for (unsigned i = 0; i < MAX_STEPS && frames->count < NT_FAULT_MAX_FRAMES; i++) {
        bool was_driver = image_at(walk.rip) != NULL;
        if (!step_outwards(&walk, i == 0))
            return;
        if (image_at(walk.rip))
            add_frame(frames, walk.rip);
        else if (was_driver)
            return; /* back in the runtime: the driver was entered here */
    }
}

static void
find_line(struct nt_fault_frame *frame, bool is_return_address)
{
    struct nt_place place;
    char line[sizeof(place.file) + 16];

    if (!nt_place_find(frame->address, is_return_address, &place) || !place.line)
        return;
    nt_place_line_text(&place, line, sizeof(line));
    if (strlen(line) + 2 <= sizeof(frame->line)) /* half a name helps nobody */
        snprintf(frame->line, sizeof(frame->line), " %.*s", (int)sizeof(frame->line) - 2, line);
}

const struct nt_fault_frames *
nt_fault_frames_find_lines(const struct nt_fault_frames *local)
{
    struct nt_fault_frames *frames =
        mmap(NULL, sizeof(*frames), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (frames == MAP_FAILED)
        return local;
    memcpy(frames, local, sizeof(*frames));
    pid_t child = _Fork();
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        for (int i = 1; i < NSIG; i++)
            signal(i, SIG_DFL);
        alarm(1);
        for (unsigned i = 0; i < frames->count; i++)
            find_line(&frames->frames[i], i > 0);
        _exit(0);
    }
    if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    for (unsigned i = 0; i < frames->count; i++) /* a child that died may have been writing */
        frames->frames[i].line[sizeof(frames->frames[i].line) - 1] = '\0';
    return frames;
}
