#include "client/glob.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/list.h"
#include "client/refusal.h"
#include "rules/glob.h"
#include "sftp/proto.h"

/* Of a part of a pattern: longer than any that fits a name. */
enum { GLOB_PART_MAX = 1024 };

bool
glob_has_magic(const char *pattern)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		else if (*pattern == '*' || *pattern == '?' || *pattern == '[')
			return true;
	}
	return false;
}

void
glob_unquote(char *pattern)
{
	char *to = pattern;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		*to++ = *pattern;
	}
	*to = '\0';
}

void
glob_matches_fini(struct glob_matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].path);
	free(m->items);
	*m = (struct glob_matches){0};
}

/* Takes the path over. */
static enum err
matches_add(struct glob_matches *m, char *path, const struct sftp_attrs *attrs)
{
	if (path == NULL)
		return ERR_NOMEM;
	if (m->n == GLOB_RESULTS_MAX) {
		free(path);
		return ERR_LIMIT;
	}
	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 16 : m->cap * 2;
		struct glob_match *more = reallocarray(m->items, cap, sizeof *more);
		if (more == NULL) {
			free(path);
			return ERR_NOMEM;
		}
		m->items = more;
		m->cap = cap;
	}
	m->items[m->n++] = (struct glob_match){.path = path, .attrs = *attrs};
	return ERR_OK;
}

/* One listing: what of a directory fits one part of the pattern. */
struct part_search {
	const char *base;
	const char *part;
	bool more; /* parts follow: it must be a directory, or lead to one */
	struct glob_matches *to;
	enum err error;
};

static char *
path_join(const char *base, struct slice name)
{
	size_t len = strlen(base);
	const char *slash = len == 0 || base[len - 1] == '/' ? "" : "/";
	char *path = NULL;

	if (asprintf(&path, "%s%s%.*s", base, slash, SLICE_ARG(name)) < 0)
		return NULL;
	return path;
}

static bool
may_be_dir(const struct sftp_attrs *a)
{
	return (a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) == 0 || S_ISDIR(a->permissions) ||
	       S_ISLNK(a->permissions) || (a->permissions & S_IFMT) == 0;
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct part_search *s = ctx;
	char text[LIST_NAME_MAX + 1];

	if (!list_name_is_safe(name->filename) || !slice_copy(name->filename, text, sizeof text) ||
	    !glob_match(s->part, text) || (s->more && !may_be_dir(&name->attrs)))
		return true;
	s->error = matches_add(s->to, path_join(s->base, name->filename), &name->attrs);
	return s->error == ERR_OK;
}

/* What the pattern cuts into a part, and what follows it; slashes stay in front of the rest. */
static const char *
next_part(const char *pattern, char part[GLOB_PART_MAX])
{
	size_t len = strcspn(pattern, "/");

	part[0] = '\0';
	if (len >= GLOB_PART_MAX)
		return NULL;
	memcpy(part, pattern, len);
	part[len] = '\0';
	return pattern + len;
}

/* Every path of from, with one part more. */
static bool
expand_part(struct remote *r, const struct glob_matches *from, const char *part, bool more,
    struct glob_matches *to, struct ask_answer *a)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *base = from->items[i].path;
		struct part_search s = {.base = base, .part = part, .more = more, .to = to};
		if (!ask_list(r, slice_str(base[0] == '\0' ? "." : base), on_entry, &s, a)) {
			/* As glob(3): a directory that can't be read has nothing that fits. */
			if (remote_is_lost(r) || a->error == ERR_AGAIN)
				return false;
			*a = (struct ask_answer){.error = ERR_OK};
		}
		if (s.error != ERR_OK) {
			refusal_own(a, "looking for", slice_str(part), s.error, err_text(s.error));
			return false;
		}
	}
	return true;
}

