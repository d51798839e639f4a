#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char captured[2 * LOG_LINE_MAX];

/* Emits with standard error in a pipe, and keeps what came out of it. */
static void
capture(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields)
{
	int ends[2], saved = dup(STDERR_FILENO);
	size_t len = 0;
	ssize_t n;

	assert_true(saved >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_emit(level, event, fields, n_fields);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(ends[1]);
	while ((n = read(ends[0], captured + len, sizeof captured - 1 - len)) > 0)
		len += (size_t)n;
	close(ends[0]);
	captured[len] = '\0';
}

#define CAPTURE(level, event, ...)                               \
	capture(level, event, (struct log_field[]){__VA_ARGS__}, \
	    ARRAY_LEN(((struct log_field[]){__VA_ARGS__})))

static size_t
count_bytes(const char *text, char c)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == c ? 1 : 0;
	return n;
}

/* What follows the event's name in a text line, without the line's end. */
static const char *
fields_of(const char *event)
{
	char *at = strstr(captured, event);

	assert_non_null(at);
	at += strlen(event);
	char *end = strchr(at, '\n');
	assert_non_null(end);
	assert_int_equal(end[1], '\0');
	*end = '\0';
	return at;
}

static int
reset(void **state)
{
	(void)state;
	log_set_role("tester");
	log_set_format(LOG_FORMAT_TEXT);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static void
test_text_line(void **state)
{
	char who[64];

	(void)state;
	CAPTURE(LOG_LEVEL_INFO, "test.done", F_STR("route", "acme"), F_U64("bytes", UINT64_MAX),
	    F_I64("delta", INT64_MIN), F_STR("name", "a b.csv"));
	(void)snprintf(who, sizeof who, "Z info  tester[%d] test.done", (int)getpid());
	assert_non_null(strstr(captured, who));
	assert_string_equal(fields_of("test.done"),
	    " route=acme bytes=18446744073709551615 delta=-9223372036854775808 name=\"a b.csv\"");
}

static const struct {
	struct slice value;
	const char *text, *json;
} HOSTILE[] = {
    {{(const uint8_t *)"", 0}, " v=\"\"", "\"v\":\"\""},
    {{NULL, 0}, " v=\"\"", "\"v\":\"\""},
    {{(const uint8_t *)"a=b", 3}, " v=\"a=b\"", "\"v\":\"a=b\""},
    {{(const uint8_t *)"a\nb", 3}, " v=a\\x0ab", "\"v\":\"a\\\\x0ab\""},
    {{(const uint8_t *)"a\0b", 3}, " v=a\\x00b", "\"v\":\"a\\\\x00b\""},
    {{(const uint8_t *)"\" level=error", 13}, " v=\"\\\" level=error\"",
	"\"v\":\"\\\" level=error\""},
    {{(const uint8_t *)"\",\"x\":\"", 7}, " v=\"\\\",\\\"x\\\":\\\"\"",
	"\"v\":\"\\\",\\\"x\\\":\\\"\""},
    {{(const uint8_t *)"\\\"", 2}, " v=\"\\x5c\\\"\"", "\"v\":\"\\\\x5c\\\"\""},
    {{(const uint8_t *)"\x1b[2J\xff", 5}, " v=\\x1b[2J\\xff", "\"v\":\"\\\\x1b[2J\\\\xff\""},
    {{(const uint8_t *)"\xc3\xbc", 2}, " v=\xc3\xbc", "\"v\":\"\xc3\xbc\""},
};

static void
test_hostile_values_stay_in_their_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HOSTILE); i++) {
		log_set_format(LOG_FORMAT_TEXT);
		CAPTURE(LOG_LEVEL_WARN, "test.hostile", F_SLICE("v", HOSTILE[i].value));
		assert_string_equal(fields_of("test.hostile"), HOSTILE[i].text);
		log_set_format(LOG_FORMAT_JSON);
		CAPTURE(LOG_LEVEL_WARN, "test.hostile", F_SLICE("v", HOSTILE[i].value));
		assert_non_null(strstr(captured, HOSTILE[i].json));
		assert_int_equal(count_bytes(captured, '\n'), 1);
	}
}

