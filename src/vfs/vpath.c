#include "vfs/vpath.h"

#include <limits.h>

#include "base/bug.h"

enum err
vpath_join(struct vpath *path, struct slice part)
{
	BUG_ON(part.len == 0 || slice_has(part, '/'));
	bool at_root = path->len == 1;

	if (part.len > NAME_MAX)
		return ERR_NAMETOOLONG;
	if (path->len + (at_root ? 0 : 1) + part.len >= VPATH_SIZE)
		return ERR_NAMETOOLONG;
	if (!at_root)
		path->text[path->len++] = '/';
	memcpy(path->text + path->len, part.ptr, part.len);
	path->len += part.len;
	path->text[path->len] = '\0';
	return ERR_OK;
}

/* Takes away the last part; "/" stays. */
static void
vpath_pop(struct vpath *path)
{
	while (path->len > 1 && path->text[path->len - 1] != '/')
		path->len--;
	if (path->len > 1)
		path->len--;
	path->text[path->len] = '\0';
}

enum err
vpath_from_client(struct vpath *ret_path, struct slice raw)
{
	struct slice part, rest = raw;

	ret_path->len = 1;
	ret_path->text[0] = '/';
	ret_path->text[1] = '\0';
	if (slice_has(raw, '\0'))
		return ERR_INVALID;
	while (rest.len > 0) {
		rest = slice_cut(rest, '/', &part);
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (slice_is(part, "..")) {
			vpath_pop(ret_path);
			continue;
		}
		enum err e = vpath_join(ret_path, part);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

const char *
vpath_after(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return path + 1;
	if (strncmp(path, dir, len) != 0)
		return NULL;
	if (path[len] == '\0')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}
