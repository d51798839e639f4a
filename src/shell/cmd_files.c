/* Names on the server: where we are, made, renamed, removed, linked, copied. */
#include "sftp/proto.h"
#include "shell/commands.h"
#include "shell/paths.h"
#include "shell/shell.h"

enum { DIRECTORY_MODE = 0777, PATH_BYTES_MAX = 64 * 1024 };

bool
shell_cmd_bye(struct shell *s, const struct call *c unused_arg)
{
	s->leave = true;
	return true;
}

bool
shell_cmd_help(struct shell *s, const struct call *c unused_arg)
{
	shell_help(s->out);
	return true;
}

bool
shell_cmd_version(struct shell *s, const struct call *c unused_arg)
{
	fprintf(s->out, "SFTP protocol version %d\n", SFTP_VERSION);
	return true;
}

bool
shell_cmd_pwd(struct shell *s, const struct call *c unused_arg)
{
	char *shown _cleanup_(shell_freep) = shell_safe(s->cwd);

	fprintf(s->out, "Remote working directory: %s\n", shown);
	return true;
}

static bool
is_directory(const struct sftp_attrs *attrs)
{
	return (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && S_ISDIR(attrs->permissions);
}

/* A server that doesn't tell types is believed: what is asked for in there will show. */
static bool
check_directory(struct shell *s, const char *path)
{
	struct sftp_attrs attrs;
	struct ask_answer a;
	char *shown _cleanup_(shell_freep) = shell_safe(path);

	if (!ask_stat(s->remote, slice_str(path), &attrs, &a))
		return shell_refused(s, "stat remote \"", path, "\"", &a);
	if ((attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && !is_directory(&attrs))
		return shell_fail(s, "Can't change directory: \"%s\" is not a directory", shown);
	return true;
}

bool
shell_cmd_cd(struct shell *s, const struct call *c)
{
	bool somewhere = c->paths[0] != NULL && c->paths[0][0] != '\0';
	char *wanted _cleanup_(shell_freep) =
	    somewhere ? shell_remote_path(s, c->paths[0]) : shell_keep(strdup(s->start));
	struct buf real _cleanup_(buf_fini);
	struct ask_answer a;

	buf_init(&real, PATH_BYTES_MAX);
	if (!ask_realpath(s->remote, slice_str(wanted), &real, &a))
		return shell_refused(s, "realpath \"", wanted, "\"", &a);
	char *path _cleanup_(shell_freep) = shell_keep(slice_dup(buf_slice(&real)));
	if (!check_directory(s, path))
		return false;
	free(s->cwd);
	s->cwd = shell_keep(strdup(path));
	return true;
}

bool
shell_cmd_mkdir(struct shell *s, const struct call *c)
{
	char *path _cleanup_(shell_freep) = shell_remote_path(s, c->paths[0]);
	struct ask_answer a;

	if (ask_mkdir(s->remote, slice_str(path), DIRECTORY_MODE, &a))
		return true;
	return shell_refused(s, "remote mkdir \"", path, "\"", &a);
}

bool
shell_cmd_rmdir(struct shell *s, const struct call *c)
{
	char *path _cleanup_(shell_freep) = shell_remote_path(s, c->paths[0]);
	struct ask_answer a;

	if (ask_rmdir(s->remote, slice_str(path), &a))
		return true;
	return shell_refused(s, "remote rmdir \"", path, "\"", &a);
}

static bool
remove_one(struct shell *s, const char *path, const void *ctx unused_arg)
{
	char *shown _cleanup_(shell_freep) = shell_safe(path);
	struct ask_answer a;

	shell_say(s, "Removing %s", shown);
	if (ask_remove(s->remote, slice_str(path), &a))
		return true;
	return shell_refused(s, "remote delete ", path, "", &a);
}

bool
shell_cmd_rm(struct shell *s, const struct call *c)
{
	return shell_for_each(s, c->paths[0], remove_one, NULL);
}

/* "remote WHAT "FROM" to "TO": reason" */
static bool
refused_two(
    struct shell *s, const char *what, const char *from, const char *to, const struct ask_answer *a)
{
	char *shown_from _cleanup_(shell_freep) = shell_safe(from);
	char *shown_to _cleanup_(shell_freep) = shell_safe(to);
	char reason[SHELL_REASON_MAX];

	return shell_fail(
	    s, "%s \"%s\" to \"%s\": %s", what, shown_from, shown_to, shell_reason(a, reason));
}

bool
shell_cmd_rename(struct shell *s, const struct call *c)
{
	char *from _cleanup_(shell_freep) = shell_remote_path(s, c->paths[0]);
	char *to _cleanup_(shell_freep) = shell_remote_path(s, c->paths[1]);
	struct ask_answer a;

	if (ask_rename(s->remote, slice_str(from), slice_str(to), call_has(c, 'l'), &a))
		return true;
	return refused_two(s, "remote rename", from, to, &a);
}

/* A symbolic link's target is text for the server, not a path of ours: it goes as it was written.
 */
bool
shell_cmd_ln(struct shell *s, const struct call *c)
{
	bool symbolic = call_has(c, 's');
	char *link _cleanup_(shell_freep) = shell_remote_path(s, c->paths[1]);
	char *target _cleanup_(shell_freep) =
	    symbolic ? shell_keep(strdup(c->paths[0])) : shell_remote_path(s, c->paths[0]);
	struct ask_answer a;
	bool done = symbolic ? ask_symlink(s->remote, slice_str(target), slice_str(link), &a)
			     : ask_hardlink(s->remote, slice_str(target), slice_str(link), &a);

	return done || refused_two(s, symbolic ? "remote symlink file" : "remote link file", target,
			   link, &a);
}

bool
shell_cmd_copy(struct shell *s, const struct call *c)
{
	char *from _cleanup_(shell_freep) = shell_remote_path(s, c->paths[0]);
	char *to _cleanup_(shell_freep) = shell_remote_path(s, c->paths[1]);
	char *shown _cleanup_(shell_freep) = shell_safe(from);
	struct sftp_attrs attrs;
	struct ask_answer a;

	if (!remote_habits(s->remote)->copy_data)
		return shell_fail(s, "Server does not support copy-data extension");
	if (!ask_stat(s->remote, slice_str(from), &attrs, &a))
		return shell_refused(s, "stat remote \"", from, "\"", &a);
	if ((attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && !S_ISREG(attrs.permissions))
		return shell_fail(s, "Cannot copy non-regular file: %s", shown);
	if (ask_copy(s->remote, slice_str(from), slice_str(to), &a))
		return true;
	return refused_two(s, "Couldn't copy file", from, to, &a);
}
