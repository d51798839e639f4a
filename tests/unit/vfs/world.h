/*
 * A world for tests of the vfs: a temporary directory with two folders ("store", "other"), their
 * staging directories and an "outside" that nobody may reach; a vfs over it; and a log of
 * everything that matters, in its order: what the journal was told, what was synced and renamed,
 * what was completed. fsync(2), renameat(2) and renameat2(2) go through here, and can be made to
 * fail; and the file system says of itself what the test wants it to be.
 *
 * The journal keeps count of a quota, where the mount is metered: what is leased, and what has
 * become content. It takes an upload's number for its tag then.
 *
 * Included once by each test program: it defines sftp_fs_complete and these calls.
 */
#ifndef TESTS_VFS_WORLD_H
#define TESTS_VFS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bug.h"
#include "os/file.h"
#include "sftp/proto.h"
#include "vfs/vfs.h"

enum { WORLD_EVENTS_MAX = 64, WORLD_EVENT_LEN = 256, VFS_ALL = 0x3ff };

/* Kinds of file systems, as statfs(2) tells them. */
enum { WORLD_TMPFS = 0x01021994, WORLD_EXT4 = 0xef53 };

struct world {
	char root[64];
	int root_fd;
	struct vfs *v;
	const struct sftp_fs_ops *ops;
	char events[WORLD_EVENTS_MAX][WORLD_EVENT_LEN];
	size_t n_events;
	bool quiet; /* events are not noted */
	uint32_t tag;
	char staging_name[256];
	enum err staged_error; /* what the journal says to staged */
	struct sftp_result completed;
	size_t n_completed;
	size_t n_denied;
	char denied[512]; /* the last denial that was told */
	int fail_call;    /* the n-th fsync or rename from now fails with fail_errno; 0: none */
	int fail_errno;
	int fs_kind;                   /* of vfs_mount's to come */
	bool direct, relaxed, metered; /* of world_mount's to come */
	const char *names, *no_names;  /* a single glob each, or NULL */
	uint64_t limit_bytes, leased_bytes;
	uint64_t limit_files, leased_files;
	int64_t content_bytes, content_files;
	uint64_t staged_size[64]; /* by tag */
	size_t n_asked;
	size_t n_refused; /* of them, not counting those that asked ahead */
	enum err await_error;
	bool answers; /* await answers the upload that was staged last */
	size_t n_pieces;
	struct vfs_range pieces[64];
	struct vfs_version version; /* of what was taken, wholly or in pieces */
};

static struct world the_world;

static inline void printf_like(1, 2) world_note(const char *format, ...)
{
	struct world *w = &the_world;
	va_list args;

	if (w->quiet)
		return;
	BUG_ON(w->n_events >= WORLD_EVENTS_MAX);
	va_start(args, format);
	(void)vsnprintf(w->events[w->n_events++], WORLD_EVENT_LEN, format, args);
	va_end(args);
}

static inline bool
world_call_fails(void)
{
	if (the_world.fail_call == 0 || --the_world.fail_call > 0)
		return false;
	errno = the_world.fail_errno;
	return true;
}

/* The last part of what a descriptor stands for. */
static inline void
world_fd_name(int fd, char dst[256])
{
	char link[64], path[512];

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	path[n < 0 ? 0 : n] = '\0';
	const char *slash = strrchr(path, '/');
	(void)snprintf(dst, 256, "%s", slash == NULL ? path : slash + 1);
}

int
fsync(int fd)
{
	char name[256];
	struct stat st;

	if (world_call_fails())
		return -1;
	world_fd_name(fd, name);
	bool is_dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	world_note("sync %s", is_dir ? name : "file");
	return (int)syscall(SYS_fsync, fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (world_call_fails())
		return -1;
	int rc = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
	if (rc == 0)
		world_note("rename over %s", to);
	return rc;
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (world_call_fails())
		return -1;
	int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	if (rc == 0)
		world_note("rename new %s", to);
	return rc;
}

int
sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
	world_note("writeback");
	return (int)syscall(SYS_sync_file_range, fd, offset, len, flags);
}

