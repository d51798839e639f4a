/* Files that are made or extended durably: what is there already is never harmed. */
#include "harness.h"

#include <signal.h>
#include <sys/resource.h>

#include "cli/base64.h"
#include "cli/files.h"

static struct slice
text(const char *s)
{
	return slice_str(s);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_create(void **state)
{
	struct story story;
	mode_t mask = umask(0777);

	(void)state;
	assert_int_equal(umask(0), 0777);
	assert_int_equal(files_create("a/b/key", text("secret"), 0600, &story), ERR_OK);
	(void)umask(mask);
	assert_file_is("a/b/key", "secret");
	assert_int_equal(mode_of("a/b/key"), 0600);
	assert_int_equal(mode_of("a"), 0750);
	assert_int_equal(files_create("a/b/key", text("other"), 0600, &story), ERR_EXISTS);
	assert_string_equal(story.text, "cannot create a/b/key: it exists already");
	assert_file_is("a/b/key", "secret");
	/* Nothing else was left beside it. */
	assert_int_equal(shell("test \"$(ls -A a/b)\" = key"), 0);
	(void)umask(077);
	assert_int_equal(files_create("public", text(""), 0644, &story), ERR_OK);
	(void)umask(mask);
	assert_int_equal(mode_of("public"), 0644);
}

static void
test_create_where_it_cannot(void **state)
{
	char name[300];
	struct story story;

	(void)state;
	write_file("file", "x", 0644);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	/* A link that leads nowhere is a name that is taken. */
	assert_int_equal(files_create("dangling", text("k"), 0600, &story), ERR_EXISTS);
	assert_int_equal(access("nowhere", F_OK), -1);
	assert_int_not_equal(files_create("file/key", text("k"), 0600, &story), ERR_OK);
	assert_int_not_equal(files_create("/proc/no-such/key", text("k"), 0600, &story), ERR_OK);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(files_create(name, text("k"), 0600, &story), ERR_NAMETOOLONG);
}

/* Writes that fail in the middle, as on a full disk: no new name, no leftover, no half line. */
static void
write_with_no_room(void)
{
	static char big[300000];
	const struct rlimit small = {.rlim_cur = 100000, .rlim_max = 100000};
	struct story story;

	memset(big, 'b', sizeof big);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &small) < 0)
		_exit(1);
	if (files_create("key", slice_of(big, sizeof big), 0600, &story) != ERR_QUOTA)
		_exit(2);
	if (files_append_line("lines", slice_of(big, sizeof big), &story) != ERR_QUOTA)
		_exit(3);
	_exit(0);
}

static void
test_no_room(void **state)
{
	int status;

	(void)state;
	write_file("lines", "first line\n", 0644);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_with_no_room();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_file_is("lines", "first line\n");
	assert_int_equal(shell("test \"$(ls -A)\" = lines"), 0);
}

static void
test_append(void **state)
{
	static const struct {
		const char *before; /* NULL: no file */
		const char *after;
	} CASES[] = {
	    {NULL, "new line\n"},
	    {"", "new line\n"},
	    {"# comment\n", "# comment\nnew line\n"},
	    {"no end", "no end\nnew line\n"},
	    {"\n\n", "\n\nnew line\n"},
	};
	struct story story;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		(void)unlink("lines");
		if (CASES[i].before != NULL)
			write_file("lines", CASES[i].before, 0640);
		assert_int_equal(files_append_line("lines", text("new line\n"), &story), ERR_OK);
		assert_file_is("lines", CASES[i].after);
		if (CASES[i].before != NULL)
			assert_int_equal(mode_of("lines"), 0640);
	}
	assert_int_equal(files_append_line("new/dir/lines", text("x\n"), &story), ERR_OK);
	assert_file_is("new/dir/lines", "x\n");
}

static void
test_append_where_it_cannot(void **state)
{
	struct story story;

	(void)state;
	assert_int_equal(mkdir("directory", 0755), 0);
	assert_int_equal(files_append_line("directory", text("x\n"), &story), ERR_ISDIR);
	assert_int_equal(mkfifo("fifo", 0644), 0);
	assert_int_equal(files_append_line("fifo", text("x\n"), &story), ERR_INVALID);
	assert_string_equal(story.text, "cannot append to fifo: invalid argument");
	/* Through the operator's symbolic link: the file stays a link. */
	write_file("real", "1\n", 0644);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(files_append_line("link", text("2\n"), &story), ERR_OK);
	assert_file_is("real", "1\n2\n");
}

