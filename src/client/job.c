#include "client/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/job_internal.h"
#include "os/fd.h"

/* How many files may be open here at once. */
static size_t
tasks_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 2 * (rlim_t)JOB_FDS_KEPT)
		return JOB_FDS_KEPT / 2;
	return limit.rlim_cur > 8192 ? 8192 : (size_t)limit.rlim_cur - JOB_FDS_KEPT;
}

enum err
job_new(struct job **ret_j, struct remote *first, const struct job_options *options,
    const struct job_events *events, int64_t timeout_us)
{
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return ERR_NOMEM;
	j->options = *options;
	if (j->options.connections < 1)
		j->options.connections = 1;
	if (j->options.connections > JOB_CONNECTIONS_MAX)
		j->options.connections = JOB_CONNECTIONS_MAX;
	j->events = *events;
	j->timeout_us = timeout_us;
	j->worst = JOB_DONE;
	j->connect_outcome = TRANSPORT_LOGGED_IN;
	j->n_tasks_max = tasks_max();
	TAILQ_INIT(&j->entries);
	job_lines_init(j, first);
	*ret_j = j;
	return ERR_OK;
}

enum err
job_add(struct job *j, const struct job_item *item)
{
	if (j->n_waiting >= JOB_QUEUE || j->n_entries >= JOB_ENTRIES_MAX)
		return ERR_AGAIN;
	return job_entry_add(j, NULL, item, NULL, NULL);
}

void
job_tally(const struct job *j, struct job_tally *ret)
{
	const struct job_entry *first = TAILQ_FIRST(&j->entries);

	*ret = j->tally;
	ret->walking = !j->no_more || j->n_listings > 0;
	if (first == NULL || !first->begun)
		return;
	ret->current = first->item.remote;
	ret->current_bytes = first->bytes + first->resumed;
	ret->current_size = first->size_known ? first->item.attrs.size : 0;
}

struct remote *
job_remote(struct job *j)
{
	for (size_t i = 0; i < JOB_CONNECTIONS_MAX; i++) {
		struct remote *r = j->lines[i].remote;
		if (r != NULL && !remote_is_lost(r)) {
			j->lines[i].remote = NULL;
			j->lines[i].state = LINE_DEAD;
			return r;
		}
	}
	return NULL;
}

enum transport_outcome
job_connect_outcome(const struct job *j)
{
	return j->connect_outcome;
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < JOB_CONNECTIONS_MAX; i++)
		job_tasks_lost(&j->lines[i]);
	job_tasks_forget(j);
	job_entries_free(j);
	job_lines_fini(j);
	free(j);
}

struct local_root *
local_root_ref(struct local_root *root)
{
	if (root != NULL)
		root->n_refs++;
	return root;
}

void
local_root_unref(struct local_root *root)
{
	if (root == NULL || --root->n_refs > 0)
		return;
	fd_closep(&root->fd);
	free(root);
}

/* FNV-1a: spreads; nothing rests on nobody finding two with the same, for what is found under a
 * temporary name is locked and proved. */
static uint64_t
hash_of(struct slice s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.ptr[i]) * UINT64_C(1099511628211);
	return h;
}

void
job_temp_name(struct slice name, struct slice identity, bool random, char dst[JOB_TEMP_NAME_MAX])
{
	enum { AROUND = sizeof "." + 16 + sizeof ".part" }; /* with both dots and the terminator */
	uint64_t h = hash_of(identity);
	size_t len = name.len < JOB_TEMP_NAME_MAX - AROUND ? name.len : JOB_TEMP_NAME_MAX - AROUND;

	if (random && getrandom(&h, sizeof h, 0) != (ssize_t)sizeof h)
		h ^= (uint64_t)time_mono_us();
	/* Not in the middle of a character of UTF-8. */
	while (len < name.len && len > 0 && (name.ptr[len] & 0xc0) == 0x80)
		len--;
	(void)snprintf(dst, JOB_TEMP_NAME_MAX, ".%.*s.%016" PRIx64 ".part", (int)len,
	    (const char *)name.ptr, h);
}