int
fstatfs(int fd, struct statfs *ret_st)
{
	int rc = (int)syscall(SYS_fstatfs, fd, ret_st);

	ret_st->f_type = the_world.fs_kind;
	return rc;
}

void
sftp_fs_complete(struct sftp_token token, struct sftp_result result)
{
	BUG_ON(token.server != &the_world);
	the_world.completed = result;
	the_world.n_completed++;
	world_note("complete %" PRIu32 " status %" PRIu32, token.request_id, result.status);
}

static inline enum err
world_staged(void *ctx, uint32_t tag, const char *folder, const char *path,
    const char *staging_name, uint64_t size)
{
	struct world *w = ctx;

	w->tag = tag;
	w->staged_size[tag % ARRAY_LEN(w->staged_size)] = size;
	(void)snprintf(w->staging_name, sizeof w->staging_name, "%s", staging_name);
	world_note("staged %s %s %" PRIu64, folder, path, size);
	return w->staged_error;
}

static inline void
world_published(void *ctx, uint64_t transfer, bool replaced, uint64_t replaced_bytes)
{
	struct world *w = ctx;
	uint64_t size = w->staged_size[transfer % ARRAY_LEN(w->staged_size)];

	if (replaced)
		world_note("published %" PRIu64 " over %" PRIu64, transfer, replaced_bytes);
	else
		world_note("published %" PRIu64, transfer);
	if (w->metered) {
		assert_true(w->leased_bytes >= size && w->leased_files >= 1);
		w->leased_bytes -= size;
		w->leased_files--;
		w->content_bytes += (int64_t)size - (int64_t)replaced_bytes;
		w->content_files += replaced ? 0 : 1;
	}
}

static inline void
world_not_placed(void *ctx unused_arg, uint64_t transfer, const char *why)
{
	assert_true(why[0] != '\0');
	world_note("not placed %" PRIu64, transfer);
}

static inline void
world_opened(
    void *ctx, const char *folder, const char *path, const char *staging_name, const char *from)
{
	struct world *w = ctx;

	(void)snprintf(w->staging_name, sizeof w->staging_name, "%s", staging_name);
	world_note("opened %s %s%s", folder, path, from[0] == '\0' ? "" : " again");
}

static inline void
world_moved(
    void *ctx unused_arg, const char *folder, const char *path, const char *staging_name unused_arg)
{
	world_note("moved %s %s", folder, path);
}

static inline void
world_discarded(void *ctx unused_arg, const char *folder, const char *staging_name)
{
	assert_true(strncmp(staging_name, "up.", 3) == 0);
	world_note("discarded %s", folder);
}

static inline enum err
world_quota_ask(
    void *ctx, const char *folder unused_arg, uint64_t bytes, uint32_t files, bool ahead)
{
	struct world *w = ctx;

	assert_true(w->metered);
	w->n_asked++;
	if (bytes > w->limit_bytes - w->leased_bytes || files > w->limit_files - w->leased_files) {
		w->n_refused += ahead ? 0 : 1;
		return ERR_QUOTA;
	}
	w->leased_bytes += bytes;
	w->leased_files += files;
	return ERR_OK;
}

static inline void
world_quota_back(void *ctx, const char *folder unused_arg, uint64_t bytes, uint32_t files)
{
	struct world *w = ctx;

	assert_true(bytes <= w->leased_bytes && files <= w->leased_files);
	assert_true(bytes > 0 || files > 0);
	w->leased_bytes -= bytes;
	w->leased_files -= files;
}

static inline enum err
world_await(void *ctx)
{
	struct world *w = ctx;

	world_note("await");
	if (w->await_error == ERR_OK && w->answers)
		assert_int_equal(vfs_upload_recorded(w->v, w->tag, ERR_OK, w->tag), ERR_OK);
	return w->await_error;
}

