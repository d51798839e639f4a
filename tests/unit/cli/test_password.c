/* dray key password: a hash that accounts take, and nothing of the password beside it. */
#include "harness.h"

#include "os/password.h"

/* Standard input of the command: these bytes, and then its end. */
static struct answer
run_with(const char *input, size_t len, const char *json)
{
	int saved = dup(STDIN_FILENO), fds[2];

	assert_true(saved >= 0 && pipe(fds) == 0);
	assert_int_equal(file_write_all(fds[1], input, len), ERR_OK);
	close(fds[1]);
	assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
	close(fds[0]);
	struct answer a = DRAY("key", "password", json);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	return a;
}

static void
assert_hash_of(const char *out, const char *password)
{
	struct slice hash;
	bool good;

	(void)slice_cut(slice_str(out), '\n', &hash);
	assert_null(password_hash_refusal(hash));
	assert_int_equal(password_matches(hash, slice_str(password), &good), ERR_OK);
	assert_true(good);
	assert_null(strstr(out, password));
}

static void
test_a_line(void **state)
{
	(void)state;
	static const struct {
		const char *input, *password;
	} CASES[] = {
	    {"hunter2\n", "hunter2"},
	    {"hunter2", "hunter2"},
	    {" two words \nmore\n", " two words "},
	    {"pa\xc3\x9f$\"'\\\n", "pa\xc3\x9f$\"'\\"},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct answer a = run_with(CASES[i].input, strlen(CASES[i].input), NULL);
		assert_int_equal(a.code, CLI_OK);
		assert_string_equal(a.err, "");
		assert_hash_of(a.out, CASES[i].password);
		answer_fini(&a);
	}
}

static void
test_no_password(void **state)
{
	(void)state;
	char longest[PASSWORD_MAX + 3];
	struct {
		const char *input;
		size_t len;
		enum cli_exit code;
	} cases[] = {
	    {"", 0, CLI_FAILED},
	    {"\n", 1, CLI_FAILED},
	    {"a\0b\n", 4, CLI_FAILED},
	    {longest, PASSWORD_MAX, CLI_OK},
	    {longest, PASSWORD_MAX + 1, CLI_FAILED},
	    {longest, sizeof longest, CLI_FAILED},
	};

	memset(longest, 'x', sizeof longest);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer a = run_with(cases[i].input, cases[i].len, NULL);
		assert_int_equal(a.code, cases[i].code);
		if (a.code != CLI_OK) {
			assert_string_equal(a.out, "");
			assert_string_equal(
			    a.err, "dray: a password has 1 to 511 bytes, none of which is a NUL\n");
		}
		answer_fini(&a);
	}
}

static void
test_json(void **state)
{
	(void)state;
	struct answer a = run_with("secret\n", 7, "--json");

	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "{\n  \"hash\": \"$y$");
	answer_fini(&a);
}

static void
test_input_that_can_not_be_read(void **state)
{
	(void)state;
	int saved = dup(STDIN_FILENO);

	close(STDIN_FILENO);
	struct answer a = DRAY("key", "password");
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "dray: cannot read the password: ");
	answer_fini(&a);
}

int
main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(test_a_line),
	    IN_PLACE(test_no_password),
	    IN_PLACE(test_json),
	    IN_PLACE(test_input_that_can_not_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
