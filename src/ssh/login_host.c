/* Is it the right host? known_hosts, certificates, and who is asked. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "pki/blob.h"
#include "ssh/login_internal.h"
#include "ssh/pattern.h"

/* A file that isn't there holds nothing; one that can't be read could hide a revocation. */
static enum err
read_known(struct attempt *a, const char *path, struct story *story)
{
	struct buf *file = &a->files[a->n_known];
	int fd _cleanup_(fd_closep) = -1;

	enum err e = file_open_trusted(path, O_RDONLY | O_NOCTTY, 0, &fd);
	if (e == ERR_NOENT || e == ERR_NOTDIR)
		return ERR_OK;
	buf_init(file, KNOWNHOSTS_FILE_MAX);
	if (e == ERR_OK)
		e = file_read_all(fd, file);
	a->known[a->n_known] = (struct knownhosts_file){.name = path, .content = buf_slice(file)};
	a->n_known++;
	return e == ERR_OK ? e : story_fail(story, e, "%s can't be read: %s", path, err_text(e));
}

/* As OpenSSH has it: while the list is missing, or can't be understood, no host is believed. */
static enum err
read_revoked(struct attempt *a, const char *path, struct story *story)
{
	struct buf file _cleanup_(buf_fini);
	int fd _cleanup_(fd_closep) = -1;
	struct story why = {""};
	char shown[200];

	buf_init(&file, REVOKED_FILE_MAX);
	enum err e = file_open_trusted(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
	if (e == ERR_OK)
		e = file_read_all(fd, &file);
	if (e == ERR_OK)
		e = revoked_parse(&a->revoked, buf_slice(&file), &why);
	if (e == ERR_OK)
		return e;
	return story_fail(story, e,
	    "RevokedHostKeys %s can't be used: %s (no host is trusted without it)",
	    text_escape(slice_str(path), shown, sizeof shown),
	    why.text[0] != '\0' ? why.text : err_text(e));
}

enum err
login_known_read(struct attempt *a, struct story *story)
{
	const struct sshconfig *c = &a->l->c;
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->user_known_hosts.n && e == ERR_OK; i++)
		e = read_known(a, c->user_known_hosts.item[i], story);
	for (size_t i = 0; i < c->global_known_hosts.n && e == ERR_OK; i++)
		e = strcmp(c->global_known_hosts.item[i], "none") == 0
			? ERR_OK
			: read_known(a, c->global_known_hosts.item[i], story);
	if (e == ERR_OK && c->revoked_host_keys != NULL)
		e = read_revoked(a, c->revoked_host_keys, story);
	return e;
}

void
login_known_fini(struct attempt *a)
{
	for (size_t i = 0; i < a->n_known; i++)
		buf_fini(&a->files[i]);
	a->n_known = 0;
	revoked_free(a->revoked);
	a->revoked = NULL;
}

/* Under which name its key is known. */
static const char *
known_name(const struct login *l)
{
	return l->c.host_key_alias != NULL ? l->c.host_key_alias : l->c.host_name;
}

static uint16_t
known_port(const struct login *l)
{
	return l->c.host_key_alias != NULL ? 0 : (uint16_t)l->c.port;
}

enum err
login_host_keys(struct attempt *a, struct story *story)
{
	struct buf known _cleanup_(buf_fini);
	struct login *l = a->l;

	/* Who says which ones wants them as they are said. */
	if (l->c.host_keys != NULL)
		return ERR_OK;
	buf_init(&known, LOGIN_LIST_MAX);
	buf_fini(&l->host_keys);
	buf_init(&l->host_keys, LOGIN_LIST_MAX);
	enum err e = knownhosts_offer(a->known, a->n_known, known_name(l), known_port(l), &known);
	if (e != ERR_OK)
		return story_fail(story, e, "the known keys of %s can't be listed", known_name(l));
	e = dial_offer("hostkey", buf_len(&known) > 0 ? buf_slice(&known) : slice_str("+"),
	    &l->host_keys, story);
	return e == ERR_OK ? buf_put_u8(&l->host_keys, 0) : e;
}

/* As ssh-keygen -l calls it. */
static const char *
short_type(struct slice type)
{
	static const struct {
		const char *start, *name;
	} NAMES[] = {{"ssh-ed25519", "ED25519"}, {"ssh-rsa", "RSA"}, {"ecdsa", "ECDSA"},
	    {"sk-ssh-ed25519", "ED25519-SK"}, {"sk-ecdsa", "ECDSA-SK"}};

	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		if (slice_starts_with(type, slice_str(NAMES[i].start)))
			return NAMES[i].name;
	}
	return "?";
}

