#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/config.h"
#include "config/document.h"
#include "config/parse.h"
#include "scratch.h"

/* Configurations of several files. */

struct fixture {
	struct scratch dir;
	char main[300];
	char expected[4096];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (f == NULL)
		return -1;
	scratch_init(&f->dir);
	(void)snprintf(f->main, sizeof f->main, "%s/dray.yaml", f->dir.path);
	scratch_mkdir(&f->dir, "conf.d");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	scratch_fini(&f->dir);
	free(f);
	return 0;
}

static struct config *
load_good(const char *path)
{
	struct config *c = NULL;
	struct buf errors;

	buf_init(&errors, ERRORS_MAX);
	enum err e = config_load(path, &c, &errors);
	assert_int_equal(buf_put_u8(&errors, 0), ERR_OK);
	assert_string_equal(errors_text(&errors), "");
	assert_int_equal(e, ERR_OK);
	buf_fini(&errors);
	return c;
}

/* Each '@' of expected stands for the directory. */
static void
expect_errors(struct fixture *f, enum err expected_err, const char *expected)
{
	struct config *c = NULL;
	struct buf errors;
	size_t len = 0;

	for (; *expected != '\0' && len + 1 < sizeof f->expected; expected++) {
		if (*expected == '@')
			len += (size_t)snprintf(
			    f->expected + len, sizeof f->expected - len, "%s", f->dir.path);
		else
			f->expected[len++] = *expected;
	}
	f->expected[len] = '\0';
	buf_init(&errors, ERRORS_MAX);
	enum err e = config_load(f->main, &c, &errors);
	assert_int_equal(buf_put_u8(&errors, 0), ERR_OK);
	assert_string_equal(errors_text(&errors), f->expected);
	assert_int_equal(e, expected_err);
	assert_null(c);
	buf_fini(&errors);
}

static void
test_sections_go_on(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml",
	    "home: lib\ninclude: [more.yaml, conf.d/*.yaml, 'none*.yaml', conf.d/a.yaml]\n"
	    "folders: {a: {path: a}}\nlisten: [{address: '1.1.1.1:1', host_keys: k}]\n");
	scratch_write(&f->dir, "more.yaml",
	    "folders: {b: {path: b}}\nlog: {level: debug}\n"
	    "listen: [{address: '2.2.2.2:2', host_keys: k}]\n");
	scratch_write(&f->dir, "conf.d/a.yaml",
	    "routes: {r: {from: {remote: far, path: /, every: 1s}, to: [{folder: b}], "
	    "after: leave}}\n");
	scratch_write(&f->dir, "conf.d/b.yaml",
	    "remotes: {far: {address: h, user: u, identity: i, known_hosts: k}}\n"
	    "identities: {i: {private_key: k}}\nlimits: {max_sessions: 5}\n");
	scratch_write(&f->dir, "conf.d/c.yml", "not read\n");
	struct config *c = load_good(f->main);
	assert_int_equal(c->n_folders, 2);
	assert_int_equal(c->n_listens, 2);
	assert_string_equal(c->listens[1].host, "2.2.2.2");
	assert_int_equal(c->n_routes, 1);
	assert_ptr_equal(c->routes[0].from, &c->remotes[0]);
	assert_ptr_equal(c->routes[0].to[0], config_find_folder(c, slice_str("b")));
	assert_int_equal(c->limits.max_sessions, 5);
	assert_int_equal(c->limits.auth_attempts, 6);
	assert_int_equal(c->log_level, 0);
	config_unref(c);
}

static void
test_duplicates_tell_both_places(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml",
	    "home: lib\ninclude: conf.d/*.yaml\nfolders: {a: {path: a}}\nlimits: {}\n");
	scratch_write(&f->dir, "conf.d/a.yaml", "folders:\n  a: {path: b}\nhome: x\n");
	scratch_write(&f->dir, "conf.d/b.yaml", "# \n\nlimits: {auth_attempts: 0}\n");
	expect_errors(f, ERR_INVALID,
	    "@/conf.d/a.yaml:2:3: folder \"a\" is defined twice (first at @/dray.yaml:3:11)\n"
	    "@/conf.d/a.yaml:3:1: key \"home\" is twice in the top level (first at "
	    "@/dray.yaml:1:1)\n"
	    "@/conf.d/b.yaml:3:1: key \"limits\" is twice in the top level (first at "
	    "@/dray.yaml:4:1)\n");
}