/* Plain parts and slashes just go behind every path so far; then their attributes aren't known. */
static enum err
append_plain(struct glob_matches *m, const char *text, size_t len)
{
	for (size_t i = 0; i < m->n; i++) {
		char *path = NULL;
		if (asprintf(&path, "%s%.*s", m->items[i].path, (int)len, text) < 0)
			return ERR_NOMEM;
		free(m->items[i].path);
		m->items[i].path = path;
		m->items[i].attrs = (struct sftp_attrs){0};
		glob_unquote(path + strlen(path) - len);
	}
	return ERR_OK;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct glob_match *)a)->path, ((const struct glob_match *)b)->path);
}

/* Of those whose attributes aren't known, the ones that there are. */
static bool
keep_existing(struct remote *r, struct glob_matches *m, struct ask_answer *a)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct glob_match *item = &m->items[i];
		if (item->attrs.flags != 0 ||
		    ask_lstat(r, slice_str(item->path), &item->attrs, a)) {
			m->items[n++] = *item;
			continue;
		}
		free(item->path);
		item->path = NULL;
		if (remote_is_lost(r) || a->error == ERR_AGAIN) {
			for (size_t left = i + 1; left < m->n; left++)
				m->items[n++] = m->items[left];
			m->n = n;
			return false;
		}
	}
	m->n = n;
	return true;
}

static bool
no_memory(struct ask_answer *a, const char *pattern, enum err e)
{
	refusal_own(a, "looking for", slice_str(pattern), e, err_text(e));
	return false;
}

/* Goes through the pattern part by part; *io holds what fits so far. */
static bool
expand(struct remote *r, const char *pattern, struct glob_matches *io, struct ask_answer *a)
{
	char part[GLOB_PART_MAX];

	for (const char *at = pattern; *at != '\0';) {
		size_t slashes = strspn(at, "/");
		enum err e = append_plain(io, at, slashes);
		const char *next = next_part(at + slashes, part);
		if (e == ERR_OK && next == NULL)
			e = ERR_NAMETOOLONG;
		if (e == ERR_OK && !glob_has_magic(part))
			e = append_plain(io, part, strlen(part));
		if (e != ERR_OK)
			return no_memory(a, pattern, e);
		if (glob_has_magic(part)) {
			struct glob_matches more = {0};
			bool ok = expand_part(r, io, part, *next != '\0', &more, a);
			glob_matches_fini(io);
			*io = more;
			if (!ok)
				return false;
		}
		at = next;
	}
	return true;
}

static bool
take_plain(struct remote *r, const char *pattern, bool must_exist, struct glob_matches *ret,
    struct ask_answer *a)
{
	struct sftp_attrs attrs = {0};
	char *path = strdup(pattern);

	if (path == NULL)
		return no_memory(a, pattern, ERR_NOMEM);
	glob_unquote(path);
	if (must_exist && !ask_stat(r, slice_str(path), &attrs, a)) {
		free(path);
		return false;
	}
	enum err e = matches_add(ret, path, &attrs);
	return e == ERR_OK || no_memory(a, pattern, e);
}

bool
glob_remote(struct remote *r, const char *pattern, bool must_exist, struct glob_matches *ret,
    struct ask_answer *a)
{
	const struct sftp_attrs unknown = {0};

	*ret = (struct glob_matches){0};
	*a = (struct ask_answer){.error = ERR_OK};
	if (!glob_has_magic(pattern))
		return take_plain(r, pattern, must_exist, ret, a);
	enum err e = matches_add(ret, strdup(""), &unknown);
	bool ok = e == ERR_OK ? expand(r, pattern, ret, a) : no_memory(a, pattern, e);
	ok = ok && keep_existing(r, ret, a);
	if (ok && ret->n == 0) {
		refusal_own(a, "looking for", slice_str(pattern), ERR_NOENT, "nothing fits");
		ok = false;
	}
	if (!ok) {
		glob_matches_fini(ret);
		return false;
	}
	*a = (struct ask_answer){.error = ERR_OK};
	qsort(ret->items, ret->n, sizeof *ret->items, compare_paths);
	return true;
}
