#include "roles/core_login.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "pki/blob.h"
#include "pki/revoked.h"
#include "roles/core_checker.h"
#include "roles/policy.h"
#include "ssh/authkeys.h"

struct core_login *
core_login_of(struct core_session *s)
{
	if (s->login == NULL)
		s->login = calloc(1, sizeof *s->login);
	return s->login;
}

void
core_login_key_fini(struct core_login_key *key)
{
	free(key->bytes);
	*key = (struct core_login_key){0};
}

void
core_login_free(struct core_login *login)
{
	if (login == NULL)
		return;
	if (login->check != NULL)
		core_check_forget(login->check);
	core_login_key_fini(&login->key);
	core_login_key_fini(&login->cert);
	free(login);
}

/* Copies the bytes to *at, moves it past them, and points the slice there. */
static void
keep(struct slice *s, uint8_t **at)
{
	if (s->len > 0)
		memcpy(*at, s->ptr, s->len);
	*s = slice_of(*at, s->len);
	*at += s->len;
}

enum err
core_login_key_set(struct core_login_key *dst, const struct ipc_auth_query *query,
    const struct ipc_auth_cert *cert)
{
	struct core_login_key made = {.certified = cert != NULL};

	if (query != NULL) {
		made.key = query->key;
		made.sk_flags = query->sk_flags;
		made.proven = query->proven;
	}
	if (cert != NULL)
		made.cert = *cert;
	struct slice *parts[] = {&made.key, &made.cert.ca_key, &made.cert.key_id,
	    &made.cert.principals, &made.cert.source_address};
	size_t len = 1;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		len += parts[i]->len;
	made.bytes = malloc(len);
	if (made.bytes == NULL)
		return ERR_NOMEM;
	uint8_t *at = made.bytes;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		keep(parts[i], &at);
	/* Only now: what was given may lie in what dst had. */
	core_login_key_fini(dst);
	*dst = made;
	return ERR_OK;
}

/*
 * Such a file may lie where its account's owner can put something else in its place: a pipe would
 * have all of core wait for its other end, or look like a list without anything in it. And who may
 * write to it decides who logs in: as with sshd's StrictModes that is its owner alone.
 */
