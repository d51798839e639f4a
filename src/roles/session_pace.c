#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "roles/session_internal.h"

/* No event tells that the last bytes have left: while that is awaited, look. */
#define FLUSH_LOOK (10 * US_PER_MS)

void
session_pace_begin(struct session *s)
{
	s->pace.active_us = time_mono_us();
}

/* What has moved since the last look is taken out of the buckets. */
static void
settle(struct session *s, int64_t now_us)
{
	struct session_pace *p = &s->pace;

	bucket_take(&p->in, (size_t)(s->bytes_in - p->counted_in), now_us);
	bucket_take(&p->out, (size_t)(s->bytes_out - p->counted_out), now_us);
	p->counted_in = s->bytes_in;
	p->counted_out = s->bytes_out;
}

size_t
session_pace_may_read(struct session *s)
{
	if (s->pace.in.rate == 0)
		return SIZE_MAX;
	int64_t now_us = time_mono_us();
	settle(s, now_us);
	size_t allowed = bucket_allows(&s->pace.in, now_us);
	s->pace.held_in = allowed == 0;
	return allowed;
}

size_t
session_pace_may_write(struct session *s)
{
	if (s->pace.out.rate == 0)
		return SIZE_MAX;
	int64_t now_us = time_mono_us();
	settle(s, now_us);
	size_t allowed = bucket_allows(&s->pace.out, now_us);
	s->pace.held_out = allowed == 0;
	return allowed;
}

void
session_pace_moved(struct session *s, size_t in, size_t out)
{
	int64_t now_us = time_mono_us();

	settle(s, now_us);
	if (in > 0 || out > 0)
		s->pace.active_us = now_us;
}

static int64_t
sooner(int64_t a_us, int64_t b_us)
{
	return a_us < 0 || (b_us >= 0 && b_us < a_us) ? b_us : a_us;
}

/* A stop: nothing is open any more, or the time for it is over. */
static int64_t
wait_for_stop(struct session *s, int64_t now_us)
{
	struct session_pace *p = &s->pace;
	bool nothing_open = s->sftp == NULL || sftp_server_n_open(s->sftp) == 0;
	bool done = nothing_open && session_is_served(s);

	if (p->stop_us == 0)
		return -1;
	if (now_us >= p->stop_us || (done && transport_flushed(s->transport))) {
		session_end(s, ERR_CLOSED, p->stop_why);
		return 0;
	}
	return done ? FLUSH_LOOK : p->stop_us - now_us;
}

/* A client that asks for nothing, and takes nothing of what it asked for: keep-alives of SSH don't
 * count. */
static int64_t
wait_for_idle(struct session *s, int64_t now_us)
{
	struct session_pace *p = &s->pace;
	char why[STORY_MAX], span[24];

	/* A copy or a hash that the client waits for is none of its idleness. */
	if (p->idle_timeout_us == 0 || s->sftp == NULL || sftp_server_has_work(s->sftp))
		return -1;
	int64_t left_us = p->active_us + p->idle_timeout_us - now_us;
	if (left_us > 0)
		return left_us;
	(void)snprintf(
	    why, sizeof why, "the client was idle for %s", text_duration(p->idle_timeout_us, span));
	session_end(s, ERR_TIMEOUT, why);
	return 0;
}

int64_t
session_pace_wait_us(struct session *s)
{
	struct session_pace *p = &s->pace;
	int64_t now_us = time_mono_us();

	int64_t wait_us = sooner(wait_for_stop(s, now_us), wait_for_idle(s, now_us));
	settle(s, now_us);
	if (p->held_in)
		wait_us = sooner(wait_us, bucket_wait_us(&p->in, now_us));
	if (p->held_out)
		wait_us = sooner(wait_us, bucket_wait_us(&p->out, now_us));
	/* What the engine can go on with by itself goes on at once. */
	if (s->sftp != NULL && sftp_server_has_work(s->sftp))
		wait_us = sooner(wait_us, 0);
	return wait_us;
}

static void
set_rates(struct session *s, uint64_t in, uint64_t out)
{
	int64_t now_us = time_mono_us();

	settle(s, now_us);
	bucket_set_rate(&s->pace.in, in, now_us);
	bucket_set_rate(&s->pace.out, out, now_us);
	s->pace.held_in = s->pace.held_in && in > 0;
	s->pace.held_out = s->pace.held_out && out > 0;
}

enum err
session_on_account(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;

	s->pace.idle_timeout_us = m->auth_account.idle_timeout_us;
	s->pace.active_us = time_mono_us();
	set_rates(s, m->auth_account.rate_in, m->auth_account.rate_out);
	s->limits = (struct sftp_server_limits){
	    .max_handles = m->auth_account.max_handles,
	    .max_requests = m->auth_account.max_requests,
	};
	return ERR_OK;
}

enum err
session_on_rate(void *ctx, struct ipc_message *m)
{
	set_rates(ctx, m->session_rate.rate_in, m->session_rate.rate_out);
	return ERR_OK;
}

enum err
session_on_stop(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	struct session_pace *p = &s->pace;
	char story[IPC_TEXT_MAX];

	text_escape(m->session_stop.story, story, sizeof story - 32);
	(void)snprintf(p->stop_why, sizeof p->stop_why, "ended by the gateway: %s", story);
	p->stop_us = time_mono_us() + m->session_stop.grace_us;
	return ERR_OK;
}
