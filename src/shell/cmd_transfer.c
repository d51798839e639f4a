/* get and put: from patterns and a target to a list of what goes where. */
#include "shell/commands.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>

#include "client/list.h"
#include "shell/paths.h"
#include "shell/shell.h"
#include "shell/transfer.h"

static struct transfer
transfer_of(const struct shell *s, const struct call *c, enum job_direction direction)
{
	const struct arguments *a = s->arguments;

	return (struct transfer){
	    .direction = direction,
	    .resume = a->resume || call_has(c, 'a'),
	    .fsync = a->fsync || call_has(c, 'f'),
	    .preserve = a->preserve || call_has(c, 'p') || call_has(c, 'P'),
	    .recursive = a->recursive || call_has(c, 'r') || call_has(c, 'R'),
	};
}

static bool
is_local_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Only of a file: behind a link is another one, and a directory that isn't wanted (-r) is for the
 * job to find and to refuse. */
static const struct sftp_attrs *
known_attrs(const struct transfer *t, const struct sftp_attrs *attrs)
{
	bool typed = (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0;
	bool is_file = typed && S_ISREG(attrs->permissions);
	bool is_wanted_directory = typed && S_ISDIR(attrs->permissions) && t->recursive;

	return is_file || is_wanted_directory ? attrs : NULL;
}

/*
 * Where one match goes: the target itself, or its name in it. The name may be the server's own
 * idea; "." is what somebody typed who wants a directory's content.
 */
static bool
add_download(
    struct shell *s, struct transfer *t, const struct glob_match *m, const char *target, bool into)
{
	struct slice name = path_name(m->path);
	char *bare _cleanup_(shell_freep) = shell_keep(slice_dup(name));

	if (target != NULL && !into) {
		transfer_add(t, shell_keep(strdup(m->path)), shell_keep(strdup(target)),
		    known_attrs(t, &m->attrs));
		return true;
	}
	if (!slice_is(name, ".") && !list_name_is_safe(name)) {
		char *shown _cleanup_(shell_freep) = shell_safe(m->path);
		return shell_fail(s, "\"%s\": not a name for a local file", shown);
	}
	transfer_add(t, shell_keep(strdup(m->path)),
	    target == NULL ? shell_keep(strdup(bare)) : path_join(target, bare),
	    known_attrs(t, &m->attrs));
	return true;
}

static bool
get_matches(struct shell *s, struct transfer *t, const struct glob_matches *m, const char *target)
{
	bool into = target != NULL && is_local_directory(target), good = true;

	if (m->n > 1 && target != NULL && !into) {
		char *shown _cleanup_(shell_freep) = shell_safe(target);
		return shell_fail(
		    s, "Multiple source paths, but destination \"%s\" is not a directory", shown);
	}
	for (size_t i = 0; i < m->n; i++)
		good &= add_download(s, t, &m->items[i], target, into);
	return transfer_run(s, t) && good;
}

static bool
get(struct shell *s, struct transfer *t, const char *pattern, const char *target)
{
	char *absolute _cleanup_(shell_freep) = shell_remote_pattern(s, pattern);
	char *local _cleanup_(shell_freep) = target == NULL ? NULL : shell_local_path(target);
	struct glob_matches m _cleanup_(glob_matches_fini) = {.n = 0};
	struct ask_answer a;

	if (!glob_remote(s->remote, absolute, true, &m, &a)) {
		glob_unquote(absolute);
		char *shown _cleanup_(shell_freep) = shell_safe(absolute);
		return a.error == ERR_NOENT
			   ? shell_fail(s, "File \"%s\" not found.", shown)
			   : shell_refused(s, "Couldn't look for \"", absolute, "\"", &a);
	}
	return get_matches(s, t, &m, local);
}

bool
shell_cmd_get(struct shell *s, const struct call *c)
{
	struct transfer t _cleanup_(transfer_fini) = transfer_of(s, c, JOB_GET);

	return get(s, &t, c->paths[0], c->paths[1]);
}

bool
shell_get_first(struct shell *s, const char *pattern, const char *target)
{
	const struct call plain = {.flags = ""};
	struct transfer t _cleanup_(transfer_fini) = transfer_of(s, &plain, JOB_GET);

	return get(s, &t, pattern, target);
}

static bool
is_remote_directory(struct shell *s, const char *path)
{
	struct sftp_attrs attrs;
	struct ask_answer a;

	return ask_stat(s->remote, slice_str(path), &attrs, &a) &&
	       (attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && S_ISDIR(attrs.permissions);
}

static bool
add_upload(struct shell *s, struct transfer *t, const char *local, const char *target, bool into)
{
	struct stat st;

	if (stat(local, &st) < 0) {
		const char *why = strerror(errno);
		char *shown _cleanup_(shell_freep) = shell_safe(local);
		return shell_fail(s, "stat %s: %s", shown, why);
	}
	struct sftp_attrs attrs;
	char *name _cleanup_(shell_freep) = shell_keep(slice_dup(path_name(local)));
	sftp_attrs_from_stat(&attrs, &st);
	transfer_add(t, into ? path_join(target, name) : shell_keep(strdup(target)),
	    shell_keep(strdup(local)), known_attrs(t, &attrs));
	return true;
}

/* target: absolute; NULL: the directory that we are in. */
static bool
put_matches(struct shell *s, struct transfer *t, const glob_t *m, const char *target)
{
	bool into = target == NULL || is_remote_directory(s, target), good = true;

	if (shell_stops(s))
		return false;
	if (m->gl_pathc > 1 && !into) {
		char *shown _cleanup_(shell_freep) = shell_safe(target);
		return shell_fail(
		    s, "Multiple paths match, but destination \"%s\" is not a directory", shown);
	}
	for (size_t i = 0; i < m->gl_pathc; i++)
		good &= add_upload(s, t, m->gl_pathv[i], target == NULL ? s->cwd : target, into);
	return transfer_run(s, t) && good;
}

bool
shell_cmd_put(struct shell *s, const struct call *c)
{
	struct transfer t _cleanup_(transfer_fini) = transfer_of(s, c, JOB_PUT);
	char *target _cleanup_(shell_freep) =
	    c->paths[1] == NULL ? NULL : shell_remote_path(s, c->paths[1]);
	glob_t m;
	int failure = glob(c->paths[0], GLOB_NOCHECK | GLOB_TILDE, NULL, &m);

	if (failure != 0) {
		char *shown _cleanup_(shell_freep) = shell_safe(c->paths[0]);
		globfree(&m);
		return shell_fail(s, "File \"%s\" not found.", shown);
	}
	bool good = put_matches(s, &t, &m, target);
	globfree(&m);
	return good;
}
