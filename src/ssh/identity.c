/* Gathering what there is to log in with. */
#include "ssh/identity.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rd.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "pki/blob.h"
#include "pki/cert.h"
#include "ssh/agent.h"

enum { AGENT_TIMEOUT_US = 10 * 1000 * 1000, PUBLIC_FILE_MAX = 64 * 1024 };

void
identity_set_fini(struct identity_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		free(set->at[i].path);
		buf_fini(&set->at[i].blob);
		buf_fini(&set->at[i].cert);
		pki_key_free(set->at[i].key);
	}
	set->n = 0;
	fd_closep(&set->agent_fd);
}

static struct identity *
add(struct identity_set *set)
{
	if (set->n == IDENTITIES_MAX)
		return NULL;
	struct identity *id = &set->at[set->n++];
	*id = (struct identity){0};
	buf_init(&id->blob, BLOB_MAX);
	buf_init(&id->cert, CERT_BLOB_MAX);
	return id;
}

static enum err
read_whole(const char *path, struct buf *ret)
{
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_trusted(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
	return e == ERR_OK ? file_read_all(fd, ret) : e;
}

/* "type base64 comment", the first line of FILE.pub. */
static enum err
read_public(const char *path, struct buf *ret_blob)
{
	struct buf file _cleanup_(buf_fini);
	struct slice line;

	buf_init(&file, PUBLIC_FILE_MAX);
	enum err e = read_whole(path, &file);
	if (e != ERR_OK)
		return e;
	(void)slice_cut(buf_slice(&file), '\n', &line);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	struct slice type = slice_take_word(&line), base64 = slice_take_word(&line);
	e = blob_from_base64(base64, ret_blob);
	if (e == ERR_OK && !slice_equal(blob_type(buf_slice(ret_blob)), type))
		e = ERR_FORMAT;
	if (e != ERR_OK)
		buf_clear(ret_blob);
	return e;
}

/* The certificate in a file with the key that it is for; a host's is none. */
static enum err
read_cert(const char *path, struct identity *id, struct story *story)
{
	struct cert *cert = calloc(1, sizeof *cert);

	if (cert == NULL)
		return ERR_NOMEM;
	enum err e = read_public(path, &id->cert);
	if (e != ERR_OK)
		story_set(story, "%s", err_text(e));
	else
		e = cert_parse(buf_slice(&id->cert), cert, story);
	if (e == ERR_OK && cert->type != CERT_USER)
		e = story_fail(story, ERR_FORMAT, "it is a host's certificate");
	if (e == ERR_OK) {
		buf_clear(&id->blob);
		e = buf_put(&id->blob, buf_slice(&cert->key).ptr, buf_len(&cert->key));
	}
	if (e != ERR_OK)
		buf_clear(&id->cert);
	cert_fini(cert);
	free(cert);
	return e;
}

enum err
identity_peek(struct slice content, struct buf *ret_blob, bool *ret_encrypted)
{
	static const char BEGIN[] = "-----BEGIN OPENSSH PRIVATE KEY-----",
			  MAGIC[] = "openssh-key-v1";
	struct buf text _cleanup_(buf_wipe), bytes _cleanup_(buf_wipe);
	enum err e = ERR_OK;
	struct slice line;

	buf_init(&text, PKI_KEY_FILE_MAX);
	buf_init(&bytes, PKI_KEY_FILE_MAX);
	if (content.len > PKI_KEY_FILE_MAX || !slice_starts_with(content, slice_str(BEGIN)))
		return ERR_FORMAT;
	content = slice_cut(content, '\n', &line);
	while (content.len > 0 && e == ERR_OK) {
		content = slice_cut(content, '\n', &line);
		line = slice_trim(line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.ptr[0] == '-')
			break;
		e = buf_put(&text, line.ptr, line.len);
	}
	if (e != ERR_OK || blob_from_base64(buf_slice(&text), &bytes) != ERR_OK)
		return ERR_FORMAT;
	/* PROTOCOL.key: magic, cipher, kdf, its options, the number of keys, the public key. */
	struct rd r = rd_of(buf_slice(&bytes));
	struct slice magic = rd_bytes(&r, sizeof MAGIC);
	struct slice cipher = rd_string(&r, 64);
	(void)rd_string(&r, 64);
	(void)rd_string(&r, 1024);
	uint32_t n = rd_u32(&r);
	struct slice blob = rd_string(&r, BLOB_MAX);
	if (r.failed || n != 1 || !slice_equal(magic, slice_of(MAGIC, sizeof MAGIC)) ||
	    blob_refusal(blob) != NULL)
		return ERR_FORMAT;
	*ret_encrypted = !slice_is(cipher, "none");
	buf_clear(ret_blob);
	return buf_put(ret_blob, blob.ptr, blob.len);
}

/* Its public half: from FILE.pub, else from the private file's head, else by reading it. */
static enum err
find_public(struct identity *id)
{
	struct buf content _cleanup_(buf_wipe);
	char path[SSHCONFIG_VALUE_MAX + 8];
	struct story story;

	buf_init(&content, PKI_KEY_FILE_MAX);
	(void)snprintf(path, sizeof path, "%s.pub", id->path);
	enum err found = read_public(path, &id->blob);
	/* -i FILE.pub names a key that the agent has. */
	if (found != ERR_OK)
		found = read_public(id->path, &id->blob);
	if (found == ERR_OK && blob_refusal(buf_slice(&id->blob)) != NULL)
		buf_clear(&id->blob);
	enum err e = read_whole(id->path, &content);
	if (e != ERR_OK)
		return buf_len(&id->blob) > 0 ? ERR_OK : e;
	struct slice text = buf_slice(&content);
	if (identity_peek(text, &id->blob, &id->encrypted) == ERR_OK)
		return ERR_OK;
	id->encrypted = text.len > 0 && (memmem(text.ptr, text.len, "ENCRYPTED", 9) != NULL);
	if (!id->encrypted && buf_len(&id->blob) == 0 && identity_load(id, NULL, &story) == ERR_OK)
		return buf_put(&id->blob, pki_key_blob(id->key).ptr, pki_key_blob(id->key).len);
	return ERR_OK;
}

struct gathering {
	struct identity_set *set;
	const struct sshconfig *c;
	identity_tell_fn *tell;
	void *ctx;
};

static void
tell(const struct gathering *g, unsigned level, const char *path, const char *words)
{
	char text[STORY_MAX], shown[256];

	(void)snprintf(
	    text, sizeof text, "%s: %s", text_escape(slice_str(path), shown, sizeof shown), words);
	if (g->tell != NULL)
		g->tell(g->ctx, level, text);
}

static void
drop_last(struct identity_set *set)
{
	struct identity *id = &set->at[--set->n];

	free(id->path);
	buf_fini(&id->blob);
	buf_fini(&id->cert);
	pki_key_free(id->key);
}

/* KEY-cert.pub, where no CertificateFile is named: offered before the key itself. */
static enum err
add_own_cert(struct gathering *g, const char *key_path)
{
	char path[SSHCONFIG_VALUE_MAX + 16];
	struct story story;

	(void)snprintf(path, sizeof path, "%s-cert.pub", key_path);
	struct identity *id =
	    g->c->certificates.n > 0 || access(path, F_OK) < 0 ? NULL : add(g->set);
	if (id == NULL)
		return ERR_OK;
	enum err e = read_cert(path, id, &story);
	id->path = slice_dup(slice_str(key_path));
	if (e == ERR_OK && id->path != NULL) {
		bool unused;
		struct buf content _cleanup_(buf_wipe), blob _cleanup_(buf_fini);
		buf_init(&content, PKI_KEY_FILE_MAX);
		buf_init(&blob, BLOB_MAX);
		if (read_whole(key_path, &content) == ERR_OK &&
		    identity_peek(buf_slice(&content), &blob, &unused) == ERR_OK)
			id->encrypted = unused;
		return ERR_OK;
	}
	drop_last(g->set);
	tell(g, 0, path, story.text);
	return id->path == NULL && e == ERR_OK ? ERR_NOMEM : ERR_OK;
}

static enum err
add_file(struct gathering *g, const char *path)
{
	enum err e = add_own_cert(g, path);
	struct identity *id = e == ERR_OK ? add(g->set) : NULL;

	if (id == NULL)
		return e;
	id->path = slice_dup(slice_str(path));
	if (id->path == NULL)
		return ERR_NOMEM;
	id->named = !g->c->default_identities;
	e = find_public(id);
	if (e == ERR_OK)
		return ERR_OK;
	if (id->named || e != ERR_NOENT)
		tell(g, id->named ? 0 : 1, path, err_text(e));
	drop_last(g->set);
	return ERR_OK;
}

/* A certificate of CertificateFile; its private half is in one of the files, or in the agent. */
static enum err
add_certificate(struct gathering *g, const char *path)
{
	struct identity *id = add(g->set);
	struct story story;

	if (id == NULL)
		return ERR_OK;
	id->named = true;
	if (read_cert(path, id, &story) != ERR_OK) {
		drop_last(g->set);
		tell(g, 0, path, story.text);
	}
	return ERR_OK;
}

/* Certificates without a private half get that of the file with the same key. */
static enum err
marry(struct identity_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct identity *id = &set->at[i];
		for (size_t j = 0; j < set->n && id->path == NULL; j++) {
			const struct identity *other = &set->at[j];
			if (other->path == NULL ||
			    !slice_equal(buf_slice(&other->blob), buf_slice(&id->blob)))
				continue;
			id->path = slice_dup(slice_str(other->path));
			id->encrypted = other->encrypted;
			if (id->path == NULL)
				return ERR_NOMEM;
		}
	}
	return ERR_OK;
}

