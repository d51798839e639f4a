/* One pair of directories: both sides listed, the target's made when it isn't there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "client/sync_internal.h"
#include "os/fd.h"
#include "os/file.h"
#include "sftp/proto.h"

static struct sync_entries *
remote_side(struct sync_pair *p)
{
	return p->s->direction == JOB_GET ? &p->source : &p->target;
}

static struct sync_entries *
local_side(struct sync_pair *p)
{
	return p->s->direction == JOB_GET ? &p->target : &p->source;
}

static void
entries_fini(struct sync_entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->items[i].name);
	free(e->items);
	*e = (struct sync_entries){0};
}

static bool
entries_add(struct sync_entries *e, struct slice name, const struct sync_entry *entry)
{
	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 16 : e->cap * 2;
		struct sync_entry *items = reallocarray(e->items, cap, sizeof *items);
		if (items == NULL)
			return false;
		e->items = items;
		e->cap = cap;
	}
	e->items[e->n] = *entry;
	e->items[e->n].name = slice_dup(name);
	return e->items[e->n].name != NULL && ++e->n > 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct sync_entry *)a)->name, ((const struct sync_entry *)b)->name);
}

/* Sorted; a server that says a name twice is believed once. */
static void
entries_sort(struct sync_entries *e)
{
	size_t n = 0;

	if (e->n < 2)
		return;
	qsort(e->items, e->n, sizeof *e->items, compare);
	for (size_t i = 0; i < e->n; i++) {
		if (n > 0 && strcmp(e->items[n - 1].name, e->items[i].name) == 0)
			free(e->items[i].name);
		else
			e->items[n++] = e->items[i];
	}
	e->n = n;
}

static void
pair_wait(struct sync_pair *p, int state)
{
	p->state = state == PAIR_MADE ? PAIR_MADE : PAIR_LISTING;
	p->s->n_listing++;
}

/* The answer is there. */
static void
pair_back(struct sync_pair *p)
{
	p->list = NULL;
	p->state = PAIR_WAITING;
	p->s->n_listing--;
}

static void
pair_forget_names(struct sync_pair *p)
{
	entries_fini(&p->source);
	entries_fini(&p->target);
}

struct sync_pair *
sync_pair_new(struct sync *s, const char *dir, const char *name)
{
	struct sync_pair *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->s = s;
	p->rel = dir[0] == '\0' ? slice_dup(slice_str(name)) : sync_join(dir, name);
	if (p->rel != NULL)
		return p;
	free(p);
	return NULL;
}

void
sync_pair_free(struct sync_pair *p)
{
	if (p == NULL)
		return;
	pair_forget_names(p);
	free(p->rel);
	free(p);
}

void
sync_pair_lost(struct sync_pair *p)
{
	/* What was being compared is compared again. */
	p->next_proof = 0;
	for (size_t i = 0; i < p->source.n; i++)
		p->source.items[i].proved = false;
	if (p->state == PAIR_WAITING || p->state == PAIR_LISTED)
		return;
	pair_back(p);
	pair_forget_names(p);
}

void
sync_pair_leave(struct sync_pair *p)
{
	if (p->state != PAIR_LISTING)
		return;
	list_forget(p->list);
	pair_back(p);
}

static void
pair_failed(struct sync_pair *p, const char *why)
{
	p->failed = true;
	p->s->listing_failed = true;
	sync_failed(p->s, why);
}

static enum sync_kind
kind_of(uint32_t mode)
{
	if (S_ISDIR(mode))
		return SYNC_DIR;
	if (S_ISLNK(mode))
		return SYNC_LINK;
	return S_ISREG(mode) ? SYNC_FILE : SYNC_OTHER;
}

/* From its mode, or how a listing's line begins where the server tells no mode. */
static enum sync_kind
kind_of_name(const struct sftp_name *name)
{
	if ((name->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) &&
	    (name->attrs.permissions & S_IFMT) != 0)
		return kind_of(name->attrs.permissions);
	uint8_t first = name->longname.len > 0 ? name->longname.ptr[0] : '-';
	return first == 'd' ? SYNC_DIR : first == 'l' ? SYNC_LINK : SYNC_FILE;
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct sync_pair *p = ctx;
	struct sync_entry entry = {.kind = kind_of_name(name), .attrs = name->attrs};
	char text[128], why[192];

	if (slice_is(name->filename, ".") || slice_is(name->filename, ".."))
		return true;
	if (!list_name_is_safe(name->filename)) {
		(void)snprintf(why, sizeof why, "listing: \"%s\": no name that a file may have",
		    text_escape(name->filename, text, sizeof text));
		pair_failed(p, why);
		return true;
	}
	if (!entries_add(remote_side(p), name->filename, &entry))
		p->s->no_memory = true;
	return !p->s->no_memory;
}

static void
pair_listed(struct sync_pair *p)
{
	entries_sort(&p->source);
	entries_sort(&p->target);
	p->state = PAIR_LISTED;
}

