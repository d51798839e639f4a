#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shell/complete.h"

/* One made-up directory on each side; "sub" and "a dir" are directories. */
struct side {
	const char *names[12];
};
static const struct side REMOTE = {{"alpha", "alpine", "a dir", "b*", "it's", "q\"q", ".hid", "sub",
    "\xc3\xa4x", "\xc3\xa4y", "\xc3\xb6", NULL}};
static const struct side LOCAL = {{"local 1", "local 2", "sub", NULL}};

static void
names(void *ctx, enum complete_side side, const char *directory, complete_told_fn *told,
    void *told_ctx)
{
	const struct side *s = side == COMPLETE_REMOTE ? &REMOTE : &LOCAL;

	snprintf(ctx, 32, "%c:%s", side == COMPLETE_REMOTE ? 'r' : 'l', directory);
	for (size_t i = 0; s->names[i] != NULL; i++)
		told(told_ctx, s->names[i],
		    strcmp(s->names[i], "sub") == 0 || strcmp(s->names[i], "a dir") == 0);
}

static void
test_lines(unused_arg void **state)
{
	static const struct {
		const char *line, *insert, *asked;
		size_t n_names;
	} CASES[] = {
	    /* commands */
	    {"by", "e ", "", 1},
	    {"BY", "e ", "", 1},
	    {"-@by", "e ", "", 1},
	    {"lm", "kdir ", "", 1},
	    {"lu", "mask ", "", 1},
	    {"g", "et ", "", 1},
	    {"re", "", "", 3},
	    {"reg", "et ", "", 1},
	    {"xyz", "", "", 0},
	    {"!l", "", "", 0},
	    {"# g", "", "", 0},
	    {"nonsense a", "", "", 0},
	    /* the server's names */
	    {"ls alph", "a ", "r:", 1},
	    {"ls al", "p", "r:", 2},
	    {"ls -l al", "p", "r:", 2},
	    {"ls a", "", "r:", 3},
	    {"ls su", "b/", "r:", 1},
	    {"ls sub/", "", "r:sub/", 8 + 2},
	    {"ls sub/../x/b", "\\* ", "r:sub/../x/", 1},
	    {"ls b", "\\* ", "r:", 1},
	    {"ls b\\*", " ", "r:", 1},
	    {"ls a\\ ", "dir/", "r:", 1},
	    {"ls \"a ", "dir/", "r:", 1},
	    {"ls 'a d", "ir/", "r:", 1},
	    {"ls \"alph", "a\" ", "r:", 1},
	    {"ls 'it", "\\'s' ", "r:", 1},
	    {"ls it", "\\'s ", "r:", 1},
	    {"ls \"it", "'s\" ", "r:", 1},
	    {"ls q", "\\\"q ", "r:", 1},
	    {"ls .h", "id ", "r:", 1},
	    {"ls \xc3\xa4", "", "r:", 2},
	    {"rm ", "", "r:", 8 + 2},
	    {"chmod 600 alpi", "ne ", "r:", 1},
	    {"chmod 6", "", "", 0},
	    {"rename alpha alpi", "ne ", "r:", 1},
	    {"rename alpha alpine x", "", "", 0},
	    {"get -r alpha loc", "al\\ ", "l:", 2},
	    {"get alpi", "ne ", "r:", 1},
	    {"symlink alpi", "ne ", "r:", 1},
	    /* ours */
	    {"put loc", "al\\ ", "l:", 2},
	    {"put 'loc", "al ", "l:", 2},
	    {"put -r 'local 1' alp", "", "r:", 2},
	    {"lcd s", "ub/", "l:", 1},
	    {"lls s", "ub/", "l:", 1},
	    {"lls -l s", "ub/", "l:", 1},
	    {"bye x", "", "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct completion c;
		char asked[32] = "";
		complete_line(slice_str(CASES[i].line), names, asked, &c);
		struct slice insert = buf_slice(&c.insert);
		if (!slice_is(insert, CASES[i].insert) || strcmp(asked, CASES[i].asked) != 0 ||
		    c.n_names != CASES[i].n_names)
			fail_msg("\"%s\": \"%.*s\", asked \"%s\", %zu", CASES[i].line,
			    SLICE_ARG(insert), asked, c.n_names);
		completion_fini(&c);
	}
}

/* Half of a character is never written: these two differ in the second byte of it. */
static void
many(unused_arg void *ctx, unused_arg enum complete_side side, unused_arg const char *directory,
    complete_told_fn *told, void *told_ctx)
{
	told(told_ctx, "x\xc3\xa4", false);
	told(told_ctx, "x\xc3\xb6", false);
}

static void
test_half_a_character(unused_arg void **state)
{
	struct completion c;

	complete_line(slice_str("ls "), many, NULL, &c);
	assert_true(slice_is(buf_slice(&c.insert), "x"));
	assert_int_equal(c.n_names, 2);
	completion_fini(&c);
}

static void
endless(unused_arg void *ctx, unused_arg enum complete_side side, unused_arg const char *directory,
    complete_told_fn *told, void *told_ctx)
{
	char name[16];

	for (int i = 0; i < COMPLETE_CANDIDATES_MAX + 10; i++) {
		snprintf(name, sizeof name, "n%d", i);
		told(told_ctx, name, false);
	}
}

static void
test_bound(unused_arg void **state)
{
	struct completion c;

	complete_line(slice_str("ls "), endless, NULL, &c);
	assert_int_equal(c.n_names, COMPLETE_CANDIDATES_MAX);
	assert_true(slice_is(buf_slice(&c.insert), "n"));
	completion_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_half_a_character),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
