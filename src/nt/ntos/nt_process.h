/*
 * Processes as drivers see them: the system process, this one, and Linux processes by id.
 */
#ifndef WFP_NT_PROCESS_H
#define WFP_NT_PROCESS_H

#include <stdbool.h>

#include "nt/ntos/nt_dispatcher.h"

/** The body of an NT_OBJECT_PROCESS; opaque PEPROCESS for drivers. */
struct nt_process {
    struct nt_dispatcher header;
    uint8_t reserved[2048]; /* drivers that peek into EPROCESS find zeros */
    struct nt_list link;
    uint64_t id;
    int64_t create_time_100ns;
    int32_t exit_status;
};

/** The process with id 4, in whose context system threads run. Borrowed, lives for ever. */
struct nt_process *nt_process_system(void);
/**
 * Find or make the object of a Linux process.
 * @param must_exist  look into /proc; else the caller vouches for it (captures have no processes)
 * @return referenced, or NULL
 */
struct nt_process *nt_process_open(uint64_t id, bool must_exist);
/** Tell drivers that registered for it about a process that starts or ends. */
void nt_process_notify(uint64_t id, uint64_t parent_id, bool starts, const char *image_path);

#endif
