/*
 * A server in a process of its own, over a scratch directory, with awkward habits on request; and
 * a local scratch directory beside it.
 */
#ifndef TESTS_CLIENT_WORLD_H
#define TESTS_CLIENT_WORLD_H

#include <sys/types.h>

#include "client/remote.h"
#include "scratch.h"
#include "sftp/fs.h"

enum { WORLD_REFUSED_MAX = 8, WORLD_SERVERS_MAX = 256 };

struct world_habits {
	/* As sftp-server(8) names them: refused, and where they are extensions not offered. Without
	 * "limits" nothing is expected of the order of its acts. */
	const char *refused[WORLD_REFUSED_MAX];
	void (*tweak)(struct sftp_fs_ops *ops);
	uint64_t seed;     /* answers are told in an order made from it; 0: in order */
	size_t dies_at;    /* before it acts on this request, counted from 1; 0: never */
	size_t dies_times; /* how many servers do, one after another */
};

struct world {
	struct scratch there, here;
	struct world_habits habits;
	struct remote *r;
	size_t n_started;
	pid_t servers[WORLD_SERVERS_MAX];
};

void world_init(struct world *w, const struct world_habits *habits);
/* Connects w->r, too. */
void world_start(struct world *w, const struct world_habits *habits);
void world_fini(struct world *w);

/* For job_events.connect; ctx is the world. */
enum transport_outcome world_connect(void *ctx, struct transport **ret_t, struct story *story);

/* A path in either directory, valid until the eighth call after. */
const char *world_there(const struct world *w, const char *name);
const char *world_here(const struct world *w, const char *name);

/* A file of len bytes that depend on offset and seed. */
void world_file(const struct scratch *s, const char *name, size_t len, unsigned seed);
bool world_is_file(const struct scratch *s, const char *name, size_t len, unsigned seed);
bool world_exists(const struct scratch *s, const char *name);
/* How many names a directory has. */
size_t world_count(const struct scratch *s, const char *dir);
void world_set_time(const struct scratch *s, const char *name, int64_t mtime);
int64_t world_time(const struct scratch *s, const char *name);

#endif