static void
on_listed(void *ctx, const struct ask_answer *answer)
{
	struct sync_pair *p = ctx;

	pair_back(p);
	if (answer->error == ERR_NOENT && p->rel[0] == '\0' && p->s->direction == JOB_PUT) {
		/* The tree's own top: it is made. */
		p->is_new = true;
		pair_forget_names(p);
		return;
	}
	if (answer->error != ERR_OK)
		pair_failed(p, answer->story.text);
	pair_listed(p);
}

/* A link is looked at itself; what can't be looked at fails the pair. */
static enum err
local_entry(struct sync_pair *p, int dir_fd, const char *name)
{
	struct sync_entry entry = {0};
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ERR_OK;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ERR_OK : err_last();
	sftp_attrs_from_stat(&entry.attrs, &st);
	entry.kind = kind_of(st.st_mode);
	return entries_add(local_side(p), slice_str(name), &entry) ? ERR_OK : ERR_NOMEM;
}

static enum err
local_read(struct sync_pair *p)
{
	int fd _cleanup_(fd_closep) = -1;
	struct dirent *entry;

	if (p->s->root_fd < 0)
		return ERR_OK;
	enum err e = file_open_beneath(
	    p->s->root_fd, p->rel[0] == '\0' ? "." : p->rel, O_RDONLY | O_DIRECTORY, 0, &fd);
	if (e != ERR_OK)
		return e;
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		return err_last();
	int dir_fd = fd_take(&fd);
	/* Only readdir's own errno tells of it: a name that is gone again has set it, too. */
	while (e == ERR_OK && (errno = 0, entry = readdir(dir)) != NULL)
		e = local_entry(p, dir_fd, entry->d_name);
	if (e == ERR_OK && errno != 0)
		e = err_last();
	(void)closedir(dir);
	return e;
}

static enum err
list_remote(struct sync_pair *p)
{
	char *path = sync_join(p->s->remote_root, p->rel);
	const struct list_config config = {
	    .path = slice_str(path), .entry = on_entry, .done = on_listed, .ctx = p};

	if (path == NULL)
		return ERR_NOMEM;
	enum err e = list_start(&p->list, p->s->r, &config);
	free(path);
	if (e == ERR_OK)
		pair_wait(p, PAIR_LISTING);
	return e;
}

static void
on_made(void *ctx, const struct sftp_reply *reply)
{
	struct sync_pair *p = ctx;
	struct ask_answer answer = {0};

	pair_back(p);
	if (reply->status != SSH_FX_OK) {
		/* An earlier try may have made it, and its answer was lost: then it can be listed.
		 */
		refusal_tell(&answer, "making", slice_str(p->rel), reply);
		sync_notice(p->s, "%s", answer.story.text);
		p->is_new = false;
		pair_forget_names(p);
		return;
	}
	pair_listed(p);
}

static enum err
make_remote(struct sync_pair *p)
{
	const struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = (p->mode & 0777) | 0700};
	char *path = sync_join(p->s->remote_root, p->rel);

	if (path == NULL)
		return ERR_NOMEM;
	enum err e =
	    sftp_client_mkdir_with(remote_sftp(p->s->r), slice_str(path), &attrs, on_made, p);
	free(path);
	if (e == ERR_OK)
		pair_wait(p, PAIR_MADE);
	return e;
}

/* ERR_EXISTS is none: a directory that has appeared meanwhile. */
static enum err
make_local(struct sync_pair *p)
{
	int parent _cleanup_(fd_closep) = -1;
	const char *name;

	enum err e = file_open_parent(p->s->root_fd, p->rel, &parent, &name);
	if (e == ERR_OK && mkdirat(parent, name, (p->mode & 0777) | 0700) < 0 && errno != EEXIST)
		e = err_last();
	return e;
}

static void
fail_local(struct sync_pair *p, const char *what, enum err e)
{
	char path[128], why[256];

	(void)snprintf(why, sizeof why, "%s: %s: %s", what,
	    text_escape(slice_str(p->rel), path, sizeof path), err_text(e));
	pair_failed(p, why);
}

enum err
sync_pair_begin(struct sync_pair *p)
{
	bool put = p->s->direction == JOB_PUT;
	bool makes = p->is_new && !p->s->o->dry_run;
	enum err e = ERR_OK;

	if (makes && !put && p->rel[0] != '\0' && (e = make_local(p)) != ERR_OK)
		fail_local(p, "making", e);
	/* The local side costs no waiting; it isn't there where the target is to be made. */
	bool local_is = put ? !p->is_gone : !p->is_new;
	if (e == ERR_OK && local_is && (e = local_read(p)) != ERR_OK)
		fail_local(p, "listing", e);
	if (e == ERR_NOMEM)
		p->s->no_memory = true;
	bool remote_is = put ? !p->is_new : !p->is_gone;
	if (p->failed || (!remote_is && !(put && makes))) {
		pair_listed(p);
		return ERR_OK;
	}
	e = remote_is ? list_remote(p) : make_remote(p);
	if (e != ERR_OK)
		pair_forget_names(p);
	return e;
}
