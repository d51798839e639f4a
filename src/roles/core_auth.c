/* Who may log in, and what a session gets then. */
#include "roles/core_auth.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "roles/core_checker.h"
#include "roles/core_defence.h"
#include "roles/grant.h"
#include "roles/policy.h"
#include "ssh/userkey.h"

/* A session asks about ten times. One that goes on counts on our patience, and floods the log. */
enum { QUERIES_MAX = 1000, LOGIN_FIELDS_MAX = 12 };

/* One try to log in. */
struct attempt {
	struct core_session *session;
	struct slice name;                    /* of the account, as it was asked for */
	const struct config_account *account; /* NULL: there is none of that name */
	uint32_t method;                      /* enum ipc_method */
	bool proven;                          /* else only a question */
	const struct core_login_key *key;     /* or NULL */
};

/* What the log tells of an attempt. */
struct attempt_log {
	struct log_field fields[LOGIN_FIELDS_MAX];
	size_t n;
	char key[64], authority[64];
};

static void
add_key_fields(struct attempt_log *told, const struct core_login_key *key)
{
	if (key == NULL)
		return;
	if (userkey_fingerprint(key->key, told->key) != ERR_OK)
		told->key[0] = '\0';
	told->fields[told->n++] = F_STR("key", told->key);
	if (!key->certified)
		return;
	if (userkey_fingerprint(key->cert.ca_key, told->authority) != ERR_OK)
		told->authority[0] = '\0';
	told->fields[told->n++] = F_SLICE("certificate", key->cert.key_id);
	told->fields[told->n++] = F_U64("serial", key->cert.serial);
	told->fields[told->n++] = F_STR("authority", told->authority);
}

/* Its slices are those of the attempt. ways: bits of enum ipc_method. */
static void
tell_attempt(struct attempt_log *told, const struct attempt *a, uint32_t ways,
    const struct core_login_key *key)
{
	static const char *const WAYS[] = {"", "key", "password", "key+password"};

	told->n = 0;
	told->fields[told->n++] = F_U64("session", a->session->id);
	told->fields[told->n++] = F_SLICE("account", a->name);
	told->fields[told->n++] = F_STR("from", a->session->address);
	told->fields[told->n++] = F_STR("by", WAYS[ways & 3]);
	add_key_fields(told, key);
}

static void
answer(struct core_session *s, enum ipc_verdict verdict, uint32_t methods, uint32_t n_mounts)
{
	core_peer_send(&s->peer, IPC_AUTH_ANSWER,
	    &(struct ipc_auth_answer){
		.verdict = verdict, .methods = methods, .n_mounts = n_mounts});
}

/* The client hears no more than no. */
static void
refuse(const struct attempt *a, const char *why, enum core_offence offence)
{
	struct core_session *s = a->session;
	struct attempt_log told;

	tell_attempt(&told, a, a->method, a->key);
	told.fields[told.n++] = F_STR("why", why);
	/* Clients ask about every key of an agent: a question that gets a no is no alarm. */
	bool tried = a->proven || offence == CORE_OFFENCE_FORGED;
	log_emit(tried ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "session.refused", told.fields, told.n);
	if (tried)
		core_defence_login_failed(s, a->account == NULL ? CORE_OFFENCE_ACCOUNT : offence);
	answer(s, IPC_VERDICT_DENY, 0, 0);
}

static uint32_t
count_sessions(const struct core *c, const struct config_account *a)
{
	const struct core_session *s;
	uint32_t n = 0;

	TAILQ_FOREACH (s, &c->sessions, entry)
		n += strcmp(s->account, a->name) == 0 ? 1 : 0;
	return n;
}

/* What doesn't depend on the key or the password. */
static const char *
account_refusal(const struct attempt *a)
{
	const struct core *c = a->session->peer.core;

	if (c->stuck)
		return "the gateway can't record anything now";
	if (c->stopping)
		return "the gateway is stopping";
	if (core_defence_is_banned(c, a->session->host))
		return "its address is banned";
	if (a->account == NULL)
		return "no such account";
	const char *why = policy_account(a->account, a->session->host, time_now_us());
	if (why == NULL)
		why = policy_method(a->account, a->method);
	if (why == NULL)
		why = policy_sessions(a->account, count_sessions(c, a->account));
	return why;
}

/* What was proven for one account is nothing for another (RFC 4252 section 5). */
static void
begin_anew(struct core_login *login, struct slice account)
{
	if (slice_is(account, login->account))
		return;
	login->proven = 0;
	core_login_key_fini(&login->key);
	if (!slice_copy(account, login->account, sizeof login->account))
		login->account[0] = '\0';
}

bool
core_auth_pack(char *const *patterns, size_t n_patterns, struct buf *ret_packed)
{
	buf_init(ret_packed, IPC_PATTERNS_MAX);
	for (size_t i = 0; i < n_patterns; i++) {
		if (buf_put(ret_packed, patterns[i], strlen(patterns[i]) + 1) != ERR_OK)
			return false;
	}
	return true;
}

