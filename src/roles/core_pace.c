/*
 * The bandwidth of an account is that of all its sessions together: each has an even share, and
 * learns of it when the number of sessions changes.
 */
#include "roles/core_pace.h"

static uint32_t
count_sessions(const struct core *c, const char *account)
{
	const struct core_session *s;
	uint32_t n = 0;

	TAILQ_FOREACH (s, &c->sessions, entry)
		n += strcmp(s->account, account) == 0 ? 1 : 0;
	return n;
}

/* 0 is no limit, so the least share is one byte. */
static uint64_t
share(uint64_t rate, uint32_t n)
{
	return rate == 0 || rate / n > 0 ? rate / n : 1;
}

void
core_pace_changed(struct core *c, const char *name)
{
	const struct config_account *account =
	    config_find_account(c->gateway.config, slice_str(name));
	struct core_session *s;

	if (account == NULL || name[0] == '\0')
		return;
	uint32_t n = count_sessions(c, name);
	TAILQ_FOREACH (s, &c->sessions, entry) {
		if (s->peer.link.state != IPC_RUNNING || strcmp(s->account, name) != 0)
			continue;
		const struct ipc_session_rate now = {
		    .rate_in = share(account->rate_in, n), .rate_out = share(account->rate_out, n)};
		if (now.rate_in == s->rate.rate_in && now.rate_out == s->rate.rate_out)
			continue;
		s->rate = now;
		core_peer_send(&s->peer, IPC_SESSION_RATE, &now);
	}
}

void
core_pace_recheck(struct core *c)
{
	for (size_t i = 0; i < c->gateway.config->n_accounts; i++)
		core_pace_changed(c, c->gateway.config->accounts[i].name);
}
