/* transport_dial against our own server, and against nothing that deserves the name. */
#include "world.h"

#include <poll.h>

#include "ssh/transport_client.h"

#include "dialer.h"

static enum transport_outcome
dial_ours(struct dialer *d, const struct serve *how, void (*change)(struct dial_config *config),
    struct transport **ret_t, pid_t *ret_pid, struct story *story)
{
	struct dial_config config = dialer_config(d, "erp", world.port);
	struct transport_facts facts;

	if (change != NULL)
		change(&config);
	*ret_t = NULL;
	*ret_pid = serve_one(world.listener, world.keys, how);
	return transport_dial(ret_t, connect_loopback(world.port), &config, &facts, story);
}

static void
logs_in_by_password(void **state)
{
	struct dialer good = {.password = "correct horse"}, bad = {.password = "wrong"};
	struct serve how = usual(SERVE_ECHO);
	struct story story;
	struct transport *t;
	uint8_t back[5];
	pid_t pid;

	(void)state;
	how.password = "correct horse";
	enum transport_outcome outcome = dial_ours(&good, &how, NULL, &t, &pid, &story);
	if (outcome != TRANSPORT_LOGGED_IN)
		fail_msg("%s", story.text);
	write_all(t, (const uint8_t *)"hello", 5);
	read_all(t, back, 5);
	assert_memory_equal(back, "hello", 5);
	transport_close(t, 5 * US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
	outcome = dial_ours(&bad, &how, NULL, &t, &pid, &story);
	assert_int_equal(outcome, TRANSPORT_USER_KEY_REFUSED);
	assert_non_null(strstr(story.text, "it takes publickey,password"));
	assert_string_equal(bad.methods, "publickey,password");
	(void)child_status(pid);
}

static void
in_a_moment(struct dial_config *config)
{
	config->deadline_us = time_mono_us() + 3 * US_PER_SEC / 2;
}

/* Somebody who looks for a fingerprint or a token may take longer than the line may. */
static void
stops_the_clock_while_people_think(void **state)
{
	struct dialer d = {
	    .private_key = buf_slice(&world.user.private_key), .thinks_us = 1600 * US_PER_MS};
	struct serve how = usual(SERVE_ECHO);
	struct story story;
	struct transport *t;
	pid_t pid;

	(void)state;
	enum transport_outcome outcome = dial_ours(&d, &how, in_a_moment, &t, &pid, &story);
	if (outcome != TRANSPORT_LOGGED_IN)
		fail_msg("%s", story.text);
	assert_int_equal(d.n_signed, 1);
	transport_close(t, 5 * US_PER_SEC);
	transport_free(t);
	assert_int_equal(child_status(pid), 0);
	dialer_fini(&d);
}

static void
ask_often(struct dial_config *config)
{
	config->alive_interval_us = 300 * US_PER_MS;
	config->alive_max = 3;
}

static void
notices_a_silent_server(void **state)
{
	struct dialer d = {.private_key = buf_slice(&world.user.private_key)};
	struct serve how = usual(SERVE_ECHO);
	struct transport_event ev;
	struct story story;
	struct transport *t;
	bool extra;
	pid_t pid;

	(void)state;
	assert_int_equal(dial_ours(&d, &how, ask_often, &t, &pid, &story), TRANSPORT_LOGGED_IN);
	/* One that has nothing to say is asked, and answers. */
	assert_int_equal(transport_wait(t, -1, US_PER_SEC, &extra), ERR_OK);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_NOTHING);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	wait_for(t);
	transport_next_event(t, &ev);
	assert_int_equal(ev.type, TRANSPORT_CLOSED);
	assert_int_equal(ev.error, ERR_TIMEOUT);
	assert_non_null(strstr(ev.story, "the server has not answered for "));
	transport_free(t);
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)child_status(pid);
	dialer_fini(&d);
}

