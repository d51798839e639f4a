/* The names of users and groups of this host. */
#include <grp.h>
#include <pwd.h>

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
