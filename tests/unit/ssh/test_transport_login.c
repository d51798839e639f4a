/* Logins of our client at our server, and both of them against peers that aren't what they seem. */
#include "world.h"

#include <poll.h>

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
	expect_refusal(&(struct refusal){"attempts", TRANSPORT_UNREACHABLE,
			   "ended the connection while we logged in", EXIT_ERROR_BASE + ERR_LIMIT},
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

static char endless_line[20000];

/* What a server that isn't one may say to a client. */
static void
client_survives_garbage(void **state)
{
	static const char STRANGER[] = " doesn't answer as an SSH server: ";
	const struct {
		const char *bytes;
		bool keep_open;
		const char *words;
	} CASES[] = {
	    {"", false, " closed the connection before it said anything"},
	    {"", true, " took the connection, but said nothing in time"},
	    {"HTTP/1.1 400 Bad Request\r\n", false, "it said \"HTTP/1.1 400 Bad Request\""},
	    {"220 mail.example ready\r\n", true, STRANGER},
	    {"SSH-1.5-old\x1b\r\n", false,
		" is not an SSH 2 server: it began with \"SSH-1.5-old\\x1b\""},
	    {"SSH-2.0-x", true, STRANGER},
	    {"SSH-2.0-x\r\n", true, " did not answer in time while the keys were exchanged"},
	    {"SSH-2.0-x\r\n", false,
		": the connection ended while the keys were exchanged: the server closed"},
	    {"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false,
		": the connection ended while the keys were exchanged: a packet of more"},
	    {"SSH-2.0-x\r\n\x7f\x00\x00\x0c", false, " while the keys were exchanged"},
	    {endless_line, false, " is not an SSH server: no version came in its first bytes"},
	};
	struct transport *t = NULL;

	(void)state;
	memset(endless_line, 'A', sizeof endless_line - 1);
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
		if (strstr(story.text, CASES[i].words) == NULL)
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
	    {"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", true, ERR_LIMIT},
	    {endless_line, true, ERR_LIMIT},
	};

	(void)state;
	memset(endless_line, 'A', sizeof endless_line - 1);
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
	    cmocka_unit_test(logs_in_inside_the_sandbox),
	    cmocka_unit_test(refuses_strange_hosts_and_keys),
	    cmocka_unit_test(refuses_bad_private_keys),
	    cmocka_unit_test(client_survives_garbage),
	    cmocka_unit_test(server_survives_garbage),
	    cmocka_unit_test(no_login_through_a_damaged_line),
	    cmocka_unit_test(scans_host_keys),
	};

	return cmocka_run_group_tests_name("ssh/transport_login", tests, world_up, world_down);
}
