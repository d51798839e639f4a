#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/password.h"

/* All of them are of "secret". The cheapest costs are for a test alone. */
static const char YESCRYPT[] =
    "$y$j75$iTAN3jPJMQsOYwuiXxcc.1$L6FmHjK39ohzNypUn3M5VwkxWAaG5ZFtEwOPbkcQWs2";
static const char *const HASHES[] = {
    YESCRYPT,
    "$gy$j75$nOXT2j2/do166SwEAIsC8/$TgDm5t/ZGNMLfPQKYzM7iix5SkvnlyoJ402f4lGMqX4",
    "$2b$05$kg.R0tCO14d0K7YbH.T.KebGGNHzfIR/0jThsx2WbzPPc9fSpQuHC",
    "$6$Nh/PIXDCE/YkOvSw$J9QASXId44F3LxQX75YDAsK11416JPBCzUwOwacRxJzXGNjsY6/"
    "9iNgjDseSBtW8rA5PRlE8Tw/CSdp7A7Pq71",
};

static bool
matches(const char *hash, const char *password)
{
	bool good = true;

	assert_int_equal(password_matches(slice_str(hash), slice_str(password), &good), ERR_OK);
	return good;
}

static void
test_each_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HASHES); i++) {
		assert_null(password_hash_refusal(slice_str(HASHES[i])));
		assert_true(matches(HASHES[i], "secret"));
		assert_false(matches(HASHES[i], "Secret"));
		assert_false(matches(HASHES[i], "secret "));
		assert_false(matches(HASHES[i], "secre"));
		assert_false(matches(HASHES[i], ""));
	}
}

static void
test_weak_and_no_hashes(void **state)
{
	(void)state;
	static const char *const CASES[] = {"", "*", "!", "x", "secret", "$", "$y$", "$y$j75$",
	    "$1$JBPfSmoO$XPQ37PfA3KP6PrAMKHv0N/",
	    "$5$5f8U8zvTP7uWqsqi$HlpDh6y8zmIAtik2WTs1rCefeVZ9lFEBX8GBBxaFxx.",
	    "$2a$05$kg.R0tCO14d0K7YbH.T.KebGGNHzfIR/0jThsx2WbzPPc9fSpQuHC",
	    "$2y$05$kg.R0tCO14d0K7YbH.T.KebGGNHzfIR/0jThsx2WbzPPc9fSpQuHC",
	    "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq", "ab1xyz0123456",
	    "$3$$8846f7eaee8fb117ad06bdd830b7586c"};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		bool good = true;
		assert_non_null(password_hash_refusal(slice_str(CASES[i])));
		assert_int_equal(
		    password_matches(slice_str(CASES[i]), slice_str("secret"), &good), ERR_FORMAT);
		assert_false(good);
	}
}

/* A part of a hash is none; neither is one with something behind it, or with a NUL in it. */
static void
test_damaged_hashes(void **state)
{
	(void)state;
	char text[sizeof YESCRYPT + 1];

	for (size_t len = 0; len < sizeof YESCRYPT - 1; len++)
		assert_non_null(password_hash_refusal(slice_of(YESCRYPT, len)));
	memcpy(text, YESCRYPT, sizeof YESCRYPT);
	text[sizeof YESCRYPT - 1] = '2';
	assert_non_null(password_hash_refusal(slice_of(text, sizeof YESCRYPT)));
	for (size_t i = 0; i < sizeof YESCRYPT - 1; i++) {
		static const char BAD[] = {'\0', ' ', ':', '*', '!', '\n', '\x7f', '\xff', '\\'};
		for (size_t j = 0; j < sizeof BAD; j++) {
			memcpy(text, YESCRYPT, sizeof YESCRYPT);
			text[i] = BAD[j];
			assert_non_null(password_hash_refusal(slice_of(text, sizeof YESCRYPT - 1)));
		}
	}
}

/* Any other hash of the kind is another password's: each letter counts. */
static void
test_another_hash(void **state)
{
	(void)state;
	char text[sizeof YESCRYPT];

	for (size_t i = strlen("$y$j75$iTAN3jPJMQsOYwuiXxcc.1$"); i < sizeof YESCRYPT - 1; i += 6) {
		bool good = true;
		memcpy(text, YESCRYPT, sizeof YESCRYPT);
		text[i] = text[i] == 'a' ? 'b' : 'a';
		assert_int_equal(
		    password_matches(slice_str(text), slice_str("secret"), &good), ERR_OK);
		assert_false(good);
	}
}

static void
test_passwords_that_are_none(void **state)
{
	(void)state;
	char longest[PASSWORD_MAX + 1], hash[PASSWORD_HASH_MAX];
	bool good = true;

	/* A NUL must not end it early: the rest would not count. */
	assert_int_equal(
	    password_matches(slice_str(YESCRYPT), slice_of("secret\0x", 8), &good), ERR_OK);
	assert_false(good);
	memset(longest, 'x', sizeof longest);
	assert_int_equal(password_hash(slice_of(longest, PASSWORD_MAX), hash), ERR_OK);
	assert_int_equal(
	    password_matches(slice_str(hash), slice_of(longest, PASSWORD_MAX), &good), ERR_OK);
	assert_true(good);
	assert_int_equal(
	    password_matches(slice_str(hash), slice_of(longest, PASSWORD_MAX + 1), &good), ERR_OK);
	assert_false(good);
	assert_int_equal(password_hash(slice_of(longest, PASSWORD_MAX + 1), hash), ERR_INVALID);
	assert_int_equal(password_hash(slice_str(""), hash), ERR_INVALID);
	assert_int_equal(password_hash(slice_of("a\0b", 3), hash), ERR_INVALID);
}

static void
test_a_fresh_salt(void **state)
{
	(void)state;
	char one[PASSWORD_HASH_MAX], other[PASSWORD_HASH_MAX];

	assert_int_equal(password_hash(slice_str("secret"), one), ERR_OK);
	assert_int_equal(password_hash(slice_str("secret"), other), ERR_OK);
	assert_string_not_equal(one, other);
	assert_memory_equal(one, "$y$", 3);
	assert_true(matches(one, "secret"));
	assert_true(matches(other, "secret"));
	assert_false(matches(other, "other"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_kind),
	    cmocka_unit_test(test_weak_and_no_hashes),
	    cmocka_unit_test(test_damaged_hashes),
	    cmocka_unit_test(test_another_hash),
	    cmocka_unit_test(test_passwords_that_are_none),
	    cmocka_unit_test(test_a_fresh_salt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
