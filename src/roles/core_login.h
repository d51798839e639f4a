/*
 * What somebody who wants to log in has proven so far, and what core remembers of it while the
 * session lives: after a reload the same questions are asked again (core_recheck.c).
 */
#ifndef ROLES_CORE_LOGIN_H
#define ROLES_CORE_LOGIN_H

#include "roles/core_session.h"

/* A key, with the certificate that it came in. */
struct core_login_key {
	uint8_t *bytes; /* what the slices lie in; NULL: there is no key */
	struct slice key;
	uint32_t sk_flags;
	bool proven; /* signed with; else only asked about */
	bool certified;
	struct ipc_auth_cert cert;
};

struct core_check;

struct core_login {
	char account[IPC_NAME_MAX + 1]; /* for which all of this was proven */
	uint32_t proven;                /* bits of enum ipc_method */
	struct core_login_key key;      /* that was proven */
	struct core_login_key cert;     /* AUTH_CERT: for the AUTH_QUERY that follows */
	struct core_check *check;       /* of a password, under way */
	int64_t idle_timeout_us;        /* as the session was told */
};

/* The session's, made when it is first needed; NULL without memory. */
struct core_login *core_login_of(struct core_session *s);

/* NULL-safe. */
void core_login_free(struct core_login *login);

/* Copies. Either may be NULL. The key that was there is given up. ERR_NOMEM. */
enum err core_login_key_set(struct core_login_key *dst, const struct ipc_auth_query *query,
    const struct ipc_auth_cert *cert) must_check;
void core_login_key_fini(struct core_login_key *key);

/*
 * Why the account can't log in with this key from there, at this moment, by its files as they are
 * now; NULL when it can. The account itself is not looked at.
 */
const char *core_login_key_refusal(const struct config *config, const struct config_account *a,
    const struct core_login_key *key, const char *host, int64_t now_us);

/* core_recheck.c */

/* Why the session may not go on, by the configuration and the clock of now; or NULL. */
const char *core_recheck_refusal(const struct core_session *s, int64_t now_us);

/* Sets the timer for what the clock ends: at the start, and when the configuration changes. */
void core_recheck_schedule(struct core *c);

#endif
