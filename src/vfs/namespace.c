#include "vfs/namespace.h"

#include "vfs/host.h"

struct place
namespace_find(struct vfs *v, const char *path)
{
	struct place p = {.path = path};
	size_t best = 0;

	v->in_use = true;
	for (size_t i = 0; i < v->n_mounts; i++) {
		const struct mount *m = &v->mounts[i];
		const char *rel = vpath_after(path, m->at);

		if (vpath_after(m->at, path) != NULL)
			p.fixed = true;
		if (rel != NULL && strlen(m->at) > best) {
			best = strlen(m->at);
			p.mount = m;
			p.rel = rel[0] == '\0' ? "." : rel;
		}
	}
	/* The top is there even for who has no mount at all. */
	if (path[1] == '\0')
		p.fixed = true;
	return p;
}

enum err
namespace_resolve(struct vfs *v, struct slice raw, struct vpath *ret_path, struct place *ret_place)
{
	enum err e = vpath_from_client(ret_path, raw);

	*ret_place = (struct place){.path = NULL};
	if (e != ERR_OK)
		return e;
	*ret_place = namespace_find(v, ret_path->text);
	return ret_place->mount == NULL && !ret_place->fixed ? ERR_NOENT : ERR_OK;
}

bool
place_allows(const struct place *p, enum access_op op)
{
	return p->mount != NULL && !p->fixed && access_allows(p->mount->allow, op);
}

struct slice
namespace_child(const struct vfs *v, size_t i, const char *dir)
{
	const char *after = vpath_after(v->mounts[i].at, dir);
	struct slice name = {.ptr = NULL};

	if (after != NULL)
		(void)slice_cut(slice_str(after), '/', &name);
	return name;
}

bool
mount_same_store(const struct mount *a, const struct mount *b)
{
	return a == b || strcmp(a->folder, b->folder) == 0;
}

enum err
mount_sync(const struct mount *m, int fd)
{
	return m->relaxed ? ERR_OK : file_sync(fd);
}

enum err
mount_sync_dir(const struct mount *m, int dir_fd)
{
	return m->relaxed ? ERR_OK : host_sync_dir(dir_fd);
}
