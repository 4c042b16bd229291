/*
 * Threads as Windows sees them: system threads on pthreads, and every other thread on first use.
 */
#ifndef WFP_NT_THREAD_H
#define WFP_NT_THREAD_H

#include <setjmp.h>

#include "nt/ntos/nt_cpu.h"
#include "nt/ntos/nt_dispatcher.h"
#include "nt/ntos/nt_dpc.h"

/** The body of an NT_OBJECT_THREAD; drivers see it as an opaque PETHREAD that can be waited for. */
struct nt_thread {
    struct nt_dispatcher header; /* first: KeWaitForSingleObject(thread) */
    uint8_t reserved[1024];      /* drivers that peek into ETHREAD find zeros */
    struct nt_driver *driver;    /* who made it; NULL for the runtime's */
    pthread_t pthread;
    pthread_cond_t condition;
    struct nt_list link;
    struct nt_list ready_link;
    struct nt_list mutants; /* owned */
    struct nt_dpc_queue dpcs;
    uint64_t id;
    void (*start)(void *context);
    void *context;
    jmp_buf exit; /* nt_thread_terminate() goes here */
    int32_t exit_status;
    int32_t priority;
    bool takes_turns; /* a thread of ours: waits for its turn under the virtual clock */
    bool is_ready, has_turn;
};

/** The calling thread's object; made on first use. NULL when memory is out. Borrowed. */
struct nt_thread *nt_thread_current(void);
/**
 * Start @p start(context) on a thread of its own, on behalf of the driver at work.
 * @param ret_thread  may be NULL; else a reference for the caller
 * @return NTSTATUS
 */
int32_t nt_thread_create(void (*start)(void *context), void *context,
                         struct nt_thread **ret_thread);
/** End the calling thread, which nt_thread_create() made. @return only if it did not */
int32_t nt_thread_terminate(int32_t status);
/** Report threads of a stopping driver that still run. */
void nt_thread_check_driver(struct nt_driver *driver);
/** Threads made by nt_thread_create() that still run. */
size_t nt_thread_count(void);
/** Those of them that @p driver made. */
size_t nt_thread_count_of(const struct nt_driver *driver);

#endif
