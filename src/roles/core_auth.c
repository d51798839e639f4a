/* Who may log in, and what a session gets then. */
#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/core_defence.h"
#include "roles/grant.h"
#include "ssh/authkeys.h"
#include "ssh/userkey.h"

/* A session asks about ten times. One that goes on counts on our patience, and floods the log. */
enum { QUERIES_MAX = 1000 };

static void
warn_key_line(void *ctx, size_t line, const char *why)
{
	log_warn(
	    "account.key-unusable", F_STR("file", ctx), F_U64("line", line), F_STR("why", why));
}

/*
 * The account's keys as they are in the file now: a key that was taken out of it lets nobody in any
 * more, without a reload.
 */
static enum err
load_keys(const struct config_account *account, struct authkeys **ret_keys)
{
	struct buf content _cleanup_(buf_fini);
	int fd _cleanup_(fd_closep) = -1;

	buf_init(&content, AUTHKEYS_FILE_MAX);
	enum err e = file_open_trusted(account->authorized_keys[0], O_RDONLY, 0, &fd);
	if (e == ERR_OK)
		e = file_read_all(fd, &content);
	if (e == ERR_OK)
		e = authkeys_parse(
		    ret_keys, buf_slice(&content), warn_key_line, account->authorized_keys[0]);
	if (e != ERR_OK)
		log_error("account.keys-unreadable", F_STR("account", account->name),
		    F_STR("file", account->authorized_keys[0]), F_STR("error", err_text(e)));
	return e;
}

/* Why the account can't log in with this key from there; NULL when it can. */
static const char *
why_refused(const struct core_session *s, const struct config_account *account, struct slice key)
{
	static const char *const WORDS[] = {
	    [AUTHKEYS_ALLOWED] = NULL,
	    [AUTHKEYS_NO_SUCH_KEY] = "the key is not among the account's keys",
	    [AUTHKEYS_WRONG_ADDRESS] = "the key's from= does not allow this address",
	    [AUTHKEYS_EXPIRED] = "the key has expired",
	};
	struct authkeys *keys = NULL;

	if (account == NULL)
		return "no such account";
	if (account->disabled)
		return "the account is disabled";
	if (load_keys(account, &keys) != ERR_OK)
		return "the account's keys can't be read";
	struct authkeys_result result = authkeys_check(keys, key, s->host, time_now_us());
	authkeys_free(keys);
	return WORDS[result.verdict];
}

static enum err
send_mounts(struct core_session *s, const struct config_account *account)
{
	const struct stores *stores = &s->peer.core->gateway.stores;

	for (size_t i = 0; i < account->n_mounts; i++) {
		const struct config_mount *mount = &account->mounts[i];
		const struct store *store = stores_find(stores, mount->folder->name);
		if (store == NULL)
			return ERR_NOENT;
		core_peer_send(&s->peer, IPC_AUTH_MOUNT,
		    &(struct ipc_auth_mount){
			.at = slice_str(mount->at),
			.folder = slice_str(mount->folder->name),
			.allow = mount->allow,
			.direct = mount->folder->uploads == CONFIG_UPLOADS_DIRECT,
			.relaxed = mount->folder->durability == CONFIG_DURABILITY_RELAXED,
			.dir = store->dir_fd,
			.staging = store->uploads_fd,
		    });
	}
	return ERR_OK;
}

static void
log_auth(const struct core_session *s, struct slice account, struct slice key, const char *why)
{
	char fingerprint[64];

	if (userkey_fingerprint(key, fingerprint) != ERR_OK)
		fingerprint[0] = '\0';
	if (why != NULL)
		log_warn("session.refused", F_U64("session", s->id), F_SLICE("account", account),
		    F_STR("from", s->address), F_STR("key", fingerprint), F_STR("why", why));
	else
		log_info("session.login", F_U64("session", s->id), F_SLICE("account", account),
		    F_STR("from", s->address), F_STR("key", fingerprint));
}

/*
 * Grants. A session gets the mounts of one account, once: afterwards its link is in another state,
 * in which this message is illegal.
 */
enum err
core_auth_on_query(void *ctx, struct ipc_message *m)
{
	struct core_session *s = core_session_of(ctx);
	const struct ipc_auth_query *q = &m->auth_query;

	if (s->n_queries++ == QUERIES_MAX)
		return ERR_FORMAT;
	const struct config_account *account =
	    config_find_account(s->peer.core->gateway.config, q->account);
	const char *why = s->peer.core->stuck ? "the gateway can't record anything now"
					      : why_refused(s, account, q->key);
	uint32_t n_mounts = 0;

	if (q->proven && why == NULL) {
		if (send_mounts(s, account) != ERR_OK)
			return ERR_FORMAT;
		n_mounts = (uint32_t)account->n_mounts;
		if (!slice_copy(q->account, s->account, sizeof s->account))
			return ERR_FORMAT;
		s->config = config_ref(s->peer.core->gateway.config);
		s->grant = account;
		s->since_us = time_now_us();
	}
	if (q->proven && why != NULL)
		core_defence_login_failed(s->peer.core, s->host,
		    account == NULL ? CORE_OFFENCE_ACCOUNT : CORE_OFFENCE_DENIED);
	if (q->proven || why != NULL)
		log_auth(s, q->account, q->key, why);
	core_peer_send(&s->peer, IPC_AUTH_ANSWER,
	    &(struct ipc_auth_answer){
		.verdict = why == NULL ? IPC_VERDICT_ACCEPT : IPC_VERDICT_DENY,
		.n_mounts = n_mounts});
	if (q->proven && why == NULL) {
		s->peer.link.state = IPC_RUNNING;
		core_session_logged_in(s);
	}
	return ERR_OK;
}
