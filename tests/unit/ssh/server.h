/*
 * A server for the tests of the transport: one connection, served in a forked child, whose exit
 * status tells how it ended. Included by one test program each, so everything is static.
 */
#ifndef TESTS_SSH_SERVER_H
#define TESTS_SSH_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "os/fd.h"
#include "os/sandbox.h"
#include "ssh/hostkeys.h"
#include "ssh/knownhosts.h"
#include "ssh/transport.h"
#include "ssh/userkey.h"

#include "asan.h"

enum {
	EXIT_ERROR_BASE = 100, /* + the enum err of CLOSED */
	PIECE = 64 * 1024,
	RSS_SLACK = 48 * 1024 * 1024
};

/* What the server does once the stream is open. */
enum serve_mode {
	SERVE_ECHO,   /* gives back what comes */
	SERVE_SINK,   /* takes all until EOF, answers with its SHA-256 */
	SERVE_SOURCE, /* sends total bytes of pattern, then waits for EOF */
	SERVE_IGNORE  /* never reads */
};

struct serve {
	enum serve_mode mode;
	uint64_t total;
	int64_t grace_us;
	uint32_t attempts;
	const char *user;     /* who may log in */
	struct slice key;     /* ... with this key */
	const char *password; /* ... or with this password; NULL: by keys alone */
	int delay_ms;         /* before a login is answered, with more requests coming in */
	bool sandbox;
	bool bound_memory; /* fail (exit 99) when the process grows by more than RSS_SLACK */
};

struct pair {
	struct buf private_key, public_line;
	struct buf blob;
};

/* The blob of an authorized_keys line that we made ourselves. */
static inline void
line_blob(struct slice line, struct buf *ret_blob)
{
	struct slice type, base64;

	line = slice_cut(line, ' ', &type);
	(void)slice_cut(line, ' ', &base64);
	uint8_t bytes[1024];
	char text[1024];
	if (!slice_copy(base64, text, sizeof text))
		abort();
	text[strcspn(text, "\n")] = '\0';
	size_t len = strlen(text);
	int n = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)len);
	if (n < 0)
		abort();
	size_t pad = len > 1 && text[len - 2] == '=' ? 2 : text[len - 1] == '=' ? 1 : 0;
	buf_init(ret_blob, 1024);
	if (buf_put(ret_blob, bytes, (size_t)n - pad) != ERR_OK)
		abort();
}

static inline void
pair_init(struct pair *p)
{
	buf_init(&p->private_key, 8192);
	buf_init(&p->public_line, 8192);
	if (userkey_generate("test", &p->private_key, &p->public_line) != ERR_OK)
		abort();
	line_blob(buf_slice(&p->public_line), &p->blob);
}

static inline void
pair_fini(struct pair *p)
{
	buf_wipe(&p->private_key);
	buf_fini(&p->public_line);
	buf_fini(&p->blob);
}

/* Byte number i of the pattern: neither compressible nor periodic in any power of two. */
static inline void
pattern_fill(uint8_t *dst, size_t len, uint64_t offset)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t x = (offset + i) * UINT64_C(0x9e3779b97f4a7c15);
		dst[i] = (uint8_t)(x >> 56);
	}
}

static inline long
resident_bytes(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss * 1024;
}

struct served {
	struct transport *t;
	const struct serve *how;
	EVP_MD_CTX *hash;
	uint64_t sent;
	uint8_t piece[PIECE];
	size_t piece_len, piece_done;
	bool eof, answered;
};

/* Writes what is in hand; true when it is all gone. */
static inline bool
served_push(struct served *s)
{
	size_t n;

	if (s->piece_done == s->piece_len)
		return true;
	if (transport_write(s->t, s->piece + s->piece_done, s->piece_len - s->piece_done, &n) !=
	    ERR_OK)
		return false;
	s->piece_done += n;
	return s->piece_done == s->piece_len;
}

static inline void
served_answer_hash(struct served *s)
{
	unsigned len;

	if (s->answered)
		return;
	s->answered = true;
	EVP_DigestFinal_ex(s->hash, s->piece, &len);
	s->piece_done = 0;
	s->piece_len = len;
}

