/* What is to be done about each name of a pair of directories. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/sync_internal.h"
#include "os/file.h"

/* A name, in the source, the target, or both. */
struct couple {
	struct sync_pair *p;
	struct sync_entry *source, *target;
	char *rel;
};

static struct sync_entry *
entry_find(const struct sync_entries *e, const char *name)
{
	size_t low = 0, high = e->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(e->items[mid].name, name);
		if (order == 0)
			return &e->items[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static bool
same_size(const struct sync_entry *a, const struct sync_entry *b)
{
	return (a->attrs.flags & b->attrs.flags & SSH_FILEXFER_ATTR_SIZE) &&
	       a->attrs.size == b->attrs.size;
}

/* Too old, too small, too large: passed over, and its counterpart left alone. */
static bool
is_wanted(const struct sync_options *o, const struct sync_entry *e)
{
	const struct sftp_attrs *a = &e->attrs;

	if (a->flags & SSH_FILEXFER_ATTR_SIZE) {
		if (a->size < o->min_size || (o->max_size > 0 && a->size > o->max_size))
			return false;
	}
	return o->max_age_us == 0 || !(a->flags & SSH_FILEXFER_ATTR_ACMODTIME) ||
	       (int64_t)a->mtime * US_PER_SEC >= time_now_us() - o->max_age_us;
}

static bool
takes(struct sync *s, const char *rel, bool is_dir)
{
	return sync_pattern_takes(s->o, slice_str(rel), is_dir);
}

/* Contents of equal length that --checksum wants compared. */
static bool
wants_proof(struct sync_pair *p, const struct sync_entry *source)
{
	const struct sync_entry *target = entry_find(&p->target, source->name);

	return source->kind == SYNC_FILE && !source->proved && target != NULL &&
	       target->kind == SYNC_FILE && same_size(source, target);
}

void
sync_proving_end(struct sync_proving *v)
{
	v->p->n_proofs--;
	v->p->s->n_proofs--;
	LIST_REMOVE(v, entry);
	(void)close(v->fd);
	free(v);
}

static void
on_proved(void *ctx, const struct proof_answer *answer)
{
	struct sync_proving *v = ctx;

	/* What can't be compared is moved again. */
	v->source->same = answer->outcome == PROOF_EQUAL;
	sync_proving_end(v);
}

static enum err
prove_begin(struct sync_pair *p, struct sync_entry *source, const char *rel)
{
	struct sync_proving *v = calloc(1, sizeof *v);
	char *path = sync_join(p->s->remote_root, rel);
	enum err e = v == NULL || path == NULL
			 ? ERR_NOMEM
			 : file_open_beneath(p->s->root_fd, rel, O_RDONLY | O_NONBLOCK, 0, &v->fd);

	if (e == ERR_OK) {
		v->p = p;
		v->source = source;
		const struct proof_config config = {.how = JOB_PROOF_HASH,
		    .local_fd = v->fd,
		    .path = slice_str(path),
		    .len = source->attrs.size,
		    .whole = true,
		    .done = on_proved,
		    .ctx = v};
		e = proof_start(&v->proof, p->s->r, &config);
		if (e != ERR_OK)
			(void)close(v->fd);
	}
	free(path);
	if (e != ERR_OK) {
		free(v);
		return e;
	}
	p->n_proofs++;
	p->s->n_proofs++;
	LIST_INSERT_HEAD(&p->s->provings, v, entry);
	return ERR_OK;
}

bool
sync_pair_prove(struct sync_pair *p)
{
	if (!p->s->o->checksum || p->failed || p->s->root_fd < 0)
		return true;
	for (; p->next_proof < p->source.n && p->s->n_proofs < SYNC_PROOFS; p->next_proof++) {
		struct sync_entry *source = &p->source.items[p->next_proof];
		char *rel = p->rel[0] == '\0' ? slice_dup(slice_str(source->name))
					      : sync_join(p->rel, source->name);
		if (rel == NULL)
			return false;
		bool wants = wants_proof(p, source) && takes(p->s, rel, false);
		if (wants && prove_begin(p, source, rel) == ERR_OK)
			source->proved = true;
		free(rel);
	}
	return p->n_proofs == 0 && p->next_proof == p->source.n;
}

/* Does the server keep times at all? Asked once, with the time that the file has already. */
static bool
times_are_kept(struct couple *c)
{
	struct sync *s = c->p->s;
	struct sftp_attrs attrs = {.flags = SSH_FILEXFER_ATTR_ACMODTIME,
	    .atime = c->target->attrs.atime,
	    .mtime = c->target->attrs.mtime};
	struct ask_answer answer;

	if (s->direction != JOB_PUT || s->o->dry_run || s->times == TIMES_KEPT)
		return true;
	if (s->times == TIMES_UNKNOWN) {
		char *path = sync_join(s->remote_root, c->rel);
		bool kept = path == NULL ||
			    ask_setstat(s->r, slice_str(path), &attrs, true, &answer) ||
			    remote_is_lost(s->r);
		free(path);
		s->times = kept ? TIMES_KEPT : TIMES_REFUSED;
		if (!kept)
			sync_notice(s, "the server refuses to set times: files are taken for equal "
				       "when their sizes are, and the server's is not older");
	}
	return s->times == TIMES_KEPT;
}

static void
time_why(const struct couple *c, char *why, size_t len)
{
	char now[TIME_TEXT_MAX], was[TIME_TEXT_MAX];

	time_text((int64_t)c->source->attrs.mtime * US_PER_SEC, now);
	time_text((int64_t)c->target->attrs.mtime * US_PER_SEC, was);
	(void)snprintf(why, len, "time %.19s, was %.19s", now, was);
}

/* Is the target's file not as the source's? why tells. */
static bool
differs(struct couple *c, char *why, size_t len)
{
	const struct sftp_attrs *a = &c->source->attrs, *b = &c->target->attrs;

	if (!same_size(c->source, c->target)) {
		(void)snprintf(why, len, "size %" PRIu64 ", was %" PRIu64, a->size, b->size);
		return true;
	}
	if (c->p->s->o->checksum) {
		(void)snprintf(why, len, "content");
		return !c->source->same;
	}
	if (!(a->flags & b->flags & SSH_FILEXFER_ATTR_ACMODTIME))
		return false;
	int64_t late = (int64_t)a->mtime - (int64_t)b->mtime;
	if (late >= -c->p->s->o->mtime_slack_s && late <= c->p->s->o->mtime_slack_s)
		return false;
	time_why(c, why, len);
	return late > 0 || times_are_kept(c);
}

static void
move(struct couple *c, enum sync_action action, const char *why)
{
	struct sync *s = c->p->s;
	struct sync_batch_item *item;

	*(action == SYNC_NEW ? &s->sum->n_new : &s->sum->n_changed) += 1;
	sync_tell(s, action, c->rel, why);
	if (s->o->dry_run) {
		s->sum->bytes += c->source->attrs.size;
		return;
	}
	s->batch = s->n_batch % SYNC_BATCH != 0 && s->batch != NULL
		       ? s->batch
		       : reallocarray(s->batch, s->n_batch + SYNC_BATCH, sizeof *s->batch);
	if (s->batch == NULL) {
		s->n_batch = 0;
		s->no_memory = true;
		return;
	}
	item = &s->batch[s->n_batch++];
	*item = (struct sync_batch_item){.remote = sync_join(s->remote_root, c->rel),
	    .local = sync_join(s->local_root, c->rel),
	    .attrs = c->source->attrs};
	if (item->remote == NULL || item->local == NULL)
		s->no_memory = true;
}

static void
conflict(struct couple *c, const char *what)
{
	char path[128], why[256];

	(void)snprintf(
	    why, sizeof why, "%s: %s", text_escape(slice_str(c->rel), path, sizeof path), what);
	sync_failed(c->p->s, why);
}

static void
decide_file(struct couple *c)
{
	struct sync *s = c->p->s;
	char why[96];

	if (!is_wanted(s->o, c->source)) {
		s->sum->n_excluded++;
	} else if (c->target == NULL) {
		move(c, SYNC_NEW, "");
	} else if (c->target->kind != SYNC_FILE) {
		conflict(c, "a file here, and something else in the target");
	} else if (differs(c, why, sizeof why)) {
		move(c, SYNC_CHANGED, why);
	} else {
		s->sum->n_equal++;
		sync_tell(s, SYNC_EQUAL, c->rel, "");
	}
}

/* A pair of its own, which follows after this one's other directories. */
static struct sync_pair *
descend(struct couple *c)
{
	struct sync *s = c->p->s;
	const char *name = c->source != NULL ? c->source->name : c->target->name;
	struct sync_pair *child = sync_pair_new(s, c->p->rel, name);

	if (child == NULL)
		s->no_memory = true;
	return child;
}

static struct sync_pair *
decide_dir(struct couple *c)
{
	struct sync *s = c->p->s;

	if (c->target != NULL && c->target->kind != SYNC_DIR) {
		conflict(c, "a directory here, and something else in the target");
		/* Nothing can be said of what is in it. */
		s->listing_failed = true;
		return NULL;
	}
	struct sync_pair *child = descend(c);
	if (child != NULL) {
		child->is_new = c->target == NULL;
		child->mode = c->source->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS
				  ? c->source->attrs.permissions
				  : 0755;
	}
	if (c->target == NULL)
		sync_tell(s, SYNC_MADE_DIR, c->rel, "");
	return child;
}

/* The source doesn't have it. Where patterns protect some of it, a directory is looked into. */
static struct sync_pair *
decide_gone(struct couple *c)
{
	struct sync *s = c->p->s;
	bool is_dir = c->target->kind == SYNC_DIR;
	bool looks = is_dir && s->o->n_patterns > 0;

	if (!s->o->remove)
		return NULL;
	if (!sync_removal_add(s, c->p->rel, c->target->name, is_dir, is_dir && !looks))
		s->no_memory = true;
	struct sync_pair *child = looks ? descend(c) : NULL;
	if (child != NULL)
		child->is_gone = true;
	return child;
}

static struct sync_pair *
decide_couple(struct couple *c)
{
	struct sync *s = c->p->s;
	const struct sync_entry *e = c->source != NULL ? c->source : c->target;

	if (!takes(s, c->rel, e->kind == SYNC_DIR)) {
		s->sum->n_excluded++;
		return NULL;
	}
	if (c->source == NULL)
		return decide_gone(c);
	if (e->kind == SYNC_DIR)
		return decide_dir(c);
	if (e->kind == SYNC_FILE) {
		decide_file(c);
		return NULL;
	}
	char path[128];
	sync_notice(s, "%s: skipped: it is %s", text_escape(slice_str(c->rel), path, sizeof path),
	    e->kind == SYNC_LINK ? "a symbolic link" : "neither a file nor a directory");
	return NULL;
}

void
sync_pair_decide(struct sync_pair *p)
{
	struct sync *s = p->s;
	struct sync_pair *child, *after = p;
	size_t i = 0, j = 0;

	if (p->failed)
		return;
	s->sum->n_dirs++;
	while ((i < p->source.n || j < p->target.n) && !s->no_memory) {
		int order = i == p->source.n ? 1
			    : j == p->target.n
				? -1
				: strcmp(p->source.items[i].name, p->target.items[j].name);
		struct couple c = {.p = p,
		    .source = order <= 0 ? &p->source.items[i++] : NULL,
		    .target = order >= 0 ? &p->target.items[j++] : NULL};
		const char *name = c.source != NULL ? c.source->name : c.target->name;
		c.rel = p->rel[0] == '\0' ? slice_dup(slice_str(name)) : sync_join(p->rel, name);
		if (c.rel == NULL) {
			s->no_memory = true;
			return;
		}
		if ((child = decide_couple(&c)) != NULL) {
			TAILQ_INSERT_AFTER(&s->pairs, after, child, entry);
			after = child;
		}
		free(c.rel);
	}
}
