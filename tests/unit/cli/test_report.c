/* What is told of a job, to people and as JSON, and the exit code of each end. */
#include "harness.h"

#include "cli/transfer_report.h"

static const struct job_item GET_A = {
    .direction = JOB_GET, .remote = "/out/a\n.csv", .local = "in/a.csv"};
static const struct job_item PUT_B = {.direction = JOB_PUT, .remote = "/in/b", .local = "b"};
static const struct job_item GET_DIR = {.direction = JOB_GET, .remote = "/out", .local = "in"};

static const struct job_result A_DONE = {.item = &GET_A,
    .outcome = JOB_DONE,
    .bytes = 2048,
    .resumed = 1024,
    .us = 1500,
    .hash = "e3b0c442",
    .story = ""};
static const struct job_result A_WARNED = {
    .item = &GET_A, .outcome = JOB_DONE, .story = "keeping times: a.csv: not permitted"};
static const struct job_result B_DONE = {
    .item = &PUT_B, .outcome = JOB_DONE, .bytes = 1, .story = ""};
static const struct job_result B_WARNED = {
    .item = &PUT_B, .outcome = JOB_DONE, .story = "the server refuses to set its mode"};
static const struct job_result B_SKIPPED = {
    .item = &PUT_B, .outcome = JOB_SKIPPED, .story = "it is there already"};
static const struct job_result B_REFUSED = {.item = &PUT_B,
    .outcome = JOB_FAILED,
    .error = ERR_ACCESS,
    .story = "opening: /in/b: permission denied\033"};
static const struct job_result A_MISSING = {.item = &GET_A,
    .outcome = JOB_FAILED,
    .error = ERR_NOENT,
    .story = "looking at: /out/a\\x0a.csv: no such file"};
static const struct job_result A_STOPPED = {
    .item = &GET_A, .outcome = JOB_INTERRUPTED, .bytes = 10, .story = "interrupted"};
static const struct job_result DIR_DONE = {
    .item = &GET_DIR, .outcome = JOB_DONE, .is_directory = true, .story = ""};

/* A session without a server, whose streams are in memory. */
struct bench {
	struct cli cli;
	struct remote_session session;
	struct transfer_report report;
	char *out, *err;
	size_t out_len, err_len;
};

static void
bench_init(struct bench *b, bool json, unsigned verbose, uint64_t given)
{
	*b = (struct bench){.cli = {.json = json, .options = {.verbose = verbose, .given = given}}};
	b->cli.out = open_memstream(&b->out, &b->out_len);
	b->cli.err = open_memstream(&b->err, &b->err_len);
	b->session.cli = &b->cli;
	transfer_report_init(&b->report, &b->session);
}

static void
bench_close(struct bench *b)
{
	fclose(b->cli.out);
	fclose(b->cli.err);
}

static void
bench_fini(struct bench *b)
{
	free(b->out);
	free(b->err);
}

/* The results, up to a NULL, and the end. */
static enum cli_exit
bench_run(struct bench *b, const struct job_result *const *results, const struct report_end *end)
{
	for (; *results != NULL; results++) {
		transfer_report_started(&b->report, (*results)->item);
		transfer_report_ended(&b->report, *results);
	}
	/* So that the time it took is known: none. */
	b->report.started_us = time_mono_us() + 3600 * US_PER_SEC;
	enum cli_exit code = transfer_report_finish(&b->report, end);
	bench_close(b);
	return code;
}

struct exit_case {
	const struct job_result *results[5];
	struct report_end end;
	enum cli_exit code;
	const char *said; /* somewhere in the complaints */
};

