#include "cli/hostscan.h"

#include "base/bug.h"
#include "cli/files.h"
#include "os/socket.h"
#include "ssh/knownhosts.h"

enum { TYPES_MAX = 4096, BLOB_MAX = 16 * 1024 };

static const char *const VERDICT_NAMES[] = {
    [HOSTSCAN_PINNED] = "pinned",
    [HOSTSCAN_UNKNOWN] = "unknown",
    [HOSTSCAN_OTHER] = "not pinned",
    [HOSTSCAN_CHANGED] = "CHANGED",
    [HOSTSCAN_REVOKED] = "REVOKED",
};

const char *
hostscan_verdict_name(enum hostscan_verdict verdict)
{
	BUG_ON((unsigned)verdict >= ARRAY_LEN(VERDICT_NAMES));
	return VERDICT_NAMES[verdict];
}

enum err
hostscan_init(struct hostscan *s, const struct config_remote *remote, struct story *story)
{
	*s = (struct hostscan){.remote = remote};
	buf_init(&s->known_hosts, KNOWNHOSTS_FILE_MAX);
	enum err e = files_read(remote->known_hosts, &s->known_hosts, story);
	/* No file yet: nothing is pinned yet. */
	return e == ERR_NOENT ? ERR_OK : e;
}

void
hostscan_fini(struct hostscan *s)
{
	for (size_t i = 0; i < s->n_keys; i++)
		buf_fini(&s->keys[i].blob);
	buf_fini(&s->known_hosts);
	s->n_keys = 0;
}

static enum err
connect_once(void *ctx, int *ret_fd, struct story *story)
{
	const struct hostscan *s = ctx;

	return socket_connect_tcp(
	    s->remote->host, s->remote->port, s->remote->timeout_us, ret_fd, story);
}

/* Keeps a key that was shown; the same one again is passed over. */
static void
found_key(void *ctx, const char *type, struct slice blob, const char *fingerprint)
{
	struct hostscan *s = ctx;

	if (s->n_keys == HOSTSCAN_KEYS_MAX || hostscan_find(s, fingerprint) != NULL)
		return;
	struct hostscan_key *key = &s->keys[s->n_keys];
	*key = (struct hostscan_key){.verdict = HOSTSCAN_UNKNOWN};
	buf_init(&key->blob, BLOB_MAX);
	if (!slice_copy(slice_str(type), key->type, sizeof key->type) ||
	    !slice_copy(slice_str(fingerprint), key->fingerprint, sizeof key->fingerprint) ||
	    buf_put(&key->blob, blob.ptr, blob.len) != ERR_OK) {
		buf_fini(&key->blob);
		return;
	}
	s->n_keys++;
}

/* Is a key of this type pinned? types: comma-separated. */
static bool
types_have(struct slice types, const char *type)
{
	struct slice one;

	while (types.len > 0) {
		types = slice_cut(types, ',', &one);
		if (slice_is(one, type))
			return true;
	}
	return false;
}

/* What the file says of one key, before it is seen beside the server's other keys. */
static enum hostscan_verdict
judge_alone(const struct hostscan *s, struct hostscan_key *key)
{
	const struct config_remote *r = s->remote;
	struct knownhosts_result result = knownhosts_check(buf_slice(&s->known_hosts), r->host,
	    r->port, slice_str(key->type), buf_slice(&key->blob));

	key->line = result.line;
	switch (result.verdict) {
	case KNOWNHOSTS_MATCH:
		return HOSTSCAN_PINNED;
	case KNOWNHOSTS_UNKNOWN:
		return HOSTSCAN_UNKNOWN;
	case KNOWNHOSTS_CHANGED:
		return HOSTSCAN_CHANGED;
	case KNOWNHOSTS_REVOKED:
		return HOSTSCAN_REVOKED;
	}
	BUG("no such verdict");
}

static bool
any_key_is(const struct hostscan *s, enum hostscan_verdict verdict)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		if (s->keys[i].verdict == verdict)
			return true;
	}
	return false;
}

/*
 * A server shows a key of each type, and often one of them is pinned. The others are then no
 * change: a change is another key where one of the same type is pinned, or none of the pinned ones.
 */
static enum err
judge_all(struct hostscan *s)
{
	struct buf types _cleanup_(buf_fini);

	buf_init(&types, TYPES_MAX);
	enum err e =
	    knownhosts_types(buf_slice(&s->known_hosts), s->remote->host, s->remote->port, &types);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < s->n_keys; i++)
		s->keys[i].verdict = judge_alone(s, &s->keys[i]);
	if (!any_key_is(s, HOSTSCAN_PINNED))
		return ERR_OK;
	for (size_t i = 0; i < s->n_keys; i++) {
		struct hostscan_key *key = &s->keys[i];
		if (key->verdict == HOSTSCAN_CHANGED && !types_have(buf_slice(&types), key->type)) {
			key->verdict = HOSTSCAN_OTHER;
			key->line = 0;
		}
	}
	return ERR_OK;
}

enum err
hostscan_connect(struct hostscan *s, struct story *story)
{
	const struct config_remote *r = s->remote;

	enum err e = transport_scan_host_keys(
	    r->host, r->port, r->timeout_us, connect_once, found_key, s, story);
	if (e != ERR_OK)
		return e;
	if (s->n_keys == 0)
		return story_fail(story, ERR_FORMAT,
		    "%s port %u shows no host key of a kind that we know", r->host,
		    (unsigned)r->port);
	e = judge_all(s);
	if (e != ERR_OK)
		return story_fail(
		    story, e, "cannot compare with %s: %s", r->known_hosts, err_text(e));
	return ERR_OK;
}

const struct hostscan_key *
hostscan_find(const struct hostscan *s, const char *fingerprint)
{
	for (size_t i = 0; i < s->n_keys; i++) {
		if (strcmp(s->keys[i].fingerprint, fingerprint) == 0)
			return &s->keys[i];
	}
	return NULL;
}

bool
hostscan_is_alarming(const struct hostscan *s)
{
	return any_key_is(s, HOSTSCAN_CHANGED) || any_key_is(s, HOSTSCAN_REVOKED);
}