static inline void
world_taken(void *ctx, const char *folder, const char *path, uint64_t bytes,
    const struct vfs_version *version)
{
	struct world *w = ctx;

	w->version = *version;
	world_note("taken %s %s %" PRIu64, folder, path, bytes);
}

static inline void
world_pieces(void *ctx, const char *folder, const char *path, const struct vfs_version *version,
    const struct vfs_range *ranges, size_t n_ranges)
{
	struct world *w = ctx;

	assert_true(n_ranges > 0 && n_ranges <= ARRAY_LEN(w->pieces));
	w->version = *version;
	w->n_pieces = n_ranges;
	memcpy(w->pieces, ranges, n_ranges * sizeof ranges[0]);
	world_note("pieces %s %s %zu", folder, path, n_ranges);
}

static inline void
world_changed(void *ctx, const char *verb, const char *folder, const char *path, const char *detail,
    int64_t bytes, int64_t files)
{
	struct world *w = ctx;

	w->content_bytes += bytes;
	w->content_files += files;
	world_note("%s %s %s%s%s", verb, folder, path, detail[0] == '\0' ? "" : " ", detail);
}

static inline void
world_abandoned(void *ctx unused_arg, const char *folder, const char *path,
    const char *staging_name, uint64_t bytes)
{
	(void)snprintf(the_world.staging_name, sizeof the_world.staging_name, "%s", staging_name);
	world_note("abandoned %s %s %" PRIu64, folder, path, bytes);
}

/* Not among the events: most tests that meet a denial look at its answer alone. */
static inline void
world_denied(
    void *ctx unused_arg, const char *verb, const char *folder, const char *path, const char *why)
{
	the_world.n_denied++;
	(void)snprintf(
	    the_world.denied, sizeof the_world.denied, "%s %s:%s: %s", verb, folder, path, why);
}

static const struct vfs_journal WORLD_JOURNAL = {
    .staged = world_staged,
    .published = world_published,
    .not_placed = world_not_placed,
    .opened = world_opened,
    .moved = world_moved,
    .discarded = world_discarded,
    .quota_ask = world_quota_ask,
    .quota_back = world_quota_back,
    .await = world_await,
    .taken = world_taken,
    .pieces = world_pieces,
    .changed = world_changed,
    .abandoned = world_abandoned,
    .denied = world_denied,
};

