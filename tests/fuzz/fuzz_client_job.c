/*
 * A hostile server against a whole job: a file that is known, one that isn't, and a tree are
 * fetched, and the input is what the server sends. Whatever it is: every item that was begun ends
 * once and in order, and nothing is written but beneath the target's directory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "client/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What a socket takes at once, so that nobody has to write while the job runs. */
enum { INPUT_MAX = 64 * 1024, TIMEOUT_US = 10 * 1000 * 1000 };

struct meeting {
	struct slice input;
	unsigned n_started, n_ended;
};

static char world[128];

static int
remove_one(const char *path, const struct stat *st unused_arg, int type unused_arg, struct FTW *ftw)
{
	return ftw->level == 0 ? 0 : remove(path);
}

static void
world_clear(void)
{
	(void)nftw(world, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
world_remove(void)
{
	world_clear();
	(void)rmdir(world);
}

static void
world_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[160];

	if (world[0] == '\0') {
		(void)snprintf(
		    world, sizeof world, "%s/dray-fuzz.XXXXXX", tmp == NULL ? "/tmp" : tmp);
		BUG_ON(mkdtemp(world) == NULL);
		(void)atexit(world_remove);
	}
	(void)snprintf(path, sizeof path, "%s/in", world);
	BUG_ON(mkdir(path, 0700) < 0);
}

/* Only "in" is here. */
static void
world_check(void)
{
	DIR *dir = opendir(world);
	const struct dirent *entry;

	BUG_ON(dir == NULL);
	while ((entry = readdir(dir)) != NULL)
		BUG_ON(strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		       strcmp(entry->d_name, "in") != 0);
	(void)closedir(dir);
}

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story unused_arg)
{
	const struct meeting *m = ctx;
	int fds[2];

	BUG_ON(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0);
	BUG_ON(
	    m->input.len > 0 && write(fds[1], m->input.ptr, m->input.len) != (ssize_t)m->input.len);
	BUG_ON(shutdown(fds[1], SHUT_WR) < 0);
	BUG_ON(transport_plain_new(ret_t, fds[0]) != ERR_OK);
	/* The other end stays open until the process ends or the next one takes its place. */
	static int other = -1;
	if (other >= 0)
		(void)close(other);
	other = fds[1];
	return TRANSPORT_LOGGED_IN;
}

static void
on_started(void *ctx, const struct job_item *item)
{
	struct meeting *m = ctx;

	BUG_ON(item->remote == NULL);
	m->n_started++;
}

static void
on_ended(void *ctx, const struct job_result *result)
{
	struct meeting *m = ctx;

	BUG_ON(++m->n_ended > m->n_started);
	BUG_ON(result->outcome == JOB_FAILED && result->story[0] == '\0');
	for (const char *c = result->story; *c != '\0'; c++)
		BUG_ON((unsigned char)*c < ' ');
}

static void
add(struct job *j, const char *remote, const char *local, uint32_t flags, uint32_t permissions)
{
	char path[192];
	const struct job_item item = {.direction = JOB_GET,
	    .remote = remote,
	    .local = path,
	    .attrs = {.flags = flags, .size = 300, .permissions = permissions}};

	(void)snprintf(path, sizeof path, "%s/in/%s", world, local);
	BUG_ON(job_add(j, &item) != ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct meeting m = {.input = {data + 1, len - 1}};
	struct job_events events = {
	    .connect = on_connect, .started = on_started, .ended = on_ended, .ctx = &m};
	struct job_options options = {.connections = 1, .recursive = true};
	struct story story;
	struct job *j;

	if (len == 0 || len > INPUT_MAX)
		return 0;
	options.preserve = (data[0] & 1) != 0;
	options.verify = (data[0] & 2) != 0;
	options.read_once = (data[0] & 4) != 0;
	options.follow = (data[0] & 8) != 0;
	options.resume = (data[0] & 16) != 0 ? JOB_RESUME_OURS : JOB_RESUME_NONE;
	world_make();
	BUG_ON(job_new(&j, NULL, &options, &events, TIMEOUT_US) != ERR_OK);
	add(j, "/f", "f", 5, S_IFREG | 0644);
	add(j, "/d", "d", 4, S_IFDIR | 0755);
	add(j, "/g", "g", 0, 0);
	(void)job_run(j, -1, &story);
	BUG_ON(m.n_started != m.n_ended);
	job_free(j);
	world_check();
	world_clear();
	return 0;
}
