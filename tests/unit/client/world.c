#include "client/world.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/bug.h"
#include "sftp/frame.h"
#include "sftp/proto.h"
#include "sftp/server.h"
#include "stdio/hostfs.h"

/* The server's process. */

struct serving {
	const struct world_habits *habits;
	struct sftp_server *server;
	struct sftp_frame input;
	int fd;
	size_t n_requests;
	uint64_t seed;
	bool dies;
};

static void
refuse_by_name(struct sftp_server *s, const char *name)
{
	const char *known;

	for (unsigned i = 0; (known = sftp_server_request_name(i)) != NULL; i++) {
		if (strcmp(known, name) == 0) {
			sftp_server_refuse(s, i);
			return;
		}
	}
	BUG("no such request");
}

static void
send_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n <= 0)
			_exit(0);
		bytes = slice_of(bytes.ptr + n, bytes.len - (size_t)n);
	}
}

/* Whole packets, each taken from a place that the seed says. */
static void
send_shuffled(struct serving *v, struct buf *output)
{
	enum { MOST = 64 };
	struct slice packets[MOST];

	while (buf_len(output) > 0) {
		struct rd r = rd_of(buf_slice(output));
		size_t n = 0, len = 0;
		while (n < MOST && r.left > 0) {
			const uint8_t *at = r.at;
			struct slice packet = rd_string(&r, SFTP_PACKET_MAX);
			BUG_ON(r.failed);
			packets[n++] = slice_of(at, SFTP_HEADER_LEN + packet.len);
			len += SFTP_HEADER_LEN + packet.len;
		}
		while (n > 0) {
			v->seed = v->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			size_t i = (size_t)(v->seed >> 33) % n;
			send_all(v->fd, packets[i]);
			packets[i] = packets[--n];
		}
		buf_consume(output, len);
	}
}

static void
serve_output(struct serving *v)
{
	struct buf *output = sftp_server_output(v->server);

	if (v->seed != 0) {
		send_shuffled(v, output);
		return;
	}
	send_all(v->fd, buf_slice(output));
	buf_clear(output);
}

static void
serve_packet(struct serving *v, struct slice packet)
{
	uint8_t head[SFTP_HEADER_LEN];
	struct slice parts[] = {{head, sizeof head}, packet};

	if (v->dies && ++v->n_requests == v->habits->dies_at)
		_exit(0);
	be32_store(head, (uint32_t)packet.len);
	for (size_t i = 0; i < ARRAY_LEN(parts);) {
		size_t taken = 0;
		if (sftp_server_feed(v->server, parts[i].ptr, parts[i].len, &taken) != ERR_OK)
			_exit(0);
		parts[i] = slice_of(parts[i].ptr + taken, parts[i].len - taken);
		if (parts[i].len == 0)
			i++;
		else
			serve_output(v);
	}
}

static void never_returns
serve(const struct world_habits *habits, int fd, bool dies)
{
	static uint8_t bytes[256 * 1024];
	struct serving v = {.habits = habits, .fd = fd, .seed = habits->seed, .dies = dies};
	struct sftp_fs_ops ops = *hostfs_ops();
	struct slice packet;
	size_t taken;
	ssize_t n;

	if (habits->tweak != NULL)
		habits->tweak(&ops);
	BUG_ON(sftp_server_new(&v.server, &ops, NULL, false) != ERR_OK);
	for (size_t i = 0; i < WORLD_REFUSED_MAX && habits->refused[i] != NULL; i++)
		refuse_by_name(v.server, habits->refused[i]);
	sftp_frame_init(&v.input);
	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		struct slice left = slice_of(bytes, (size_t)n);
		while (sftp_frame_next(&v.input, &left, &packet) == ERR_OK)
			serve_packet(&v, packet);
		while (sftp_server_has_work(v.server))
			BUG_ON(sftp_server_feed(v.server, NULL, 0, &taken) != ERR_OK);
		serve_output(&v);
	}
	_exit(0);
}

/* The test's. */

enum transport_outcome
world_connect(void *ctx, struct transport **ret_t, struct story *story unused_arg)
{
	struct world *w = ctx;
	int fds[2];

	BUG_ON(w->n_started == WORLD_SERVERS_MAX);
	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0);
	bool dies = w->habits.dies_at > 0 && w->n_started < w->habits.dies_times;
	pid_t pid = fork();
	BUG_ON(pid < 0);
	if (pid == 0) {
		(void)close(fds[0]);
		serve(&w->habits, fds[1], dies);
	}
	(void)close(fds[1]);
	w->servers[w->n_started++] = pid;
	BUG_ON(transport_plain_new(ret_t, fds[0]) != ERR_OK);
	return TRANSPORT_LOGGED_IN;
}

void
world_init(struct world *w, const struct world_habits *habits)
{
	*w = (struct world){.r = NULL};
	if (habits != NULL)
		w->habits = *habits;
	scratch_init(&w->there);
	scratch_init(&w->here);
}

void
world_start(struct world *w, const struct world_habits *habits)
{
	struct transport *t;
	struct story story;

	world_init(w, habits);
	BUG_ON(world_connect(w, &t, &story) != TRANSPORT_LOGGED_IN);
	BUG_ON(remote_new(&w->r, t, 60 * INT64_C(1000000), &story) != ERR_OK);
}

void
world_fini(struct world *w)
{
	remote_free(w->r);
	for (size_t i = 0; i < w->n_started; i++)
		BUG_ON(waitpid(w->servers[i], NULL, 0) != w->servers[i]);
	scratch_fini(&w->there);
	scratch_fini(&w->here);
}

static const char *
path_in(const struct scratch *s, const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % ARRAY_LEN(paths)];

	(void)snprintf(path, sizeof paths[0], "%s%s%s", s->path, *name == '\0' ? "" : "/", name);
	return path;
}

const char *
world_there(const struct world *w, const char *name)
{
	return path_in(&w->there, name);
}

const char *
world_here(const struct world *w, const char *name)
{
	return path_in(&w->here, name);
}

static uint8_t
byte_at(size_t offset, unsigned seed)
{
	return (uint8_t)(offset * 7 + offset / 251 + seed);
}

void
world_file(const struct scratch *s, const char *name, size_t len, unsigned seed)
{
	FILE *f = fopen(path_in(s, name), "we");

	BUG_ON(f == NULL);
	for (size_t i = 0; i < len; i++)
		(void)fputc(byte_at(i, seed), f);
	BUG_ON(fclose(f) != 0);
}

bool
world_is_file(const struct scratch *s, const char *name, size_t len, unsigned seed)
{
	FILE *f = fopen(path_in(s, name), "re");
	bool same = f != NULL;
	int c = 0;

	for (size_t i = 0; same && i < len; i++)
		same = (c = fgetc(f)) == byte_at(i, seed);
	same = same && fgetc(f) == EOF;
	if (f != NULL)
		(void)fclose(f);
	return same;
}

bool
world_exists(const struct scratch *s, const char *name)
{
	return faccessat(s->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

size_t
world_count(const struct scratch *s, const char *name)
{
	DIR *dir = opendir(path_in(s, name));
	size_t n = 0;

	BUG_ON(dir == NULL);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n - 2;
}

void
world_set_time(const struct scratch *s, const char *name, int64_t mtime)
{
	const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};

	BUG_ON(utimensat(s->fd, name, times, 0) < 0);
}

int64_t
world_time(const struct scratch *s, const char *name)
{
	struct stat st;

	BUG_ON(fstatat(s->fd, name, &st, 0) < 0);
	return st.st_mtim.tv_sec;
}
