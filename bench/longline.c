/*
 * A long line: passes connections on to a port of this machine and delays every byte, each way, by
 * half of a round trip. Nothing is lost, and the line is as wide as memory: what is under way is
 * bounded only so that a sender who never stops cannot fill it.
 *
 *	bench-longline TARGET-PORT ROUND-TRIP-MS
 *
 * Prints the port that it listens on. Ends by a signal, or when its standard input ends.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CHUNK_MAX = 256 * 1024,
	UNDER_WAY_MAX = 256 * 1024 * 1024, /* bytes of one direction */
	LINES_MAX = 256
};

/* Bytes that were sent together, and when they arrive. */
struct chunk {
	STAILQ_ENTRY(chunk) entry;
	int64_t due_us;
	size_t len, sent; /* len 0: the sender will send no more */
	uint8_t bytes[];
};

struct way {
	int from, to;
	STAILQ_HEAD(, chunk) chunks;
	size_t n_bytes;
	bool ended;   /* nothing more comes in */
	bool is_done; /* ... and nothing more goes out */
	bool blocked; /* the receiver takes nothing now */
};

struct line {
	struct way ways[2];
};

static struct line *lines[LINES_MAX];
static size_t n_lines;
static int64_t delay_us;
static int target_port;
static uint8_t input[CHUNK_MAX];

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void
set_nodelay(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int
connect_target(void)
{
	struct sockaddr_in to = loopback(target_port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void
way_init(struct way *w, int from, int to)
{
	*w = (struct way){.from = from, .to = to};
	STAILQ_INIT(&w->chunks);
}

static void
accept_line(int listener)
{
	int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int far = near < 0 ? -1 : connect_target();
	struct line *l = far < 0 || n_lines == LINES_MAX ? NULL : calloc(1, sizeof *l);

	if (l == NULL) {
		if (near >= 0)
			(void)close(near);
		if (far >= 0)
			(void)close(far);
		return;
	}
	set_nodelay(near);
	set_nodelay(far);
	way_init(&l->ways[0], near, far);
	way_init(&l->ways[1], far, near);
	lines[n_lines++] = l;
}

static void
way_drop_first(struct way *w)
{
	struct chunk *c = STAILQ_FIRST(&w->chunks);

	STAILQ_REMOVE_HEAD(&w->chunks, entry);
	w->n_bytes -= c->len;
	free(c);
}

static void
way_break(struct way *w)
{
	while (!STAILQ_EMPTY(&w->chunks))
		way_drop_first(w);
	w->ended = w->is_done = true;
	(void)shutdown(w->to, SHUT_WR);
}

/* What the sender has written leaves now, and arrives later. */
static void
way_take(struct way *w, int64_t now)
{
	ssize_t n = recv(w->from, input, sizeof input, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	size_t len = n < 0 ? 0 : (size_t)n;
	struct chunk *c = malloc(sizeof *c + len);
	if (c == NULL)
		die("malloc");
	*c = (struct chunk){.due_us = now + delay_us, .len = len};
	__builtin_memcpy(c->bytes, input, len);
	STAILQ_INSERT_TAIL(&w->chunks, c, entry);
	w->n_bytes += len;
	w->ended = len == 0;
}

/* What has arrived is given to the receiver, as far as it takes it. */
static void
way_give(struct way *w, int64_t now)
{
	struct chunk *c;

	w->blocked = false;
	while ((c = STAILQ_FIRST(&w->chunks)) != NULL && c->due_us <= now) {
		if (c->len == 0) {
			way_break(w);
			return;
		}
		ssize_t n =
		    send(w->to, c->bytes + c->sent, c->len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			w->blocked = true;
			return;
		}
		if (n < 0) {
			way_break(w);
			return;
		}
		c->sent += (size_t)n;
		if (c->sent == c->len)
			way_drop_first(w);
	}
}

static void
line_close(size_t i)
{
	struct line *l = lines[i];

	(void)close(l->ways[0].from);
	(void)close(l->ways[0].to);
	free(l);
	lines[i] = lines[--n_lines];
}

/* Two entries for each line, one for each end: what to read there, and what to write. */
static void
fill_poll(struct pollfd *fds)
{
	for (size_t i = 0; i < n_lines; i++) {
		for (size_t k = 0; k < 2; k++) {
			const struct way *out = &lines[i]->ways[k], *in = &lines[i]->ways[1 - k];
			short events = 0;
			if (!out->ended && out->n_bytes < UNDER_WAY_MAX)
				events |= POLLIN;
			if (in->blocked)
				events |= POLLOUT;
			/* An end that is only waited for must not wake us. */
			fds[2 * i + k] =
			    (struct pollfd){.fd = events == 0 ? -1 : out->from, .events = events};
		}
	}
}

static int64_t
next_due(void)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < n_lines; i++) {
		for (size_t k = 0; k < 2; k++) {
			const struct way *w = &lines[i]->ways[k];
			const struct chunk *c = STAILQ_FIRST(&w->chunks);
			if (c != NULL && !w->blocked && c->due_us < due)
				due = c->due_us;
		}
	}
	return due;
}

static void
wait_for_work(struct pollfd *fds, size_t n)
{
	int64_t due = next_due(), left = due == INT64_MAX ? 0 : due - now_us();
	struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};

	if (left < 0)
		t = (struct timespec){0};
	if (ppoll(fds, n, due == INT64_MAX ? NULL : &t, NULL) < 0 && errno != EINTR)
		die("ppoll");
}

static void
serve(int listener)
{
	static struct pollfd fds[2 * LINES_MAX + 2];

	for (;;) {
		size_t n = n_lines;
		fill_poll(fds);
		fds[2 * n] = (struct pollfd){.fd = listener, .events = POLLIN};
		fds[2 * n + 1] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		wait_for_work(fds, 2 * n + 2);
		if (fds[2 * n + 1].revents != 0)
			return;
		int64_t now = now_us();
		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < 2; k++) {
				struct way *w = &lines[i]->ways[k];
				if ((fds[2 * i + k].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
				    !w->ended)
					way_take(w, now);
				way_give(w, now);
			}
		}
		for (size_t i = n_lines; i-- > 0;) {
			if (lines[i]->ways[0].is_done && lines[i]->ways[1].is_done)
				line_close(i);
		}
		if (fds[2 * n].revents != 0)
			accept_line(listener);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = loopback(0);
	socklen_t at_len = sizeof at;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: bench-longline TARGET-PORT ROUND-TRIP-MS\n");
		return 2;
	}
	target_port = (int)strtol(argv[1], NULL, 10);
	delay_us = (int64_t)(strtod(argv[2], NULL) * 1000 / 2);
	(void)signal(SIGPIPE, SIG_IGN);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(listener, LINES_MAX) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &at_len) < 0)
		die("listen");
	(void)printf("%d\n", ntohs(at.sin_port));
	(void)fflush(stdout);
	serve(listener);
	return 0;
}