/* PROTOCOL.certkeys: no names means any; a pattern is fine. */
static bool
names_host(const struct cert *cert, const char *host)
{
	for (size_t i = 0; i < cert->n_principals; i++) {
		if (pattern_match(cert->principals[i], slice_str(host)))
			return true;
	}
	return cert->n_principals == 0;
}

static bool
list_has(struct slice list, struct slice name)
{
	for (struct slice head; list.len > 0;) {
		list = slice_cut(list, ',', &head);
		if (slice_equal(head, name))
			return true;
	}
	return false;
}

/* May an authority with this key sign for us? RSA keys sign by one of two names. */
static bool
signs_for_us(const struct login *l, struct slice ca_type)
{
	struct slice list = slice_str((const char *)buf_slice(&l->ca_signatures).ptr);

	return slice_is(ca_type, "ssh-rsa") ? list_has(list, slice_str("rsa-sha2-512")) ||
						  list_has(list, slice_str("rsa-sha2-256"))
					    : list_has(list, ca_type);
}

/* Why a certificate of a trusted authority isn't good here and now; NULL when it is. */
static const char *
cert_refusal(const struct login *l, const struct cert *cert)
{
	uint64_t now = (uint64_t)(time_now_us() / US_PER_SEC);

	if (cert->type != CERT_HOST)
		return "it is a user's certificate";
	if (now < cert->valid_after)
		return "it isn't valid yet";
	if (now >= cert->valid_before)
		return "it has expired";
	if (!names_host(cert, known_name(l)))
		return "it is for another host";
	if (cert->source_address.len > 0 || cert->forces_command || cert->verify_required)
		return "it has critical options, which a host's can't have";
	if (!signs_for_us(l, blob_type(cert->ca_key)))
		return "its authority's kind of signature isn't allowed (CASignatureAlgorithms)";
	return NULL;
}

static enum transport_outcome
fail_revoked(const struct login *l, const struct dial_host_key *key, const char *what,
    const struct knownhosts_found *found, struct story *story)
{
	story_set(story,
	    "%s shows the %s host key %s, whose %s is revoked by %s line %zu: whoever has it is "
	    "not "
	    "to be trusted (nothing was sent)",
	    l->text, short_type(blob_type(key->key)), key->fingerprint, what, found->file,
	    found->line);
	return TRANSPORT_HOST_KEY_CHANGED;
}

/* What of it the list of RevokedHostKeys names; NULL: nothing. */
static const char *
what_is_revoked(const struct attempt *a, const struct dial_host_key *key)
{
	if (a->revoked == NULL)
		return NULL;
	if (revoked_key(a->revoked, key->key))
		return "key";
	if (key->cert == NULL)
		return NULL;
	if (revoked_key(a->revoked, key->cert->ca_key))
		return "authority";
	return revoked_cert(a->revoked, key->cert->serial, key->cert->key_id) ? "certificate"
									      : NULL;
}

static enum transport_outcome
fail_listed(
    const struct login *l, const struct dial_host_key *key, const char *what, struct story *story)
{
	char path[200];

	story_set(story,
	    "%s shows the %s host key %s, whose %s is revoked by %s (RevokedHostKeys): whoever has "
	    "it is not to be trusted (nothing was sent)",
	    l->text, short_type(blob_type(key->key)), key->fingerprint, what,
	    text_escape(slice_str(l->c.revoked_host_keys), path, sizeof path));
	return TRANSPORT_HOST_KEY_CHANGED;
}

static enum transport_outcome
fail_changed(const struct login *l, const struct dial_host_key *key,
    const struct knownhosts_found *found, struct story *story)
{
	story_set(story,
	    "%s shows the %s host key %s, but %s line %zu holds another, %s: either the server was "
	    "given a new key, or somebody stands between (nothing was sent; ask the server's "
	    "operator which key is right, then remove that line)",
	    l->text, short_type(blob_type(key->key)), key->fingerprint, found->file, found->line,
	    found->fingerprint);
	return TRANSPORT_HOST_KEY_CHANGED;
}

static enum transport_outcome
fail_unknown(const struct login *l, const struct dial_host_key *key, struct story *story)
{
	story_set(story,
	    "%s shows the %s host key %s, which isn't known here (nothing was sent; compare the "
	    "fingerprint with what the server's operator says, then connect once at a terminal, or "
	    "add the key: ssh-keyscan -p %u %s >> ~/.ssh/known_hosts)",
	    l->text, short_type(blob_type(key->key)), key->fingerprint, (unsigned)l->c.port,
	    l->c.host_name);
	return TRANSPORT_HOST_KEY_UNKNOWN;
}