static enum err
send_mount(struct core_session *s, const struct config_account *a, const struct config_mount *mount)
{
	struct buf names _cleanup_(buf_fini) = {0}, no_names _cleanup_(buf_fini) = {0};
	const struct config_folder *folder = mount->folder;
	const struct store *store = stores_find(&s->peer.core->gateway.stores, folder->name);

	if (store == NULL)
		return ERR_NOENT;
	if (!core_auth_pack(mount->names, mount->n_names, &names) ||
	    !core_auth_pack(mount->no_names, mount->n_no_names, &no_names))
		return ERR_NOMEM;
	core_peer_send(&s->peer, IPC_AUTH_MOUNT,
	    &(struct ipc_auth_mount){
		.at = slice_str(mount->at),
		.folder = slice_str(folder->name),
		.allow = mount->allow,
		.direct = folder->uploads == CONFIG_UPLOADS_DIRECT,
		.relaxed = folder->durability == CONFIG_DURABILITY_RELAXED,
		.metered = grant_is_metered(a, folder),
		.names = buf_slice(&names),
		.no_names = buf_slice(&no_names),
		.dir = store->dir_fd,
		.staging = store->uploads_fd,
	    });
	return ERR_OK;
}

struct ipc_auth_account
core_auth_terms(
    const struct config *config, const struct config_account *a, const struct ipc_session_rate *r)
{
	const struct config_limits *limits = &config->limits;

	return (struct ipc_auth_account){
	    .idle_timeout_us =
		a->idle_timeout_us > 0 ? a->idle_timeout_us : limits->idle_timeout_us,
	    .rate_in = r->rate_in,
	    .rate_out = r->rate_out,
	    .max_handles = limits->max_handles,
	    .max_requests = limits->max_requests,
	};
}

/*
 * Grants, before the answer. A session gets the mounts of one account, once: after the answer its
 * link is in another state, in which they are illegal.
 */
static enum err
grant(struct core_session *s, const struct config_account *a)
{
	struct core *c = s->peer.core;

	/* Its share follows at once, when it is one of several (core_pace.c). */
	s->rate = (struct ipc_session_rate){.rate_in = a->rate_in, .rate_out = a->rate_out};
	const struct ipc_auth_account terms = core_auth_terms(c->gateway.config, a, &s->rate);
	s->login->idle_timeout_us = terms.idle_timeout_us;
	core_peer_send(&s->peer, IPC_AUTH_ACCOUNT, &terms);
	for (size_t i = 0; i < a->n_mounts; i++) {
		enum err e = send_mount(s, a, &a->mounts[i]);
		if (e != ERR_OK)
			return e;
	}
	(void)snprintf(s->account, sizeof s->account, "%s", a->name);
	s->config = config_ref(c->gateway.config);
	s->grant = a;
	s->since_us = time_now_us();
	core_partials_send(s);
	return ERR_OK;
}

/* Right so far: is it enough? */
static enum err
conclude(const struct attempt *a)
{
	struct core_session *s = a->session;
	struct core_login *login = s->login;
	struct attempt_log told;
	uint32_t methods;

	login->proven |= a->method;
	tell_attempt(&told, a, login->proven, login->key.bytes == NULL ? NULL : &login->key);
	if (policy_verdict(a->account, login->proven, &methods) == IPC_VERDICT_PARTIAL) {
		log_emit(LOG_LEVEL_INFO, "session.half-login", told.fields, told.n);
		answer(s, IPC_VERDICT_PARTIAL, methods, 0);
		return ERR_OK;
	}
	if (grant(s, a->account) != ERR_OK)
		return ERR_FORMAT;
	/* Told before anybody can do a thing with it. */
	log_emit(LOG_LEVEL_INFO, "session.login", told.fields, told.n);
	answer(s, IPC_VERDICT_ACCEPT, 0, (uint32_t)s->grant->n_mounts);
	s->peer.link.state = IPC_RUNNING;
	core_session_logged_in(s);
	return ERR_OK;
}

/* True when the session may ask at all: a bound on what it may ask, and in which order. */
static bool
may_ask(struct core_session *s)
{
	return s->n_queries++ < QUERIES_MAX && (!s->proxied || s->has_address) &&
	       core_login_of(s) != NULL && s->login->check == NULL;
}

enum err
core_auth_on_cert(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);

	if (!may_ask(s) || s->login->cert.bytes != NULL)
		return ERR_FORMAT;
	return core_login_key_set(&s->login->cert, NULL, &m->auth_cert) == ERR_OK ? ERR_OK
										  : ERR_FORMAT;
}

/*
 * Lists of keys are looked through in any case, be it another account's: how long an answer takes
 * is to tell nobody who has an account here.
 */
