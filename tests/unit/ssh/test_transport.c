/* Both sides of the transport against each other, and against peers that aren't what they seem. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "server.h"
#include "ssh/transport_internal.h"

struct world {
	struct pair host, other_host, user, stranger;
	struct hostkeys *keys;
	struct buf known_hosts;
	int listener;
	uint16_t port;
};

static struct world world;
static char endless_line[20000];

static void
pin(const struct pair *host, const char *mark)
{
	buf_clear(&world.known_hosts);
	assert_int_equal(buf_put(&world.known_hosts, mark, strlen(mark)), ERR_OK);
	assert_int_equal(knownhosts_line("server.example", world.port, slice_str("ssh-ed25519"),
			     buf_slice(&host->blob), &world.known_hosts),
	    ERR_OK);
}

static int
world_up(void **state)
{
	struct story story;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	memset(endless_line, 'A', sizeof endless_line - 1);
	assert_int_equal(transport_library_init(), ERR_OK);
	pair_init(&world.host);
	pair_init(&world.other_host);
	pair_init(&world.user);
	pair_init(&world.stranger);
	buf_init(&world.known_hosts, 64 * 1024);
	assert_int_equal(hostkeys_new(&world.keys), ERR_OK);
	assert_int_equal(
	    hostkeys_add(world.keys, buf_slice(&world.host.private_key), &story), ERR_OK);
	world.listener = listen_loopback(&world.port);
	return 0;
}

static int
world_down(void **state)
{
	(void)state;
	pair_fini(&world.host);
	pair_fini(&world.other_host);
	pair_fini(&world.user);
	pair_fini(&world.stranger);
	buf_fini(&world.known_hosts);
	hostkeys_free(world.keys);
	(void)close(world.listener);
	return 0;
}

static struct serve
usual(enum serve_mode mode)
{
	return (struct serve){.mode = mode, .user = "erp", .key = buf_slice(&world.user.blob)};
}

static struct transport_client_config
config_for(const struct pair *user)
{
	return (struct transport_client_config){
	    .host = "server.example",
	    .port = world.port,
	    .user = "erp",
	    .known_hosts = buf_slice(&world.known_hosts),
	    .private_key = buf_slice(&user->private_key),
	    .timeout_us = 10 * US_PER_SEC,
	};
}

/* Logs in as the user to a server of this kind, which is in *ret_pid. */
static struct transport *
log_in(const struct serve *how, pid_t *ret_pid)
{
	struct transport_facts facts;
	struct transport *t = NULL;
	struct story story = {""};

	pin(&world.host, "");
	*ret_pid = serve_one(world.listener, world.keys, how);
	struct transport_client_config config = config_for(&world.user);
	enum transport_outcome outcome =
	    transport_client_login(&t, connect_loopback(world.port), &config, &facts, &story);
	if (outcome != TRANSPORT_LOGGED_IN)
		fail_msg("outcome %d: %s", (int)outcome, story.text);
	assert_non_null(strstr(facts.algorithms, "aes256-gcm@openssh.com"));
	assert_non_null(strstr(facts.algorithms, "ssh-ed25519"));
	assert_string_equal(facts.peer_version, "SSH-2.0-Dray");
	assert_string_equal(facts.fingerprint, hostkeys_fingerprint(world.keys, 0));
	return t;
}

static void
wait_for(struct transport *t)
{
	bool extra;

	assert_int_equal(transport_wait(t, -1, 20 * US_PER_SEC, &extra), ERR_OK);
}

static void
write_all(struct transport *t, const uint8_t *bytes, size_t len)
{
	struct transport_event ev;

	for (size_t done = 0, n; done < len; done += n) {
		assert_int_equal(transport_write(t, bytes + done, len - done, &n), ERR_OK);
		if (n == 0)
			wait_for(t);
		transport_next_event(t, &ev);
		assert_int_not_equal(ev.type, TRANSPORT_CLOSED);
	}
}