/* From now on it is known: in the first file of the person's own, and for this login anyhow. */
static void
remember(struct attempt *a, const struct dial_host_key *key)
{
	struct login *l = a->l;
	struct story story = {""};

	buf_clear(&l->accepted_key);
	if (buf_put(&l->accepted_key, key->key.ptr, key->key.len) != ERR_OK)
		login_tell(l, 0, "no memory for the host's key");
	if (l->c.user_known_hosts.n == 0)
		return;
	const char *path = l->c.user_known_hosts.item[0];
	if (strcmp(path, "/dev/null") == 0)
		return;
	if (knownhosts_add(path, known_name(l), known_port(l), key->key, l->c.hash_known_hosts == 1,
		&story) != ERR_OK)
		login_tell(l, 0, "%s", story.text);
	else
		login_tell(l, 0, "permanently added the %s key of %s to %s",
		    short_type(blob_type(key->key)), known_name(l), path);
}

static enum transport_outcome
fail_other(const struct login *l, const struct dial_host_key *key, struct story *story)
{
	story_set(story,
	    "%s shows the %s host key %s now, and showed another before: somebody may stand "
	    "between (nothing was sent)",
	    l->text, short_type(blob_type(key->key)), key->fingerprint);
	return TRANSPORT_HOST_KEY_CHANGED;
}

static bool
somebody_agrees(const struct login *l, const struct dial_host_key *key)
{
	char question[STORY_MAX];

	if (l->ui.confirm == NULL || l->c.batch == 1)
		return false;
	(void)snprintf(question, sizeof question,
	    "The authenticity of host %s (port %u) can't be established.\n"
	    "%s key fingerprint is %s.\n"
	    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
	    l->c.host_name, (unsigned)l->c.port, short_type(blob_type(key->key)), key->fingerprint);
	return l->ui.confirm(l->ui.ctx, question, key->fingerprint);
}

static enum transport_outcome
judge_unknown(struct attempt *a, const struct dial_host_key *key, struct story *story)
{
	struct login *l = a->l;

	if (slice_equal(buf_slice(&l->accepted_key), key->key))
		return TRANSPORT_LOGGED_IN;
	/* What could not be written down (/dev/null) is known to this login all the same. */
	if (l->c.strict == SSHCONFIG_ACCEPT_NEW && buf_len(&l->accepted_key) > 0)
		return fail_other(l, key, story);
	if (l->c.strict == SSHCONFIG_YES ||
	    (l->c.strict == SSHCONFIG_ASK && !somebody_agrees(l, key)))
		return fail_unknown(l, key, story);
	remember(a, key);
	return TRANSPORT_LOGGED_IN;
}

/* *ret_why: an authority that is trusted for the host signed it, but it isn't good. */
static bool
cert_is_good(struct attempt *a, const struct cert *cert, const char **ret_why)
{
	const struct login *l = a->l;
	struct knownhosts_found found =
	    knownhosts_authority(a->known, a->n_known, known_name(l), known_port(l), cert->ca_key);

	*ret_why = NULL;
	if (found.verdict != KNOWNHOSTS_MATCH)
		return false;
	*ret_why = cert_refusal(l, cert);
	if (*ret_why == NULL)
		login_tell(a->l, 1, "the host's certificate is good by %s line %zu", found.file,
		    found.line);
	return *ret_why == NULL;
}

enum transport_outcome
login_judge(void *ctx, const struct dial_host_key *key, struct story *story)
{
	struct attempt *a = ctx;
	struct login *l = a->l;
	const char *why = NULL;

	const char *listed = what_is_revoked(a, key);
	if (listed != NULL)
		return fail_listed(l, key, listed, story);
	struct knownhosts_found found =
	    knownhosts_look(a->known, a->n_known, known_name(l), known_port(l), key->key);
	if (found.verdict == KNOWNHOSTS_REVOKED)
		return fail_revoked(l, key, "key", &found, story);
	if (key->cert != NULL) {
		struct knownhosts_found ca = knownhosts_look(
		    a->known, a->n_known, known_name(l), known_port(l), key->cert->ca_key);
		if (ca.verdict == KNOWNHOSTS_REVOKED)
			return fail_revoked(l, key, "authority", &ca, story);
		if (cert_is_good(a, key->cert, &why))
			return TRANSPORT_LOGGED_IN;
	}
	/* Without a good certificate the key counts for itself. */
	if (found.verdict == KNOWNHOSTS_MATCH)
		return TRANSPORT_LOGGED_IN;
	if (found.verdict == KNOWNHOSTS_CHANGED)
		return fail_changed(l, key, &found, story);
	if (why == NULL)
		return judge_unknown(a, key, story);
	story_set(story, "%s shows a host certificate that can't be used: %s (nothing was sent)",
	    l->text, why);
	return TRANSPORT_HOST_KEY_UNKNOWN;
}
