/*
 * `wfp run --control`: programs use the drivers' devices over a Unix socket.
 *
 * Model      Live, a thread accepts and each client has a thread of its own. In a replay nothing runs
 *            beside the replay's thread: after each packet control_settle() serves every client until
 *            all have read what they were sent and wait, so what they do belongs to that packet and
 *            the same clients give the same result. The virtual clock stands still meanwhile.
 * Choice     docs/decisions/0052-clients-in-a-replay.md
 */
#ifndef WFP_PROGRAMS_CONTROL_H
#define WFP_PROGRAMS_CONTROL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct control;

#define CONTROL_DEFAULT "default" /* the path clients take when they name none */

/**
 * Listen at @p path (a socket that nobody serves is replaced) and, live, begin to serve.
 * @param error  one clear line
 * @return 0 or -WFP_ERR_*
 */
int control_open(const char *path, bool is_replay, struct control **ret_control, char error[256]);
/** Replay: wait until @p count clients have connected and all wait. Ends early when *@p stop. */
void control_gather(struct control *control, unsigned count, bool is_quiet,
                    const volatile sig_atomic_t *stop);
/** Replay: let clients and drivers work until all rest. @return true when anything happened */
bool control_settle(struct control *control);
/** Replay: when the first client's wait is over, 100 ns since 1601; 0 none. */
uint64_t control_next_due(struct control *control);
/** Replay: end the waits that are over by now. */
void control_expire(struct control *control);
/**
 * The packets have ended, and so does the service: clients are told and waited for, those that stay
 * are hung up on; what they left is cancelled and closed. Before drivers are stopped.
 * @param work  called between, to take up what they caused; may be NULL
 */
void control_close(struct control *control, void (*work)(void *context), void *context);

#endif