static void
test_errors_name_their_file(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml",
	    "home: lib\ninclude:\n  - conf.d/b.yaml\n  - conf.d/a.yaml\nlogg: {}\n");
	scratch_write(&f->dir, "conf.d/a.yaml", "folder: {}\n");
	scratch_write(&f->dir, "conf.d/b.yaml", "include: x.yaml\nroute: {}\n");
	expect_errors(f, ERR_INVALID,
	    "@/dray.yaml:5:1: unknown key \"logg\" in the top level (did you mean \"log\"?)\n"
	    "@/conf.d/b.yaml:1:10: an included file can't include others\n"
	    "@/conf.d/b.yaml:2:1: unknown key \"route\" in the top level (did you mean "
	    "\"routes\"?)\n"
	    "@/conf.d/a.yaml:1:1: unknown key \"folder\" in the top level (did you mean "
	    "\"folders\"?)\n");
}

/* What is missing may be in the file that could not be read: one error, not its consequences. */
static void
test_unreadable_files(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml",
	    "include: [gone.yaml, conf.d, fifo.yaml, bad.yaml]\n"
	    "accounts: {a: {authorized_keys: k, mounts: [{at: /, folder: f, allow: list}]}}\n");
	scratch_write(&f->dir, "bad.yaml", "folders: [\n");
	assert_int_equal(mkfifoat(f->dir.fd, "fifo.yaml", 0600), 0);
	expect_errors(f, ERR_INVALID,
	    "@/dray.yaml:1:11: \"include\": @/gone.yaml: no such file or directory\n"
	    "@/dray.yaml:1:22: \"include\": @/conf.d: is a directory\n"
	    "@/dray.yaml:1:30: \"include\": @/fifo.yaml: operation not supported\n"
	    "@/bad.yaml:2:1: not YAML: while parsing a flow node, did not find expected node "
	    "content\n");
}

static void
test_wrong_includes(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml", "home: x\ninclude: [[a], {b: c}, '']\n");
	expect_errors(f, ERR_INVALID,
	    "@/dray.yaml:2:11: \"include\" must be a path or a list of paths\n"
	    "@/dray.yaml:2:16: \"include\" must be a path or a list of paths\n"
	    "@/dray.yaml:2:24: \"include\" must name files\n");
	scratch_write(&f->dir, "dray.yaml", "home: x\ninclude: {a: b}\n");
	expect_errors(
	    f, ERR_INVALID, "@/dray.yaml:2:10: \"include\" must be a path or a list of paths\n");
	/* A file that includes itself, or what includes it, is read once. */
	scratch_write(&f->dir, "dray.yaml", "home: x\ninclude: ['*.yaml', dray.yaml]\n");
	config_unref(load_good(f->main));
}

static void
test_main_file(void **state)
{
	struct fixture *f = *state;

	expect_errors(f, ERR_NOENT,
	    "@/dray.yaml: the configuration can't be read: no such file or directory\n");
	scratch_mkdir(&f->dir, "dray.yaml");
	expect_errors(
	    f, ERR_ISDIR, "@/dray.yaml: the configuration can't be read: is a directory\n");
}

static void
test_main_file_too_large(void **state)
{
	struct fixture *f = *state;

	scratch_write(&f->dir, "dray.yaml", "home: /h\n");
	assert_int_equal(truncate(f->main, DOCUMENT_LEN_MAX + 1), 0);
	expect_errors(f, ERR_INVALID, "@/dray.yaml: the file is larger than 4 MiB\n");
}

/* Relative names: home starts at the file's directory, wherever the file is named from. */
static void
test_relative_path(void **state)
{
	struct fixture *f = *state;
	char cwd[4096], home[4096];

	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_int_equal(chdir(f->dir.path), 0);
	scratch_write(&f->dir, "conf.d/dray.yaml", "home: ../lib\ninclude: x.yaml\n");
	scratch_write(&f->dir, "conf.d/x.yaml", "control: c\n");
	struct config *c = load_good("conf.d/../conf.d/dray.yaml");
	(void)snprintf(home, sizeof home, "%s/lib", f->dir.path);
	assert_string_equal(c->home, home);
	assert_string_equal(c->path, "conf.d/../conf.d/dray.yaml");
	config_unref(c);
	scratch_write(&f->dir, "here.yaml", "home: .\n");
	c = load_good("here.yaml");
	assert_string_equal(c->home, f->dir.path);
	config_unref(c);
	assert_int_equal(chdir(cwd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_sections_go_on),
	    TEST(test_duplicates_tell_both_places),
	    TEST(test_errors_name_their_file),
	    TEST(test_unreadable_files),
	    TEST(test_wrong_includes),
	    TEST(test_main_file),
	    TEST(test_main_file_too_large),
	    TEST(test_relative_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
