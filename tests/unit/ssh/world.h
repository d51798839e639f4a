/*
 * What the tests of the transport share: keys, a listening socket, and a client of ours that talks
 * to a server of ours (server.h). Included by one test program each, so everything is static.
 */
#ifndef TESTS_SSH_WORLD_H
#define TESTS_SSH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"

struct world {
	struct pair host, other_host, user, stranger;
	struct hostkeys *keys;
	struct buf known_hosts;
	int listener;
	uint16_t port;
};

static struct world world;

static inline void
pin(const struct pair *host, const char *mark)
{
	buf_clear(&world.known_hosts);
	assert_int_equal(buf_put(&world.known_hosts, mark, strlen(mark)), ERR_OK);
	assert_int_equal(knownhosts_line("server.example", world.port, slice_str("ssh-ed25519"),
			     buf_slice(&host->blob), &world.known_hosts),
	    ERR_OK);
}

static inline int
world_up(void **state)
{
	struct story story;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
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

static inline int
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

static inline struct serve
usual(enum serve_mode mode)
{
	return (struct serve){.mode = mode, .user = "erp", .key = buf_slice(&world.user.blob)};
}

static inline struct transport_client_config
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
static inline struct transport *
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

static inline void
wait_for(struct transport *t)
{
	bool extra;

	assert_int_equal(transport_wait(t, -1, 20 * US_PER_SEC, &extra), ERR_OK);
}

static inline void
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
static inline size_t
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

static inline void
read_all(struct transport *t, uint8_t *dst, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t n = read_some(t, dst + done, len - done);
		assert_true(n > 0);
		done += n;
	}
}

#endif
