/*
 * A hostile server against what makes many requests: listing, erasing, syncing (both ways, dry) and
 * sending a file. The first byte says which; the rest is read by the server, a few bytes for each
 * answer to whatever it was asked. Then it hangs up. Whatever it says: everything ends, and names
 * that leave the tree are never told.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "client/erase.h"
#include "client/job.h"
#include "client/list.h"
#include "client/sync.h"
#include "sftp/frame.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ANSWERS_MAX = 400, FILE_LEN = 100 * 1000 };

struct server {
	int fd;
	struct rd input;
	size_t n_answers;
};

static bool
send_response(struct server *s, const struct sftp_response *r)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
	return sftp_response_encode(r, &b) != ERR_OK ||
	       send(s->fd, buf_slice(&b).ptr, buf_len(&b), MSG_NOSIGNAL) == (ssize_t)buf_len(&b);
}

static struct sftp_attrs
read_attrs(struct server *s)
{
	static const uint32_t MODES[] = {
	    S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK | 0777, 0, S_IFIFO};
	uint8_t how = rd_u8(&s->input);

	return (struct sftp_attrs){.flags = how & 0xd,
	    .size = how & 0x80 ? UINT64_MAX - how : FILE_LEN,
	    .permissions = MODES[(how >> 4) % ARRAY_LEN(MODES)],
	    .mtime = how};
}

static void
read_names(struct server *s, struct buf *names, struct sftp_response *r)
{
	uint8_t n = rd_u8(&s->input) % 6;

	for (r->n_names = 0; r->n_names < n; r->n_names++) {
		struct slice name = rd_bytes(&s->input, rd_u8(&s->input) % 8);
		const struct sftp_name entry = {
		    .filename = name, .longname = name, .attrs = read_attrs(s)};
		BUG_ON(sftp_name_put(names, &entry) != ERR_OK);
	}
	r->names = buf_slice(names);
}

/* The type that fits, mostly. */
static bool
answer(struct server *s, const struct sftp_request *q)
{
	static uint8_t content[32 * 1024];
	static const uint8_t HASH[10 + 32] = "\0\0\0\6sha256";
	struct buf names _cleanup_(buf_fini);
	uint8_t how = rd_u8(&s->input);
	struct sftp_response r = {.type = SSH_FXP_STATUS, .id = q->id, .status = how % 9};

	buf_init(&names, 4096);
	if (q->kind == SFTP_REQ_INIT) {
		r = (struct sftp_response){.type = SSH_FXP_VERSION, .version = 3};
		if (how & 1)
			r.pairs = slice_of("\0\0\0\12check-file\0\0\0\6sha256", 24);
		return send_response(s, &r);
	}
	if (how < 0x40) {
		r.message = rd_bytes(&s->input, how % 4);
	} else if (q->kind == SFTP_REQ_OPEN || q->kind == SFTP_REQ_OPENDIR) {
		r = (struct sftp_response){.type = SSH_FXP_HANDLE, .id = q->id};
		r.handle = slice_of("h", how % 2);
	} else if (q->kind == SFTP_REQ_READDIR) {
		r = (struct sftp_response){.type = SSH_FXP_NAME, .id = q->id};
		read_names(s, &names, &r);
	} else if (q->kind == SFTP_REQ_READ) {
		size_t most = q->length < sizeof content ? q->length : sizeof content;
		r = (struct sftp_response){.type = SSH_FXP_DATA, .id = q->id};
		r.data = slice_of(content, how & 1 ? most : how);
	} else if (q->kind == SFTP_REQ_STAT || q->kind == SFTP_REQ_LSTAT) {
		r = (struct sftp_response){.type = SSH_FXP_ATTRS, .id = q->id};
		r.attrs = read_attrs(s);
	} else if (q->kind == SFTP_REQ_CHECK_FILE_NAME) {
		r = (struct sftp_response){.type = SSH_FXP_EXTENDED_REPLY, .id = q->id};
		r.extended = slice_of(HASH, how & 1 ? sizeof HASH : how % sizeof HASH);
	} else {
		r.status = how < 0xf0 ? SSH_FX_OK : how;
	}
	return send_response(s, &r);
}

static void *
serve(void *ctx)
{
	struct server *s = ctx;
	uint8_t bytes[16 * 1024];
	struct sftp_frame frame;
	struct slice packet;
	bool goes_on = true;
	ssize_t n;

	sftp_frame_init(&frame);
	while (goes_on && (n = read(s->fd, bytes, sizeof bytes)) > 0) {
		struct slice left = slice_of(bytes, (size_t)n);
		while (goes_on && sftp_frame_next(&frame, &left, &packet) == ERR_OK) {
			struct sftp_request q;
			BUG_ON(sftp_request_decode(packet, &q) != ERR_OK);
			goes_on = !s->input.failed && s->n_answers++ < ANSWERS_MAX && answer(s, &q);
		}
	}
	sftp_frame_fini(&frame);
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)close(s->fd);
	return NULL;
}

