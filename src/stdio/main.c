/*
 * dray-sftp-server: the SFTP server engine between standard input and standard output, for sshd's
 * Subsystem and for `sftp -D`; it serves the files of the user that it runs as.
 *
 * One loop: read what the client sent, let the engine answer, write what it has for the client. The
 * engine stops taking requests while its output is full, so memory is bounded by the input buffer
 * and by the engine's output (sftp/server.h).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/bug.h"
#include "os/fd.h"
#include "sftp/server.h"
#include "stdio/hostfs.h"
#include "stdio/options.h"
#include "stdio/requests.h"
#include "stdio/startdir.h"

/* Room for a packet of the greatest size, and for the next ones behind it. */
enum { INPUT_SIZE = 2 * SFTP_PACKET_MAX };

struct line {
	struct sftp_server *server;
	uint8_t *input;
	size_t input_len;
	bool at_end; /* the client sends no more */
};

static enum err
read_input(struct line *l)
{
	ssize_t n = read(STDIN_FILENO, l->input + l->input_len, INPUT_SIZE - l->input_len);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_OK : err_last();
	l->at_end = n == 0;
	l->input_len += (size_t)n;
	return ERR_OK;
}

static enum err
write_output(struct line *l)
{
	struct buf *output = sftp_server_output(l->server);

	while (buf_len(output) > 0) {
		struct slice s = buf_slice(output);
		ssize_t n = write(STDOUT_FILENO, s.ptr, s.len);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? ERR_OK : err_last();
		buf_consume(output, (size_t)n);
	}
	return ERR_OK;
}

/* Gives the engine what is there; what it doesn't take now waits until its output has room. */
static enum err
feed(struct line *l)
{
	size_t taken;

	enum err e = sftp_server_feed(l->server, l->input, l->input_len, &taken);
	if (e != ERR_OK)
		return e;
	BUG_ON(taken > l->input_len);
	l->input_len -= taken;
	memmove(l->input, l->input + taken, l->input_len);
	return ERR_OK;
}

static enum err
wait_for_line(const struct line *l)
{
	bool writes = buf_len(sftp_server_output(l->server)) > 0;
	bool reads = !l->at_end && l->input_len < INPUT_SIZE;
	/* A negative descriptor is left out, its hang-up too: a full engine needn't know of it. */
	struct pollfd fds[] = {
	    {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
	    {.fd = writes ? STDOUT_FILENO : -1, .events = POLLOUT},
	};

	int timeout = sftp_server_has_work(l->server) ? 0 : -1;

	if (poll(fds, ARRAY_LEN(fds), timeout) < 0 && errno != EINTR)
		return err_last();
	return ERR_OK;
}

/* Reads, answers and writes as far as it goes without waiting. */
static enum err
turn(struct line *l)
{
	enum err e = ERR_OK;

	if (!l->at_end && l->input_len < INPUT_SIZE)
		e = read_input(l);
	/* What the engine left for want of room in its output goes on as soon as that is sent. */
	do {
		if (e == ERR_OK)
			e = feed(l);
		if (e == ERR_OK)
			e = write_output(l);
	} while (e == ERR_OK && l->input_len > 0 && buf_len(sftp_server_output(l->server)) == 0);
	return e;
}

/* Until the client has gone and was told everything. */
static enum err
serve(struct line *l)
{
	for (;;) {
		enum err e = turn(l);
		if (e != ERR_OK)
			return e;
		if (l->at_end && l->input_len == 0 && sftp_server_idle(l->server))
			return ERR_OK;
		e = wait_for_line(l);
		if (e != ERR_OK)
			return e;
	}
}

static bool
prepare(const struct stdio_options *o)
{
	(void)signal(SIGPIPE, SIG_IGN);
	/* A file that outgrows the user's limit is an error of that write, not our end. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (o->umask >= 0)
		(void)umask((mode_t)o->umask);
	enum err e = o->start_dir == NULL ? ERR_OK : startdir_enter(o->start_dir);
	if (e != ERR_OK) {
		(void)fprintf(stderr, "dray-sftp-server: %s: %s\n", o->start_dir, err_text(e));
		return false;
	}
	return fd_set_nonblocking(STDIN_FILENO) == ERR_OK &&
	       fd_set_nonblocking(STDOUT_FILENO) == ERR_OK;
}

static enum err
run(const struct stdio_options *o, struct sftp_server *server)
{
	struct line l = {.server = server, .input = malloc(INPUT_SIZE)};

	if (l.input == NULL)
		return ERR_NOMEM;
	report(&o->report, LOG_INFO, "session opened for uid %u", (unsigned)getuid());
	enum err e = serve(&l);
	struct sftp_server_stats stats = sftp_server_stats(server);
	report(&o->report, LOG_INFO, "session ended: %llu requests, %llu bytes read, %llu written",
	    (unsigned long long)stats.n_requests, (unsigned long long)stats.bytes_read,
	    (unsigned long long)stats.bytes_written);
	free(l.input);
	return e;
}

static void
free_server(struct sftp_server **server)
{
	sftp_server_free(*server);
}

int
main(int argc, char **argv)
{
	struct stdio_options o;

	if (!stdio_options_parse(argc, argv, &o))
		return 1;
	if (o.help) {
		stdio_options_usage(stdout);
		return 0;
	}
	if (o.query_requests) {
		requests_print(stdout);
		return 0;
	}
	if (!prepare(&o))
		return 1;
	report_open(&o.report);
	struct sftp_server *server _cleanup_(free_server) = NULL;
	enum err e = sftp_server_new(&server, hostfs_ops(), NULL, o.read_only);
	if (e == ERR_OK && !requests_restrict(server, o.denied, o.allowed))
		return 1;
	if (e == ERR_OK)
		e = run(&o, server);
	if (e == ERR_OK || e == ERR_CLOSED)
		return 0;
	report(&o.report, LOG_ERR, "session failed: %s", err_text(e));
	return 1;
}
