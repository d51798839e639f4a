/* What is asked one at a time, and names with wildcards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>

#include "client/ask.h"
#include "client/glob.h"
#include "client/list.h"
#include "client/world.h"
#include "sftp/proto.h"
#include "sftp/server.h"

static void
test_files(void **state)
{
	struct world w;
	struct ask_answer a;
	struct sftp_attrs attrs;
	struct sftp_fs_statvfs vfs;
	struct buf text _cleanup_(buf_fini), hash _cleanup_(buf_fini);

	(void)state;
	world_start(&w, &(struct world_habits){.seed = 0});
	buf_init(&text, SFTP_PATH_MAX);
	buf_init(&hash, 64);
	world_file(&w.there, "f", 5000, 1);
#define THERE(name) slice_str(world_there(&w, name))
	assert_true(ask_stat(w.r, THERE("f"), &attrs, &a));
	assert_int_equal(attrs.size, 5000);
	assert_false(ask_stat(w.r, THERE("none"), &attrs, &a));
	assert_int_equal(a.error, ERR_NOENT);
	assert_int_equal(a.status, SSH_FX_NO_SUCH_FILE);
	assert_non_null(strstr(a.story.text, "none: no such file"));
	assert_true(ask_mkdir(w.r, THERE("d"), 0700, &a));
	assert_true(ask_lstat(w.r, THERE("d"), &attrs, &a));
	assert_int_equal(attrs.permissions & 0777, 0700);
	assert_true(ask_symlink(w.r, slice_str("f"), THERE("l"), &a));
	assert_true(ask_readlink(w.r, THERE("l"), &text, &a));
	assert_true(slice_is(buf_slice(&text), "f"));
	buf_clear(&text);
	assert_true(ask_realpath(w.r, THERE("d/../f"), &text, &a));
	assert_true(slice_is(buf_slice(&text), world_there(&w, "f")));
	assert_true(ask_hardlink(w.r, THERE("f"), THERE("d/g"), &a));
	assert_true(ask_rename(w.r, THERE("d/g"), THERE("d/h"), false, &a));
	assert_true(ask_copy(w.r, THERE("f"), THERE("d/copy"), &a));
	assert_true(world_is_file(&w.there, "d/copy", 5000, 1));
	assert_true(ask_check_file(w.r, THERE("d/copy"), "sha256", 0, 0, &hash, &a));
	assert_int_equal(buf_len(&hash), 32);
	assert_false(ask_check_file(w.r, THERE("none"), "sha256", 0, 0, &hash, &a));
	assert_true(ask_statvfs(w.r, THERE("d"), &vfs, &a));
	assert_true(vfs.f_bsize > 0);
	attrs = (struct sftp_attrs){.flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = 0600};
	assert_true(ask_setstat(w.r, THERE("d/copy"), &attrs, true, &a));
	assert_true(ask_remove(w.r, THERE("d/copy"), &a));
	assert_false(ask_rmdir(w.r, THERE("d"), &a));
	assert_true(ask_remove(w.r, THERE("d/h"), &a));
	assert_true(ask_rmdir(w.r, THERE("d"), &a));
	world_fini(&w);
}

/* The line is lost before the k-th request: each question says so, and none waits for ever. */
static void
test_lost(void **state)
{
	struct world w;
	struct ask_answer a;
	struct sftp_attrs attrs;

	(void)state;
	world_start(&w, &(struct world_habits){.dies_at = 4, .dies_times = 1});
	world_file(&w.there, "f", 5000, 1);
	assert_true(ask_stat(w.r, THERE("f"), &attrs, &a));
	assert_false(ask_stat(w.r, THERE("f"), &attrs, &a));
	assert_int_equal(a.error, ERR_CLOSED);
	assert_true(remote_is_lost(w.r));
	assert_false(ask_copy(w.r, THERE("f"), THERE("g"), &a));
	assert_int_equal(a.error, ERR_CLOSED);
	world_fini(&w);
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	(void)name;
	++*(size_t *)ctx;
	return true;
}

