/*
 * The account's file system when the system fails under it: each call of each operation in turn,
 * with each of the usual reasons. Whatever fails, the client gets a failure and no other answer,
 * what is in place is whole (the old or the new), and nothing stays behind: no descriptor, no open
 * upload, no charge on a quota.
 */
#include "inject.h"
#include "scratch.h"
#include "vfs/world.h"

#define OLD  "the older content"
#define NEW  "0123456789, the new content"
#define HALF "0123456789"

/* The first status that wasn't SSH_FX_OK. */
static uint32_t worst;

static bool
step(uint32_t status)
{
	if (status == SFTP_PENDING)
		return true;
	if (status != SSH_FX_OK && worst == SSH_FX_OK)
		worst = status;
	return status == SSH_FX_OK;
}

static void *
open_step(const char *path, uint32_t pflags)
{
	struct sftp_result r;
	void *f = op_open(path, pflags, &r);

	(void)step(r.status);
	return f;
}

/* CLOSE and all that follows it, as the session would do it. */
static void
close_step(void *f)
{
	size_t n_completed = the_world.n_completed;

	uint32_t status = op_close(f, 1).status;
	if (status != SFTP_PENDING) {
		(void)step(status);
		return;
	}
	if (the_world.n_completed == n_completed)
		assert_int_equal(
		    op_recorded(the_world.v, the_world.tag, ERR_OK, the_world.tag), ERR_OK);
	assert_int_equal(the_world.n_completed, n_completed + 1);
	(void)step(the_world.completed.status);
}

static void
write_new(void *f)
{
	size_t half = strlen(HALF);

	/* A client that goes on after a failed write is not to harm what is published; in place it
	 * harms itself. */
	if (step(op_write(f, 0, HALF)) || !the_world.direct)
		(void)step(op_write(f, half, &NEW[half]));
}

static void
run_put(void)
{
	void *f = open_step("/f", PUT);

	if (f == NULL)
		return;
	write_new(f);
	close_step(f);
}

static void
run_write_along(void)
{
	void *f = open_step("/f", SSH_FXF_WRITE);

	if (f == NULL)
		return;
	write_new(f);
	close_step(f);
}

static void
leave_half(void)
{
	void *f = op_open("/f", PUT, NULL);

	assert_int_equal(op_write(f, 0, HALF), SSH_FX_OK);
	the_world.ops->abandon(f);
}

static void
run_resume(void)
{
	void *f = open_step("/f", SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_APPEND);

	if (f == NULL)
		return;
	(void)step(op_write(f, 0, &NEW[strlen(HALF)]));
	close_step(f);
}

static void
run_give_up(void)
{
	void *f = open_step("/f", PUT);

	if (f == NULL)
		return;
	write_new(f);
	(void)step(op_remove("/f"));
	/* What wasn't removed is abandoned. */
	the_world.ops->abandon(f);
}

static void
run_lose(void)
{
	void *f = open_step("/f", PUT);

	if (f == NULL)
		return;
	write_new(f);
	the_world.ops->abandon(f);
}

static void
run_temporary(void)
{
	void *f = open_step("/f.part", PUT);

	if (f == NULL)
		return;
	write_new(f);
	close_step(f);
	if (worst == SSH_FX_OK)
		(void)step(op_rename("/f.part", "/f", true));
	(void)op_remove("/f.part");
}

static void
run_rename_open(void)
{
	void *f = open_step("/f.part", PUT);

	if (f == NULL)
		return;
	(void)step(op_rename("/f.part", "/f", true));
	write_new(f);
	if (worst == SSH_FX_OK)
		close_step(f);
	else
		the_world.ops->abandon(f);
}

static void
run_rename_partial(void)
{
	(void)step(op_rename("/f", "/g", false));
	if (worst == SSH_FX_OK)
		(void)step(op_remove("/g"));
}

static void
run_directories(void)
{
	if (step(op_mkdir("/d")) && step(op_rename("/d", "/e", false)))
		(void)step(op_rmdir("/e"));
}

static void
run_resize(void)
{
	const struct sftp_attrs a = {.flags = SSH_FILEXFER_ATTR_SIZE, .size = 3};

	(void)step(the_world.ops->setstat(the_world.v, slice_str("/f"), &a).status);
}

