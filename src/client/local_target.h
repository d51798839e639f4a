/*
 * A local file that is being fetched: written under a temporary name beside its target, locked, and
 * renamed when it is whole. What a server names stays beneath the root that the operator gave;
 * symbolic links are followed only where the operator gave one as the target.
 */
#ifndef CLIENT_LOCAL_TARGET_H
#define CLIENT_LOCAL_TARGET_H

#include <limits.h>

#include "client/task.h"

struct local_target {
	int dir_fd; /* the target's directory */
	int fd;     /* what is written to; -1: not open */
	char name[NAME_MAX + 1];
	char temp[JOB_TEMP_NAME_MAX]; /* "": in place */
	bool exists;                  /* a regular file has the target's name */
	mode_t mode;                  /* its permissions, then */
	uint64_t len;                 /* of what is there already, when it was opened to go on */
};

enum local_way {
	LOCAL_FRESH,   /* a temporary file from its beginning */
	LOCAL_OURS,    /* ... or what is left of an earlier run under the temporary name */
	LOCAL_IN_PLACE /* the target itself, going on with what it holds */
};

void local_target_init(struct local_target *l);

/* Closes; what was written under a temporary name stays when keep, else it goes. */
void local_target_fini(struct local_target *l, bool keep);

/*
 * Finds the directory and what has the name: beneath root, or local, the operator's own path, when
 * root is NULL. Creates nothing.
 */
enum err local_target_find(struct local_target *l, const char *local, struct local_root *root,
    const char *beneath) must_check;

/* Opens for writing. identity: job_temp_name's. Something else than a regular file, where the
 * operator named it himself, is written in place whatever the way. */
enum err local_target_open(
    struct local_target *l, enum local_way way, bool operators, struct slice identity) must_check;

/* What is left beyond this length is cut off. */
enum err local_target_cut(struct local_target *l, uint64_t len) must_check;

struct local_finish {
	bool fsync, no_clobber;
	bool set_times;
	uint32_t atime, mtime;
	mode_t mode; /* permission bits */
};
/* It gets its name. ERR_EXISTS: no_clobber. */
enum err local_target_finish(struct local_target *l, const struct local_finish *f) must_check;

#endif
