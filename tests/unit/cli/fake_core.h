/*
 * A drayd that is none: a child that listens on a control socket, takes one question, checks it,
 * and answers by a script of messages; well or badly, as the test wants.
 */
#ifndef TESTS_CLI_FAKE_CORE_H
#define TESTS_CLI_FAKE_CORE_H

#include "harness.h"

#include <poll.h>

#include "ipc/link.h"
#include "os/socket.h"

/* One message of the answer. With a NULL body the bytes are sent as they are. */
struct fake_message {
	enum ipc_type type;
	const void *body;
	struct slice bytes;
};

struct fake_script {
	enum ipc_type question;
	const char *text; /* that the question must hold in its first text field; NULL: any */
	uint64_t number;  /* the transfer that a CTL_RETRY must be about */
	struct fake_message messages[16];
	size_t n_messages;
	bool then_hang; /* keep the line open and say no more, instead of closing it */
};

static inline bool
fake_question_is_right(const struct fake_script *s, const struct ipc_message *m)
{
	if (m->type == IPC_CTL_RETRY)
		return s->question == IPC_CTL_RETRY && m->ctl_retry.transfer == s->number;
	/* The first field of each other question is its text. */
	return m->type == s->question && (s->text == NULL || slice_is(m->ctl_trace.what, s->text));
}

static inline void
fake_serve(int listener, const struct fake_script *s)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct ipc_link link;
	struct ipc_message m;

	if (poll(&p, 1, 20000) != 1)
		_exit(10);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || ipc_link_init(&link, fd, IPC_ROLE_CONTROL) != ERR_OK)
		_exit(11);
	link.state = IPC_RUNNING;
	if (ipc_recv(&link, &m) != ERR_OK || !fake_question_is_right(s, &m))
		_exit(12);
	for (size_t i = 0; i < s->n_messages; i++) {
		const struct fake_message *out = &s->messages[i];
		enum err e = out->body != NULL
				 ? ipc_send(&link, out->type, out->body)
				 : socket_send_packet(fd, out->bytes.ptr, out->bytes.len, NULL, 0);
		/* Who has heard the end may hang up before the rest. */
		if (e == ERR_CLOSED)
			_exit(0);
		if (e != ERR_OK)
			_exit(13);
	}
	/* The test's end of the line ends this wait. */
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	if (s->then_hang)
		(void)poll(&p, 1, 20000);
	_exit(0);
}

/* Starts it; the socket exists on return. */
static inline pid_t
fake_start(const char *socket_path, const struct fake_script *s)
{
	struct story story;
	int listener;

	assert_int_equal(socket_listen_unix(socket_path, &listener, &story), ERR_OK);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		fake_serve(listener, s);
	assert_int_equal(close(listener), 0);
	return pid;
}

/* Waits for its end, which must be a good one. */
static inline void
fake_finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Two routes; everything of drayd's is in the working directory. */
#define FAKE_ROUTE(name)                                                                        \
	"  " name ": { from: { remote: bolt, path: /out, every: 1m }, match: { name: \"*\" }, " \
	"to: [{ folder: in }], after: leave }\n"
#define FAKE_CONFIG                                                                              \
	"home: .\n"                                                                              \
	"identities: { me: { private_key: me } }\n"                                              \
	"remotes: { bolt: { address: bolt.example, user: u, identity: me, known_hosts: kh } }\n" \
	"folders: { in: { path: in } }\n"                                                        \
	"routes:\n" FAKE_ROUTE("bolt") FAKE_ROUTE("acme-invoices")

/* One command against one script, with the configuration in the working directory. */
static inline struct answer
fake_dray(const struct fake_script *s, const char *const *args)
{
	write_file("dray.yaml", FAKE_CONFIG, 0644);
	pid_t pid = fake_start("control.sock", s);
	struct answer a = run_dray(args);
	fake_finish(pid);
	return a;
}

#define FAKE_DRAY(script, ...) fake_dray(script, (const char *const[]){__VA_ARGS__, NULL})

#endif