/* A descriptor of a directory of the world's. */
static inline int
world_dir(const char *name)
{
	int fd = openat(the_world.root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline void
world_mount(struct vfs *v, const char *at, const char *folder, uint32_t allow)
{
	char staging[64];

	(void)snprintf(staging, sizeof staging, "%s.staging", folder);
	const char *names = the_world.names, *no_names = the_world.no_names;
	const struct vfs_mount_options options = {
	    .at = at,
	    .folder = folder,
	    .allow = allow,
	    .direct = the_world.direct,
	    .relaxed = the_world.relaxed,
	    .metered = the_world.metered,
	    .names = slice_of(names, names == NULL ? 0 : strlen(names) + 1),
	    .no_names = slice_of(no_names, no_names == NULL ? 0 : strlen(no_names) + 1),
	};
	assert_int_equal(vfs_mount(v, &options, world_dir(folder), world_dir(staging)), ERR_OK);
}

/* Replaces the world's vfs by one with this single mount at "/". */
static inline void
world_allow(uint32_t allow)
{
	vfs_free(the_world.v);
	assert_int_equal(vfs_new(&the_world.v, "erp", &WORLD_JOURNAL, &the_world), ERR_OK);
	world_mount(the_world.v, "/", "store", allow);
}

static inline int
world_setup(void **state unused_arg)
{
	static const char *const DIRS[] = {
	    "store", "store.staging", "other", "other.staging", "outside"};
	struct world *w = &the_world;

	*w = (struct world){
	    .root = "/tmp/test-vfs.XXXXXX",
	    .ops = vfs_ops(),
	    .fs_kind = WORLD_TMPFS,
	    .limit_bytes = UINT64_MAX,
	    .limit_files = UINT64_MAX,
	    .answers = true,
	};
	if (mkdtemp(w->root) == NULL)
		return -1;
	w->root_fd = open(w->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(DIRS); i++)
		assert_int_equal(mkdirat(w->root_fd, DIRS[i], 0750), 0);
	world_allow(VFS_ALL);
	return 0;
}

static inline int
world_remove_one(const char *path, const struct stat *st unused_arg, int type unused_arg,
    struct FTW *ftw unused_arg)
{
	return remove(path);
}

static inline int
world_teardown(void **state unused_arg)
{
	vfs_free(the_world.v);
	close(the_world.root_fd);
	return nftw(the_world.root, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file of the host's, outside of all operations. */
static inline void
world_put(const char *path, const char *content)
{
	int fd = openat(the_world.root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content, strlen(content)), ERR_OK);
	close(fd);
}

static inline bool
world_has(const char *path)
{
	struct stat st;

	return fstatat(the_world.root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void
world_assert_content(const char *path, const char *want)
{
	struct buf b;
	int fd = openat(the_world.root_fd, path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	buf_init(&b, 1 << 20);
	assert_int_equal(file_read_all(fd, &b), ERR_OK);
	assert_int_equal(buf_len(&b), strlen(want));
	if (want[0] != '\0')
		assert_memory_equal(buf_slice(&b).ptr, want, strlen(want));
	buf_fini(&b);
	close(fd);
}

/* How many entries a directory of the host's has. */
static inline size_t
world_count(const char *dir)
{
	char entries[4096];
	int fd = world_dir(dir);
	size_t n = 0;

	for (;;) {
		long len = syscall(SYS_getdents64, fd, entries, sizeof entries);
		if (len <= 0)
			break;
		for (long at = 0; at < len; n++) {
			unsigned short reclen;
			memcpy(&reclen, entries + at + 16, sizeof reclen);
			at += reclen;
		}
	}
	close(fd);
	return n - 2;
}

static const struct sftp_attrs NO_ATTRS = {.flags = 0};

enum {
	PUT = SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_TRUNC,
	GET = SSH_FXF_READ,
};

/* The operations, with C strings; open gives NULL on failure and its result in *ret_r. */
static inline void *
op_open(const char *path, uint32_t pflags, struct sftp_result *ret_r)
{
	struct sftp_result r;
	void *file = NULL;

	r = the_world.ops->open(the_world.v, slice_str(path), pflags, &NO_ATTRS, &file);
	if (ret_r != NULL)
		*ret_r = r;
	assert_true((r.status == SSH_FX_OK) == (file != NULL));
	return file;
}

static inline uint32_t
op_open_status(const char *path, uint32_t pflags)
{
	struct sftp_result r;
	void *file = op_open(path, pflags, &r);

	if (file != NULL)
		the_world.ops->abandon(file);
	return r.status;
}

static inline uint32_t
op_write(void *file, uint64_t offset, const char *text)
{
	return the_world.ops->write(file, offset, slice_str(text)).status;
}

/* Within a turn: nothing is done about it yet. */
static inline struct sftp_result
op_close_only(void *file, uint32_t request_id)
{
	return the_world.ops->close(
	    file, (struct sftp_token){.server = &the_world, .request_id = request_id});
}

/* As all of a turn. */
static inline struct sftp_result
op_close(void *file, uint32_t request_id)
{
	struct sftp_result r = op_close_only(file, request_id);

	vfs_settle(the_world.v);
	return r;
}

/* The journal's answer, as all of a turn. */
static inline enum err
op_recorded(struct vfs *v, uint32_t tag, enum err error, uint64_t transfer)
{
	enum err e = vfs_upload_recorded(v, tag, error, transfer);

	vfs_settle(v);
	return e;
}

/* Reads everything, in pieces, into dst (terminated); the status of the last read. */
static inline uint32_t
op_read_all(void *file, char *dst, size_t dst_len)
{
	size_t at = 0, got;
	uint32_t status;

	do {
		status = the_world.ops->read(file, at, (uint8_t *)dst + at, 4, &got).status;
		at += got;
		assert_true(at + 5 < dst_len);
	} while (status == SSH_FX_OK);
	dst[at] = '\0';
	return status;
}

static inline uint32_t
op_stat(const char *path, struct sftp_attrs *ret_a)
{
	struct sftp_attrs a;

	return the_world.ops->stat(the_world.v, slice_str(path), ret_a == NULL ? &a : ret_a).status;
}

static inline uint32_t
op_remove(const char *path)
{
	return the_world.ops->remove(the_world.v, slice_str(path)).status;
}

static inline uint32_t
op_rename(const char *from, const char *to, bool replace)
{
	return the_world.ops->rename(the_world.v, slice_str(from), slice_str(to), replace).status;
}

static inline uint32_t
op_mkdir(const char *path)
{
	return the_world.ops->mkdir(the_world.v, slice_str(path), &NO_ATTRS).status;
}

static inline uint32_t
op_rmdir(const char *path)
{
	return the_world.ops->rmdir(the_world.v, slice_str(path)).status;
}

/* The names in a directory but "." and "..", sorted and joined by blanks; a status when refused. */
static inline int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline uint32_t
op_list(const char *path, char *dst, size_t dst_len)
{
	static char names[256][256];
	struct sftp_fs_entry entry;
	void *dir = NULL;
	size_t n = 0, at = 0;

	dst[0] = '\0';
	uint32_t status = the_world.ops->opendir(the_world.v, slice_str(path), &dir).status;
	if (status != SSH_FX_OK)
		return status;
	while ((status = the_world.ops->readdir(dir, &entry).status) == SSH_FX_OK) {
		if (slice_is(entry.name, ".") || slice_is(entry.name, ".."))
			continue;
		assert_true(n < ARRAY_LEN(names));
		assert_true(slice_copy(entry.name, names[n++], sizeof names[0]));
	}
	the_world.ops->closedir(dir);
	qsort(names, n, sizeof names[0], compare_names);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(dst + at, dst_len - at, "%s%s", i == 0 ? "" : " ", names[i]);
	assert_int_equal(status, SSH_FX_EOF);
	return SSH_FX_OK;
}

static inline void
assert_list(const char *path, const char *want)
{
	char got[4096];

	assert_int_equal(op_list(path, got, sizeof got), SSH_FX_OK);
	assert_string_equal(got, want);
}

/* A whole upload, recorded by the journal; the status that its CLOSE was answered with. */
static inline uint32_t
op_put(const char *path, const char *content)
{
	struct sftp_result r;
	void *file = op_open(path, PUT, &r);

	if (file == NULL)
		return r.status;
	assert_int_equal(op_write(file, 0, content), SSH_FX_OK);
	r = op_close(file, 1);
	if (r.status != SFTP_PENDING)
		return r.status;
	if (vfs_n_recording(the_world.v) > 0)
		assert_int_equal(
		    op_recorded(the_world.v, the_world.tag, ERR_OK, the_world.tag), ERR_OK);
	return the_world.completed.status;
}

static inline void
world_forget_events(void)
{
	the_world.n_events = 0;
}

/* The events since they were forgotten are exactly these (ends with NULL). */
static inline void
world_assert_events(const char *const *want)
{
	size_t n = 0;

	for (; want[n] != NULL; n++) {
		assert_true(n < the_world.n_events);
		assert_string_equal(the_world.events[n], want[n]);
	}
	assert_int_equal(n, the_world.n_events);
	world_forget_events();
}

#endif
