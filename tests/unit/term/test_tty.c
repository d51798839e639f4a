/* Questions at a terminal (a pseudo one, in a child of its own session), and Ctrl-C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../child.h"
#include "base/attr.h"
#include "term/tty.h"

enum { SEEN_MAX = 4096, ANSWER_MAX = 16 };

/* What the child does at its terminal: its result is its exit code. */
typedef int terminal_fn(void);

struct terminal {
	int fd;
	pid_t pid;
	char seen[SEEN_MAX];
	size_t n_seen;
};

static void
terminal_start(struct terminal *t, terminal_fn *fn)
{
	*t = (struct terminal){.fd = -1};
	t->pid = forkpty(&t->fd, NULL, NULL, NULL);
	assert_true(t->pid >= 0);
	if (t->pid == 0)
		_exit(fn());
}

/* Reads until text was seen; what came after it stays for the next. */
static void
terminal_expect(struct terminal *t, const char *text)
{
	for (;;) {
		t->seen[t->n_seen] = '\0';
		char *at = strstr(t->seen, text);
		if (at != NULL) {
			size_t used = (size_t)(at - t->seen) + strlen(text);
			memmove(t->seen, t->seen + used, t->n_seen - used + 1);
			t->n_seen -= used;
			return;
		}
		ssize_t n = read(t->fd, t->seen + t->n_seen, SEEN_MAX - 1 - t->n_seen);
		if (n <= 0)
			fail_msg("\"%s\" was not seen, but \"%s\"", text, t->seen);
		t->n_seen += (size_t)n;
	}
}

static void
terminal_type(const struct terminal *t, const char *text)
{
	assert_int_equal(write(t->fd, text, strlen(text)), strlen(text));
}

/* Its status; what it wrote last is in seen. */
static int
terminal_end(struct terminal *t)
{
	int status;

	for (;;) {
		ssize_t n = read(t->fd, t->seen + t->n_seen, SEEN_MAX - 1 - t->n_seen);
		if (n <= 0)
			break;
		t->n_seen += (size_t)n;
	}
	t->seen[t->n_seen] = '\0';
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	close(t->fd);
	return status;
}

static bool
echoes(void)
{
	struct termios now;

	return tcgetattr(STDIN_FILENO, &now) == 0 && (now.c_lflag & ECHO) != 0;
}

/* Asks, and prints what came. */
static enum err
ask(bool echo)
{
	struct buf answer _cleanup_(buf_wipe);

	buf_init(&answer, ANSWER_MAX);
	enum err e = tty_ask("Password: ", echo, &answer);
	dprintf(STDOUT_FILENO, "[%s %.*s %s]\n", err_name(e), SLICE_ARG(buf_slice(&answer)),
	    echoes() ? "echo" : "silent");
	return e;
}

static int
ask_secret(void)
{
	return ask(false) == ERR_OK ? 0 : 1;
}

static int
ask_aloud(void)
{
	return ask(true) == ERR_OK ? 0 : 1;
}

static int
ask_while_catching(void)
{
	if (tty_catch_interrupts() != ERR_OK)
		return 9;
	(void)ask(false);
	return tty_interrupts() == 1 && tty_interrupt_signal() == SIGINT ? 0 : 1;
}

static void
test_secret(void **state)
{
	struct terminal t;

	(void)state;
	terminal_start(&t, ask_secret);
	terminal_expect(&t, "Password: ");
	terminal_type(&t, "geheim\n");
	terminal_expect(&t, "\r\n[ok geheim echo]");
	assert_int_equal(terminal_end(&t), 0);
}

static void
test_aloud(void **state)
{
	struct terminal t;

	(void)state;
	terminal_start(&t, ask_aloud);
	terminal_expect(&t, "Password: ");
	terminal_type(&t, "yes\n");
	terminal_expect(&t, "yes\r\n[ok yes echo]");
	assert_int_equal(terminal_end(&t), 0);
}

struct refused_case {
	const char *typed, *said;
};