/* Up to len bytes; fewer only at the end of the stream. */
static size_t
read_some(struct transport *t, uint8_t *dst, size_t len)
{
	struct transport_event ev;
	size_t n;

	for (;;) {
		transport_next_event(t, &ev);
		if (ev.type == TRANSPORT_READABLE) {
			assert_int_equal(transport_read(t, dst, len, &n), ERR_OK);
			assert_true(n > 0);
			return n;
		}
		if (ev.type == TRANSPORT_CLOSED || ev.type == TRANSPORT_PEER_EOF)
			return 0;
		wait_for(t);
	}
}

static void
read_all(struct transport *t, uint8_t *dst, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t n = read_some(t, dst + done, len - done);
		assert_true(n > 0);
		done += n;
	}
}

static void
echoes_small_and_large(void **state)
{
	static const size_t LENGTHS[] = {1, 2, 1000, 32757, 32758, 32759, 32768, 65536, 300000};
	static uint8_t sent[300000], got[300000];
	struct serve how = usual(SERVE_ECHO);
	pid_t pid;

	(void)state;
	struct transport *t = log_in(&how, &pid);
	for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
		pattern_fill(sent, LENGTHS[i], i * 1000);
		/* No more than both windows hold: the far side writes while we do. */
		write_all(t, sent, LENGTHS[i]);
		read_all(t, got, LENGTHS[i]);
		assert_memory_equal(sent, got, LENGTHS[i]);
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* A peer's goodbye is told once, as an orderly end, and what was said before it is not lost. */
static void
tells_the_end_after_the_bytes(void **state)
{
	struct serve how = usual(SERVE_SOURCE);
	struct transport_event ev;
	uint8_t bytes[1000], want[1000];
	pid_t pid;
	bool extra;

	(void)state;
	how.total = sizeof bytes;
	struct transport *t = log_in(&how, &pid);
	read_all(t, bytes, sizeof bytes);
	pattern_fill(want, sizeof want, 0);
	assert_memory_equal(bytes, want, sizeof want);
	assert_int_equal(transport_wait(t, -1, 50 * US_PER_MS, &extra), ERR_OK);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_NOTHING);
	transport_close(t, US_PER_SEC);
	transport_next_event(t, &ev);
	if (ev.type == TRANSPORT_PEER_EOF)
		transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_OK);
	assert_string_equal(ev.story, "");
	size_t n;
	assert_int_equal(transport_write(t, bytes, 1, &n), ERR_CLOSED);
	assert_int_equal(transport_read(t, bytes, 1, &n), ERR_OK);
	assert_int_equal(n, 0);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

enum { BULK = 64 * 1024 * 1024 };