static const char *
key_refusal(const struct attempt *a, const struct core_login_key *key)
{
	const struct config *config = a->session->peer.core->gateway.config;
	const struct config_account *account = a->account;
	const char *why = account_refusal(a), *why_key = NULL;

	if (account == NULL && config->n_accounts > 0)
		account = &config->accounts[0];
	if (account != NULL)
		why_key =
		    core_login_key_refusal(config, account, key, a->session->host, time_now_us());
	return why != NULL ? why : why_key;
}

static enum err
decide_on_key(const struct attempt *a, struct core_login_key *key, bool forged)
{
	struct core_session *s = a->session;
	const char *why = forged ? "the signature is not good" : key_refusal(a, key);

	if (why != NULL) {
		refuse(a, why, forged ? CORE_OFFENCE_FORGED : CORE_OFFENCE_DENIED);
		return ERR_OK;
	}
	if (!a->proven) {
		answer(s, IPC_VERDICT_ACCEPT, 0, 0);
		return ERR_OK;
	}
	/* Kept: it is looked for again at each reload. */
	core_login_key_fini(&s->login->key);
	s->login->key = *key;
	*key = (struct core_login_key){0};
	return conclude(a);
}

enum err
core_auth_on_query(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_auth_query *q = &m->auth_query;
	struct core_login_key key = {0};

	if (!may_ask(s) || q->certified != (s->login->cert.bytes != NULL) ||
	    (q->proven && q->forged))
		return ERR_FORMAT;
	begin_anew(s->login, q->account);
	enum err e = core_login_key_set(&key, q, q->certified ? &s->login->cert.cert : NULL);
	core_login_key_fini(&s->login->cert);
	if (e != ERR_OK)
		return ERR_FORMAT;
	const struct attempt a = {
	    .session = s,
	    .name = q->account,
	    .account = config_find_account(s->peer.core->gateway.config, q->account),
	    .method = IPC_METHOD_PUBLICKEY,
	    .proven = q->proven,
	    .key = &key,
	};
	e = decide_on_key(&a, &key, q->forged);
	core_login_key_fini(&key);
	return e;
}

/* Of an account without one: any other's, so that the answer takes as long. */
static const char *
hash_to_try(const struct config *config, const struct config_account *a)
{
	if (a != NULL && a->password != NULL)
		return a->password;
	for (size_t i = 0; i < config->n_accounts; i++) {
		if (config->accounts[i].password != NULL)
			return config->accounts[i].password;
	}
	return NULL;
}

static struct attempt
password_attempt(struct core_session *s, struct slice account)
{
	return (struct attempt){
	    .session = s,
	    .name = account,
	    .account = config_find_account(s->peer.core->gateway.config, account),
	    .method = IPC_METHOD_PASSWORD,
	    .proven = true,
	};
}

enum err
core_auth_on_password(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_auth_password *q = &m->auth_password;

	if (!may_ask(s) || s->login->cert.bytes != NULL)
		return ERR_FORMAT;
	begin_anew(s->login, q->account);
	const struct attempt a = password_attempt(s, q->account);
	const char *hash = hash_to_try(s->peer.core->gateway.config, a.account);
	/* Whether the account may log in at all is decided afterwards: the answer's time tells
	 * nothing of it. */
	if (hash == NULL)
		refuse(&a, account_refusal(&a), CORE_OFFENCE_PASSWORD);
	else if (core_defence_is_banned(s->peer.core, s->host))
		refuse(&a, "its address is banned", CORE_OFFENCE_PASSWORD);
	else if (core_check_begin(s, q->account, hash, q->password) != ERR_OK)
		refuse(&a, "the password can't be checked now", CORE_OFFENCE_PASSWORD);
	ipc_link_wipe(&s->peer.link);
	return ERR_OK;
}

/* The hash that was tried may be another account's (hash_to_try), or one of before a reload. */
static bool
has_hash(const struct config_account *a, const char *hash)
{
	return a->password != NULL && strcmp(a->password, hash) == 0;
}

void
core_auth_password_checked(
    struct core_session *s, struct slice account, const char *hash, bool good)
{
	const struct attempt a = password_attempt(s, account);
	const char *why = account_refusal(&a);

	if (why == NULL && (!good || !has_hash(a.account, hash)))
		why = "the password is wrong";
	/* The key that was proven before may have been taken out of its file since. */
	if (why == NULL && s->login->key.bytes != NULL)
		why = core_login_key_refusal(s->peer.core->gateway.config, a.account,
		    &s->login->key, s->host, time_now_us());
	if (why != NULL)
		refuse(&a, why, good ? CORE_OFFENCE_DENIED : CORE_OFFENCE_PASSWORD);
	else if (conclude(&a) != ERR_OK)
		core_session_hang_up(s);
}
