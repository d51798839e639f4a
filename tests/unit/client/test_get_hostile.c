/* Fetching from servers that mean harm, or lie: each ends, clearly, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/job.h"
#include "client/script.h"
#include "scratch.h"

enum { SIZE = 100 * 1000 };

struct meeting {
	struct script script;
	struct job_events events;
	struct job_result result;
	char story[STORY_MAX], last_local[64];
	size_t n, n_notices;
	unsigned reads;
	uint64_t mode;
};

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	struct meeting *m = ctx;

	(void)story;
	return script_connect(&m->script, ret_t);
}

static void
on_ended(void *ctx, const struct job_result *result)
{
	struct meeting *m = ctx;

	m->n++;
	m->result = *result;
	(void)snprintf(m->story, sizeof m->story, "%s", result->story);
	m->result.story = m->story;
}

static void
on_notice(void *ctx, const char *text)
{
	struct meeting *m = ctx;

	(void)text;
	m->n_notices++;
}

static bool
status(struct sftp_response *answer, uint32_t code)
{
	answer->type = SSH_FXP_STATUS;
	answer->status = code;
	return true;
}

static uint8_t content[SFTP_PACKET_MAX];

/* A plain file of SIZE zeros, by which the hostile ones are measured. */
static bool
honest(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	(void)s;
	(void)raw;
	switch ((unsigned)r->kind) {
	case SFTP_REQ_STAT:
		answer->type = SSH_FXP_ATTRS;
		answer->attrs =
		    (struct sftp_attrs){.flags = 5, .size = SIZE, .permissions = S_IFREG | 0644};
		return true;
	case SFTP_REQ_OPEN:
		answer->type = SSH_FXP_HANDLE;
		answer->handle = slice_str("h");
		return true;
	case SFTP_REQ_READ:
		if (r->offset >= SIZE)
			return status(answer, SSH_FX_EOF);
		answer->type = SSH_FXP_DATA;
		answer->data =
		    slice_of(content, r->length < SIZE - r->offset ? r->length : SIZE - r->offset);
		return true;
	case SFTP_REQ_LIMITS:
		return status(answer, SSH_FX_OP_UNSUPPORTED);
	default:
		return status(answer, SSH_FX_OK);
	}
}

/* What a hostile server does to a READ. */
static bool
empty_data(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind != SFTP_REQ_READ)
		return honest(s, r, answer, raw);
	answer->type = SSH_FXP_DATA;
	return true;
}

static bool
too_much_data(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind != SFTP_REQ_READ)
		return honest(s, r, answer, raw);
	answer->type = SSH_FXP_DATA;
	answer->data = slice_of(content, r->length + 1);
	return true;
}

static bool
wrong_id(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind == SFTP_REQ_READ)
		answer->id ^= 0x1000;
	return honest(s, r, answer, raw);
}

static bool
wrong_type(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind != SFTP_REQ_READ)
		return honest(s, r, answer, raw);
	answer->type = SSH_FXP_ATTRS;
	return true;
}

static bool
huge_packet(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind == SFTP_REQ_READ)
		return buf_put_u32(raw, 0x7fffffff) == ERR_OK;
	return honest(s, r, answer, raw);
}

static bool
early_end(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind == SFTP_REQ_READ && r->offset >= SIZE / 2)
		return status(answer, SSH_FX_EOF);
	return honest(s, r, answer, raw);
}

static bool
success_for_handle(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind == SFTP_REQ_OPEN)
		return status(answer, SSH_FX_OK);
	return honest(s, r, answer, raw);
}

static bool
refuses_to_read(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	if (r->kind != SFTP_REQ_READ)
		return honest(s, r, answer, raw);
	answer->message = slice_str("\x1b[31mred");
	return status(answer, SSH_FX_FAILURE);
}

static bool
claims_an_exabyte(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	bool go_on = honest(s, r, answer, raw);

	if (r->kind == SFTP_REQ_STAT)
		answer->attrs.size = INT64_MAX;
	return go_on;
}

static bool
hangs_up(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	return r->kind != SFTP_REQ_READ && honest(s, r, answer, raw);
}

static enum job_outcome
meet(struct meeting *m, const struct scratch *here, script_fn *fn, const char *extension,
    const struct job_options *options, const struct sftp_attrs *attrs)
{
	char local[300];
	struct job *j;
	struct story story;

	*m = (struct meeting){.script = {.fn = fn, .extension = extension}};
	m->events = (struct job_events){
	    .connect = on_connect, .ended = on_ended, .notice = on_notice, .ctx = m};
	(void)snprintf(local, sizeof local, "%s/g", here->path);
	assert_int_equal(job_new(&j, NULL, options, &m->events, 30 * US_PER_SEC), ERR_OK);
	const struct job_item item = {
	    .direction = JOB_GET, .remote = "/f", .local = local, .attrs = *attrs};
	assert_int_equal(job_add(j, &item), ERR_OK);
	enum job_outcome outcome = job_run(j, -1, &story);
	job_free(j);
	script_join(&m->script);
	return outcome;
}

