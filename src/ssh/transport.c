#include "ssh/transport_internal.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "ssh/hostkeys_internal.h"
#include "ssh/reason.h"

struct transport *
transport_new(ssh_session session, bool is_server)
{
	struct transport *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->session = session;
	t->is_server = is_server;
	t->extra_fd = -1;
	t->deadline_us = INT64_MAX;
	t->window = TRANSPORT_WINDOW;
	t->taken_since_grant = UINT64_MAX / 2; /* the window is still libssh's small one */
	buf_init(&t->stash, 2 * TRANSPORT_WINDOW_MAX);
	buf_init(&t->asked_key, 16 * 1024);
	ssh_set_counters(session, &t->socket_bytes, &t->packets);
	return t;
}

void
transport_set_state(struct transport *t, enum transport_state state)
{
	BUG_ON(state < t->state);
	t->state = state;
}

static const char *
or_dash(const char *text)
{
	return text == NULL ? "-" : text;
}

static void
note_host_key(struct transport *t, char *dst, size_t dst_len)
{
	ssh_key key = NULL;

	if (t->is_server) {
		(void)snprintf(dst, dst_len, "%s", hostkeys_only_type(t->host_keys));
		return;
	}
	if (ssh_get_server_publickey(t->session, &key) == SSH_OK)
		(void)snprintf(
		    dst, dst_len, "%s", or_dash(ssh_key_type_to_char(ssh_key_type(key))));
	ssh_key_free(key);
}

void
transport_note_facts(struct transport *t)
{
	char host_key[64] = "-";
	const char *version =
	    t->is_server ? ssh_get_clientbanner(t->session) : ssh_get_serverbanner(t->session);

	if (version != NULL)
		(void)text_escape(
		    slice_str(version), t->facts.peer_version, sizeof t->facts.peer_version);
	if (ssh_get_cipher_out(t->session) == NULL)
		return;
	note_host_key(t, host_key, sizeof host_key);
	(void)snprintf(t->facts.algorithms, sizeof t->facts.algorithms, "%s %s %s %s",
	    or_dash(ssh_get_kex_algo(t->session)), or_dash(ssh_get_cipher_out(t->session)),
	    or_dash(ssh_get_hmac_out(t->session)), host_key);
}

/* Forgets everything that ssh_disconnect frees. */
static void
forget_session_parts(struct transport *t)
{
	ssh_message_free(t->asked);
	t->asked = NULL;
	t->channel = NULL;
	t->buffered = 0;
}

/*
 * ssh_disconnect closes a server's socket, but leaves one open that came in by option, as a
 * client's does; and forgets it.
 */
static void
say_goodbye(struct transport *t, const char *message)
{
	int fd = t->is_server ? -1 : ssh_get_fd(t->session);

	(void)ssh_session_set_disconnect_message(t->session, message);
	/* The last chance to send: libssh would otherwise wait for a poll that never comes. */
	ssh_set_fd_towrite(t->session);
	ssh_disconnect(t->session);
	if (fd >= 0)
		(void)close(fd);
}

void
transport_over(struct transport *t, enum err error, const char *format, ...)
{
	va_list args;

	if (t->state == TRANSPORT_OVER)
		return;
	t->error = error;
	va_start(args, format);
	(void)vsnprintf(t->story.text, sizeof t->story.text, format, args);
	va_end(args);
	transport_note_facts(t);
	forget_session_parts(t);
	/* Before our version has gone out there is nobody to say it to. */
	if (t->state != TRANSPORT_NEW || !t->is_server)
		say_goodbye(t, error == ERR_OK ? "bye" : t->story.text);
	transport_set_state(t, TRANSPORT_OVER);
}

/* True when the peer's first line was that of another protocol; libssh's own error gets lost. */
static bool
peer_is_no_ssh2(const struct transport *t)
{
	const char *banner = t->is_server ? ssh_get_clientbanner(t->session) : NULL;
	struct slice text = slice_str(banner);

	return banner != NULL && !slice_starts_with(text, slice_str("SSH-2.")) &&
	       !slice_starts_with(text, slice_str("SSH-1.99-"));
}

