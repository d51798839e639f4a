#include "ssh/authkeys.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pki/blob.h"
#include "ssh/authkeys_options.h"

/* More keys for one account than anybody has: a bound on memory. */
enum { AUTHKEYS_MAX = 20000 };

struct authkey {
	size_t line;
	struct buf blob;
	struct authkeys_options options; /* its slices are borrowed from the copy of the file */
};

struct authkeys {
	uint8_t *file;
	struct authkey *keys;
	size_t n_keys;
	size_t cap;
};

void
authkeys_free(struct authkeys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n_keys; i++)
		buf_fini(&keys->keys[i].blob);
	free(keys->keys);
	free(keys->file);
	free(keys);
}

/* "ssh-ed25519 AAAA… comment" into its blob; else why it is unusable. */
static const char *
parse_key(struct slice text, struct buf *ret_blob)
{
	struct slice type = slice_take_word(&text);
	struct slice base64 = slice_take_word(&text);

	if (!blob_type_known(type))
		return "it has no key of a type that is known";
	if (blob_from_base64(base64, ret_blob) != ERR_OK)
		return "its key is damaged";
	if (!slice_equal(blob_type(buf_slice(ret_blob)), type))
		return "its key is not of the type that stands before it";
	return blob_refusal(buf_slice(ret_blob));
}

static const char *
parse_line(struct slice line, struct authkey *ret)
{
	struct slice word, rest = line;

	ret->options = (struct authkeys_options){.expires_us = INT64_MAX};
	if (line.len > AUTHKEYS_LINE_MAX)
		return "it is too long";
	word = slice_take_word(&rest);
	if (!blob_type_known(word)) {
		const char *why = authkeys_options_parse(line, &ret->options, &line);
		if (why != NULL)
			return why;
	}
	return parse_key(line, &ret->blob);
}

static enum err
keys_reserve(struct authkeys *keys)
{
	if (keys->n_keys < keys->cap)
		return ERR_OK;
	if (keys->n_keys >= AUTHKEYS_MAX)
		return ERR_LIMIT;
	size_t cap = keys->cap == 0 ? 16 : keys->cap * 2;
	struct authkey *grown = reallocarray(keys->keys, cap, sizeof *grown);
	if (grown == NULL)
		return ERR_NOMEM;
	keys->keys = grown;
	keys->cap = cap;
	return ERR_OK;
}

/* Files that people put here instead, by what they begin with and what the line also holds. */
struct stray {
	const char *start;
	const char *part;
	const char *why;
};

static const char PRIVATE[] = "this is a private key; the public half (.pub) belongs here";
static const struct stray STRAYS[] = {
    {"-----BEGIN ", "PRIVATE KEY", PRIVATE},
    {"PuTTY-User-Key-File", "", PRIVATE},
    {"---- BEGIN SSH2 ", "PUBLIC KEY",
	"this is a public key in another format (ssh-keygen -i -f FILE converts it)"},
    {"-----BEGIN ", "PUBLIC KEY",
	"this is a public key in another format (ssh-keygen -i -m PKCS8 -f FILE converts it)"},
};

static const struct stray *
stray_find(struct slice line)
{
	for (size_t i = 0; i < ARRAY_LEN(STRAYS); i++) {
		const struct stray *s = &STRAYS[i];
		if (slice_starts_with(line, slice_str(s->start)) &&
		    memmem(line.ptr, line.len, s->part, strlen(s->part)) != NULL)
			return s;
	}
	return NULL;
}

/* What is told of the lines that can't be used. */
struct complaints {
	authkeys_warn_fn *warn; /* or NULL */
	void *ctx;
	bool in_stray; /* told once: the rest of it is unusable for the same reason */
};

static void
complain(struct complaints *c, struct slice line, size_t line_no, const char *why)
{
	const struct stray *stray = stray_find(line);
	bool told = c->in_stray && stray == NULL;

	if (stray != NULL)
		c->in_stray = true;
	else if (slice_starts_with(line, slice_str("----")))
		c->in_stray = false;
	if (c->warn != NULL && !told)
		c->warn(c->ctx, line_no, stray != NULL ? stray->why : why);
}

