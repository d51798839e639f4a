#include "term/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

enum { WIDTH_UNKNOWN = 80 };

/* One question: the terminal, how it was, and the signals that would leave it without echo. */
struct question {
	const char *prompt;
	struct buf *answer;
	size_t n_before; /* bytes that the answer had already */
	int tty, signals;
	bool echo, changed;
	struct termios before;
	sigset_t held, mask_before;
};

bool
tty_is(int fd)
{
	return isatty(fd) == 1;
}

unsigned
tty_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return WIDTH_UNKNOWN;
	return size.ws_col;
}

static int
open_tty(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool
tty_present(void)
{
	int fd _cleanup_(fd_closep) = open_tty();

	return fd >= 0;
}

static void
question_fini(struct question *q)
{
	fd_closep(&q->signals);
	fd_closep(&q->tty);
}

static enum err
question_init(struct question *q)
{
	static const int HELD[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

	(void)sigemptyset(&q->held);
	for (size_t i = 0; i < ARRAY_LEN(HELD); i++)
		(void)sigaddset(&q->held, HELD[i]);
	q->tty = open_tty();
	if (q->tty < 0)
		return ERR_UNSUPPORTED;
	q->signals = signalfd(-1, &q->held, SFD_CLOEXEC | SFD_NONBLOCK);
	return q->signals < 0 ? err_last() : ERR_OK;
}

static void
change_tty(struct question *q, const struct termios *to)
{
	/* First the silence: what is typed before the question is not the answer. */
	while (tcsetattr(q->tty, TCSAFLUSH, to) < 0 && errno == EINTR)
		continue;
}

/* Signals wait in our descriptor, the terminal shows nothing, the prompt stands. */
static enum err
begin(struct question *q)
{
	struct termios silent;

	if (sigprocmask(SIG_BLOCK, &q->held, &q->mask_before) < 0)
		return err_last();
	q->changed = !q->echo && tcgetattr(q->tty, &q->before) == 0;
	if (q->changed) {
		silent = q->before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		silent.c_lflag |= ECHONL;
		change_tty(q, &silent);
	}
	return file_write_all(q->tty, q->prompt, strlen(q->prompt));
}

/* Everything as it was. A signal that came is given back, and does what it does. */
static void
end(struct question *q, int signal_number)
{
	if (q->changed)
		change_tty(q, &q->before);
	if (signal_number != 0)
		(void)raise(signal_number);
	(void)sigprocmask(SIG_SETMASK, &q->mask_before, NULL);
}

/* Waits for a byte or a signal: its number, or 0. */
static int
wait_for(const struct question *q)
{
	struct pollfd fds[] = {
	    {.fd = q->tty, .events = POLLIN}, {.fd = q->signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR)
		continue;
	if (read(q->signals, &info, sizeof info) == (ssize_t)sizeof info)
		return (int)info.ssi_signo;
	return 0;
}

/* Byte for byte: what stands behind the line isn't ours, and no copy of a secret stays anywhere. */
static enum err
read_line(struct question *q, int *ret_signal)
{
	bool too_long = false;
	uint8_t c;

	for (;;) {
		*ret_signal = wait_for(q);
		if (*ret_signal != 0)
			return ERR_CLOSED;
		ssize_t n = read(q->tty, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? ERR_CLOSED : err_last();
		if (c == '\n')
			return too_long ? ERR_LIMIT : ERR_OK;
		too_long = too_long || buf_put_u8(q->answer, c) != ERR_OK;
	}
}

/* *ret_stopped: the process was stopped and goes on (Ctrl-Z): ask again. */
static enum err
ask_once(struct question *q, bool *ret_stopped)
{
	int signal_number = 0;
	enum err e = begin(q);

	if (e == ERR_OK)
		e = read_line(q, &signal_number);
	*ret_stopped = signal_number == SIGTSTP;
	if (e == ERR_CLOSED && file_write_all(q->tty, "\n", 1) != ERR_OK)
		e = ERR_CLOSED;
	end(q, signal_number);
	if (e != ERR_OK)
		buf_unput(q->answer, buf_len(q->answer) - q->n_before);
	return e;
}

enum err
tty_ask(const char *prompt, bool echo, struct buf *ret_answer)
{
	struct question q _cleanup_(question_fini) = {.prompt = prompt,
	    .answer = ret_answer,
	    .n_before = buf_len(ret_answer),
	    .tty = -1,
	    .signals = -1,
	    .echo = echo};
	bool stopped = true;
	enum err e = question_init(&q);

	if (e != ERR_OK)
		return e;
	while (stopped)
		e = ask_once(&q, &stopped);
	return e;
}