/* Swaps the i-th to place `to`, those between move on by one. */
static void
move_to(struct identity_set *set, size_t i, size_t to)
{
	struct identity id = set->at[i];

	memmove(&set->at[to + 1], &set->at[to], (i - to) * sizeof set->at[0]);
	set->at[to] = id;
}

/* An agent's key: one of ours, which moves to the front of the rest, or one more. */
static enum err
meet_agent_key(struct gathering *g, const struct agent_key *key, size_t *front)
{
	struct identity_set *set = g->set;
	bool is_cert = cert_type_name(blob_type(key->blob)), found = false;

	for (size_t i = *front; i < set->n; i++) {
		struct identity *id = &set->at[i];
		struct slice whole = buf_slice(buf_len(&id->cert) > 0 ? &id->cert : &id->blob);
		/* With the plain key in it the agent signs for its certificates, too. */
		if (!slice_equal(key->blob, whole) && !slice_equal(key->blob, buf_slice(&id->blob)))
			continue;
		id->in_agent = found = true;
		move_to(set, i, (*front)++);
	}
	if (found || g->c->identities_only != 0)
		return ERR_OK;
	if (!is_cert && blob_refusal(key->blob) != NULL)
		return ERR_OK;
	struct identity *id = add(set);
	if (id == NULL)
		return ERR_OK;
	id->in_agent = true;
	enum err e = buf_put(is_cert ? &id->cert : &id->blob, key->blob.ptr, key->blob.len);
	if (e == ERR_OK)
		move_to(set, set->n - 1, (*front)++);
	return e;
}