/* Who was interrupted leaves; the answer comes to nobody, and the line is good for more. */
static void
test_interrupt(void **state)
{
	struct world w;
	struct ask_answer a;
	struct sftp_attrs attrs;
	size_t n = 0;
	int fds[2];

	(void)state;
	world_start(&w, &(struct world_habits){.seed = 0});
	world_file(&w.there, "f", 5000, 1);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	ask_set_interrupt(w.r, fds[0]);
	/* An answer that is faster than we look is one. */
	for (int i = 0; i < 20; i++) {
		if (!ask_stat(w.r, THERE("f"), &attrs, &a))
			assert_int_equal(a.error, ERR_AGAIN);
		if (!ask_list(w.r, THERE("."), on_entry, &n, &a))
			assert_int_equal(a.error, ERR_AGAIN);
	}
	ask_set_interrupt(w.r, -1);
	n = 0;
	assert_true(ask_stat(w.r, THERE("f"), &attrs, &a));
	assert_true(ask_list(w.r, THERE("."), on_entry, &n, &a));
	assert_int_equal(n, 3);
	(void)close(fds[0]);
	(void)close(fds[1]);
	world_fini(&w);
}

static void
test_quoting(void **state)
{
	static const struct {
		const char *pattern;
		bool magic;
		const char *plain;
	} CASES[] = {
	    {"", false, ""},
	    {"a", false, "a"},
	    {"a*", true, "a*"},
	    {"a\\*", false, "a*"},
	    {"\\[a]\\?", false, "[a]?"},
	    {"[a]", true, "[a]"},
	    {"a\\", false, "a\\"},
	    {"\\\\*", true, "\\*"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		assert_int_equal(glob_has_magic(CASES[i].pattern), CASES[i].magic);
		(void)snprintf(text, sizeof text, "%s", CASES[i].pattern);
		glob_unquote(text);
		assert_string_equal(text, CASES[i].plain);
	}
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern,
		    *found; /* the names found, behind the directory, with blanks */
	} CASES[] = {
	    {"*", "/a /b.csv /c.csv /d /e"},
	    {"*.csv", "/b.csv /c.csv"},
	    {"[ab]*", "/a /b.csv"},
	    {"?", "/a /d /e"},
	    {"*/x*", "/d/x1 /d/x2 /e/x1"},
	    {"d/x?", "/d/x1 /d/x2"},
	    {"*/x2", "/d/x2"},
	    {".h*", "/.hidden"},
	    {"none*", NULL},
	    {"*/none", NULL},
	    {"a", "/a"},
	    {"none", NULL},
	    {"\\a", "/a"},
	};
	static const char *const FILES[] = {
	    "a", "b.csv", "c.csv", "d/x1", "d/x2", "e/x1", ".hidden"};
	struct world w;
	struct ask_answer a;

	(void)state;
	world_start(&w, &(struct world_habits){.seed = 0});
	scratch_mkdir(&w.there, "d");
	scratch_mkdir(&w.there, "e");
	for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
		world_file(&w.there, FILES[i], 1, 1);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct glob_matches m;
		char found[512] = "";
		bool ok = glob_remote(w.r, world_there(&w, CASES[i].pattern), true, &m, &a);
		assert_int_equal(ok, CASES[i].found != NULL);
		if (!ok) {
			assert_int_equal(a.error, ERR_NOENT);
			continue;
		}
		for (size_t k = 0; k < m.n; k++) {
			size_t len = strlen(found);
			(void)snprintf(found + len, sizeof found - len, "%s%s", k > 0 ? " " : "",
			    m.items[k].path + strlen(w.there.path));
		}
		assert_string_equal(found, CASES[i].found);
		glob_matches_fini(&m);
	}
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_lost),
	    cmocka_unit_test(test_interrupt),
	    cmocka_unit_test(test_quoting),
	    cmocka_unit_test(test_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