/* Many at once: every line whole, none lost. */
static void
test_append_together(void **state)
{
	enum { WRITERS = 4, LINES = 25 };
	struct story story;

	(void)state;
	for (int w = 0; w < WRITERS; w++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		for (int i = 0; pid == 0 && i < LINES; i++) {
			if (files_append_line("shared", text("one whole line\n"), &story) != ERR_OK)
				_exit(1);
		}
		if (pid == 0)
			_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(
	    shell("test $(grep -cx 'one whole line' shared) = %d", WRITERS * LINES), 0);
	assert_int_equal(shell("test $(wc -l < shared) = %d", WRITERS * LINES), 0);
}

static void
test_read(void **state)
{
	struct story story;
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(files_read("missing", &b, &story), ERR_NOENT);
	assert_string_equal(story.text, "cannot read missing: no such file or directory");
	write_file("five", "12345", 0644);
	assert_int_equal(files_read("five", &b, &story), ERR_NOMEM);
	buf_fini(&b);
}

/* In a child, because a process doesn't get its rights back. 0 is right. */
static int
make_as_owner(void)
{
	struct story story;
	bool root = geteuid() == 0;

	if (files_act_as_owner("home", &story) != ERR_OK ||
	    files_act_as_owner("no-home", &story) != ERR_OK)
		return 1;
	if (files_create("home/keys/k", slice_str("k"), 0600, &story) != ERR_OK)
		return 2;
	/* No more than the owner may: root could write anywhere. */
	enum err outside = files_create("outside", slice_str("k"), 0600, &story);
	return outside == (root ? ERR_ACCESS : ERR_OK) ? 0 : 3;
}

/* What root makes in a home that belongs to somebody else belongs to that somebody. */
static void
test_owner(void **state)
{
	uid_t owner = geteuid() == 0 ? 65534 : geteuid();
	struct stat st;
	int status;

	(void)state;
	assert_int_equal(mkdir("home", 0755), 0);
	assert_int_equal(chmod(".", 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(chown("home", owner, owner), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(make_as_owner());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(stat("home/keys/k", &st), 0);
	assert_int_equal(st.st_uid, owner);
	assert_int_equal(stat("home/keys", &st), 0);
	assert_int_equal(st.st_uid, owner);
}

static void
test_base64(void **state)
{
	static const struct {
		const char *text;
		const char *bytes; /* NULL: malformed */
	} CASES[] = {
	    {"", ""},
	    {"Zg==", "f"},
	    {"Zm8=", "fo"},
	    {"Zm9v", "foo"},
	    {"Zm9vYmFy", "foobar"},
	    {"+/+/", "\xfb\xff\xbf"},
	    {"Zg=", NULL},
	    {"Zg", NULL},
	    {"Z===", NULL},
	    {"====", NULL},
	    {"Zg==Zm8=", NULL},
	    {"Zh==", NULL},
	    {"Zm9=", NULL},
	    {"Zm9v\n", NULL},
	    {"Zm 9", NULL},
	    {"Zm9\xff", NULL},
	    {"Z=9v", NULL},
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		buf_init(&b, 64);
		enum err e = base64_decode(text(CASES[i].text), &b);
		if (CASES[i].bytes == NULL) {
			assert_int_equal(e, ERR_FORMAT);
			assert_int_equal(buf_len(&b), 0);
		} else {
			assert_int_equal(e, ERR_OK);
			assert_true(slice_is(buf_slice(&b), CASES[i].bytes));
		}
		buf_fini(&b);
	}
	/* A zero byte is no character; and a buffer that is too small takes nothing. */
	buf_init(&b, 4);
	assert_int_equal(base64_decode(slice_of("Zm\0v", 4), &b), ERR_FORMAT);
	assert_int_equal(base64_decode(text("Zm9vYmFy"), &b), ERR_NOMEM);
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
}

int
main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(test_create),
	    IN_PLACE(test_create_where_it_cannot),
	    IN_PLACE(test_no_room),
	    IN_PLACE(test_append),
	    IN_PLACE(test_append_where_it_cannot),
	    IN_PLACE(test_append_together),
	    IN_PLACE(test_read),
	    IN_PLACE(test_owner),
	    IN_PLACE(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
