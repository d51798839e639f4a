#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/fd.h"
#include "term/tty.h"

/* What the handler leaves; nothing else in it but an eventfd's counter. */
static volatile sig_atomic_t n_interrupts, last_signal;
static int event_fd = -1;

static void
on_signal(int signal_number)
{
	static const uint64_t ONE = 1;
	int saved = errno;

	/*
	 * The second one ends us at once. A closed terminal is told of by the shell and by the
	 * kernel, so a second SIGHUP means no more than the first.
	 */
	if (n_interrupts > 0 && signal_number != SIGHUP) {
		(void)signal(signal_number, SIG_DFL);
		(void)raise(signal_number);
	}
	n_interrupts = n_interrupts + 1;
	last_signal = signal_number;
	if (write(event_fd, &ONE, sizeof ONE) < 0) {
		/* Full: readable already. */
	}
	errno = saved;
}

/* One that somebody has ignored on our behalf stays ignored. */
static enum err
catch_one(int signal_number)
{
	struct sigaction action;

	if (sigaction(signal_number, NULL, &action) < 0)
		return err_last();
	if ((action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN)
		return ERR_OK;
	action = (struct sigaction){.sa_handler = on_signal};
	(void)sigemptyset(&action.sa_mask);
	return sigaction(signal_number, &action, NULL) < 0 ? err_last() : ERR_OK;
}

enum err
tty_catch_interrupts(void)
{
	static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};
	enum err e = ERR_OK;

	if (event_fd < 0)
		event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0)
		return err_last();
	for (size_t i = 0; i < ARRAY_LEN(SIGNALS) && e == ERR_OK; i++)
		e = catch_one(SIGNALS[i]);
	return e;
}

unsigned
tty_interrupts(void)
{
	return (unsigned)n_interrupts;
}

int
tty_interrupt_signal(void)
{
	return last_signal;
}

int
tty_interrupt_fd(void)
{
	return event_fd;
}

void
tty_interrupt_clear(void)
{
	uint64_t count;

	if (event_fd >= 0 && read(event_fd, &count, sizeof count) < 0) {
		/* Nothing has come. */
	}
	n_interrupts = 0;
}