static bool
on_entry(void *ctx unused_arg, const struct sftp_name *name)
{
	BUG_ON(name->filename.len > LIST_NAME_MAX);
	return true;
}

static void
on_erased(void *ctx, struct slice path unused_arg, const struct ask_answer *a)
{
	size_t *n = ctx;

	(*n)++;
	BUG_ON((a->error == ERR_OK) != (a->story.text[0] == '\0'));
}

static void
on_decided(void *ctx unused_arg, enum sync_action action unused_arg, struct slice path,
    const char *why unused_arg)
{
	BUG_ON(slice_is(path, "..") || slice_starts_with(path, slice_str("/")) ||
	       slice_starts_with(path, slice_str("../")) || path.len == 0);
}

static void
on_ended(void *ctx, const struct job_result *result)
{
	size_t *n = ctx;

	(*n)++;
	BUG_ON(result->outcome == JOB_FAILED && result->story[0] == '\0');
}

static void
run_sync(struct remote **io_r, enum job_direction direction)
{
	static const struct sync_pattern PATTERNS[] = {{false, "x*"}};
	const struct sync_options options = {.dry_run = true,
	    .remove = true,
	    .checksum = direction == JOB_PUT,
	    .patterns = PATTERNS,
	    .n_patterns = 1};
	const struct sync_events events = {.decided = on_decided};
	struct sync_summary sum;
	struct story story;

	(void)sync_run(io_r, direction, "/t", "/etc/ssl", &options, &events, 0, -1, &sum, &story);
}

/* The file is one in memory. */
static void
run_put(struct remote **io_r, const struct job_options *options)
{
	char path[64];
	size_t n_ended = 0;
	const struct job_events events = {.ended = on_ended, .ctx = &n_ended};
	int fd = memfd_create("put", MFD_CLOEXEC);
	struct story story;
	struct job *j;

	BUG_ON(fd < 0 || ftruncate(fd, FILE_LEN) < 0);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const struct job_item item = {.direction = JOB_PUT, .remote = "/t/f", .local = path};
	BUG_ON(job_new(&j, *io_r, options, &events, 0) != ERR_OK);
	BUG_ON(job_add(j, &item) != ERR_OK);
	(void)job_run(j, -1, &story);
	*io_r = job_remote(j);
	job_free(j);
	(void)close(fd);
	BUG_ON(n_ended != 1);
}

static void
run(uint8_t what, struct remote **io_r)
{
	static const char *const PATHS[] = {"/a", "/b"};
	const struct erase_options recursive = {.recursive = true, .interrupt_fd = -1};
	static const struct job_options PUTS[] = {
	    {.connections = 1, .preserve = true, .verify = true},
	    {.connections = 1, .resume = JOB_RESUME_OURS},
	    {.connections = 1, .resume = JOB_RESUME_TARGET, .proof = JOB_PROOF_TAIL},
	};
	struct ask_answer a;
	size_t n_told = 0;
	enum err e;

	if (what == 0) {
		(void)ask_list(*io_r, slice_str("/d"), on_entry, NULL, &a);
	} else if (what == 1) {
		size_t n_failed = erase_paths(*io_r, PATHS, 2, &recursive, on_erased, &n_told, &e);
		BUG_ON(e == ERR_OK && (n_told < 2 || n_failed > 2));
	} else if (what <= 3) {
		run_sync(io_r, what == 2 ? JOB_GET : JOB_PUT);
	} else {
		run_put(io_r, &PUTS[what - 4]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct transport *t = NULL;
	struct remote *r = NULL;
	struct server s;
	struct story story;
	pthread_t thread;
	int fds[2];

	if (len < 2)
		return 0;
	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0);
	s = (struct server){.fd = fds[1], .input = rd_of(slice_of(data + 1, len - 1))};
	BUG_ON(pthread_create(&thread, NULL, serve, &s) != 0);
	BUG_ON(transport_plain_new(&t, fds[0]) != ERR_OK);
	if (remote_new(&r, t, 0, &story) == ERR_OK)
		run(data[0] % 7, &r);
	remote_free(r);
	BUG_ON(pthread_join(thread, NULL) != 0);
	return 0;
}
