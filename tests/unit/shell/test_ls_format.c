#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <time.h>

#include "shell/ls_format.h"

#define MINUTE 60
#define NOW    (INT64_C(1700000000)) /* 2023-11-14 22:13:20 UTC */

static void
add(struct ls_entries *e, const char *name, const char *longname, uint64_t size, uint32_t mtime)
{
	const struct sftp_attrs attrs = {
	    .flags = SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_UIDGID |
		     SSH_FILEXFER_ATTR_PERMISSIONS | SSH_FILEXFER_ATTR_ACMODTIME,
	    .size = size,
	    .uid = 7,
	    .gid = 4294967295,
	    .permissions = S_IFREG | 0644,
	    .mtime = mtime,
	};

	ls_entries_add(e, strdup(name), longname == NULL ? NULL : strdup(longname), &attrs);
}

/* What is printed for three files. */
static char *
printed(struct ls_options o)
{
	struct ls_entries e = {.n = 0};
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	add(&e, "b", "line of ", 2000, (uint32_t)NOW - MINUTE);
	add(&e, "c", NULL, 1, (uint32_t)NOW - 300 * 24 * 3600);
	add(&e, "a\x1b", "x", 30, (uint32_t)NOW);
	o.now = NOW;
	ls_entries_sort(&e, &o);
	ls_entries_print(&e, &o, to);
	fclose(to);
	ls_entries_fini(&e);
	return text;
}

static void
test_views(unused_arg void **state)
{
	static const struct {
		struct ls_options options;
		const char *text;
	} CASES[] = {
	    {{.view = LS_ONE_A_LINE}, "a\\x1b\nb\nc\n"},
	    {{.view = LS_ONE_A_LINE, .reverse = true}, "c\nb\na\\x1b\n"},
	    {{.view = LS_ONE_A_LINE, .sort = LS_BY_SIZE}, "b\na\\x1b\nc\n"},
	    {{.view = LS_ONE_A_LINE, .sort = LS_BY_TIME}, "a\\x1b\nb\nc\n"},
	    {{.view = LS_ONE_A_LINE, .sort = LS_BY_TIME, .reverse = true}, "c\nb\na\\x1b\n"},
	    {{.view = LS_ONE_A_LINE, .sort = LS_UNSORTED, .reverse = true}, "b\nc\na\\x1b\n"},
	    {{.view = LS_COLUMNS, .width = 21}, "a\\x1b  b      c      \n"},
	    {{.view = LS_COLUMNS, .width = 14}, "a\\x1b  b      \nc      \n"},
	    {{.view = LS_COLUMNS, .width = 3}, "a\\x1b\nb  \nc  \n"},
	    {{.view = LS_LONG}, "xa\\x1b\nline of b\n"
				"-rw-r--r--    ? 7        4294967295        1 Jan 18  2023 c\n"},
	    {{.view = LS_LONG_NUMERIC},
		"-rw-r--r--    ? 7        4294967295       30 Nov 14 22:13 a\\x1b\n"
		"-rw-r--r--    ? 7        4294967295     2000 Nov 14 22:12 b\n"
		"-rw-r--r--    ? 7        4294967295        1 Jan 18  2023 c\n"},
	    {{.view = LS_LONG, .human = true, .sort = LS_BY_SIZE},
		"-rw-r--r--    ? 7        4294967295     2.0K Nov 14 22:12 b\n"
		"-rw-r--r--    ? 7        4294967295      30B Nov 14 22:13 a\\x1b\n"
		"-rw-r--r--    ? 7        4294967295       1B Jan 18  2023 c\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		char *text = printed(CASES[i].options);
		assert_string_equal(text, CASES[i].text);
		free(text);
	}
}

static void
test_modes(unused_arg void **state)
{
	static const struct {
		uint32_t mode;
		const char *text;
	} CASES[] = {
	    {S_IFDIR | 01777, "drwxrwxrwt"},
	    {S_IFREG | 04755, "-rwsr-xr-x"},
	    {S_IFREG | 06640, "-rwSr-S---"},
	    {S_IFREG | 01000, "---------T"},
	    {S_IFLNK | 0777, "lrwxrwxrwx"},
	    {S_IFIFO, "p---------"},
	    {S_IFSOCK, "s---------"},
	    {S_IFBLK, "b---------"},
	    {S_IFCHR, "c---------"},
	    {0xffffffff, "?rwsrwsrwt"},
	    {0444, "?r--r--r--"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct ls_entry entry = {.name = (char[]){"n"},
		    .attrs = {
			.flags = SSH_FILEXFER_ATTR_PERMISSIONS, .permissions = CASES[i].mode}};
		const struct ls_options o = {.view = LS_LONG_NUMERIC, .now = NOW};
		char *text = NULL;
		size_t len = 0;
		FILE *to = open_memstream(&text, &len);
		ls_entry_print(&entry, &o, to);
		fclose(to);
		assert_memory_equal(text, CASES[i].text, 10);
		/* Nothing else is known. */
		assert_string_equal(text + 10, "    ? ?        ?               ?            ? n\n");
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_views),
	    cmocka_unit_test(test_modes),
	};

	/* Local time is shown. */
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
