#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/parse.h"
#include "scratch.h"

/* The control socket of files that are no good otherwise. */

struct peek_case {
	const char *text;
	enum err expected_err;
	const char *expected; /* "@" stands for the directory; NULL when there is an error */
};

static const struct peek_case CASES[] = {
    {"home: /srv/dray\n", ERR_OK, "/srv/dray/control.sock"},
    {"home: .\n", ERR_OK, "@/control.sock"},
    {"home: state/../run\ncontrol: ../c.sock\n", ERR_OK, "@/c.sock"},
    {"control: c.sock\nhome: sub\n", ERR_OK, "@/sub/c.sock"},
    {"control: /run/c.sock\n", ERR_OK, "/run/c.sock"},
    /* Errors elsewhere don't matter. */
    {"home: /h\nroutes: 7\nnonsense: {a: b}\nlisten: []\n", ERR_OK, "/h/control.sock"},
    {"home: /h\ninclude: gone.yaml\n", ERR_OK, "/h/control.sock"},
    {"home: /first\nhome: /second\n", ERR_OK, "/first/control.sock"},
    {"home: [/h]\ncontrol: /run/c.sock\n", ERR_OK, "/run/c.sock"},
    {"home: /h\ncontrol:\n", ERR_OK, "/h/control.sock"},
    {"? [a]\n: b\nhome: /h\n", ERR_OK, "/h/control.sock"},
    /* Nothing that could be told. */
    {"control: c.sock\n", ERR_FORMAT, NULL},
    {"home: [/h]\ncontrol: c.sock\n", ERR_FORMAT, NULL},
    {"home:\n", ERR_FORMAT, NULL},
    {"home: \"a\\0b\"\n", ERR_FORMAT, NULL},
    {"[home, /h]\n", ERR_FORMAT, NULL},
    {"a word\n", ERR_FORMAT, NULL},
    {"", ERR_FORMAT, NULL},
    {"home: /h\n\tb: c\n", ERR_FORMAT, NULL},
    {"home: /h\n---\nhome: /i\n", ERR_FORMAT, NULL},
};

static void
expand(const struct scratch *dir, const char *text, char *dst, size_t dst_len)
{
	bool in_dir = text[0] == '@';

	(void)snprintf(dst, dst_len, "%s%s", in_dir ? dir->path : "", text + (in_dir ? 1 : 0));
}

static void
test_peek(unused_arg void **state)
{
	char path[512], wanted[512], found[512];
	struct scratch dir;

	scratch_init(&dir);
	(void)snprintf(path, sizeof path, "%s/dray.yaml", dir.path);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		scratch_write(&dir, "dray.yaml", CASES[i].text);
		enum err e = config_peek_control(path, found, sizeof found);
		if (e != CASES[i].expected_err)
			fail_msg("%s: %s", CASES[i].text, err_name(e));
		if (e != ERR_OK)
			continue;
		expand(&dir, CASES[i].expected, wanted, sizeof wanted);
		assert_string_equal(found, wanted);
	}
	scratch_fini(&dir);
}

/* What config_load says of a good file is what a peek says. */
static void
test_as_loaded(unused_arg void **state)
{
	char path[512], found[512];
	struct scratch dir;
	struct config *c _cleanup_(config_unrefp) = NULL;
	struct buf errors _cleanup_(buf_fini);

	scratch_init(&dir);
	(void)snprintf(path, sizeof path, "%s/dray.yaml", dir.path);
	scratch_write(&dir, "dray.yaml", "home: ./x//y/\ncontrol: ./z\n");
	buf_init(&errors, ERRORS_MAX);
	assert_int_equal(config_load(path, &c, &errors), ERR_OK);
	assert_int_equal(config_peek_control(path, found, sizeof found), ERR_OK);
	assert_string_equal(found, c->control_socket);
	scratch_fini(&dir);
}

static void
test_what_cannot_be_read(unused_arg void **state)
{
	char path[512], found[512];
	struct scratch dir;

	scratch_init(&dir);
	(void)snprintf(path, sizeof path, "%s/dray.yaml", dir.path);
	assert_int_equal(config_peek_control(path, found, sizeof found), ERR_NOENT);
	assert_int_equal(config_peek_control(dir.path, found, sizeof found), ERR_ISDIR);
	scratch_write(&dir, "dray.yaml", "home: /h\n");
	/* "/h/control.sock" and its terminator. */
	assert_int_equal(config_peek_control(path, found, 15), ERR_NAMETOOLONG);
	assert_int_equal(config_peek_control(path, found, 16), ERR_OK);
	assert_int_equal(truncate(path, 5 * 1024 * 1024), 0);
	assert_int_equal(config_peek_control(path, found, sizeof found), ERR_FORMAT);
	scratch_fini(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_peek),
	    cmocka_unit_test(test_as_loaded),
	    cmocka_unit_test(test_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