static void
takes_bulk(void **state)
{
	static uint8_t bytes[256 * 1024], want[256 * 1024];
	struct serve how = usual(SERVE_SOURCE);
	uint64_t done = 0;
	pid_t pid;

	(void)state;
	how.total = BULK;
	struct transport *t = log_in(&how, &pid);
	while (done < BULK) {
		size_t n = read_some(t, bytes, sizeof bytes);
		assert_true(n > 0);
		pattern_fill(want, n, done);
		assert_memory_equal(bytes, want, n);
		done += n;
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* Sends, drops the client's end without a word more, and looks how the server took that. */
static void
gives_bulk(void **state)
{
	static uint8_t bytes[256 * 1024];
	struct serve how = usual(SERVE_ECHO);
	EVP_MD_CTX *sent = EVP_MD_CTX_new(), *got = EVP_MD_CTX_new();
	uint8_t a[32], b[32];
	uint64_t out = 0, in = 0;
	pid_t pid;

	(void)state;
	EVP_DigestInit_ex(sent, EVP_sha256(), NULL);
	EVP_DigestInit_ex(got, EVP_sha256(), NULL);
	struct transport *t = log_in(&how, &pid);
	size_t len = 0, at = 0, n;
	while (in < BULK) {
		struct transport_event ev;
		if (at == len && out < BULK) {
			len = sizeof bytes;
			at = 0;
			pattern_fill(bytes, len, out);
			EVP_DigestUpdate(sent, bytes, len);
			out += len;
		}
		assert_int_equal(transport_write(t, bytes + at, len - at, &n), ERR_OK);
		at += n;
		transport_next_event(t, &ev);
		assert_int_not_equal(ev.type, TRANSPORT_CLOSED);
		if (ev.type == TRANSPORT_READABLE) {
			static uint8_t back[100000];
			assert_int_equal(transport_read(t, back, sizeof back, &n), ERR_OK);
			EVP_DigestUpdate(got, back, n);
			in += n;
		} else if (n == 0) {
			wait_for(t);
		}
	}
	EVP_DigestFinal_ex(sent, a, NULL);
	EVP_DigestFinal_ex(got, b, NULL);
	assert_memory_equal(a, b, sizeof a);
	EVP_MD_CTX_free(sent);
	EVP_MD_CTX_free(got);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/*
 * A client that opens its window to half a GiB, as PuTTY does, and reads slowly: the server keeps
 * its memory. Opens it by hand, past our own client's restraint.
 */
static void
bounds_what_it_queues(void **state)
{
	const size_t huge = 512 * 1024 * 1024;
	struct serve how = usual(SERVE_SOURCE);
	static uint8_t bytes[64 * 1024];
	uint64_t done = 0;
	pid_t pid;

	(void)state;
	how.total = 2 * BULK;
#ifdef TEST_WITH_ASAN
	print_message("# memory is not measured: the sanitizer keeps what was freed\n");
#else
	how.bound_memory = true;
#endif
	void *room = mmap(
	    NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(room != MAP_FAILED);
	struct transport *t = log_in(&how, &pid);
	while (t->buffered == 0)
		wait_for(t);
	int n = ssh_channel_read_timeout(t->channel, room, (uint32_t)huge, 0, 0);
	assert_true(n > 0);
	done += (uint64_t)n;
	t->buffered = 0;
	t->told_readable = false;
	assert_int_equal(ssh_blocking_flush(t->session, 1000), SSH_OK);
	/* Time enough to queue it all, if nothing held it back. */
	(void)usleep(300000);
	while (done < how.total) {
		size_t got = read_some(t, bytes, sizeof bytes);
		if (got == 0)
			break;
		done += got;
	}
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(munmap(room, huge), 0);
	assert_int_equal(child_status(pid), 0);
	assert_int_equal(done, how.total);
}

/* The other way: a peer that doesn't read stops us; transport_wait sleeps instead of spinning. */
static void
sleeps_while_the_peer_does_not_read(void **state)
{
	struct serve how = usual(SERVE_IGNORE);
	static uint8_t bytes[64 * 1024];
	struct rusage before, after;
	size_t n, total = 0;
	bool extra;
	pid_t pid;

	(void)state;
	struct transport *t = log_in(&how, &pid);
	long start = resident_bytes();
	for (int idle = 0; idle < 5;) {
		assert_int_equal(transport_write(t, bytes, sizeof bytes, &n), ERR_OK);
		total += n;
		if (n > 0)
			continue;
		assert_int_equal(transport_wait(t, -1, 20 * US_PER_MS, &extra), ERR_OK);
		idle++;
	}
	assert_true(total > 0 && total < 16 * 1024 * 1024);
	assert_true(resident_bytes() - start < RSS_SLACK);
	(void)getrusage(RUSAGE_SELF, &before);
	assert_int_equal(transport_wait(t, -1, 500 * US_PER_MS, &extra), ERR_OK);
	(void)getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	assert_true(after.ru_utime.tv_usec - before.ru_utime.tv_usec < 200000 ||
		    after.ru_utime.tv_sec != before.ru_utime.tv_sec);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* The caller's own descriptor wakes it, whether bytes wait that it doesn't take or not. */
static void
watches_the_callers_descriptor(void **state)
{
	struct serve how = usual(SERVE_SOURCE);
	struct transport_event ev;
	int pipe_fds[2];
	bool extra;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	how.total = 100000;
	struct transport *t = log_in(&how, &pid);
	do {
		wait_for(t);
		transport_next_event(t, &ev);
	} while (ev.type != TRANSPORT_READABLE);
	/* Told and not taken: no more reason to wake. */
	int64_t start = time_mono_us();
	assert_int_equal(transport_wait(t, pipe_fds[0], 100 * US_PER_MS, &extra), ERR_OK);
	assert_false(extra);
	assert_true(time_mono_us() - start >= 90 * US_PER_MS);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	start = time_mono_us();
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	/* Taken in part: what is left wakes at once, and the descriptor is still told of. */
	uint8_t byte;
	size_t n;
	assert_int_equal(transport_read(t, &byte, 1, &n), ERR_OK);
	assert_int_equal(n, 1);
	start = time_mono_us();
	assert_int_equal(transport_wait(t, -1, 10 * US_PER_SEC, &extra), ERR_OK);
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &extra), ERR_OK);
	assert_true(extra);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

static void
serves_inside_the_sandbox(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	uint8_t sent[5000], got[5000];
	pid_t pid;

	(void)state;
#ifdef TEST_WITH_ASAN
	print_message("# seccomp is left out: the sanitizer's own calls aren't on its list\n");
#endif
	how.sandbox = true;
	struct transport *t = log_in(&how, &pid);
	pattern_fill(sent, sizeof sent, 0);
	write_all(t, sent, sizeof sent);
	read_all(t, got, sizeof got);
	assert_memory_equal(sent, got, sizeof sent);
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

/* A courier gives up its files once it is connected: the client's login opens none. */
static void
logs_in_inside_the_sandbox(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	struct transport_client_config config;

	(void)state;
	pin(&world.host, "");
	config = config_for(&world.user);
	pid_t server = serve_one(world.listener, world.keys, &how);
	pid_t client = fork();
	if (client == 0) {
		struct transport_facts facts;
		struct story story;
		struct transport *t;
		int fd = connect_loopback(world.port);
		served_sandbox();
		if (transport_client_login(&t, fd, &config, &facts, &story) != TRANSPORT_LOGGED_IN)
			_exit(1);
		transport_close(t, US_PER_SEC);
		transport_free(t);
		_exit(0);
	}
	assert_int_equal(child_status(client), 0);
	assert_int_equal(child_status(server), 0);
}

static void
answers_late(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	pid_t pid;

	(void)state;
	how.delay_ms = 150;
	struct transport *t = log_in(&how, &pid);
	transport_close(t, US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
}

struct refusal {
	const char *name;
	enum transport_outcome outcome;
	const char *words;
	int server_status; /* -1: it doesn't matter */
};

/* One login that must fail in a known way. */
static void
expect_refusal(const struct refusal *want, const struct serve *how,
    const struct transport_client_config *config)
{
	struct transport_facts facts;
	struct transport *t = NULL;
	struct story story = {""};

	pid_t pid = serve_one(world.listener, world.keys, how);
	enum transport_outcome outcome =
	    transport_client_login(&t, connect_loopback(world.port), config, &facts, &story);
	if (outcome != want->outcome || strstr(story.text, want->words) == NULL)
		fail_msg("%s: outcome %d: %s", want->name, (int)outcome, story.text);
	assert_null(t);
	int status = child_status(pid);
	if (want->server_status >= 0)
		assert_int_equal(status, want->server_status);
}

static void
refuses_strange_hosts_and_keys(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	struct transport_client_config config;

	(void)state;
	buf_clear(&world.known_hosts);
	config = config_for(&world.user);
	/* The server saw nothing of a login: the line just ended. */
	expect_refusal(&(struct refusal){"unknown", TRANSPORT_HOST_KEY_UNKNOWN,
			   hostkeys_fingerprint(world.keys, 0), EXIT_ERROR_BASE + ERR_CLOSED},
	    &how, &config);
	pin(&world.other_host, "# a line before\n");
	config = config_for(&world.user);
	expect_refusal(&(struct refusal){"changed", TRANSPORT_HOST_KEY_CHANGED, "line 2 ",
			   EXIT_ERROR_BASE + ERR_CLOSED},
	    &how, &config);
	pin(&world.host, "@revoked ");
	config = config_for(&world.user);
	expect_refusal(&(struct refusal){"revoked", TRANSPORT_HOST_KEY_CHANGED, "revokes",
			   EXIT_ERROR_BASE + ERR_CLOSED},
	    &how, &config);
	pin(&world.host, "");
	config = config_for(&world.stranger);
	expect_refusal(
	    &(struct refusal){"stranger", TRANSPORT_USER_KEY_REFUSED,
		"for the user \"erp\" (its operator must add the public half: dray key show)", -1},
	    &how, &config);
	config = config_for(&world.user);
	config.user = "somebody-else\n\x1b[2J";
	expect_refusal(
	    &(struct refusal){"user", TRANSPORT_USER_KEY_REFUSED, "somebody-else\\x0a\\x1b[2J", -1},
	    &how, &config);
	how.attempts = 1;
	expect_refusal(&(struct refusal){"attempts", TRANSPORT_USER_KEY_REFUSED, "refuses the key",
			   EXIT_ERROR_BASE + ERR_LIMIT},
	    &how, &config);
}

static void
refuses_bad_private_keys(void **state)
{
	static const struct refusal CASES[] = {
	    {"", TRANSPORT_BAD_PRIVATE_KEY, "not a private key", -1},
	    {"hello", TRANSPORT_BAD_PRIVATE_KEY, "not a private key", -1},
	    {"ssh-ed25519 AAAA x", TRANSPORT_BAD_PRIVATE_KEY, "is a public key", -1},
	    {"PuTTY-User-Key-File-3: x", TRANSPORT_BAD_PRIVATE_KEY, "PuTTY", -1},
	};
	struct transport_facts facts;
	struct transport *t = NULL;
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct transport_client_config config = config_for(&world.user);
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		config.private_key = slice_str(CASES[i].name);
		assert_int_equal(
		    transport_client_login(&t, fds[0], &config, &facts, &story), CASES[i].outcome);
		if (strstr(story.text, CASES[i].words) == NULL)
			fail_msg("%s: %s", CASES[i].name, story.text);
		/* Taken over and closed: the far end sees the end, and not a byte before it. */
		assert_int_equal(read(fds[1], &(char){0}, 1), 0);
		(void)close(fds[1]);
	}
}

/* What a server that isn't one may say to a client. */
static void
client_survives_garbage(void **state)
{
	static const char STRANGER[] = " doesn't answer as an SSH server";
	const struct {
		const char *bytes;
		bool keep_open;
		const char *words;
	} CASES[] = {
	    {"", false, " closed the connection before it said anything"},
	    {"", true, " took the connection, but said nothing in time"},
	    {"HTTP/1.1 400 Bad Request\r\n\r\n", false, STRANGER},
	    {"220 mail.example ready\r\n", true, STRANGER},
	    {"SSH-1.5-old\x1b\r\n", false, " does not speak SSH 2: \"SSH-1.5-old\\x1b\""},
	    {"SSH-2.0-x", true, STRANGER},
	    {"SSH-2.0-x\r\n", true, " did not answer in time while the keys were exchanged"},
	    {"SSH-2.0-x\r\n", false, " closed the connection while the keys were exchanged"},
	    {"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false,
		": the connection broke while the keys were exchanged: "},
	    {"SSH-2.0-x\r\n\x7f\x00\x00\x0c", false, " while the keys were exchanged"},
	    {endless_line, false, STRANGER},
	};
	struct transport *t = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct transport_client_config config = config_for(&world.user);
		struct transport_facts facts;
		struct story story = {""};
		int fds[2];
		config.timeout_us = 300 * US_PER_MS;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		assert_true(write(fds[1], CASES[i].bytes, strlen(CASES[i].bytes)) >= 0);
		if (!CASES[i].keep_open)
			(void)shutdown(fds[1], SHUT_WR);
		int64_t start = time_mono_us();
		assert_int_equal(transport_client_login(&t, fds[0], &config, &facts, &story),
		    TRANSPORT_UNREACHABLE);
		assert_true(time_mono_us() - start < 3 * US_PER_SEC);
		assert_non_null(strstr(story.text, "remote \"server.example\" port "));
		if (strstr(story.text, CASES[i].words) == NULL ||
		    strstr(story.text, "Socket error") != NULL)
			fail_msg("case %zu: %s", i, story.text);
		(void)close(fds[1]);
	}
}

/* ... and a client to a server. */
static void
server_survives_garbage(void **state)
{
	const struct {
		const char *bytes;
		bool keep_open;
		enum err error;
	} CASES[] = {
	    {"", false, ERR_CLOSED},
	    {"", true, ERR_TIMEOUT},
	    {"SSH-2.0-x", true, ERR_TIMEOUT},
	    {"SSH-2.0-x\r\n", true, ERR_TIMEOUT},
	    {"SSH-2.0-x\r\n", false, ERR_CLOSED},
	    {"SSH-1.5-x\r\n", true, ERR_FORMAT},
	    {"GET / HTTP/1.1\r\n\r\n", true, ERR_FORMAT},
	    {"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", true, ERR_FORMAT},
	    {endless_line, true, ERR_FORMAT},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct serve how = usual(SERVE_ECHO);
		how.grace_us = 300 * US_PER_MS;
		pid_t pid = serve_one(world.listener, world.keys, &how);
		int fd = connect_loopback(world.port);
		assert_true(write(fd, CASES[i].bytes, strlen(CASES[i].bytes)) >= 0);
		if (!CASES[i].keep_open)
			(void)shutdown(fd, SHUT_WR);
		int status = child_status(pid);
		if (status != EXIT_ERROR_BASE + (int)CASES[i].error)
			fail_msg("case %zu: status %d", i, status);
		(void)close(fd);
	}
}

/* A relay that cuts the handshake after n bytes from the server, or flips one: never a login. */
static void
relay(int a, int b, size_t cut, size_t flip)
{
	uint8_t bytes[4096];
	size_t passed = 0;

	for (;;) {
		struct pollfd fds[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
		if (poll(fds, 2, 5000) <= 0)
			return;
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents == 0)
				continue;
			ssize_t n = read(fds[i].fd, bytes, sizeof bytes);
			if (n <= 0)
				return;
			size_t len = (size_t)n;
			if (i == 1 && passed + len > cut)
				len = cut - passed;
			if (i == 1 && flip >= passed && flip < passed + len)
				bytes[flip - passed] ^= 1;
			passed += i == 1 ? len : 0;
			if (write(fds[1 - i].fd, bytes, len) < 0 || passed >= cut)
				return;
		}
	}
}

static enum transport_outcome
login_through_relay(size_t cut, size_t flip)
{
	struct serve how = usual(SERVE_ECHO);
	struct transport_client_config config = config_for(&world.user);
	struct transport_facts facts;
	struct transport *t = NULL;
	struct story story;
	int fds[2];

	config.timeout_us = 800 * US_PER_MS;
	how.grace_us = 800 * US_PER_MS;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid_t server = serve_one(world.listener, world.keys, &how);
	pid_t relay_pid = fork();
	if (relay_pid == 0) {
		(void)close(fds[0]);
		relay(fds[1], connect_loopback(world.port), cut, flip);
		_exit(0);
	}
	(void)close(fds[1]);
	enum transport_outcome outcome =
	    transport_client_login(&t, fds[0], &config, &facts, &story);
	transport_free(t);
	(void)kill(relay_pid, SIGKILL);
	(void)child_status(relay_pid);
	assert_true(child_status(server) < 1000);
	return outcome;
}

static void
no_login_through_a_damaged_line(void **state)
{
	(void)state;
	pin(&world.host, "");
	assert_int_equal(login_through_relay(SIZE_MAX, SIZE_MAX), TRANSPORT_LOGGED_IN);
	/* The server's part of a login is 1,300 bytes long or a little more. */
	for (size_t at = 5; at < 1250; at += 97) {
		assert_int_equal(login_through_relay(at, SIZE_MAX), TRANSPORT_UNREACHABLE);
		enum transport_outcome outcome = login_through_relay(SIZE_MAX, at);
		/* A flip in the list of algorithms may leave a login that is sound to the bit. */
		assert_int_not_equal(outcome, TRANSPORT_LOCAL_FAILURE);
		assert_int_not_equal(outcome, TRANSPORT_LOGGED_IN);
	}
}

/*
 * A connection whose socket is dead without our having read of it: the peer was killed with bytes
 * of ours unread. The caller's descriptor in `extra` stays silent.
 */
static struct transport *
log_in_and_lose_peer(int extra)
{
	static const uint8_t BYTES[1000];
	struct serve how = usual(SERVE_IGNORE);
	bool readable;
	size_t n;
	pid_t pid;

	struct transport *t = log_in(&how, &pid);
	assert_int_equal(transport_wait(t, extra, 10 * US_PER_MS, &readable), ERR_OK);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(transport_write(t, BYTES, sizeof BYTES, &n), ERR_OK);
	assert_int_equal(n, sizeof BYTES);
	assert_int_equal(transport_wait(t, extra, 10 * US_PER_MS, &readable), ERR_OK);
	assert_true(transport_flushed(t));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(child_status(pid), 1000 + SIGKILL);
	return t;
}

static void
a_dead_socket_keeps_nobody_waiting(void **state)
{
	struct transport_event ev;
	int pipe_fds[2];
	bool readable;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	struct transport *t = log_in_and_lose_peer(pipe_fds[0]);
	int64_t start = time_mono_us();
	transport_close(t, 10 * US_PER_SEC);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	transport_free(t);
	/* The same when it is found out between two waits, by something else that is written. */
	t = log_in_and_lose_peer(pipe_fds[0]);
	start = time_mono_us();
	(void)ssh_channel_send_eof(t->channel);
	assert_int_equal(transport_wait(t, pipe_fds[0], 10 * US_PER_SEC, &readable), ERR_OK);
	assert_true(time_mono_us() - start < 5 * US_PER_SEC);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_CLOSED);
	transport_free(t);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void
frees_what_never_began(void **state)
{
	struct transport_server_limits limits = {US_PER_SEC, 3};
	struct transport *t;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(transport_server_new(&t, fds[0], world.keys, &limits), ERR_OK);
	transport_free(t);
	/* Not even our version was sent, and the descriptor is closed. */
	char byte;
	assert_int_equal(read(fds[1], &byte, 1), 0);
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	(void)close(fds[1]);
	transport_free(NULL);
}

struct scan_seen {
	size_t n;
	char types[200];
};

static enum err
scan_connect(void *ctx, int *ret_fd, struct story *story)
{
	(void)ctx;
	(void)story;
	*ret_fd = connect_loopback(world.port);
	return ERR_OK;
}

static void
scan_found(void *ctx, const char *type, struct slice key, const char *fingerprint)
{
	struct scan_seen *seen = ctx;

	seen->n++;
	(void)snprintf(seen->types, sizeof seen->types, "%s", type);
	assert_true(slice_equal(key, buf_slice(&world.host.blob)));
	assert_string_equal(fingerprint, hostkeys_fingerprint(world.keys, 0));
}

static void
scans_host_keys(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	struct scan_seen seen = {0};
	struct story story = {""};
	pid_t pids[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = serve_one(world.listener, world.keys, &how);
	enum err e = transport_scan_host_keys(
	    "server.example", world.port, 10 * US_PER_SEC, scan_connect, scan_found, &seen, &story);
	if (e != ERR_OK)
		fail_msg("%s", story.text);
	assert_string_equal(story.text, "");
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.types, "ssh-ed25519");
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		assert_true(child_status(pids[i]) < 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(echoes_small_and_large),
	    cmocka_unit_test(tells_the_end_after_the_bytes),
	    cmocka_unit_test(takes_bulk),
	    cmocka_unit_test(gives_bulk),
	    cmocka_unit_test(bounds_what_it_queues),
	    cmocka_unit_test(sleeps_while_the_peer_does_not_read),
	    cmocka_unit_test(watches_the_callers_descriptor),
	    cmocka_unit_test(serves_inside_the_sandbox),
	    cmocka_unit_test(logs_in_inside_the_sandbox),
	    cmocka_unit_test(answers_late),
	    cmocka_unit_test(refuses_strange_hosts_and_keys),
	    cmocka_unit_test(refuses_bad_private_keys),
	    cmocka_unit_test(client_survives_garbage),
	    cmocka_unit_test(server_survives_garbage),
	    cmocka_unit_test(no_login_through_a_damaged_line),
	    cmocka_unit_test(a_dead_socket_keeps_nobody_waiting),
	    cmocka_unit_test(frees_what_never_began),
	    cmocka_unit_test(scans_host_keys),
	};

	return cmocka_run_group_tests_name("ssh/transport", tests, world_up, world_down);
}
