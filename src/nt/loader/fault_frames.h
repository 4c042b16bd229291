/*
 * The driver's frames on the stack of a fault, for its report.
 */
#ifndef WFP_NT_FAULT_FRAMES_H
#define WFP_NT_FAULT_FRAMES_H

#include "nt/loader/seh_context.h"

enum { NT_FAULT_MAX_FRAMES = 17 };

struct nt_fault_frame {
    uint64_t address;
    char place[256]; /* "block_ip.sys+0x1234 (Classify+0x10)" */
    char line[256];  /* " block_ip.c:120", or empty */
};

/** Innermost first; the first is where the fault is, the others are return addresses. */
struct nt_fault_frames {
    unsigned count;
    struct nt_fault_frame frames[NT_FAULT_MAX_FRAMES];
};

/** Context: a faulting thread; allocates nothing. */
void nt_fault_frames_walk(struct nt_fault_frames *frames, const struct nt_context *context);
/**
 * Add the source lines.
 *
 * They come from files and need memory, and the heap may be what is broken: a child process looks them
 * up, into memory shared with it. If it dies, or takes longer than a second, lines are missing.
 *
 * @return @p frames, or a copy that lives as long as the process
 */
const struct nt_fault_frames *nt_fault_frames_find_lines(const struct nt_fault_frames *frames);

#endif
