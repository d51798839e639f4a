#include "roles/core_defence.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "roles/core_session.h"

static bool
is_exempt(const struct core *c, const struct netaddr *address)
{
	const struct config_limits *limits = &c->gateway.config->limits;

	if (limits->ban_after == 0)
		return true;
	for (size_t i = 0; i < limits->n_never_ban; i++) {
		if (netaddr_is_in(address, slice_str(limits->never_ban[i])))
			return true;
	}
	return false;
}

static void
tell_listener(struct core *c, const struct netaddr *block, int64_t until_us)
{
	char text[NETADDR_TEXT_MAX];

	if (c->listener.io == NULL)
		return;
	netaddr_block_text(block, text);
	core_peer_send(&c->listener, IPC_LISTENER_BAN,
	    &(struct ipc_listener_ban){.host = slice_str(text), .until_us = until_us});
}

/* Those of the block who have not logged in, and so are as suspect as the one that was caught. */
static void
end_strangers(struct core *c, const struct netaddr *block)
{
	struct core_session *s;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		struct netaddr address, other;
		if (s->peer.link.state == IPC_RUNNING ||
		    !netaddr_parse(slice_str(s->host), &address))
			continue;
		other = netaddr_block(&address);
		if (netaddr_compare(&other, block) == 0)
			core_session_hang_up(s);
	}
}

static void
ban(struct core *c, const struct netaddr *block, int64_t ban_us, int64_t now_us)
{
	char text[NETADDR_TEXT_MAX], span[24];

	netaddr_block_text(block, text);
	log_warn("address.banned", F_STR("address", text),
	    F_STR("for", text_duration(ban_us, span)), F_STR("why", "too many failed logins"));
	tell_listener(c, block, now_us + ban_us);
	end_strangers(c, block);
}

void
core_defence_login_failed(struct core_session *s, enum core_offence offence)
{
	struct core *c = s->peer.core;
	static const uint32_t WEIGHTS[] = {
	    [CORE_OFFENCE_DENIED] = BANLIST_FAILURE,
	    [CORE_OFFENCE_FORGED] = BANLIST_FAILURE,
	    [CORE_OFFENCE_PASSWORD] = BANLIST_FAILURE,
	    [CORE_OFFENCE_ACCOUNT] = BANLIST_FAILURE,
	    [CORE_OFFENCE_QUIET] = BANLIST_FAILURE / 10,
	};
	const struct config_limits *limits = &c->gateway.config->limits;
	struct netaddr address, evicted = {.len = 0};
	int64_t now_us = time_mono_us(), ban_us = 0;

	/* At a stop connections end that have done nothing wrong. */
	if (c->stopping || !netaddr_parse(slice_str(s->host), &address) || is_exempt(c, &address))
		return;
	const struct banlist_policy policy = {
	    .ban_after = limits->ban_after,
	    .window_us = limits->ban_window_us,
	    .ban_us = limits->ban_time_us,
	    .ban_max_us = limits->ban_max_us,
	};
	struct netaddr block = netaddr_block(&address);
	enum err e =
	    banlist_offence(&c->bans, &policy, &block, WEIGHTS[offence], now_us, &ban_us, &evicted);
	if (e != ERR_OK)
		log_error("address.not-counted", F_STR("error", err_text(e)));
	s->offences += WEIGHTS[offence];
	if (evicted.len > 0)
		tell_listener(c, &evicted, 0);
	if (ban_us > 0)
		ban(c, &block, ban_us, now_us);
}

void
core_defence_login_ok(struct core_session *s)
{
	struct netaddr address;

	if (!netaddr_parse(slice_str(s->host), &address))
		return;
	struct netaddr block = netaddr_block(&address);
	banlist_forgive(&s->peer.core->bans, &block, s->offences);
	s->offences = 0;
}

bool
core_defence_is_banned(const struct core *c, const char *host)
{
	struct netaddr address;

	if (!netaddr_parse(slice_str(host), &address))
		return false;
	struct netaddr block = netaddr_block(&address);
	return banlist_until(&c->bans, &block, time_mono_us()) != 0;
}

void
core_defence_tell_bans(struct core *c)
{
	int64_t now_us = time_mono_us();

	for (size_t i = 0; i < c->bans.n; i++) {
		const struct banlist_entry *entry = &c->bans.entries[i];
		if (entry->until_us > now_us)
			tell_listener(c, &entry->block, entry->until_us);
	}
}

static void
lift(struct core *c, const struct netaddr *block, const char *why)
{
	char text[NETADDR_TEXT_MAX];

	netaddr_block_text(block, text);
	log_info("address.unbanned", F_STR("address", text), F_STR("why", why));
	tell_listener(c, block, 0);
	(void)banlist_forget(&c->bans, block);
}

