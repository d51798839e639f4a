#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transfer/stores.h"

#include "scratch.h"

/* Opening the directories of a configuration: which one fails, and what was tried with it. */

struct dir_case {
	const char *home;
	const char *path; /* of the only folder */
	const char *staging;
	enum err expected_err;
	const char *story; /* "@" stands for the scratch directory */
};

static const struct dir_case CASES[] = {
    {"h", "h/f", "h/s", ERR_OK, ""},
    {"a/b/c", "a/f", "a/s", ERR_OK, ""},
    {"file/h", "f", "s", ERR_NOTDIR, "cannot open the directory @/file/h: not a directory"},
    {"file", "f", "s", ERR_NOTDIR, "cannot open the directory @/file: not a directory"},
    {"h", "file", "s", ERR_NOTDIR, "cannot open the directory @/file: not a directory"},
    {"h", "f", "file/s", ERR_NOTDIR, "cannot open the directory @/file/s: not a directory"},
    {"h", "dangling", "s", ERR_NOENT,
	"cannot make the directory @/dangling: no such file or directory"},
};

static void
expand(const struct scratch *dir, const char *text, char *dst, size_t dst_len)
{
	const char *at = strchr(text, '@');

	if (at == NULL)
		(void)snprintf(dst, dst_len, "%s", text);
	else
		(void)snprintf(dst, dst_len, "%.*s%s%s", (int)(at - text), text, dir->path, at + 1);
}

static void
check_case(const struct dir_case *want)
{
	char home[300], path[300], staging[300], story_text[STORY_MAX];
	struct scratch dir;
	struct stores stores;
	struct story story = {""};

	scratch_init(&dir);
	scratch_write(&dir, "file", "");
	scratch_symlink(&dir, "gone", "dangling");
	(void)snprintf(home, sizeof home, "%s/%s", dir.path, want->home);
	(void)snprintf(path, sizeof path, "%s/%s", dir.path, want->path);
	(void)snprintf(staging, sizeof staging, "%s/%s", dir.path, want->staging);
	char name[] = "f";
	struct config_folder folder = {.name = name, .path = path, .staging = staging};
	struct config config = {.home = home, .folders = &folder, .n_folders = 1};
	size_t n_fds = scratch_count_fds();
	enum err e = stores_open(&config, &stores, &story);
	expand(&dir, want->story, story_text, sizeof story_text);
	assert_string_equal(story.text, story_text);
	assert_int_equal(e, want->expected_err);
	if (e == ERR_OK)
		stores_close(&stores);
	assert_int_equal(scratch_count_fds(), n_fds);
	scratch_fini(&dir);
}

static void
test_directories(unused_arg void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		check_case(&CASES[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
