/*
 * Walking the frames of a Windows image by its .pdata and unwind information.
 *
 * Ref: MicrosoftDocs cpp-docs build/exception-handling-x64
 */
#ifndef WFP_NT_SEH_UNWIND_H
#define WFP_NT_SEH_UNWIND_H

#include <stdbool.h>

#include "nt/loader/nt_image.h"
#include "nt/loader/pe_format.h"
#include "nt/loader/seh_context.h"

enum { NT_UNWIND_EHANDLER = 1, NT_UNWIND_UHANDLER = 2, NT_UNWIND_CHAIN = 4 };

/** One unwound frame. */
struct nt_seh_frame {
    uint64_t establisher;     /* what handlers call the frame */
    void *handler;            /* language handler, or NULL */
    const void *handler_data; /* its table */
};

/** The .pdata entry for @p pc in @p image; NULL for a leaf function or a native image. */
const struct pe_runtime_function *nt_seh_unwind_find(const struct nt_image *image, uint64_t pc);
/**
 * Undo one frame: @p context becomes the caller's.
 *
 * @param function  from nt_seh_unwind_find(), or NULL for a leaf
 * @param kind      NT_UNWIND_EHANDLER or _UHANDLER: which handler to report; 0 none
 * @return false when the unwind information is damaged or the stack pointer left the stack
 *
 * Context: any thread, also in a signal handler's wake; reads the image and this thread's stack
 * only.
 */
bool nt_seh_unwind_step(const struct nt_image *image, const struct pe_runtime_function *function,
                        unsigned kind, struct nt_context *context, struct nt_seh_frame *ret_frame);
/** Whether @p size bytes at @p address lie in the calling thread's stack. */
bool nt_seh_unwind_on_stack(uint64_t address, size_t size);

#endif