void
core_defence_recheck(struct core *c)
{
	int64_t now_us = time_mono_us();

	/* From the end: what is lifted is taken out of the list. */
	for (size_t i = c->bans.n; i-- > 0;) {
		const struct netaddr block = c->bans.entries[i].block;
		if (c->bans.entries[i].until_us > now_us && is_exempt(c, &block))
			lift(c, &block, "the configuration exempts it");
	}
}

/* How many of a proxied session's block there are; the listener counts the others. */
static uint32_t
count_of_block(const struct core *c, const struct netaddr *block)
{
	const struct core_session *s;
	uint32_t n = 0;

	TAILQ_FOREACH (s, &c->sessions, entry) {
		struct netaddr address, other;
		if (!s->proxied || !netaddr_parse(slice_str(s->host), &address))
			continue;
		other = netaddr_block(&address);
		n += netaddr_compare(&other, block) == 0 ? 1 : 0;
	}
	return n;
}

static void
turn_away(struct core_session *s, const char *limit)
{
	log_warn("address.dropped", F_STR("address", s->host), F_STR("limit", limit),
	    F_U64("connections", 1));
	core_session_hang_up(s);
}

/*
 * Where the client of a proxied session is. Once, and only of a session that the listener took
 * from one of its proxies.
 */
enum err
core_defence_on_address(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	struct core *c = s->peer.core;
	const struct ipc_session_address *told = &m->session_address;
	char proxy[IPC_ADDRESS_MAX + 1];
	struct netaddr address;

	(void)snprintf(proxy, sizeof proxy, "%s", s->address);
	if (!s->proxied || s->has_address || !netaddr_parse(told->peer_host, &address) ||
	    !slice_copy(told->peer, s->address, sizeof s->address) ||
	    !slice_copy(told->peer_host, s->host, sizeof s->host))
		return ERR_FORMAT;
	s->has_address = true;
	log_info("session.proxied", F_U64("session", s->id), F_STR("from", s->address),
	    F_STR("proxy", proxy));
	struct netaddr block = netaddr_block(&address);
	if (core_defence_is_banned(c, s->host))
		turn_away(s, "banned");
	else if (count_of_block(c, &block) > c->gateway.config->limits.max_per_address)
		turn_away(s, "limits.max_per_address");
	return ERR_OK;
}

void
core_defence_session_gone(struct core_session *s)
{
	/* Of one behind a proxy that has not said where it is, the proxy is not to blame. */
	bool known = !s->proxied || s->has_address;

	if (s->peer.link.state != IPC_RUNNING && known && !s->hung_up)
		core_defence_login_failed(s, CORE_OFFENCE_QUIET);
}

void
core_defence_send_bans(struct core_control *control)
{
	const struct core *c = control->peer.core;
	int64_t mono_us = time_mono_us(), now_us = time_now_us();

	for (size_t i = 0; i < c->bans.n; i++) {
		const struct banlist_entry *entry = &c->bans.entries[i];
		char text[NETADDR_TEXT_MAX];
		if (entry->until_us <= mono_us)
			continue;
		netaddr_block_text(&entry->block, text);
		core_peer_send(&control->peer, IPC_CTL_BAN,
		    &(struct ipc_ctl_ban){.address = slice_str(text),
			.until_us = now_us + (entry->until_us - mono_us),
			.n_bans = entry->n_bans});
	}
}

static uint32_t
lift_all(struct core *c)
{
	int64_t now_us = time_mono_us();
	uint32_t n = 0;

	for (size_t i = c->bans.n; i-- > 0;) {
		const struct netaddr block = c->bans.entries[i].block;
		if (c->bans.entries[i].until_us <= now_us)
			continue;
		lift(c, &block, "an operator lifted it");
		n++;
	}
	return n;
}

static uint32_t
lift_one(struct core *c, const struct netaddr *block)
{
	if (banlist_until(&c->bans, block, time_mono_us()) == 0)
		return 0;
	lift(c, block, "an operator lifted it");
	return 1;
}

enum err
core_defence_on_bans(void *ctx, struct ipc_message *m)
{
	struct core_control *control = ctx;
	struct core *c = control->peer.core;
	struct slice what = m->ctl_bans.lift;
	struct netaddr block;
	char said[32];

	if (what.len == 0) {
		core_defence_send_bans(control);
		core_control_done(control, ERR_OK, "");
		return ERR_OK;
	}
	bool all = slice_is(what, "all");
	if (!all && !netaddr_block_parse(what, &block)) {
		core_control_done(control, ERR_INVALID, "that is not an address");
		return ERR_OK;
	}
	uint32_t n = all ? lift_all(c) : lift_one(c, &block);
	(void)snprintf(said, sizeof said, "%u lifted", n);
	if (n == 0 && !all)
		core_control_done(control, ERR_NOENT, "that address is not banned");
	else
		core_control_done(control, ERR_OK, said);
	return ERR_OK;
}
