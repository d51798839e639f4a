#include "sftp/memfs.h"

#include <stdlib.h>

#include "base/bug.h"
#include "sftp/proto.h"
#include "sftp/status.h"

struct memfs_file {
	struct memfs *fs;
	struct memfs_node *node;
	struct sftp_token token;
};

struct memfs_dir {
	struct memfs *fs;
	char prefix[MEMFS_PATH_MAX];
	size_t next; /* node, then MEMFS_NODES + number of the extra entry */
	char extra_name[32];
};

static const struct sftp_result OK = {SSH_FX_OK, NULL};

uint8_t
memfs_byte(uint64_t offset)
{
	/* Not periodic in any power of two, so that a misplaced block shows. */
	return (uint8_t)(offset * 7 + offset / 251);
}

void
memfs_init(struct memfs *fs)
{
	*fs = (struct memfs){.close = MEMFS_CLOSE_NOW};
	(void)memfs_add_dir(fs, "/");
}

void
memfs_fini(struct memfs *fs)
{
	BUG_ON(fs->n_files_open > 0 || fs->n_dirs_open > 0 || fs->n_waiting > 0);
	for (size_t i = 0; i < MEMFS_NODES; i++)
		free(fs->nodes[i].data);
}

/* The canonical path: "/" and what follows the first slash, or all of it; false if too long. */
static bool
canonical(struct slice path, char dst[MEMFS_PATH_MAX])
{
	while (path.len > 0 && (path.ptr[0] == '/' || path.ptr[0] == '.'))
		path = slice_of(path.ptr + 1, path.len - 1);
	while (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	dst[0] = '/';
	return slice_copy(path, dst + 1, MEMFS_PATH_MAX - 1);
}

static struct memfs_node *
node_find(struct memfs *fs, struct slice path)
{
	char wanted[MEMFS_PATH_MAX];

	if (!canonical(path, wanted))
		return NULL;
	for (size_t i = 0; i < MEMFS_NODES; i++) {
		if (fs->nodes[i].used && strcmp(fs->nodes[i].path, wanted) == 0)
			return &fs->nodes[i];
	}
	return NULL;
}

struct memfs_node *
memfs_find(struct memfs *fs, const char *path)
{
	return node_find(fs, slice_str(path));
}

static struct memfs_node *
node_add(struct memfs *fs, struct slice path)
{
	for (size_t i = 0; i < MEMFS_NODES; i++) {
		struct memfs_node *node = &fs->nodes[i];
		if (node->used)
			continue;
		if (!canonical(path, node->path))
			return NULL;
		node->used = true;
		node->permissions = S_IFREG | 0644;
		node->mtime = 1700000000;
		return node;
	}
	return NULL;
}

static void
node_remove(struct memfs_node *node)
{
	free(node->data);
	*node = (struct memfs_node){.used = false};
}

static bool
node_resize(struct memfs_node *node, uint64_t len)
{
	if (len > MEMFS_SIZE_MAX)
		return false;
	uint8_t *data = realloc(node->data, len == 0 ? 1 : len);
	if (data == NULL)
		return false;
	if (len > node->len)
		memset(data + node->len, 0, len - node->len);
	node->data = data;
	node->len = len;
	return true;
}

struct memfs_node *
memfs_add_file(struct memfs *fs, const char *path, const void *content, size_t len)
{
	struct memfs_node *node = node_add(fs, slice_str(path));

	BUG_ON(node == NULL || !node_resize(node, len));
	for (size_t i = 0; i < len; i++)
		node->data[i] = content == NULL ? memfs_byte(i) : ((const uint8_t *)content)[i];
	return node;
}

struct memfs_node *
memfs_add_dir(struct memfs *fs, const char *path)
{
	struct memfs_node *node = node_add(fs, slice_str(path));

	BUG_ON(node == NULL);
	node->is_dir = true;
	node->permissions = S_IFDIR | 0755;
	return node;
}

static struct sftp_attrs
node_attrs(const struct memfs_node *node)
{
	return (struct sftp_attrs){
	    .flags = SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_UIDGID |
		     SSH_FILEXFER_ATTR_PERMISSIONS | SSH_FILEXFER_ATTR_ACMODTIME,
	    .size = node->len,
	    .permissions = node->permissions,
	    .atime = node->mtime,
	    .mtime = node->mtime,
	};
}

static struct sftp_result
mem_open(void *ctx, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs unused_arg,
    void **ret_file)
{
	struct memfs *fs = ctx;
	struct memfs_node *node = node_find(fs, path);

	if (node != NULL && (pflags & SSH_FXF_EXCL))
		return sftp_result_of(ERR_EXISTS);
	if (node == NULL && (pflags & SSH_FXF_CREAT))
		node = node_add(fs, path);
	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if (node->is_dir)
		return sftp_result_of(ERR_ISDIR);
	if ((pflags & SSH_FXF_TRUNC) && !node_resize(node, 0))
		return sftp_result_of(ERR_NOMEM);
	struct memfs_file *file = calloc(1, sizeof *file);
	BUG_ON(file == NULL);
	file->fs = fs;
	file->node = node;
	node->n_open++;
	fs->n_files_open++;
	*ret_file = file;
	return OK;
}

static struct sftp_result
mem_peek(void *ctx, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	struct memfs_file *file = ctx;
	size_t most = file->fs->read_most;

	file->fs->n_peeks++;
	/* The engine promises offsets that a file can have. */
	BUG_ON(offset > INT64_MAX - len);
	if (offset >= file->node->len)
		return (struct sftp_result){SSH_FX_EOF, NULL};
	size_t left = file->node->len - offset;
	len = left < len ? left : len;
	len = most > 0 && most < len ? most : len;
	memcpy(dst, file->node->data + offset, len);
	*ret_len = len;
	return OK;
}

static struct sftp_result
mem_read(void *ctx, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	struct memfs_file *file = ctx;

	file->fs->n_reads++;
	file->fs->n_peeks--;
	return mem_peek(ctx, offset, dst, len, ret_len);
}

static struct sftp_result
mem_write(void *ctx, uint64_t offset, struct slice data)
{
	struct memfs_file *file = ctx;

	BUG_ON(offset > INT64_MAX - data.len);
	if (offset + data.len > file->node->len && !node_resize(file->node, offset + data.len))
		return sftp_result_of(ERR_NOSPACE);
	if (data.len > 0)
		memcpy(file->node->data + offset, data.ptr, data.len);
	return OK;
}

static struct sftp_result
mem_copy(void *from_ctx, uint64_t from_offset, void *to_ctx, uint64_t to_offset, uint64_t len,
    uint64_t *ret_len)
{
	struct memfs_file *from = from_ctx, *to = to_ctx;
	size_t most = from->fs->read_most;

	BUG_ON(from_offset > INT64_MAX - len || to_offset > INT64_MAX - len);
	from->fs->n_copies++;
	if (from != to && from->node == to->node)
		return sftp_result_of(ERR_INVALID);
	uint64_t left = from_offset < from->node->len ? from->node->len - from_offset : 0;
	len = left < len ? left : len;
	len = most > 0 && most < len ? most : len;
	if (len > 0 && to_offset + len > to->node->len && !node_resize(to->node, to_offset + len))
		return sftp_result_of(ERR_NOSPACE);
	if (len > 0)
		memmove(to->node->data + to_offset, from->node->data + from_offset, len);
	*ret_len = len;
	return OK;
}

static void
file_end(struct memfs_file *file)
{
	file->node->n_open--;
	file->fs->n_files_open--;
	free(file);
}

static struct memfs_file *
waiting_take(struct memfs *fs, size_t i)
{
	struct memfs_file *file = fs->waiting[i];

	fs->n_waiting--;
	memmove(&fs->waiting[i], &fs->waiting[i + 1], (fs->n_waiting - i) * sizeof file);
	return file;
}

void
memfs_complete(struct memfs *fs, size_t i, uint32_t status)
{
	BUG_ON(i >= fs->n_waiting);
	struct memfs_file *file = waiting_take(fs, i);
	struct sftp_token token = file->token;

	file_end(file);
	fs->n_closed++;
	sftp_fs_complete(token, (struct sftp_result){status, NULL});
}

static struct sftp_result
mem_close(void *ctx, struct sftp_token token)
{
	struct memfs_file *file = ctx;
	struct memfs *fs = file->fs;

	if (fs->close == MEMFS_CLOSE_NOW) {
		file_end(file);
		fs->n_closed++;
		return OK;
	}
	BUG_ON(fs->n_waiting == ARRAY_LEN(fs->waiting));
	file->token = token;
	fs->waiting[fs->n_waiting++] = file;
	if (fs->close == MEMFS_CLOSE_INSIDE)
		memfs_complete(fs, fs->n_waiting - 1, SSH_FX_OK);
	return (struct sftp_result){SFTP_PENDING, NULL};
}

static void
mem_abandon(void *ctx)
{
	struct memfs_file *file = ctx;
	struct memfs *fs = file->fs;

	for (size_t i = 0; i < fs->n_waiting; i++) {
		if (fs->waiting[i] == file) {
			(void)waiting_take(fs, i);
			break;
		}
	}
	fs->n_abandoned++;
	file_end(file);
}

static struct sftp_result
mem_fstat(void *ctx, struct sftp_attrs *ret_attrs)
{
	*ret_attrs = node_attrs(((struct memfs_file *)ctx)->node);
	return OK;
}

static struct sftp_result
node_setstat(struct memfs *fs, struct memfs_node *node, const struct sftp_attrs *attrs)
{
	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if ((attrs->flags & SSH_FILEXFER_ATTR_SIZE) && !node_resize(node, attrs->size))
		return sftp_result_of(ERR_NOSPACE);
	if (attrs->flags & SSH_FILEXFER_ATTR_PERMISSIONS)
		node->permissions = (node->permissions & S_IFMT) | (attrs->permissions & 07777);
	if (attrs->flags & SSH_FILEXFER_ATTR_ACMODTIME)
		node->mtime = attrs->mtime;
	fs->n_changes++;
	return OK;
}

static struct sftp_result
mem_fsetstat(void *ctx, const struct sftp_attrs *attrs)
{
	struct memfs_file *file = ctx;

	return node_setstat(file->fs, file->node, attrs);
}

static struct sftp_result
mem_fsync(void *ctx)
{
	((struct memfs_file *)ctx)->fs->n_fsyncs++;
	return OK;
}

static const struct sftp_fs_statvfs SPACE = {
    .f_bsize = 1,
    .f_frsize = 2,
    .f_blocks = 3,
    .f_bfree = 4,
    .f_bavail = 5,
    .f_files = 6,
    .f_ffree = 7,
    .f_favail = 8,
    .f_fsid = 9,
    .f_flag = 10,
    .f_namemax = 11,
};

static struct sftp_result
mem_fstatvfs(void *ctx unused_arg, struct sftp_fs_statvfs *ret_st)
{
	*ret_st = SPACE;
	return OK;
}

static struct sftp_result
mem_opendir(void *ctx, struct slice path, void **ret_dir)
{
	struct memfs *fs = ctx;
	struct memfs_node *node = node_find(fs, path);

	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if (!node->is_dir)
		return sftp_result_of(ERR_NOTDIR);
	struct memfs_dir *dir = calloc(1, sizeof *dir);
	BUG_ON(dir == NULL);
	dir->fs = fs;
	memcpy(dir->prefix, node->path, sizeof dir->prefix);
	fs->n_dirs_open++;
	*ret_dir = dir;
	return OK;
}

/* The name of node in the directory, or NULL when it is not right below it. */
static const char *
name_in(const struct memfs_dir *dir, const struct memfs_node *node)
{
	size_t len = strlen(dir->prefix);

	if (!node->used || strncmp(node->path, dir->prefix, len) != 0)
		return NULL;
	const char *name = node->path + len;
	if (*name == '/')
		name++;
	else if (len > 1)
		return NULL;
	return *name == '\0' || strchr(name, '/') != NULL ? NULL : name;
}

static struct sftp_result
mem_readdir(void *ctx, struct sftp_fs_entry *ret_entry)
{
	struct memfs_dir *dir = ctx;

	while (dir->next < MEMFS_NODES) {
		const struct memfs_node *node = &dir->fs->nodes[dir->next++];
		const char *name = name_in(dir, node);
		if (name == NULL)
			continue;
		*ret_entry = (struct sftp_fs_entry){slice_str(name), node_attrs(node)};
		return OK;
	}
	size_t i = dir->next - MEMFS_NODES;
	if (i < dir->fs->n_extra) {
		dir->next++;
		(void)snprintf(dir->extra_name, sizeof dir->extra_name, "extra-%zu", i);
		*ret_entry = (struct sftp_fs_entry){.name = slice_str(dir->extra_name)};
		return OK;
	}
	/* Asked again after its end: the engine promises not to. */
	BUG_ON(i > dir->fs->n_extra);
	dir->next++;
	return (struct sftp_result){dir->fs->end_with == 0 ? SSH_FX_EOF : dir->fs->end_with, NULL};
}

static void
mem_closedir(void *ctx)
{
	struct memfs_dir *dir = ctx;

	dir->fs->n_dirs_open--;
	free(dir);
}

static struct sftp_result
mem_stat(void *ctx, struct slice path, struct sftp_attrs *ret_attrs)
{
	const struct memfs_node *node = node_find(ctx, path);

	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	*ret_attrs = node_attrs(node);
	return OK;
}

static struct sftp_result
mem_setstat(void *ctx, struct slice path, const struct sftp_attrs *attrs)
{
	return node_setstat(ctx, node_find(ctx, path), attrs);
}

static struct sftp_result
remove_kind(struct memfs *fs, struct slice path, bool is_dir)
{
	struct memfs_node *node = node_find(fs, path);

	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if (node->is_dir != is_dir || node->n_open > 0 || strcmp(node->path, "/") == 0)
		return sftp_result_of(ERR_ISDIR);
	node_remove(node);
	fs->n_changes++;
	return OK;
}

static struct sftp_result
mem_remove(void *ctx, struct slice path)
{
	return remove_kind(ctx, path, false);
}

static struct sftp_result
mem_rmdir(void *ctx, struct slice path)
{
	return remove_kind(ctx, path, true);
}

static struct sftp_result
mem_mkdir(void *ctx, struct slice path, const struct sftp_attrs *attrs unused_arg)
{
	struct memfs *fs = ctx;

	if (node_find(fs, path) != NULL)
		return sftp_result_of(ERR_EXISTS);
	struct memfs_node *node = node_add(fs, path);
	if (node == NULL)
		return sftp_result_of(ERR_NOSPACE);
	node->is_dir = true;
	node->permissions = S_IFDIR | 0755;
	fs->n_changes++;
	return OK;
}

static struct sftp_result
mem_rename(void *ctx, struct slice from, struct slice to, bool replace)
{
	struct memfs *fs = ctx;
	struct memfs_node *node = node_find(fs, from), *other = node_find(fs, to);
	char path[MEMFS_PATH_MAX];

	if (node == NULL || strcmp(node->path, "/") == 0)
		return sftp_result_of(ERR_NOENT);
	if (!canonical(to, path))
		return sftp_result_of(ERR_NAMETOOLONG);
	if (other != NULL && (!replace || other->n_open > 0 || other->is_dir))
		return sftp_result_of(ERR_EXISTS);
	if (other != NULL && other != node)
		node_remove(other);
	memcpy(node->path, path, sizeof path);
	fs->n_changes++;
	return OK;
}

static struct sftp_result
mem_realpath(void *ctx unused_arg, struct slice path, struct buf *ret_path)
{
	char text[MEMFS_PATH_MAX];

	if (!canonical(path, text))
		return sftp_result_of(ERR_NAMETOOLONG);
	return sftp_result_of(buf_put(ret_path, text, strlen(text)));
}

static struct sftp_result
mem_readlink(void *ctx, struct slice path, struct buf *ret_target)
{
	const struct memfs_node *node = node_find(ctx, path);

	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if (node->target[0] == '\0')
		return sftp_result_of(ERR_INVALID);
	return sftp_result_of(buf_put(ret_target, node->target, strlen(node->target)));
}

static struct sftp_result
mem_symlink(void *ctx, struct slice target, struct slice link_path)
{
	struct memfs *fs = ctx;

	if (node_find(fs, link_path) != NULL)
		return sftp_result_of(ERR_EXISTS);
	struct memfs_node *node = node_add(fs, link_path);
	if (node == NULL || !slice_copy(target, node->target, sizeof node->target))
		return sftp_result_of(ERR_NOSPACE);
	node->permissions = S_IFLNK | 0777;
	fs->n_changes++;
	return OK;
}

static struct sftp_result
mem_link(void *ctx, struct slice from, struct slice to)
{
	struct memfs *fs = ctx;
	struct memfs_node *node = node_find(fs, from);

	if (node == NULL)
		return sftp_result_of(ERR_NOENT);
	if (node->is_dir || node_find(fs, to) != NULL)
		return sftp_result_of(ERR_EXISTS);
	struct memfs_node *other = node_add(fs, to);
	if (other == NULL || !node_resize(other, node->len))
		return sftp_result_of(ERR_NOSPACE);
	if (node->len > 0)
		memcpy(other->data, node->data, node->len);
	fs->n_changes++;
	return OK;
}

/* "user-1000", and nobody has a number that ends in 7. */
static struct sftp_result
put_owner(const char *kind, uint32_t id, struct buf *name)
{
	return sftp_result_of(id % 10 == 7 ? ERR_OK : buf_printf(name, "%s-%u", kind, id));
}

static struct sftp_result
mem_user_name(void *ctx unused_arg, uint32_t uid, struct buf *ret_name)
{
	return put_owner("user", uid, ret_name);
}

static struct sftp_result
mem_group_name(void *ctx unused_arg, uint32_t gid, struct buf *ret_name)
{
	return put_owner("group", gid, ret_name);
}

static struct sftp_result
mem_statvfs(void *ctx unused_arg, struct slice path unused_arg, struct sftp_fs_statvfs *ret_st)
{
	*ret_st = SPACE;
	return OK;
}

const struct sftp_fs_ops *
memfs_ops(void)
{
	static const struct sftp_fs_ops ops = {
	    .open = mem_open,
	    .read = mem_read,
	    .peek = mem_peek,
	    .write = mem_write,
	    .copy = mem_copy,
	    .close = mem_close,
	    .abandon = mem_abandon,
	    .fstat = mem_fstat,
	    .fsetstat = mem_fsetstat,
	    .fsync = mem_fsync,
	    .fstatvfs = mem_fstatvfs,
	    .opendir = mem_opendir,
	    .readdir = mem_readdir,
	    .closedir = mem_closedir,
	    .stat = mem_stat,
	    .lstat = mem_stat,
	    .setstat = mem_setstat,
	    .remove = mem_remove,
	    .mkdir = mem_mkdir,
	    .rmdir = mem_rmdir,
	    .rename = mem_rename,
	    .realpath = mem_realpath,
	    .readlink = mem_readlink,
	    .symlink = mem_symlink,
	    .statvfs = mem_statvfs,
	    .lsetstat = mem_setstat,
	    .link = mem_link,
	    .user_name = mem_user_name,
	    .group_name = mem_group_name,
	};

	return &ops;
}