static void
run_link(void)
{
	(void)step(the_world.ops->link(the_world.v, slice_str("/f"), slice_str("/g")).status);
}

static void
run_copy(void)
{
	void *from = open_step("/f", GET), *to = open_step("/g", PUT);
	uint64_t n = 0;

	if (from != NULL && to != NULL)
		(void)step(the_world.ops->copy(from, 0, to, 0, UINT64_MAX, &n).status);
	if (to != NULL && worst == SSH_FX_OK)
		close_step(to);
	else if (to != NULL)
		the_world.ops->abandon(to);
	if (from != NULL)
		close_step(from);
}

static void
run_remove(void)
{
	(void)step(op_remove("/f"));
}

static void
run_look(void)
{
	struct sftp_fs_entry entry;
	struct sftp_attrs a;
	char got[64];
	void *dir = NULL;

	(void)step(op_stat("/f", &a));
	void *f = open_step("/f", GET);
	if (f != NULL) {
		uint32_t status = op_read_all(f, got, sizeof got);
		(void)step(status == SSH_FX_EOF ? SSH_FX_OK : status);
		close_step(f);
	}
	if (!step(the_world.ops->opendir(the_world.v, slice_str("/"), &dir).status))
		return;
	uint32_t status;
	do {
		status = the_world.ops->readdir(dir, &entry).status;
	} while (status == SSH_FX_OK);
	(void)step(status == SSH_FX_EOF ? SSH_FX_OK : status);
	the_world.ops->closedir(dir);
}

static void
put_old(void)
{
	world_put("store/f", OLD);
}

static void
nothing(void)
{
}

static const struct scenario {
	const char *name;
	bool direct;
	void (*before)(void);
	void (*run)(void);
	/* What store/f may hold afterwards, besides what it held before; NULL: it may be absent. */
	const char *after;
	bool in_part;         /* also the beginning of that, since it is written in place */
	int64_t bytes, files; /* what the folder has grown by, when nothing failed */
} SCENARIOS[] = {
    {"put", false, nothing, run_put, NEW, false, sizeof NEW - 1, 1},
    {"put over", false, put_old, run_put, NEW, false, sizeof NEW - sizeof OLD, 0},
    {"write along", false, put_old, run_write_along, NEW, false, sizeof NEW - sizeof OLD, 0},
    {"resume", false, leave_half, run_resume, NEW, false, sizeof NEW - 1, 1},
    {"anew", false, leave_half, run_put, NEW, false, sizeof NEW - 1, 1},
    {"give up", false, put_old, run_give_up, OLD, false, 0, 0},
    {"lose", false, put_old, run_lose, OLD, false, 0, 0},
    {"temporary name", false, put_old, run_temporary, NEW, false, sizeof NEW - sizeof OLD, 0},
    {"rename open", false, put_old, run_rename_open, NEW, false, sizeof NEW - sizeof OLD, 0},
    {"rename partial", false, leave_half, run_rename_partial, NULL, false, 0, 0},
    {"directories", false, put_old, run_directories, OLD, false, 0, 0},
    {"resize", false, put_old, run_resize, "the", false, 4 - (int64_t)sizeof OLD, 0},
    {"link", false, put_old, run_link, OLD, false, sizeof OLD - 1, 1},
    {"copy", false, put_old, run_copy, OLD, false, sizeof OLD - 1, 1},
    {"remove", false, put_old, run_remove, NULL, false, 1 - (int64_t)sizeof OLD, -1},
    {"look", false, put_old, run_look, OLD, false, 0, 0},
    {"direct put", true, nothing, run_put, NEW, true, sizeof NEW - 1, 1},
    {"direct put over", true, put_old, run_put, NEW, true, sizeof NEW - sizeof OLD, 0},
    {"direct resize", true, put_old, run_resize, "the", false, 4 - (int64_t)sizeof OLD, 0},
    {"direct copy", true, put_old, run_copy, OLD, false, sizeof OLD - 1, 1},
};

static void
begin(const struct scenario *s)
{
	assert_int_equal(world_setup(NULL), 0);
	the_world.quiet = true;
	the_world.metered = true;
	the_world.direct = s->direct;
	world_allow(VFS_ALL);
	s->before();
	the_world.content_bytes = 0;
	the_world.content_files = 0;
	worst = SSH_FX_OK;
}