static size_t
count_names(const struct scratch *s)
{
	DIR *dir = opendir(s->path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n - 2;
}

static void
test_hostile(void **state)
{
	static const struct {
		script_fn *fn;
		enum job_outcome outcome;
		const char *says;
	} CASES[] = {
	    {honest, JOB_DONE, ""},
	    {empty_data, JOB_FAILED, "with nothing"},
	    {too_much_data, JOB_INTERRUPTED, "protocol"},
	    {wrong_id, JOB_INTERRUPTED, "protocol"},
	    {wrong_type, JOB_INTERRUPTED, "protocol"},
	    {huge_packet, JOB_INTERRUPTED, "protocol"},
	    {early_end, JOB_FAILED, "the server says that it has 100000"},
	    {success_for_handle, JOB_INTERRUPTED, "protocol"},
	    {refuses_to_read, JOB_FAILED, "\\x1b[31mred"},
	    {claims_an_exabyte, JOB_FAILED, "it ends at byte 100000"},
	    {hangs_up, JOB_INTERRUPTED, "the server"},
	};
	static const struct sftp_attrs UNKNOWN = {.flags = 0},
				       LISTED = {.flags = 5, .size = SIZE, .permissions = S_IFREG};
	struct job_options options = {.connections = 1, .retries = 2, .retry_delay_us = 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES) * 4; i++) {
		static struct meeting m;
		struct scratch here;
		size_t k = i / 4;
		/* One that we started and that has limits acts in order: CLOSEs go along. */
		bool in_order = i % 2 == 0;
		scratch_init(&here);
		enum job_outcome outcome = meet(&m, &here, CASES[k].fn,
		    in_order ? SFTP_EXT_LIMITS : NULL, &options, i % 4 < 2 ? &UNKNOWN : &LISTED);
		if (CASES[k].fn == claims_an_exabyte && i % 4 >= 2) {
			assert_int_equal(outcome, JOB_DONE);
			scratch_fini(&here);
			continue;
		}
		if (outcome != CASES[k].outcome || strstr(m.story, CASES[k].says) == NULL)
			print_message("case %zu: %d %s\n", k, outcome, m.story);
		assert_int_equal(outcome, CASES[k].outcome);
		assert_non_null(strstr(m.story, CASES[k].says));
		assert_int_equal(m.n, 1);
		if (outcome == JOB_FAILED)
			assert_int_equal(count_names(&here), 0);
		scratch_fini(&here);
	}
}

/* STAT, OPEN, READs within the size, CLOSE: nothing else, once. */
static void
test_read_once(void **state)
{
	static const struct sftp_attrs UNKNOWN = {.flags = 0};
	struct job_options options = {.connections = 3, .read_once = true};
	static struct meeting m;
	struct scratch here;

	(void)state;
	scratch_init(&here);
	assert_int_equal(meet(&m, &here, honest, NULL, &options, &UNKNOWN), JOB_DONE);
	for (unsigned kind = 0; kind < SFTP_N_REQUESTS; kind++) {
		unsigned n = m.script.n_seen[kind];
		if (kind == SFTP_REQ_READ)
			assert_int_equal(n, (SIZE + 32767) / 32768);
		else if (kind == SFTP_REQ_INIT || kind == SFTP_REQ_STAT || kind == SFTP_REQ_OPEN ||
			 kind == SFTP_REQ_CLOSE)
			assert_int_equal(n, 1);
		else
			assert_int_equal(n, 0);
	}
	scratch_fini(&here);
}

/* A directory whose names lead elsewhere. */
static bool
evil_names(
    struct script *s, const struct sftp_request *r, struct sftp_response *answer, struct buf *raw)
{
	static const char *const NAMES[] = {"..", ".", "../up", "/etc/x", "a/b", "", "good", "a/"};
	static struct buf names;
	unsigned n = 0;

	switch ((unsigned)r->kind) {
	case SFTP_REQ_OPENDIR:
		answer->type = SSH_FXP_HANDLE;
		answer->handle = slice_str("d");
		return true;
	case SFTP_REQ_READDIR:
		if (s->n_seen[SFTP_REQ_READDIR] > 1)
			return status(answer, SSH_FX_EOF);
		buf_init(&names, 4096);
		for (; n < ARRAY_LEN(NAMES); n++) {
			const struct sftp_name name = {.filename = slice_str(NAMES[n]),
			    .attrs = {.flags = 5, .size = SIZE, .permissions = S_IFREG | 0644}};
			BUG_ON(sftp_name_put(&names, &name) != ERR_OK);
		}
		answer->type = SSH_FXP_NAME;
		answer->n_names = n;
		answer->names = buf_slice(&names);
		BUG_ON(sftp_response_encode(answer, raw) != ERR_OK);
		buf_fini(&names);
		return true;
	default:
		return honest(s, r, answer, raw);
	}
}

static void
test_evil_names(void **state)
{
	static const struct sftp_attrs DIRECTORY = {.flags = 4, .permissions = S_IFDIR | 0755};
	struct job_options options = {.connections = 1, .recursive = true};
	static struct meeting m;
	struct scratch here;
	struct stat st;

	(void)state;
	scratch_init(&here);
	assert_int_equal(meet(&m, &here, evil_names, NULL, &options, &DIRECTORY), JOB_FAILED);
	assert_int_equal(m.n, 2);
	assert_true(m.result.is_directory);
	assert_non_null(strstr(m.story, "../up"));
	assert_int_equal(count_names(&here), 1);
	assert_int_equal(fstatat(here.fd, "g/good", &st, 0), 0);
	assert_int_equal(st.st_size, SIZE);
	scratch_fini(&here);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_read_once),
	    cmocka_unit_test(test_evil_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