static const struct exit_case EXITS[] = {
    {{NULL}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, "0 files, 0 B in "},
    {{&A_DONE}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, "1 file, 2.0 KiB in "},
    {{&A_DONE, &B_DONE, &DIR_DONE}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, "2 files, "},
    {{&A_WARNED}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, "dray: keeping times: a.csv: not"},
    {{&B_WARNED}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, "dray: /in/b: the server refuses"},
    {{&B_SKIPPED}, {.outcome = JOB_DONE, .story = ""}, CLI_OK, ", 1 skipped\n"},
    {{&B_REFUSED}, {.outcome = JOB_FAILED, .story = "x"}, CLI_FAILED,
	"dray: opening: /in/b: permission denied\\x1b\n0 files"},
    {{&A_MISSING}, {.outcome = JOB_FAILED, .story = ""}, CLI_NOT_FOUND,
	"dray: looking at: /out/a\\x0a.csv: no such file\n"},
    {{&A_MISSING, &B_REFUSED}, {.outcome = JOB_FAILED, .story = ""}, CLI_FAILED, ", 2 failed\n"},
    {{&A_DONE, &B_REFUSED}, {.outcome = JOB_FAILED, .story = ""}, CLI_PARTLY, ", 1 failed\n"},
    {{&B_SKIPPED, &A_MISSING}, {.outcome = JOB_FAILED, .story = ""}, CLI_PARTLY, ""},
    {{NULL}, {.outcome = JOB_FAILED, .story = "listing: /x: no"}, CLI_FAILED,
	"dray: listing: /x: no\n"},
    {{&A_STOPPED}, {.outcome = JOB_INTERRUPTED, .story = "", .interrupted = true}, CLI_INTERRUPTED,
	"dray: interrupted\ndray: the same command with --resume goes on\n0 files, 10 B in "},
    {{&A_DONE}, {.outcome = JOB_DONE, .story = "", .interrupted = true}, CLI_OK, "1 file"},
    {{&A_STOPPED}, {.outcome = JOB_INTERRUPTED, .story = "the line is lost"}, CLI_UNREACHABLE,
	"dray: the line is lost\ndray: the same command with --resume goes on\n"},
    {{&A_STOPPED}, {.outcome = JOB_INTERRUPTED, .story = "s", .connect = TRANSPORT_UNREACHABLE},
	CLI_UNREACHABLE, "1 not finished"},
    {{&A_STOPPED},
	{.outcome = JOB_INTERRUPTED, .story = "s", .connect = TRANSPORT_HOST_KEY_CHANGED},
	CLI_HOST_KEY, ""},
    {{&A_STOPPED},
	{.outcome = JOB_INTERRUPTED, .story = "s", .connect = TRANSPORT_USER_KEY_REFUSED}, CLI_AUTH,
	""},
};

static void
test_exits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(EXITS); i++) {
		struct bench b;
		bench_init(&b, false, 0, 0);
		assert_int_equal(bench_run(&b, EXITS[i].results, &EXITS[i].end), EXITS[i].code);
		assert_contains(b.err, EXITS[i].said);
		assert_string_equal(b.out, "");
		bench_fini(&b);
	}
}

static void
test_quiet(void **state)
{
	static const struct job_result *const RESULTS[] = {&A_DONE, &B_REFUSED, NULL};
	static const struct report_end END = {.outcome = JOB_FAILED, .story = ""};
	struct bench b;

	(void)state;
	bench_init(&b, false, 0, OPTION_BIT(OPTION_QUIET));
	transfer_report_notice(&b.report, "connection lost");
	assert_int_equal(bench_run(&b, RESULTS, &END), CLI_PARTLY);
	assert_string_equal(b.err, "dray: opening: /in/b: permission denied\\x1b\n");
	bench_fini(&b);
}

static void
test_verbose(void **state)
{
	static const struct job_result *const RESULTS[] = {
	    &DIR_DONE, &A_DONE, &B_SKIPPED, &B_DONE, NULL};
	static const struct report_end END = {.outcome = JOB_DONE, .story = ""};
	struct bench b;

	(void)state;
	bench_init(&b, false, 1, 0);
	transfer_report_notice(&b.report, "connection lost: \a");
	assert_int_equal(bench_run(&b, RESULTS, &END), CLI_OK);
	assert_string_equal(
	    b.out, "/out -> in\n/out/a\\x0a.csv -> in/a.csv (3.0 KiB)\nb -> /in/b (1 B)\n");
	assert_contains(
	    b.err, "dray: connection lost: \\x07\ndray: /in/b: it is there already\n2 files");
	bench_fini(&b);
}

