/*
 * One program that uses the drivers' devices: its messages become requests, their ends messages.
 *
 * Model      read() handles one message; what goes out is queued and sent when there is room, so a
 *            program that does not read holds up nobody. In a replay all of it happens on the replay's
 *            thread; live each client has a thread, and drivers complete requests on any.
 * Lifetime   leave() cancels and closes what the program left; free() when is_idle().
 * Ref        client/device_wire.h
 */
#ifndef WFP_PROGRAMS_CONTROL_CLIENT_H
#define WFP_PROGRAMS_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct control_client;

/**
 * Take over a connection.
 * @param fd  the client's from now on, also on failure
 * @return NULL when memory is out
 */
struct control_client *control_client_new(int fd, bool is_replay);
void control_client_free(struct control_client *client);

/**
 * Handle one message.
 * @param timeout_ms  0 only if it is there, negative for ever
 * @return 1 handled, 0 nothing came, -1 the program has gone
 */
int control_client_read(struct control_client *client, int timeout_ms);
/** Cancel what is under way, close what is open. */
void control_client_leave(struct control_client *client);
/** Nothing is under way any more. */
bool control_client_is_idle(struct control_client *client);
/** Replay: it has read all it was sent and waits. */
bool control_client_is_at_rest(struct control_client *client);
/** Replay: when its wait is to end, 100 ns since 1601; 0 never. */
uint64_t control_client_due(struct control_client *client);
/** Replay: its wait ends: the time is over. */
void control_client_wake(struct control_client *client);
/** Replay: its wait ends: nothing more comes. @return how often it was told without asking anything */
unsigned control_client_end(struct control_client *client);
/** Close the connection; its thread notices. */
void control_client_hang_up(struct control_client *client);
/** To poll: readable when it says something. Borrowed. */
int control_client_fd(const struct control_client *client);
/** The request this thread brings to a driver now, for reports of faults; NULL: none. */
const char *control_client_held(void);
pid_t control_client_process(const struct control_client *client);

#endif
