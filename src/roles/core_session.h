/*
 * A session as core sees it. The parts: core_session.c (its life), core_auth.c (logins and what
 * they grant), core_upload.c (files that come in), core_files.c (files that are there).
 */
#ifndef ROLES_CORE_SESSION_H
#define ROLES_CORE_SESSION_H

#include "roles/core.h"

/* What a session holds of a folder's quota, and of its account's. */
struct core_lease {
	SLIST_ENTRY(core_lease) entry;
	char folder[IPC_NAME_MAX + 1];
	struct quota_amount amount;
};

/*
 * A session whose line has ended, until its process is buried. It may live for a while (the
 * listener ends it at last), and holds what it has open, and the directories: until then its
 * uploads are nobody's to go on with or to decide about.
 */
struct core_ended {
	TAILQ_ENTRY(core_ended) entry;
	uint64_t id;
	char account[IPC_NAME_MAX + 1];
	bool recording; /* uploads were recorded for it that nobody has spoken of since */
};

/* An inbound connection. */
struct core_session {
	struct core_peer peer;
	TAILQ_ENTRY(core_session) entry;
	uint64_t id;
	char account[IPC_NAME_MAX + 1]; /* "" before login */
	char address[IPC_ADDRESS_MAX + 1];
	char host[IPC_ADDRESS_MAX + 1];
	int64_t since_us;
	uint32_t n_queries;       /* questions before its login */
	uint32_t offences;        /* what it has had held against its address (core_defence.h) */
	struct core_login *login; /* what it has proven (core_login.h), or NULL */
	struct config *config;    /* the snapshot of its login, or NULL before it */
	const struct config_account *grant; /* in `config`: what it was given at its login */
	uint32_t n_recording; /* uploads that are recorded and, as far as we know, not in place */
	bool inherits; /* another one ended meanwhile: what is recorded of that is looked at when
			  this one has nothing recorded any more */
	uint32_t n_denied; /* denials that it told */
	SLIST_HEAD(, core_lease) leases;
	uint32_t n_quota_refused;
	struct core_ended *ended;     /* what it becomes when its line ends */
	bool is_buried;               /* its process is gone, its line has yet to be read out */
	bool told_end;                /* SESSION_END came */
	bool hung_up;                 /* we ended its line */
	bool is_revoked;              /* was told to end: it may not go on */
	bool proxied;                 /* comes from a proxy, and is to say for whom */
	bool has_address;             /* has said it */
	struct ipc_session_rate rate; /* as it was told last */
	sd_event_source *grace_timer; /* until it is logged in */
};

/* The session that a handler was called for: the peer is its first member. */
static inline struct core_session *
core_session_of(struct core_peer *peer)
{
	return (struct core_session *)(void *)peer;
}

/* NULL when it is gone. */
struct core_session *core_session_find(struct core *c, uint64_t id);

/* It is no stranger any more: those who count strangers, failures and shares hear of it. Its
 * account is set, and its link is in its running state. */
void core_session_logged_in(struct core_session *s);

/*
 * What was recorded for sessions of the account that have ended is put in place, or stays private:
 * now, or when no other session of the account has anything recorded.
 */
enum err core_session_take_over(struct core *c, const char *account) must_check;

/* The listener is gone, and its children with it: nothing that has ended lives any more. */
void core_session_all_buried(struct core *c);

/* At core's own end: what they had open is left, what was recorded is for the next start. */
void core_session_forget_ended(struct core *c);

/* Ends its line; it is freed from the loop. */
void core_session_hang_up(struct core_session *s);

/* Handlers of what sessions say; their ctx is the peer. */

/* core_auth.c */
enum err core_auth_on_cert(void *ctx, struct ipc_message *m);
enum err core_auth_on_query(void *ctx, struct ipc_message *m);
enum err core_auth_on_password(void *ctx, struct ipc_message *m);

/* core_upload.c */
enum err core_upload_on_staged(void *ctx, struct ipc_message *m);
enum err core_upload_on_published(void *ctx, struct ipc_message *m);
enum err core_upload_on_not_placed(void *ctx, struct ipc_message *m);
enum err core_upload_on_abandoned(void *ctx, struct ipc_message *m);

enum err core_upload_on_opened(void *ctx, struct ipc_message *m);
enum err core_upload_on_moved(void *ctx, struct ipc_message *m);
enum err core_upload_on_discarded(void *ctx, struct ipc_message *m);

/* core_partial.c */

/* Tells the session of the private files of its account that nobody has open: once, at its login.
 */
void core_partials_send(struct core_session *s);

/* core_quota.c */
enum err core_quota_on_ask(void *ctx, struct ipc_message *m);
enum err core_quota_on_back(void *ctx, struct ipc_message *m);

/* core_files.c */
enum err core_files_on_taken(void *ctx, struct ipc_message *m);
enum err core_files_on_pieces(void *ctx, struct ipc_message *m);
enum err core_files_on_changed(void *ctx, struct ipc_message *m);
enum err core_files_on_denied(void *ctx, struct ipc_message *m);

#endif