static enum err
parse_file(struct authkeys *keys, struct slice file, authkeys_warn_fn *warn, void *ctx)
{
	struct complaints complaints = {warn, ctx, false};

	for (size_t line_no = 1; file.len > 0; line_no++) {
		struct slice line;
		file = slice_cut(file, '\n', &line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		line = slice_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		enum err e = keys_reserve(keys);
		if (e != ERR_OK)
			return e;
		struct authkey *key = &keys->keys[keys->n_keys];
		*key = (struct authkey){.line = line_no};
		buf_init(&key->blob, BLOB_MAX);
		const char *why = parse_line(line, key);
		if (why == NULL) {
			keys->n_keys++;
			continue;
		}
		buf_fini(&key->blob);
		complain(&complaints, line, line_no, why);
	}
	return ERR_OK;
}

enum err
authkeys_parse(struct authkeys **ret_keys, struct slice file, authkeys_warn_fn *warn, void *ctx)
{
	if (file.len > AUTHKEYS_FILE_MAX)
		return ERR_LIMIT;
	struct authkeys *keys = calloc(1, sizeof *keys);
	if (keys == NULL)
		return ERR_NOMEM;
	keys->file = malloc(file.len + 1);
	enum err e = keys->file == NULL ? ERR_NOMEM : ERR_OK;
	if (e == ERR_OK && file.len > 0)
		memcpy(keys->file, file.ptr, file.len);
	if (e == ERR_OK)
		e = parse_file(keys, slice_of(keys->file, file.len), warn, ctx);
	if (e != ERR_OK) {
		authkeys_free(keys);
		return e;
	}
	*ret_keys = keys;
	return ERR_OK;
}

size_t
authkeys_count(const struct authkeys *keys)
{
	return keys->n_keys;
}

static enum authkeys_verdict
key_verdict(const struct authkey *key, const char *peer_host, int64_t now_us)
{
	if (now_us >= key->options.expires_us)
		return AUTHKEYS_EXPIRED;
	if (key->options.from.len > 0 && !authkeys_from_allows(key->options.from, peer_host))
		return AUTHKEYS_WRONG_ADDRESS;
	return AUTHKEYS_ALLOWED;
}

bool
authkeys_principals_have(struct slice principals, struct slice name)
{
	while (principals.len > 0) {
		struct slice principal;
		principals = slice_cut(principals, '\0', &principal);
		if (principal.len > 0 && slice_equal(principal, name))
			return true;
	}
	return false;
}

/* Who knocks: a key by itself, or a certificate by its authority's key. */
struct knock {
	struct slice key;
	bool certified;
	struct slice principals, account; /* of a certificate */
	const char *peer_host;
	int64_t now_us;
};

static enum authkeys_verdict
knock_verdict(const struct authkey *line, const struct knock *knock)
{
	struct slice list = line->options.principals;

	if (knock->certified &&
	    !(list.len > 0 ? authkeys_principals_allow(list, knock->principals)
			   : authkeys_principals_have(knock->principals, knock->account)))
		return AUTHKEYS_WRONG_PRINCIPAL;
	return key_verdict(line, knock->peer_host, knock->now_us);
}

/* A key may stand on several lines, each with its own options: one that allows is enough. */
static struct authkeys_result
check_lines(const struct authkeys *keys, const struct knock *knock)
{
	struct authkeys_result result = {.verdict = AUTHKEYS_NO_SUCH_KEY};

	for (size_t i = 0; i < keys->n_keys; i++) {
		const struct authkey *line = &keys->keys[i];
		if (line->options.cert_authority != knock->certified ||
		    !slice_equal(buf_slice(&line->blob), knock->key))
			continue;
		enum authkeys_verdict verdict = knock_verdict(line, knock);
		if (verdict == AUTHKEYS_ALLOWED || result.verdict == AUTHKEYS_NO_SUCH_KEY)
			result = (struct authkeys_result){verdict, line->line,
			    line->options.no_touch_required, line->options.verify_required};
		if (verdict == AUTHKEYS_ALLOWED)
			break;
	}
	return result;
}

struct authkeys_result
authkeys_check(const struct authkeys *keys, struct slice key, const char *peer_host, int64_t now_us)
{
	return check_lines(
	    keys, &(struct knock){.key = key, .peer_host = peer_host, .now_us = now_us});
}

struct authkeys_result
authkeys_check_cert(const struct authkeys *keys, struct slice ca_key, struct slice principals,
    const char *account, const char *peer_host, int64_t now_us)
{
	return check_lines(keys, &(struct knock){
				     .key = ca_key,
				     .certified = true,
				     .principals = principals,
				     .account = slice_str(account),
				     .peer_host = peer_host,
				     .now_us = now_us,
				 });
}
