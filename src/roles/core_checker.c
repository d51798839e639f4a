#include "roles/core_checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "roles/core_auth.h"

/* Far more than any hash that is worth its name costs. */
#define CHECK_TIMEOUT (20 * US_PER_SEC)

struct core_check {
	struct core_peer peer; /* link.fd -1 while it waits */
	TAILQ_ENTRY(core_check) entry;
	struct core_session *session; /* that waits for it, or NULL */
	sd_event_source *timer;
	char account[IPC_NAME_MAX + 1];
	char hash[IPC_HASH_MAX + 1];
	uint8_t password[IPC_PASSWORD_MAX]; /* wiped when it is sent */
	size_t password_len;
	bool running, answered, good;
};

static void start_waiting(struct core *c);

static struct core_check *
check_of(struct core_peer *peer)
{
	/* `peer` is its first member. */
	return (struct core_check *)(void *)peer;
}

static void
check_free(struct core_check *check)
{
	struct core *c = check->peer.core;

	TAILQ_REMOVE(&c->checks, check, entry);
	sd_event_source_disable_unref(check->timer);
	if (check->running) {
		c->n_running_checks--;
		core_peer_fini(&check->peer);
	}
	explicit_bzero(check, sizeof *check);
	free(check);
}

/* It is over, with an answer or without one. */
static void
check_end(struct core_check *check)
{
	struct core_session *s = check->session;
	struct core *c = check->peer.core;
	char account[IPC_NAME_MAX + 1], hash[IPC_HASH_MAX + 1];
	bool good = check->answered && check->good;

	if (!check->answered)
		log_error("checker.no-answer", F_STR("account", check->account));
	(void)snprintf(account, sizeof account, "%s", check->account);
	(void)snprintf(hash, sizeof hash, "%s", check->hash);
	check_free(check);
	if (s != NULL) {
		s->login->check = NULL;
		core_auth_password_checked(s, slice_str(account), hash, good);
	}
	start_waiting(c);
}

static void
on_gone(struct core_peer *peer)
{
	check_end(check_of(peer));
}

static enum err
on_checked(void *ctx, struct ipc_message *m)
{
	struct core_check *check = check_of(ctx);

	if (check->answered)
		return ERR_FORMAT;
	check->answered = true;
	check->good = m->password_checked.good;
	return ERR_OK;
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_PASSWORD_CHECKED, on_checked},
};

static int
on_late(sd_event_source *source unused_arg, uint64_t usec unused_arg, void *userdata)
{
	struct core_check *check = userdata;

	check->answered = false;
	check_end(check);
	return 0;
}

static enum err
start_check(struct core_check *check)
{
	struct core *c = check->peer.core;
	enum err e = core_peer_spawn(
	    &check->peer, c, IPC_ROLE_CHECKER, HANDLERS, ARRAY_LEN(HANDLERS), on_gone);

	if (e != ERR_OK)
		return e;
	check->running = true;
	c->n_running_checks++;
	core_peer_send(&check->peer, IPC_CHECK_PASSWORD,
	    &(struct ipc_check_password){
		.hash = slice_str(check->hash),
		.password = slice_of(check->password, check->password_len),
	    });
	explicit_bzero(check->password, sizeof check->password);
	core_after(c, &check->timer, CHECK_TIMEOUT, on_late, check);
	return ERR_OK;
}

/* A hash is made to cost a processor's time and memory: some are left for everybody else. */
static uint32_t
checks_max(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;

	return n < 2 ? 2 : n > 8 ? 8 : (uint32_t)n;
}

static struct core_check *
first_waiting(const struct core *c)
{
	struct core_check *check;

	TAILQ_FOREACH (check, &c->checks, entry) {
		if (!check->running)
			return check;
	}
	return NULL;
}

/* Each that can't be started ends without an answer, which may start others: they are few. */
static void
start_waiting(struct core *c)
{
	struct core_check *check;

	while (c->n_running_checks < checks_max() && (check = first_waiting(c)) != NULL) {
		enum err e = start_check(check);
		if (e == ERR_OK)
			continue;
		log_error("checker.not-started", F_STR("error", err_text(e)));
		check_end(check);
		return;
	}
}

enum err
core_check_begin(
    struct core_session *s, struct slice account, const char *hash, struct slice password)
{
	struct core *c = s->peer.core;
	struct core_check *check = calloc(1, sizeof *check);

	if (check == NULL)
		return ERR_NOMEM;
	check->peer.core = c;
	check->peer.link.fd = -1;
	/* Cut nothing: another account, or another hash, would be asked about. */
	if (!slice_copy(account, check->account, sizeof check->account) ||
	    !slice_copy(slice_str(hash), check->hash, sizeof check->hash) ||
	    password.len > sizeof check->password) {
		free(check);
		return ERR_LIMIT;
	}
	if (password.len > 0)
		memcpy(check->password, password.ptr, password.len);
	check->password_len = password.len;
	check->session = s;
	s->login->check = check;
	TAILQ_INSERT_TAIL(&c->checks, check, entry);
	start_waiting(c);
	return ERR_OK;
}

void
core_check_forget(struct core_check *check)
{
	check->session = NULL;
	/* One that nobody has begun needs not begin. */
	if (!check->running)
		check_free(check);
}

void
core_checks_drop(struct core *c)
{
	struct core_check *check;

	while ((check = TAILQ_FIRST(&c->checks)) != NULL) {
		if (check->session != NULL)
			check->session->login->check = NULL;
		check_free(check);
	}
}

void
core_checks_forget_pid(struct core *c, pid_t pid)
{
	struct core_check *check;

	TAILQ_FOREACH (check, &c->checks, entry) {
		if (check->peer.pid == pid)
			check->peer.pid = 0;
	}
}