/* One round of work on the stream. */
static inline void
served_work(struct served *s)
{
	size_t n;

	while (s->how->mode == SERVE_SOURCE && served_push(s) && s->sent < s->how->total) {
		uint64_t left = s->how->total - s->sent;
		s->piece_len = left < PIECE ? (size_t)left : PIECE;
		s->piece_done = 0;
		pattern_fill(s->piece, s->piece_len, s->sent);
		s->sent += s->piece_len;
	}
	while (s->how->mode == SERVE_ECHO && served_push(s)) {
		if (transport_read(s->t, s->piece, PIECE, &n) != ERR_OK || n == 0)
			break;
		s->piece_len = n;
		s->piece_done = 0;
	}
	while (s->how->mode == SERVE_SINK && !s->answered) {
		if (transport_read(s->t, s->piece, PIECE, &n) != ERR_OK || n == 0)
			break;
		EVP_DigestUpdate(s->hash, s->piece, n);
	}
	if (s->how->mode == SERVE_SINK && s->eof)
		served_answer_hash(s);
	(void)served_push(s);
}

static inline void
served_login(struct served *s, const struct transport_event *ev)
{
	bool proven = ev->method == TRANSPORT_PASSWORD ? slice_is(ev->password, s->how->password)
						       : slice_equal(ev->key, s->how->key);
	bool ok = slice_is(ev->user, s->how->user) && proven;
	bool extra;

	if (s->how->delay_ms > 0)
		(void)!transport_wait(s->t, -1, s->how->delay_ms * US_PER_MS, &extra);
	(void)!transport_auth_answer(s->t, ok ? TRANSPORT_AUTH_ACCEPT : TRANSPORT_AUTH_DENY, 0);
}

static inline void
served_sandbox(void)
{
	if (sandbox_no_new_privileges() != ERR_OK || sandbox_landlock(NULL, 0) != ERR_OK)
		_exit(98);
#ifndef TEST_WITH_ASAN
	if (sandbox_seccomp() != ERR_OK)
		_exit(97);
#endif
}

static inline int
serve_loop(struct served *s)
{
	struct transport_event ev;
	bool extra, open = false;
	long before = resident_bytes();

	for (;;) {
		if (s->how->bound_memory && resident_bytes() - before > RSS_SLACK)
			return 99;
		transport_next_event(s->t, &ev);
		if (ev.type == TRANSPORT_CLOSED)
			return ev.error == ERR_OK ? 0 : EXIT_ERROR_BASE + (int)ev.error;
		if (ev.type == TRANSPORT_AUTH)
			served_login(s, &ev);
		open = open || ev.type == TRANSPORT_OPENED;
		s->eof = s->eof || ev.type == TRANSPORT_PEER_EOF;
		if (open)
			served_work(s);
		if (s->eof && s->piece_done == s->piece_len && s->how->mode != SERVE_IGNORE) {
			transport_close(s->t, 2 * US_PER_SEC);
			return 0;
		}
		if (ev.type == TRANSPORT_NOTHING || ev.type == TRANSPORT_READABLE)
			(void)!transport_wait(s->t, -1, 20 * US_PER_SEC, &extra);
	}
}

/* Never returns. */
static inline void
serve(int fd, const struct hostkeys *keys, const struct serve *how)
{
	static struct served s;
	struct transport_server_limits limits = {
	    .login_grace_us = how->grace_us == 0 ? 10 * US_PER_SEC : how->grace_us,
	    .auth_attempts = how->attempts == 0 ? 6 : how->attempts,
	    .methods = TRANSPORT_PUBLICKEY,
	};

	if (how->password != NULL)
		limits.methods |= TRANSPORT_PASSWORD;
	s.how = how;
	s.hash = EVP_MD_CTX_new();
	EVP_DigestInit_ex(s.hash, EVP_sha256(), NULL);
	if (how->sandbox)
		served_sandbox();
	if (transport_server_new(&s.t, fd, keys, &limits) != ERR_OK)
		_exit(96);
	int status = serve_loop(&s);
	transport_free(s.t);
	EVP_MD_CTX_free(s.hash);
	s = (struct served){0};
#ifdef TEST_WITH_ASAN
	/* _exit would skip it. Inside the sandbox it can't look at the process. */
	if (!how->sandbox && __lsan_do_recoverable_leak_check() != 0)
		status = 94;
#endif
	_exit(status);
}

/* A listening socket on a free port of the loopback. */
static inline int
listen_loopback(uint16_t *ret_port)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		abort();
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static inline int
connect_loopback(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		abort();
	return fd;
}

/* A child that accepts one connection and serves it. */
static inline pid_t
serve_one(int listener, const struct hostkeys *keys, const struct serve *how)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		(void)alarm(120);
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		(void)close(listener);
		if (fd < 0)
			_exit(95);
		serve(fd, keys, how);
	}
	return pid;
}

/* The exit status of a child; 1000 + the signal that ended it. */
static inline int
child_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
