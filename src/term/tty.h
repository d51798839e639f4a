/*
 * The person at the terminal: asked through /dev/tty, so that standard input can be a batch file.
 * No echo for secrets, also when a signal ends us in between.
 */
#ifndef TERM_TTY_H
#define TERM_TTY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Is there a terminal to ask at? */
bool tty_present(void);

/* Is the descriptor a terminal? And its width in columns, 80 when it doesn't say. */
bool tty_is(int fd);
unsigned tty_width(int fd);

/*
 * Writes the prompt, reads one line (at most ret_answer's maximum) and appends it without its end.
 * ERR_CLOSED: end of file or Ctrl-C; ERR_LIMIT: a longer line, of which nothing is appended;
 * ERR_UNSUPPORTED: no terminal. The terminal is left as it was. A signal that would end the process
 * does so after that; one that is caught (tty_catch_interrupts) is counted, and ends the question.
 */
enum err tty_ask(const char *prompt, bool echo, struct buf *ret_answer) must_check;

/*
 * The signals of a person who wants to stop, as a descriptor to wait for and a count:
 * the first Ctrl-C (SIGINT), SIGTERM or SIGHUP asks us to finish cleanly, the second ends the
 * process at once. Once per process. tty_interrupts counts what came; tty_interrupt_fd becomes
 * readable (-1: nothing is caught); tty_interrupt_clear forgets it (an interactive session goes on
 * after a Ctrl-C). A signal that is ignored (nohup, a shell's "&") stays so.
 */
enum err tty_catch_interrupts(void) must_check;
unsigned tty_interrupts(void);
int tty_interrupt_signal(void); /* the last one's number; 0: none */
int tty_interrupt_fd(void);
void tty_interrupt_clear(void);

#endif
