/*
 * Who knocks too often with the wrong key is turned away for a while: failed logins are counted by
 * address (IPv6: by /64, which is what one customer has), and an address with too many of them is
 * banned, each time twice as long (limits.ban). Addresses of limits.ban.never are not counted.
 * The listener turns banned addresses away before there is a process for them; for addresses that
 * only a PROXY header tells, core does it. Counts and bans are kept in memory alone: a restart of
 * the gateway forgets them, one of the listener does not.
 */
#ifndef ROLES_CORE_DEFENCE_H
#define ROLES_CORE_DEFENCE_H

#include "roles/core_session.h"

/*
 * What is held against an address. Mere questions whether a key would do are not: clients go
 * through all keys of an agent. They are bounded per connection (core_auth.c).
 */
enum core_offence {
	CORE_OFFENCE_DENIED,   /* a proven key or a right password that may not log in */
	CORE_OFFENCE_FORGED,   /* a signature that was bad */
	CORE_OFFENCE_PASSWORD, /* a wrong password */
	CORE_OFFENCE_ACCOUNT,  /* a try that proves or reveals something, for no account of ours */
	CORE_OFFENCE_QUIET     /* left without a login, as scanners and monitors do: a tenth */
};

/* Held against the session's address. Ends no session that is logged in; the caller denies as
 * ever. */
void core_defence_login_failed(struct core_session *s, enum core_offence offence);

/*
 * It logged in after all: the failures of this very connection are forgotten. No others: an account
 * of one's own must not be a way to guess at other accounts without end.
 */
void core_defence_login_ok(struct core_session *s);

bool core_defence_is_banned(const struct core *c, const char *host);

/* A new listener knows of no ban. */
void core_defence_tell_bans(struct core *c);

/* After a reload: bans that the configuration permits no more are lifted. */
void core_defence_recheck(struct core *c);

/* It has ended: without a login that is held against its address, a little. */
void core_defence_session_gone(struct core_session *s);

/* Handlers: what a session read from its PROXY header, and dray bans. */
enum err core_defence_on_address(void *ctx, struct ipc_message *m);
enum err core_defence_on_bans(void *ctx, struct ipc_message *m);

/* A row for each ban in force. */
void core_defence_send_bans(struct core_control *control);

#endif