static enum err
read_file(const char *path, size_t len_max, struct buf *ret_content, struct story *story)
{
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	buf_init(ret_content, len_max);
	enum err e = file_open_trusted(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd);
	if (e == ERR_OK && fstat(fd, &st) < 0)
		e = err_last();
	if (e == ERR_OK && !S_ISREG(st.st_mode))
		return story_fail(story, ERR_INVALID, "it is not a regular file");
	if (e == ERR_OK && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return story_fail(story, ERR_ACCESS,
		    "others than its owner may write to it (chmod go-w ends that)");
	if (e == ERR_OK)
		e = file_read_all(fd, ret_content);
	return e == ERR_OK ? e : story_fail(story, e, "%s", err_text(e));
}

/* Revoked things let nobody in; a list that can't be read might hold anything. */
static const char *
why_revoked(const struct config *config, const struct core_login_key *key)
{
	struct buf content _cleanup_(buf_fini) = {0};
	struct revoked *list = NULL;
	struct story story = {.text = ""};
	const char *why = NULL;

	if (config->revoked_keys == NULL)
		return NULL;
	enum err e = read_file(config->revoked_keys, REVOKED_FILE_MAX, &content, &story);
	if (e == ERR_OK)
		e = revoked_parse(&list, buf_slice(&content), &story);
	if (e != ERR_OK) {
		log_error("revoked-keys.unreadable", F_STR("file", config->revoked_keys),
		    F_STR("error", story.text[0] != '\0' ? story.text : err_text(e)));
		return "the list of revoked keys can't be used";
	}
	if (revoked_key(list, key->key))
		why = "the key is revoked";
	else if (key->certified && revoked_key(list, key->cert.ca_key))
		why = "the certificate's authority is revoked";
	else if (key->certified && revoked_cert(list, key->cert.serial, key->cert.key_id))
		why = "the certificate is revoked";
	revoked_free(list);
	return why;
}

/* What a list of keys is asked. */
struct question {
	const struct config_account *account;
	const struct core_login_key *key;
	const char *host;
	int64_t now_us;
};

static struct authkeys_result
ask_for_key(const struct authkeys *keys, const struct question *q)
{
	return authkeys_check(keys, q->key->key, q->host, q->now_us);
}

/* A cert-authority line among the account's own keys; it may be told which principals it takes. */
static struct authkeys_result
ask_for_authority_line(const struct authkeys *keys, const struct question *q)
{
	struct authkeys_result result = {.verdict = AUTHKEYS_NO_SUCH_KEY};

	for (size_t i = 0; i < q->account->n_principals; i++) {
		result = authkeys_check_cert(keys, q->key->cert.ca_key, q->key->cert.principals,
		    q->account->principals[i], q->host, q->now_us);
		if (result.verdict == AUTHKEYS_ALLOWED)
			break;
	}
	return result;
}

/* The keys of a trusted_user_ca file are those of authorities, without more ado. */
static struct authkeys_result
ask_for_authority(const struct authkeys *keys, const struct question *q)
{
	return authkeys_check(keys, q->key->cert.ca_key, q->host, q->now_us);
}

typedef struct authkeys_result ask_fn(const struct authkeys *keys, const struct question *q);

static void
warn_key_line(void *ctx, size_t line, const char *why)
{
	const char *const *file = ctx;

	log_warn(
	    "account.key-unusable", F_STR("file", *file), F_U64("line", line), F_STR("why", why));
}

/* Asks one list; an answer that lets in is better than all others, any is better than none. */
static void
ask_text(const char *name, struct slice text, ask_fn *ask, const struct question *q,
    struct authkeys_result *best)
{
	struct authkeys *keys = NULL;

	enum err e = authkeys_parse(&keys, text, warn_key_line, &name);
	if (e != ERR_OK) {
		log_error("account.keys-unreadable", F_STR("account", q->account->name),
		    F_STR("file", name), F_STR("error", err_text(e)));
		return;
	}
	struct authkeys_result result = ask(keys, q);
	authkeys_free(keys);
	if (result.verdict == AUTHKEYS_ALLOWED || best->verdict == AUTHKEYS_NO_SUCH_KEY)
		*best = result;
}

/* As the file is now: a key that was taken out of it lets nobody in any more, without a reload. */
static void
ask_file(const char *path, ask_fn *ask, const struct question *q, struct authkeys_result *best)
{
	struct buf content _cleanup_(buf_fini) = {0};
	struct story story = {.text = ""};

	if (best->verdict == AUTHKEYS_ALLOWED || path == NULL)
		return;
	enum err e = read_file(path, AUTHKEYS_FILE_MAX, &content, &story);
	if (e == ERR_OK)
		ask_text(path, buf_slice(&content), ask, q, best);
	else
		log_error("account.keys-unreadable", F_STR("account", q->account->name),
		    F_STR("file", path), F_STR("error", story.text));
}

static struct authkeys_result
ask_own_keys(ask_fn *ask, const struct question *q)
{
	struct authkeys_result best = {.verdict = AUTHKEYS_NO_SUCH_KEY};
	const struct config_account *a = q->account;

	for (size_t i = 0; i < a->n_authorized_keys; i++)
		ask_file(a->authorized_keys[i], ask, q, &best);
	for (size_t i = 0; i < a->n_keys && best.verdict != AUTHKEYS_ALLOWED; i++)
		ask_text("keys", slice_str(a->keys[i]), ask, q, &best);
	return best;
}

static const char *
words(enum authkeys_verdict verdict, bool certified)
{
	static const char *const WORDS[][2] = {
	    [AUTHKEYS_ALLOWED] = {NULL, NULL},
	    [AUTHKEYS_NO_SUCH_KEY] = {"the key is not among the account's keys",
		"the certificate's authority is not trusted"},
	    [AUTHKEYS_WRONG_ADDRESS] = {"the key's from= does not allow this address",
		"the from= of the certificate's authority does not allow this address"},
	    [AUTHKEYS_EXPIRED] = {"the key has expired", "the certificate's authority has expired"},
	    [AUTHKEYS_WRONG_PRINCIPAL] = {"the key is not among the account's keys",
		"the certificate names none of the account's principals"},
	};

	return WORDS[verdict][certified ? 1 : 0];
}

/*
 * Sets *line to what the cert-authority line asks of the key. A trusted file asks nothing: whether
 * a FIDO key must be touched is then for the certificate alone to say.
 */
static const char *
cert_refusal(const struct config *config, const struct question *q, struct authkeys_result *line)
{
	const char *why = policy_cert(&q->key->cert, q->host, q->now_us);

	if (why != NULL)
		return why;
	*line = (struct authkeys_result){.verdict = AUTHKEYS_NO_SUCH_KEY};
	ask_file(config->trusted_user_ca, ask_for_authority, q, line);
	ask_file(q->account->trusted_user_ca, ask_for_authority, q, line);
	if (line->verdict == AUTHKEYS_ALLOWED) {
		why = policy_principals(
		    &q->key->cert, q->account->principals, q->account->n_principals);
		line->no_touch_required = true;
		if (why == NULL)
			return NULL;
	}
	*line = ask_own_keys(ask_for_authority_line, q);
	return why != NULL && line->verdict != AUTHKEYS_ALLOWED ? why : words(line->verdict, true);
}

const char *
core_login_key_refusal(const struct config *config, const struct config_account *a,
    const struct core_login_key *key, const char *host, int64_t now_us)
{
	struct question q = {a, key, host, now_us};
	struct authkeys_result line;
	const char *why;

	if (key->certified) {
		why = cert_refusal(config, &q, &line);
	} else {
		line = ask_own_keys(ask_for_key, &q);
		why = words(line.verdict, false);
	}
	if (why == NULL)
		why = why_revoked(config, key);
	/* A mere question has no signature to look into. Both must allow a key without touch. */
	if (why == NULL && key->proven)
		why = policy_touch(blob_type(key->key), key->sk_flags,
		    line.no_touch_required && (!key->certified || key->cert.no_touch_required),
		    line.verify_required || (key->certified && key->cert.verify_required));
	return why;
}
