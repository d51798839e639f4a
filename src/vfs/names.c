#include "vfs/names.h"

#include <fnmatch.h>

#include "rules/glob.h"
#include "vfs/result.h"

enum err
names_check(struct slice globs)
{
	struct slice glob;

	if (globs.len > 0 && globs.ptr[globs.len - 1] != '\0')
		return ERR_INVALID;
	while (globs.len > 0) {
		globs = slice_cut(globs, '\0', &glob);
		/* It is terminated: what was cut stands before its NUL. */
		enum err e = glob_check((const char *)glob.ptr, NULL);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

char *
names_dup(struct slice globs)
{
	char *copy = calloc(1, globs.len + 1);

	if (copy != NULL && globs.len > 0)
		memcpy(copy, globs.ptr, globs.len);
	return copy;
}

static bool
any_allows(const char *globs, const char *name)
{
	for (; *globs != '\0'; globs += strlen(globs) + 1) {
		if (glob_match(globs, name))
			return true;
	}
	return false;
}

/*
 * As any_allows, but that a star takes a leading dot, too: who forbids "*.exe" forbids ".x.exe".
 * The globs are checked, and a name on the host is as short as glob_match wants it.
 */
static bool
any_forbids(const char *globs, const char *name)
{
	for (; *globs != '\0'; globs += strlen(globs) + 1) {
		if (fnmatch(globs, name, 0) == 0)
			return true;
	}
	return false;
}

bool
names_allow(const struct mount *m, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;

	if (m->names[0] != '\0' && !any_allows(m->names, name))
		return false;
	return !any_forbids(m->no_names, name);
}

struct sftp_result
names_refuse(struct vfs *v, const struct place *place, enum access_op op)
{
	denial_tell(v, place, op, "the mount's name patterns do not allow the name");
	return result_say(SSH_FX_PERMISSION_DENIED, "the name is not allowed here");
}
