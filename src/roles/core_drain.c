/* The graceful stop. */
#include "base/clock.h"
#include "base/log.h"
#include "roles/core_pace.h"

/* What a session has to say its goodbyes when its time is over. */
#define GOODBYE (5 * US_PER_SEC)

static void
end_loop(struct core *c)
{
	/* What the last sessions told is to be written down. */
	core_end_turn(c);
	(void)sd_event_exit(c->event, 0);
}

static uint32_t
count_sessions(const struct core *c)
{
	const struct core_session *s;
	uint32_t n = 0;

	TAILQ_FOREACH (s, &c->sessions, entry)
		n++;
	return n;
}

static int
on_time_over(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;

	log_warn("core.stop-unfinished", F_U64("sessions", count_sessions(c)));
	end_loop(c);
	return 0;
}

/* Strangers have nothing to finish. */
static void
stop_session(struct core_session *s, int64_t grace_us)
{
	if (s->peer.link.state != IPC_RUNNING) {
		core_session_hang_up(s);
		return;
	}
	core_peer_send(&s->peer, IPC_SESSION_STOP,
	    &(struct ipc_session_stop){
		.story = slice_str("the gateway is stopping"), .grace_us = grace_us});
}

void
core_drain_begin(struct core *c, uint32_t signal)
{
	int64_t grace_us = c->gateway.config->limits.drain_us;
	struct core_session *s;

	log_info("core.stopping", F_U64("signal", signal), F_U64("sessions", count_sessions(c)));
	if (c->stopping) {
		end_loop(c);
		return;
	}
	c->stopping = true;
	core_listener_configure(c);
	core_stop_transfers(c, "the gateway is stopping");
	TAILQ_FOREACH (s, &c->sessions, entry)
		stop_session(s, grace_us);
	core_after(c, &c->drain_timer, grace_us + GOODBYE, on_time_over, c);
	core_drain_session_gone(c);
}

void
core_drain_session_gone(struct core *c)
{
	if (c->stopping && TAILQ_EMPTY(&c->sessions))
		end_loop(c);
}
