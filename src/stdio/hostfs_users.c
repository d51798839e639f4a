/* Users and groups of this host: their names, and their homes. */
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include "stdio/hostfs_ops.h"

/* A name too long for the answer is as none. */
static struct sftp_result
put_name(struct buf *b, const char *name)
{
	struct slice s = slice_str(name);

	return sftp_result_of(s.len > buf_room(b) ? ERR_OK : buf_put(b, s.ptr, s.len));
}

struct sftp_result
hostfs_user_name(void *fs unused_arg, uint32_t uid, struct buf *ret_name)
{
	const struct passwd *pw = getpwuid(uid);

	return put_name(ret_name, pw == NULL ? NULL : pw->pw_name);
}

struct sftp_result
hostfs_group_name(void *fs unused_arg, uint32_t gid, struct buf *ret_name)
{
	const struct group *gr = getgrgid(gid);

	return put_name(ret_name, gr == NULL ? NULL : gr->gr_name);
}

struct sftp_result
hostfs_home(void *fs unused_arg, struct slice user, struct buf *ret_path)
{
	char name[LOGIN_NAME_MAX];
	const struct passwd *pw = NULL;

	if (user.len == 0)
		pw = getpwuid(getuid());
	else if (slice_copy(user, name, sizeof name))
		pw = getpwnam(name);
	if (pw == NULL)
		return (struct sftp_result){SSH_FX_NO_SUCH_FILE, "no such user"};
	return sftp_result_of(buf_put(ret_path, pw->pw_dir, strlen(pw->pw_dir)));
}