/* Passes on what comes, but from the server no more than this; then it stands still. */
static void
stall(int a, int b, size_t limit)
{
	const int ends[2] = {a, b};
	uint8_t bytes[4096];
	size_t passed = 0;

	for (;;) {
		struct pollfd fds[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
		if (passed >= limit)
			fds[1].fd = -1;
		if (poll(fds, 2, 20000) <= 0)
			return;
		for (int i = 0; i < 2; i++) {
			if (fds[i].fd < 0 || fds[i].revents == 0)
				continue;
			size_t room =
			    i == 1 && limit - passed < sizeof bytes ? limit - passed : sizeof bytes;
			ssize_t n = read(ends[i], bytes, room);
			if (n <= 0)
				return;
			passed += i == 1 ? (size_t)n : 0;
			if (write(ends[1 - i], bytes, (size_t)n) < 0)
				return;
		}
	}
}

static void
gives_up_on_a_line_that_stands_still(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	bool keys = false, login = false;

	(void)state;
	for (size_t limit = 1; limit < 1250; limit += 156) {
		struct dialer d = {.private_key = buf_slice(&world.user.private_key)};
		struct dial_config config = dialer_config(&d, "erp", world.port);
		struct transport_facts facts;
		struct transport *t = NULL;
		struct story story;
		int fds[2];
		config.deadline_us = time_mono_us() + 600 * US_PER_MS;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		pid_t server = serve_one(world.listener, world.keys, &how);
		pid_t relay = fork();
		if (relay == 0) {
			(void)close(fds[0]);
			stall(fds[1], connect_loopback(world.port), limit);
			_exit(0);
		}
		(void)close(fds[1]);
		assert_int_equal(
		    transport_dial(&t, fds[0], &config, &facts, &story), TRANSPORT_UNREACHABLE);
		assert_null(t);
		if (strstr(story.text, "in time") == NULL)
			fail_msg("after %zu bytes: %s", limit, story.text);
		keys = keys || strstr(story.text, "while the keys were exchanged") != NULL;
		login = login || strstr(story.text, "while we logged in") != NULL;
		(void)kill(relay, SIGKILL);
		(void)child_status(relay);
		(void)child_status(server);
		dialer_fini(&d);
	}
	assert_true(keys && login);
}

static void
chooses_windows(void **state)
{
	const size_t mib = 1024 * 1024;
	const struct {
		const char *version;
		int64_t round_trip_us;
		size_t window;
	} CASES[] = {
	    {"SSH-2.0-OpenSSH_9.2p1 Debian-2", 0, 4 * mib},
	    {"SSH-2.0-OpenSSH_9.2p1 Debian-2", 10 * US_PER_MS, 7 * mib},
	    {"SSH-2.0-OpenSSH_9.2p1 Debian-2", 100 * US_PER_MS, 64 * mib},
	    {"SSH-2.0-OpenSSH_9.9", INT64_MAX, 64 * mib},
	    {"SSH-2.0-OpenSSH_10.0p2", US_PER_SEC, 64 * mib},
	    {"SSH-2.0-Dray_0.1", US_PER_SEC, 64 * mib},
	    {"SSH-2.0-OpenSSH_8.9p1", US_PER_SEC, 15 * mib},
	    {"SSH-2.0-OpenSSH_for_Windows_8.1", US_PER_SEC, 15 * mib},
	    {"SSH-2.0-OpenSSH_7.4", 0, 4 * mib},
	    {"SSH-2.0-mod_sftp", US_PER_SEC, 15 * mib},
	    {"SSH-1.99-OpenSSH_9.1", US_PER_SEC, 64 * mib},
	    {"", US_PER_SEC, 15 * mib},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		size_t got = client_window_for(CASES[i].version, CASES[i].round_trip_us);
		if (got != CASES[i].window)
			fail_msg("%s: %zu", CASES[i].version, got);
	}
}

struct offer_case {
	const char *kind, *wanted, *begins; /* NULL: nothing of it is ours */
	const char *absent;
};

static void
reads_lists_of_algorithms(void **state)
{
	static const struct offer_case CASES[] = {
	    {"cipher", "aes128-ctr,aes256-ctr", "aes128-ctr,aes256-ctr", "gcm"},
	    {"cipher", " aes128-ctr , nonsense", "aes128-ctr", ","},
	    {"cipher", "^aes128-ctr", "aes128-ctr,", NULL},
	    {"cipher", "-*-ctr", "aes", "ctr"},
	    {"cipher", "-chacha*,aes*-ctr", "aes", "chacha"},
	    {"cipher", "+3des-cbc", "aes256-gcm@openssh.com", "3des"},
	    {"cipher", "^3des-cbc", "aes256-gcm@openssh.com", "3des"},
	    {"cipher", "*ctr", "aes", "gcm"},
	    {"kex", "-curve*", "ecdh", "curve25519"},
	    {"mac", "hmac-sha2-512", "hmac-sha2-512", ","},
	    {"hostkey", "*-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", NULL},
	    {"signature", "rsa-sha2-256", "rsa-sha2-256", ","},
	    {"cipher", "", NULL, NULL},
	    {"cipher", ",,,", NULL, NULL},
	    {"cipher", "-*", NULL, NULL},
	    {"cipher", "3des-cbc", NULL, NULL},
	    {"tea", "*", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct offer_case *c = &CASES[i];
		struct story story = {""};
		struct buf list;
		buf_init(&list, 4096);
		enum err e = dial_offer(c->kind, slice_str(c->wanted), &list, &story);
		assert_int_equal(e == ERR_OK, c->begins != NULL);
		assert_int_equal(story.text[0] == '\0', e == ERR_OK);
		assert_int_equal(buf_put_u8(&list, 0), ERR_OK);
		const char *got = (const char *)buf_slice(&list).ptr;
		if (c->begins != NULL && !slice_starts_with(slice_str(got), slice_str(c->begins)))
			fail_msg("%s: %s", c->wanted, got);
		if (c->absent != NULL && strstr(got, c->absent) != NULL)
			fail_msg("%s: %s", c->wanted, got);
		buf_fini(&list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_in_by_password),
	    cmocka_unit_test(stops_the_clock_while_people_think),
	    cmocka_unit_test(notices_a_silent_server),
	    cmocka_unit_test(gives_up_on_a_line_that_stands_still),
	    cmocka_unit_test(chooses_windows),
	    cmocka_unit_test(reads_lists_of_algorithms),
	};

	return cmocka_run_group_tests_name("ssh/dial", tests, world_up, world_down);
}
