/*
 * A client's transport from its first byte on, for dial.c: wire/client.h on a socket, whose events
 * of the login are taken with transport_take_event and found in `next`. Internal to ssh/.
 */
#ifndef SSH_TRANSPORT_CLIENT_H
#define SSH_TRANSPORT_CLIENT_H

#include "ssh/dial.h"
#include "ssh/transport_ops.h"
#include "wire/client.h"

struct client {
	struct transport base;
	struct wire_client *wire;
	struct wire_client_event next;
	uint64_t n_heard; /* bytes */

	/* Is the server still there? On time_mono_us's clock. */
	int64_t alive_interval_us; /* 0: nobody asks */
	uint32_t alive_max;        /* 0: asked without end */
	int64_t heard_us; /* when it was heard last, or asked, or nobody would have listened */
};

static inline struct client *
client_of(struct transport *t)
{
	return (struct client *)(void *)t;
}

/* The descriptor is taken over in every case. ERR_UNSUPPORTED with a story: nothing of an offer is
 * ours. No I/O yet. */
enum err client_new(struct client **ret_c, int fd, const struct dial_config *config,
    struct story *story) must_check;

/* What is known of the server so far, into the transport's facts. */
void client_note_facts(struct client *c);

/* The window that the line's length and the server's software ("SSH-2.0-OpenSSH_9.2") call for. */
size_t client_window_for(const char *peer_version, int64_t round_trip_us);
void client_choose_window(struct client *c);

/*
 * Of dial.c: waits until the server has said that it runs what we asked for. transport_dial
 * doesn't, so that what is written first needs no round trip of its own.
 */
enum transport_outcome dial_await_subsystem(struct transport *t, const struct dial_config *config,
    int64_t deadline_us, struct story *story) must_check;

/* Of dial_story.c. */

/* How the engine's CLOSED, which is in c->next, came about. */
enum transport_outcome dial_explain_end(
    const struct client *c, const struct dial_config *config, struct story *story) must_check;

/* The same of a time that has run out. */
enum transport_outcome dial_explain_timeout(
    const struct client *c, const struct dial_config *config, struct story *story) must_check;

/* Nothing was left to prove. state and refusal: what the server said last. */
enum transport_outcome dial_explain_refusal(const struct dial_config *config,
    const struct wire_login_state *login, struct story *story) must_check;

#endif