/* An agent that isn't there or refuses is no reason to fail. */
static enum err
ask_agent(struct gathering *g)
{
	struct buf reply _cleanup_(buf_fini);
	struct agent_keys keys;
	size_t front = 0;

	buf_init(&reply, AGENT_MESSAGE_MAX);
	if (g->c->identity_agent == NULL)
		return ERR_OK;
	enum err e = agent_connect(g->c->identity_agent, &g->set->agent_fd);
	if (e == ERR_OK)
		e = agent_list(g->set->agent_fd, AGENT_TIMEOUT_US, &reply, &keys);
	if (e != ERR_OK) {
		tell(g, 1, g->c->identity_agent, err_text(e));
		fd_closep(&g->set->agent_fd);
		return ERR_OK;
	}
	for (size_t i = 0; i < keys.n && e == ERR_OK; i++)
		e = meet_agent_key(g, &keys.key[i], &front);
	return e;
}

enum err
identity_gather(
    struct identity_set *set, const struct sshconfig *c, identity_tell_fn *tell_fn, void *ctx)
{
	struct gathering g = {.set = set, .c = c, .tell = tell_fn, .ctx = ctx};
	enum err e = ERR_OK;

	set->n = 0;
	set->agent_fd = -1;
	for (size_t i = 0; i < c->certificates.n && e == ERR_OK; i++)
		e = add_certificate(&g, c->certificates.item[i]);
	for (size_t i = 0; i < c->identities.n && e == ERR_OK; i++)
		e = add_file(&g, c->identities.item[i]);
	if (e == ERR_OK)
		e = marry(set);
	if (e == ERR_OK)
		e = ask_agent(&g);
	return e;
}
