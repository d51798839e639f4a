/* Modes, owners, groups, and how full a file system is. */
#include "shell/commands.h"
#include "shell/paths.h"
#include "shell/shell.h"
#include "shell/sizes.h"

/* What one of the three commands wants of each file. */
struct change {
	const char *what; /* "mode" */
	bool no_follow;
	uint32_t flag;
	uint32_t number;
	bool is_group;
};

static bool
set(struct shell *s, const char *path, const struct change *change, const struct sftp_attrs *attrs)
{
	struct ask_answer a;

	if (ask_setstat(s->remote, slice_str(path), attrs, !change->no_follow, &a))
		return true;
	return shell_refused(
	    s, change->no_follow ? "remote lsetstat \"" : "remote setstat \"", path, "\"", &a);
}

/* Owner and group go together in one request, so the other one is asked for first. */
static bool
change_owner(struct shell *s, const char *path, const struct change *change)
{
	char *shown _cleanup_(shell_freep) = shell_safe(path);
	struct sftp_attrs now, wanted = {.flags = SSH_FILEXFER_ATTR_UIDGID};
	struct ask_answer a;
	bool known = change->no_follow ? ask_lstat(s->remote, slice_str(path), &now, &a)
				       : ask_stat(s->remote, slice_str(path), &now, &a);

	if (!known)
		return shell_refused(s, "stat remote \"", path, "\"", &a);
	if ((now.flags & SSH_FILEXFER_ATTR_UIDGID) == 0)
		return shell_fail(s, "Can't get current ownership of remote file \"%s\"", shown);
	wanted.uid = change->is_group ? now.uid : change->number;
	wanted.gid = change->is_group ? change->number : now.gid;
	shell_say(s, "Changing %s on %s", change->what, shown);
	return set(s, path, change, &wanted);
}

static bool
change_one(struct shell *s, const char *path, const void *ctx)
{
	const struct change *change = ctx;
	const struct sftp_attrs mode = {
	    .flags = SSH_FILEXFER_ATTR_PERMISSIONS,
	    .permissions = change->number,
	};

	if (change->flag == SSH_FILEXFER_ATTR_UIDGID)
		return change_owner(s, path, change);
	char *shown _cleanup_(shell_freep) = shell_safe(path);
	shell_say(s, "Changing %s on %s", change->what, shown);
	return set(s, path, change, &mode);
}

static bool
change_all(struct shell *s, const struct call *c, struct change change)
{
	change.no_follow = call_has(c, 'h');
	change.number = c->number;
	if (change.no_follow && !remote_habits(s->remote)->lsetstat)
		return shell_fail(
		    s, "%s: the server doesn't support the -h flag", c->command->name);
	return shell_for_each(s, c->paths[0], change_one, &change);
}

bool
shell_cmd_chmod(struct shell *s, const struct call *c)
{
	return change_all(
	    s, c, (struct change){.what = "mode", .flag = SSH_FILEXFER_ATTR_PERMISSIONS});
}

bool
shell_cmd_chown(struct shell *s, const struct call *c)
{
	return change_all(s, c, (struct change){.what = "owner", .flag = SSH_FILEXFER_ATTR_UIDGID});
}

bool
shell_cmd_chgrp(struct shell *s, const struct call *c)
{
	return change_all(s, c,
	    (struct change){.what = "group", .flag = SSH_FILEXFER_ATTR_UIDGID, .is_group = true});
}

/* Of a hundred; a file system without anything is not full. Sums can't overflow a double. */
static unsigned
percent(uint64_t used, uint64_t total)
{
	return total == 0 ? 0 : (unsigned)(100.0 * (double)used / (double)total);
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Blocks as bytes; what a server makes up beyond 2^64 is cut. */
static uint64_t
bytes_of(uint64_t blocks, uint64_t size)
{
	return size != 0 && blocks > UINT64_MAX / size ? UINT64_MAX : blocks * size;
}

static void
print_inodes(FILE *to, const struct sftp_fs_statvfs *v)
{
	uint64_t used = minus(v->f_files, v->f_ffree);

	fprintf(to, "%11s %11s %11s %11s %12s\n", "Inodes", "Used", "Avail", "(root)", "%Capacity");
	fprintf(to, "%11ju %11ju %11ju %11ju %11u%%\n", (uintmax_t)v->f_files, (uintmax_t)used,
	    (uintmax_t)v->f_favail, (uintmax_t)v->f_ffree, percent(used, v->f_files));
}

enum { DF_SIZES = 4 };

static void
print_space(FILE *to, const struct sftp_fs_statvfs *v, bool human)
{
	uint64_t unit = v->f_frsize != 0 ? v->f_frsize : v->f_bsize;
	uint64_t used = minus(v->f_blocks, v->f_bfree);
	const uint64_t blocks[DF_SIZES] = {v->f_blocks, used, v->f_bavail, v->f_bfree};
	static const char *const TITLES[DF_SIZES] = {"Size", "Used", "Avail", "(root)"};
	int width = human ? 8 : 12;

	for (size_t i = 0; i < DF_SIZES; i++)
		fprintf(to, "%s%*s", i == 0 ? "" : " ", width, TITLES[i]);
	fprintf(to, " %12s\n", "%Capacity");
	for (size_t i = 0; i < DF_SIZES; i++) {
		uint64_t bytes = bytes_of(blocks[i], unit);
		char text[SIZE_SCALED_MAX + 1];
		if (human)
			size_scaled_b(bytes, text);
		else
			snprintf(text, sizeof text, "%ju", (uintmax_t)(bytes / 1024));
		fprintf(to, "%s%*s", i == 0 ? "" : " ", width, text);
	}
	fprintf(to, " %11u%%\n", percent(used, v->f_blocks));
}

bool
shell_cmd_df(struct shell *s, const struct call *c)
{
	char *path _cleanup_(shell_freep) =
	    shell_remote_path(s, c->paths[0] == NULL ? "." : c->paths[0]);
	struct sftp_fs_statvfs v;
	struct ask_answer a;

	if (!remote_habits(s->remote)->statvfs)
		return shell_fail(s, "Server does not support statvfs@openssh.com extension");
	if (!ask_statvfs(s->remote, slice_str(path), &v, &a))
		return shell_refused(s, "remote statvfs \"", path, "\"", &a);
	if (call_has(c, 'i'))
		print_inodes(s->out, &v);
	else
		print_space(s->out, &v, call_has(c, 'h'));
	return true;
}
