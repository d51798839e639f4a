/*
 * Sessions that are logged in are asked again what they were asked at their login: all of it after
 * a reload, and as time passes what the clock decides.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles/core_auth.h"
#include "roles/grant.h"
#include "roles/policy.h"

#define MINUTE_US (60 * US_PER_SEC)

/* What a session has to say its goodbyes. */
#define GOODBYE (5 * US_PER_SEC)

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Does what it proved at its login still prove who it is? */
static const char *
login_refusal(const struct core_session *s, const struct config_account *a, int64_t now_us)
{
	const struct core_login *login = s->login;
	bool by_password = (login->proven & IPC_METHOD_PASSWORD) != 0;
	uint32_t left;

	if (policy_verdict(a, login->proven, &left) != IPC_VERDICT_ACCEPT)
		return "the account's way to log in was changed";
	if (by_password && !same_text(a->password, s->grant->password))
		return "the account's password was changed";
	if (login->key.bytes == NULL)
		return NULL;
	return core_login_key_refusal(
	    s->peer.core->gateway.config, a, &login->key, s->host, now_us);
}

const char *
core_recheck_refusal(const struct core_session *s, int64_t now_us)
{
	const struct config_account *a =
	    config_find_account(s->peer.core->gateway.config, slice_str(s->account));

	if (a == NULL)
		return "the account is no more";
	const char *why = policy_account(a, s->host, now_us);
	if (why == NULL && !grant_is_within(s->grant, a))
		why = "the account's rights were narrowed";
	return why == NULL ? login_refusal(s, a, now_us) : why;
}

/* One that was taken over need not end when it is told to. */
static int
on_stop_late(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	core_session_hang_up(userdata);
	return 0;
}

static void
end_session(struct core_session *s, const char *why)
{
	log_info("session.revoked", F_U64("session", s->id), F_STR("account", s->account),
	    F_STR("why", why));
	s->is_revoked = true;
	core_peer_send(&s->peer, IPC_SESSION_STOP,
	    &(struct ipc_session_stop){.story = slice_str(why), .grace_us = 0});
	core_after(s->peer.core, &s->grace_timer, GOODBYE, on_stop_late, s);
}

/* What its account is granted beside mounts may have changed; rates are told by core_pace.c. */
static void
tell_terms(struct core_session *s)
{
	const struct config *config = s->peer.core->gateway.config;
	const struct config_account *a = config_find_account(config, slice_str(s->account));
	const struct ipc_auth_account terms = core_auth_terms(config, a, &s->rate);

	if (terms.idle_timeout_us == s->login->idle_timeout_us)
		return;
	s->login->idle_timeout_us = terms.idle_timeout_us;
	core_peer_send(&s->peer, IPC_AUTH_ACCOUNT, &terms);
}

static int
on_time(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core *c = userdata;
	struct core_session *s;
	int64_t now_us = time_now_us();

	TAILQ_FOREACH (s, &c->sessions, entry) {
		const struct config_account *a =
		    config_find_account(c->gateway.config, slice_str(s->account));
		const char *why =
		    a == NULL || s->is_revoked ? NULL : policy_account(a, s->host, now_us);
		if (why != NULL)
			end_session(s, why);
	}
	core_recheck_schedule(c);
	return 0;
}

/*
 * The next moment at which the clock may end a session: when an account expires, or the next full
 * minute when one has hours. INT64_MAX: never.
 */
static int64_t
next_moment(const struct config *config, int64_t now_us)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < config->n_accounts; i++) {
		const struct config_account *a = &config->accounts[i];
		if (a->expires_us > now_us && a->expires_us < next)
			next = a->expires_us;
		int64_t minute = now_us - now_us % MINUTE_US + MINUTE_US;
		if (a->n_hours > 0 && minute < next)
			next = minute;
	}
	return next;
}

void
core_recheck_schedule(struct core *c)
{
	int64_t now_us = time_now_us(), next = next_moment(c->gateway.config, now_us);

	c->recheck_timer = sd_event_source_disable_unref(c->recheck_timer);
	if (next == INT64_MAX)
		return;
	/* At most a minute: the clock may be put. */
	int64_t delay_us = next - now_us > MINUTE_US ? MINUTE_US : next - now_us;
	core_after(c, &c->recheck_timer, delay_us, on_time, c);
}

/* Half a login is to begin anew: what was proven may be a password of which nothing is left. */
static void
forget_half_login(struct core_session *s)
{
	if (s->login == NULL)
		return;
	s->login->proven = 0;
	core_login_key_fini(&s->login->key);
}

void
core_sessions_recheck(struct core *c)
{
	struct core_session *s;
	int64_t now_us = time_now_us();

	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->account[0] == '\0')
			forget_half_login(s);
		if (s->account[0] == '\0' || s->is_revoked)
			continue;
		const char *why = core_recheck_refusal(s, now_us);
		if (why != NULL)
			end_session(s, why);
		else
			tell_terms(s);
	}
	core_recheck_schedule(c);
}