static void
test_json(void **state)
{
	static const struct job_result *const RESULTS[] = {&A_DONE, &B_REFUSED, NULL};
	static const struct report_end END = {.outcome = JOB_FAILED, .story = ""};
	struct bench b;

	(void)state;
	bench_init(&b, true, 0, 0);
	transfer_report_notice(&b.report, "trying again");
	assert_int_equal(bench_run(&b, RESULTS, &END), CLI_PARTLY);
	assert_string_equal(b.err, "");
	assert_contains(b.out, "{\"event\":\"notice\",\"text\":\"trying again\"}\n"
			       "{\"event\":\"started\",\"direction\":\"get\",\"remote\":"
			       "\"/out/a\\\\x0a.csv\",\"local\":\"in/a.csv\"}\n"
			       "{\"event\":\"ended\",\"direction\":\"get\",\"remote\":"
			       "\"/out/a\\\\x0a.csv\",\"local\":\"in/a.csv\",\"outcome\":\"done\","
			       "\"directory\":false,\"bytes\":2048,\"resumed\":1024,\"us\":1500,"
			       "\"sha256\":\"e3b0c442\",\"error\":null,\"story\":\"\"}\n");
	assert_contains(b.out,
	    "\"outcome\":\"failed\",\"directory\":false,\"bytes\":0,\"resumed\":0,"
	    "\"us\":0,\"sha256\":null,\"error\":\"access\",\"story\":\"opening: "
	    "/in/b: permission denied\\\\x1b\"}\n"
	    "{\"event\":\"summary\",\"files\":1,\"failed\":1,\"skipped\":0,"
	    "\"unfinished\":0,\"removed\":0,\"bytes\":2048,\"us\":0,\"exit\":9,"
	    "\"story\":\"\"}\n");
	bench_fini(&b);
}

struct decided_case {
	unsigned verbose;
	uint64_t given;
	const char *out;
};

static void
test_decided(void **state)
{
	static const struct decided_case CASES[] = {
	    {0, 0, ""},
	    {1, 0, "changed   a\\x0ab  (size 10, was 12)\nremoved   c\n"},
	    {2, 0, "changed   a\\x0ab  (size 10, was 12)\nremoved   c\nequal     d\n"},
	    {0, OPTION_BIT(OPTION_DRY_RUN), "changed   a\\x0ab  (size 10, was 12)\nremoved   c\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct bench b;
		bench_init(&b, false, CASES[i].verbose, CASES[i].given);
		transfer_report_decided(
		    &b.report, SYNC_CHANGED, slice_str("a\nb"), "size 10, was 12");
		transfer_report_decided(&b.report, SYNC_REMOVED, slice_str("c"), "");
		transfer_report_decided(&b.report, SYNC_EQUAL, slice_str("d"), "");
		bench_close(&b);
		assert_string_equal(b.out, CASES[i].out);
		bench_fini(&b);
	}
	struct bench b;
	bench_init(&b, true, 0, 0);
	transfer_report_decided(&b.report, SYNC_NEW, slice_str("x"), "");
	bench_close(&b);
	assert_string_equal(
	    b.out, "{\"event\":\"decided\",\"action\":\"new\",\"path\":\"x\",\"why\":\"\"}\n");
	bench_fini(&b);
}

static void
test_refused(void **state)
{
	struct ask_answer a = {.error = ERR_NOENT};
	struct bench b;

	(void)state;
	story_set(&a.story, "no match: /x*: no such file");
	bench_init(&b, false, 0, 0);
	transfer_report_refused(&b.report, "/x*", &a);
	bench_close(&b);
	assert_string_equal(b.err, "dray: no match: /x*: no such file\n");
	assert_int_equal(tally_exit(&b.report.files), CLI_NOT_FOUND);
	bench_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exits),
	    cmocka_unit_test(test_quiet),
	    cmocka_unit_test(test_verbose),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_decided),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