static void
test_json_line(void **state)
{
	(void)state;
	log_set_format(LOG_FORMAT_JSON);
	CAPTURE(LOG_LEVEL_ERROR, "test.done", F_STR("name", "a"), F_U64("n", 3), F_I64("d", -4));
	assert_memory_equal(captured, "{\"time\":\"", 9);
	assert_non_null(
	    strstr(captured, "\"event\":\"test.done\",\"name\":\"a\",\"n\":3,\"d\":-4}\n"));
	assert_non_null(strstr(captured, "\"level\":\"error\",\"role\":\"tester\",\"pid\":"));
}

static void
test_level_filters(void **state)
{
	(void)state;
	CAPTURE(LOG_LEVEL_DEBUG, "test.quiet", F_U64("n", 1));
	assert_string_equal(captured, "");
	log_set_level(LOG_LEVEL_ERROR);
	CAPTURE(LOG_LEVEL_WARN, "test.quiet", F_U64("n", 1));
	assert_string_equal(captured, "");
	log_set_level(LOG_LEVEL_DEBUG);
	CAPTURE(LOG_LEVEL_DEBUG, "test.heard", F_U64("n", 1));
	assert_string_equal(fields_of("test.heard"), " n=1");
}

/* A line that is too long ends with a whole field, and is one line still. */
static void
test_long_lines_are_cut_between_fields(void **state)
{
	static char value[4 * LOG_LINE_MAX];

	(void)state;
	memset(value, '\n', sizeof value - 1);
	for (int json = 0; json <= 1; json++) {
		log_set_format(json == 1 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
		CAPTURE(LOG_LEVEL_INFO, "test.long", F_STR("a", value), F_STR("b", value),
		    F_STR("c", value), F_STR("d", value), F_STR("e", value), F_STR("f", value));
		size_t len = strlen(captured);
		assert_true(len > 2000 && len <= LOG_LINE_MAX);
		assert_int_equal(count_bytes(captured, '\n'), 1);
		assert_string_equal(
		    captured + len - (json == 1 ? 6 : 4), json == 1 ? "x0a\"}\n" : "x0a\n");
		assert_int_equal(count_bytes(captured, '"') % 2, 0);
	}
}

/* What a parent sets is in force in the processes that it starts, and nonsense isn't. */
static void
test_settings_travel_in_the_environment(void **state)
{
	static const char *const NONSENSE[] = {"", "1", "20", "04", "/0", "0/", "111", "json"};

	(void)state;
	assert_int_equal(unsetenv(LOG_ENVIRONMENT), 0);
	log_set_format(LOG_FORMAT_JSON);
	log_set_level(LOG_LEVEL_WARN);
	log_export();
	log_set_format(LOG_FORMAT_TEXT);
	log_set_level(LOG_LEVEL_DEBUG);
	log_import();
	CAPTURE(LOG_LEVEL_INFO, "test.below", F_U64("n", 1));
	assert_string_equal(captured, "");
	CAPTURE(LOG_LEVEL_WARN, "test.told", F_U64("n", 1));
	assert_int_equal(captured[0], '{');
	for (size_t i = 0; i < ARRAY_LEN(NONSENSE); i++) {
		assert_int_equal(setenv(LOG_ENVIRONMENT, NONSENSE[i], 1), 0);
		log_import();
		CAPTURE(LOG_LEVEL_INFO, "test.below", F_U64("n", 1));
		assert_string_equal(captured, "");
		CAPTURE(LOG_LEVEL_WARN, "test.told", F_U64("n", 1));
		assert_int_equal(captured[0], '{');
	}
	assert_int_equal(unsetenv(LOG_ENVIRONMENT), 0);
}

static void
test_closed_standard_error_is_survived(void **state)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);

	(void)state;
	assert_true(saved >= 0);
	close(STDERR_FILENO);
	log_info("test.unheard", F_U64("n", 1));
	int code = errno;
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	assert_int_equal(code, EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_text_line, reset),
	    cmocka_unit_test_setup(test_hostile_values_stay_in_their_field, reset),
	    cmocka_unit_test_setup(test_json_line, reset),
	    cmocka_unit_test_setup(test_level_filters, reset),
	    cmocka_unit_test_setup(test_long_lines_are_cut_between_fields, reset),
	    cmocka_unit_test_setup(test_settings_travel_in_the_environment, reset),
	    cmocka_unit_test_setup(test_closed_standard_error_is_survived, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
