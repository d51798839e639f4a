#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/parse.h"
#include "os/fd.h"
#include "os/file.h"

/*
 * The manual and the schema say the same. Each key is an item of dray.yaml(5),
 *
 *	.It Cm routes.NAME.match.min_age Ar duration
 *	Default: 0.
 *
 * whose text begins with "Required.", "Optional." or its default; and each item is a key.
 */

enum { MANUAL_MAX = 256 * 1024, ITEM_MAX = 256 };

static char *
read_tree_file(const char *path)
{
	int fd _cleanup_(fd_closep) = -1;
	struct buf b;

	buf_init(&b, MANUAL_MAX);
	assert_int_equal(file_open_trusted(path, O_RDONLY, 0, &fd), ERR_OK);
	assert_int_equal(file_read_all(fd, &b), ERR_OK);
	char *text = slice_dup(buf_slice(&b));
	assert_non_null(text);
	buf_fini(&b);
	return text;
}

struct manual {
	const char *text;
	size_t n_keys;
};

static void
check_key(void *ctx, const struct config_key *key)
{
	struct manual *m = ctx;
	char item[ITEM_MAX];

	if (key->fallback != NULL)
		(void)snprintf(item, sizeof item, "\n.It Cm %s Ar %s\nDefault: %s.\n", key->path,
		    key->type, key->fallback);
	else
		(void)snprintf(item, sizeof item, "\n.It Cm %s Ar %s\n%s.\n", key->path, key->type,
		    key->required ? "Required" : "Optional");
	if (strstr(m->text, item) == NULL)
		fail_msg("not in the manual: %s", item);
	m->n_keys++;
}

struct wanted {
	struct slice path;
	bool found;
};

static void
match_key(void *ctx, const struct config_key *key)
{
	struct wanted *w = ctx;

	w->found = w->found || slice_is(w->path, key->path);
}

/* The number of items in the manual, after a check that each is a key. */
static size_t
check_items(const char *text)
{
	static const char ITEM[] = "\n.It Cm ";
	size_t n = 0;

	while ((text = strstr(text, ITEM)) != NULL) {
		text += sizeof ITEM - 1;
		struct wanted w = {.path = slice_of(text, strcspn(text, " \n"))};
		config_each_key(match_key, &w);
		if (!w.found)
			fail_msg("no such key: %.*s", SLICE_ARG(w.path));
		n++;
	}
	return n;
}

static void
test_keys_and_items_agree(unused_arg void **state)
{
	char *text = read_tree_file(SOURCE_ROOT "/man/dray.yaml.5");
	struct manual m = {.text = text};

	config_each_key(check_key, &m);
	assert_true(m.n_keys > 50);
	assert_int_equal(check_items(text), m.n_keys);
	free(text);
}

/* What stands under EXAMPLES is a good configuration. */
static void
test_the_manuals_example_loads(unused_arg void **state)
{
	static const char BEGIN[] = ".Sh EXAMPLES", LITERAL[] = ".Bd -literal\n";
	char *text = read_tree_file(SOURCE_ROOT "/man/dray.yaml.5");
	char *example = strstr(text, BEGIN);
	struct buf errors;

	assert_non_null(example);
	example = strstr(example, LITERAL);
	assert_non_null(example);
	example += sizeof LITERAL - 1;
	char *end = strstr(example, "\n.Ed\n");
	assert_non_null(end);
	struct config *c = parse_text(slice_of(example, (size_t)(end + 1 - example)), &errors);
	assert_string_equal(errors_text(&errors), "");
	assert_int_equal(c->n_routes, 1);
	config_unref(c);
	buf_fini(&errors);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys_and_items_agree),
	    cmocka_unit_test(test_the_manuals_example_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