static void
test_refused(void **state)
{
	static const struct refused_case CASES[] = {
	    {"\004", "[closed  echo]"},
	    {"12345678901234567\n", "[limit  echo]"},
	    {"abc\004\004", "[closed  echo]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct terminal t;
		terminal_start(&t, ask_secret);
		terminal_expect(&t, "Password: ");
		terminal_type(&t, CASES[i].typed);
		terminal_expect(&t, CASES[i].said);
		assert_int_equal(WEXITSTATUS(terminal_end(&t)), 1);
	}
}

/* Nobody has caught it: it ends the process, and the terminal echoes again before that. */
static void
test_interrupt_ends(void **state)
{
	struct terminal t;
	struct termios now;

	(void)state;
	terminal_start(&t, ask_secret);
	terminal_expect(&t, "Password: ");
	assert_int_equal(tcgetattr(t.fd, &now), 0);
	assert_int_equal(now.c_lflag & ECHO, 0);
	terminal_type(&t, "abc\003");
	int status, outer = t.fd;
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	assert_int_equal(tcgetattr(outer, &now), 0);
	assert_int_not_equal(now.c_lflag & ECHO, 0);
	close(outer);
}

static void
test_interrupt_is_counted(void **state)
{
	struct terminal t;

	(void)state;
	terminal_start(&t, ask_while_catching);
	terminal_expect(&t, "Password: ");
	terminal_type(&t, "abc\003");
	terminal_expect(&t, "[closed  echo]");
	assert_int_equal(terminal_end(&t), 0);
}

/* Stopped, the terminal is as it was; in the foreground again the question is asked again. */
static void
test_stop(void **state)
{
	struct terminal t;
	struct termios now;
	int status;

	(void)state;
	terminal_start(&t, ask_secret);
	terminal_expect(&t, "Password: ");
	assert_int_equal(kill(t.pid, SIGTSTP), 0);
	/* The only process of an orphaned group isn't stopped by it: it asks again at once. */
	terminal_expect(&t, "Password: ");
	assert_int_equal(waitpid(t.pid, &status, WNOHANG), 0);
	assert_int_equal(tcgetattr(t.fd, &now), 0);
	assert_int_equal(now.c_lflag & ECHO, 0);
	terminal_type(&t, "x\n");
	terminal_expect(&t, "[ok x echo]");
	assert_int_equal(terminal_end(&t), 0);
}

static int
ask_without_terminal(void *ctx)
{
	struct buf answer _cleanup_(buf_fini);

	(void)ctx;
	buf_init(&answer, ANSWER_MAX);
	if (setsid() < 0)
		return 9;
	return !tty_present() && tty_ask("?", true, &answer) == ERR_UNSUPPORTED ? 0 : 1;
}

static void
test_no_terminal(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(child_exit_code(ask_without_terminal, NULL), 0);
	assert_int_equal(pipe(fds), 0);
	assert_false(tty_is(fds[0]));
	assert_int_equal(tty_width(fds[0]), 80);
	close(fds[0]);
	close(fds[1]);
}

static bool
fd_is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int
count_interrupts(void *ctx)
{
	(void)ctx;
	(void)signal(SIGTERM, SIG_IGN);
	if (tty_interrupt_fd() != -1 || tty_catch_interrupts() != ERR_OK || tty_interrupts() != 0 ||
	    fd_is_readable(tty_interrupt_fd()))
		return 1;
	(void)raise(SIGTERM); /* ignored before, and still */
	if (tty_interrupts() != 0)
		return 2;
	(void)raise(SIGINT);
	if (tty_interrupts() != 1 || !fd_is_readable(tty_interrupt_fd()))
		return 3;
	tty_interrupt_clear();
	if (tty_interrupts() != 0 || fd_is_readable(tty_interrupt_fd()))
		return 4;
	(void)raise(SIGHUP);
	(void)raise(SIGHUP);
	return tty_interrupts() == 2 && tty_interrupt_signal() == SIGHUP ? 0 : 5;
}

static int
interrupt_twice(void *ctx)
{
	(void)ctx;
	if (tty_catch_interrupts() != ERR_OK)
		return 1;
	(void)raise(SIGINT);
	(void)raise(SIGTERM);
	return 0;
}

static void
test_interrupts(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(count_interrupts, NULL), 0);
	assert_int_equal(child_signal(interrupt_twice, NULL), SIGTERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_secret),
	    cmocka_unit_test(test_aloud),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_interrupt_ends),
	    cmocka_unit_test(test_interrupt_is_counted),
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_no_terminal),
	    cmocka_unit_test(test_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