void
transport_notice_end(struct transport *t)
{
	char reason[STORY_MAX / 2];

	if (t->state == TRANSPORT_OVER ||
	    (ssh_get_status(t->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0)
		return;
	struct reason why = reason_of(ssh_get_error(t->session));
	bool goodbye = why.kind == REASON_DISCONNECT && why.by_application;
	bool stream_done = t->peer_eof || t->peer_closed;

	(void)text_escape(why.words, reason, sizeof reason);
	if (stream_done || (goodbye && t->state >= TRANSPORT_LOGIN && t->n_refused == 0))
		transport_over(t, ERR_OK, "%s", "");
	else if (peer_is_no_ssh2(t))
		transport_over(t, ERR_FORMAT, "the peer does not speak SSH 2: \"%s\"",
		    text_escape(
			slice_str(ssh_get_clientbanner(t->session)), reason, sizeof reason));
	else if (why.kind == REASON_CLOSED)
		transport_over(t, ERR_CLOSED, "the peer closed the connection without a goodbye");
	else if (why.kind == REASON_DISCONNECT)
		transport_over(t, ERR_CLOSED, "the peer broke off the connection: \"%s\"", reason);
	else if (why.kind == REASON_BROKEN)
		transport_over(t, ERR_CLOSED, "the connection broke: %s", reason);
	else
		transport_over(t, ERR_FORMAT, "the SSH connection failed: %s", reason);
}

void
transport_facts(const struct transport *t, struct transport_facts *ret_facts)
{
	*ret_facts = t->facts;
}

/*
 * Turns until the condition is true, the time is up or the transport is over. What was written
 * before may have found the socket dead: libssh doesn't poll such a one any more.
 */
static void
turn_until(struct transport *t, bool (*done)(const struct transport *t), int64_t deadline_us)
{
	for (;;) {
		transport_notice_end(t);
		if (t->state == TRANSPORT_OVER || done(t))
			return;
		int64_t left_us = deadline_us - time_mono_us();
		if (left_us <= 0)
			return;
		(void)transport_turn(t, (int)((left_us + US_PER_MS - 1) / US_PER_MS));
	}
}

/* The caller's descriptor is nobody's business any more: it would wake us, or keep us waiting. */
static void
forget_extra(struct transport *t)
{
	if (t->event != NULL && t->extra_fd >= 0)
		(void)ssh_event_remove_fd(t->event, t->extra_fd);
	t->extra_fd = -1;
}

static bool
peer_has_closed(const struct transport *t)
{
	return t->peer_closed && transport_flushed(t);
}

void
transport_close(struct transport *t, int64_t timeout_us)
{
	int64_t deadline_us = time_mono_us() + timeout_us;

	forget_extra(t);
	if (t->state == TRANSPORT_OPEN && t->channel != NULL) {
		if (t->is_server)
			(void)ssh_channel_request_send_exit_status(t->channel, 0);
		turn_until(t, transport_flushed, deadline_us);
		/* The first call sends EOF and may find the socket full; the second sends CLOSE. */
		if (t->channel != NULL && ssh_channel_close(t->channel) == SSH_AGAIN) {
			turn_until(t, transport_flushed, deadline_us);
			if (t->channel != NULL)
				(void)ssh_channel_close(t->channel);
		}
	}
	turn_until(
	    t, t->state == TRANSPORT_OPEN ? peer_has_closed : transport_flushed, deadline_us);
	transport_over(t, ERR_OK, "%s", "");
}

void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	transport_over(t, ERR_OK, "%s", "");
	/*
	 * The event gives the session its poll handle back, and the session frees it. The caller's
	 * descriptor it would forget to free.
	 */
	forget_extra(t);
	if (t->event != NULL)
		ssh_event_free(t->event);
	ssh_free(t->session);
	buf_fini(&t->stash);
	buf_fini(&t->asked_key);
	free(t);
}

/* A signature and its check in memory: makes libcrypto load all that a login needs. */
static bool
exercise(enum ssh_keytypes_e type, int parameter)
{
	ssh_key key = NULL;
	char *text = NULL;

	bool ok = ssh_pki_generate(type, parameter, &key) == SSH_OK &&
		  ssh_pki_export_pubkey_base64(key, &text) == SSH_OK;
	ssh_string_free_char(text);
	ssh_key_free(key);
	return ok;
}

enum err
transport_library_init(void)
{
	uint8_t seed[32];

	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1 ||
	    ssh_init() != SSH_OK)
		return ERR_NOMEM;
	/* libssh's log would go to standard error, past ours. */
	(void)ssh_set_log_level(SSH_LOG_NOLOG);
	if (RAND_bytes(seed, sizeof seed) != 1 || !exercise(SSH_KEYTYPE_ED25519, 0) ||
	    !exercise(SSH_KEYTYPE_ECDSA_P256, 256))
		return ERR_NOMEM;
	return ERR_OK;
}