/* The file of the name is absent, or as it was, or as it shall be; direct writes: the start of it.
 */
static bool
is_whole(const struct scenario *s, const char *path)
{
	char got[64] = "";
	size_t len;

	int fd = openat(the_world.root_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	assert_int_equal(file_pread_full(fd, got, sizeof got - 1, 0, &len), ERR_OK);
	close(fd);
	if (strcmp(got, OLD) == 0 || (s->after != NULL && strcmp(got, s->after) == 0))
		return true;
	return (s->in_part || s->direct) &&
	       (len == 0 || strncmp(got, HALF, strlen(HALF)) == 0 || strncmp(got, OLD, len) == 0);
}

static bool
check(const struct scenario *s, size_t n_fds, bool fired)
{
	if (scratch_count_fds() != n_fds || vfs_n_open_uploads(the_world.v) != 0 ||
	    vfs_n_recording(the_world.v) != 0)
		return false;
	if (the_world.leased_bytes != 0 || the_world.leased_files != 0)
		return false;
	if (!is_whole(s, "store/f") || !is_whole(s, "store/g") || !is_whole(s, "store/f.part"))
		return false;
	if (fired)
		return worst == SSH_FX_OK || worst == SSH_FX_FAILURE;
	if (world_has("store/f") != (s->after != NULL))
		return false;
	if (s->after != NULL)
		world_assert_content("store/f", s->after);
	return worst == SSH_FX_OK && the_world.content_bytes == s->bytes &&
	       the_world.content_files == s->files;
}

/* Fails the calls of this kind in turn, until a run goes by in which nothing fails. */
static void
torture(const struct scenario *s, enum fault_call call, int errno_value)
{
	bool fired = true;

	for (unsigned nth = 1; fired; nth++) {
		begin(s);
		size_t n_fds = scratch_count_fds();
		fault_arm(call, nth, 1, errno_value);
		s->run();
		fired = fault_disarm();
		if (!check(s, n_fds, fired))
			fail_msg("%s: %s %u fails with %d: status %u", s->name,
			    fault_call_name(call), nth, errno_value, worst);
		assert_int_equal(world_teardown(NULL), 0);
	}
}

static void
test_system_calls(void **state)
{
	static const struct {
		enum fault_call call;
		int errnos[3];
	} CALLS[] = {
	    {FAULT_PREAD, {EIO}},
	    {FAULT_READ, {EIO}},
	    {FAULT_PWRITE, {ENOSPC, EDQUOT, EIO}},
	    {FAULT_WRITE, {ENOSPC, EIO}},
	    {FAULT_FSYNC, {ENOSPC, EDQUOT, EIO}},
	    {FAULT_MKDIRAT, {ENOSPC, EDQUOT, EIO}},
	    {FAULT_RENAMEAT, {ENOSPC, EIO}},
	    {FAULT_RENAMEAT2, {ENOSPC, EIO}},
	    {FAULT_OPENAT2, {EMFILE, ENFILE, EIO}},
	    {FAULT_UNLINKAT, {EIO}},
	    {FAULT_LINKAT, {ENOSPC, EDQUOT, EIO}},
	    {FAULT_FTRUNCATE, {ENOSPC, EIO}},
	    {FAULT_COPY_FILE_RANGE, {ENOSPC, EXDEV, EIO}},
	    {FAULT_FSTATAT, {EIO}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SCENARIOS); i++) {
		for (size_t k = 0; k < ARRAY_LEN(CALLS); k++) {
			for (size_t n = 0; n < 3 && CALLS[k].errnos[n] != 0; n++)
				torture(&SCENARIOS[i], CALLS[k].call, CALLS[k].errnos[n]);
		}
	}
}

static void
test_short_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SCENARIOS); i++) {
		torture(&SCENARIOS[i], FAULT_PWRITE, FAULT_SHORT);
		torture(&SCENARIOS[i], FAULT_PREAD, FAULT_SHORT);
	}
}

static void
test_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SCENARIOS); i++) {
		torture(&SCENARIOS[i], FAULT_MALLOC, ENOMEM);
		torture(&SCENARIOS[i], FAULT_CALLOC, ENOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_system_calls),
	    cmocka_unit_test(test_short_writes),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
