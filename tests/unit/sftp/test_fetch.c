/* Fetching one file: from the server engine, and from scripted servers, kind and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/fetch.h"
#include "sftp/memfs.h"
#include "sftp/peer.h"

enum { MTIME = 1700000000 };

/* What the fetch gave, and how it ended. */
struct end {
	unsigned n_done;
	enum sftp_fetch_outcome outcome;
	enum err sink_error;
	char story[STORY_MAX];
	uint64_t at;    /* offset of the next byte that the sink expects */
	uint64_t fails; /* the sink fails at this offset, unless 0 */
	bool wrong;     /* a byte was not the file's */
};

static enum err
sink(void *ctx, struct slice data)
{
	struct end *end = ctx;

	for (size_t i = 0; i < data.len; i++)
		end->wrong = end->wrong || data.ptr[i] != memfs_byte(end->at + i);
	end->at += data.len;
	return end->fails > 0 && end->at >= end->fails ? ERR_NOSPACE : ERR_OK;
}

static void
done(void *ctx, enum sftp_fetch_outcome outcome, enum err sink_error, const struct story *story)
{
	struct end *end = ctx;

	end->n_done++;
	end->outcome = outcome;
	end->sink_error = sink_error;
	(void)snprintf(end->story, sizeof end->story, "%s", story->text);
}

static struct sftp_fetch_job
job_of(struct end *end, uint64_t size, uint64_t offset)
{
	end->at = offset;
	return (struct sftp_fetch_job){.path = slice_str("/f"),
	    .size = size,
	    .mtime = MTIME,
	    .offset = offset,
	    .sink = sink,
	    .done = done,
	    .ctx = end};
}

/* A server with one file and many habits. */
struct habits {
	uint64_t size;     /* of the file in truth */
	uint32_t shortest; /* READs are answered with 1 to this many bytes, unless 0 */
	uint32_t open_status, stat_status, read_status, close_status;
	uint64_t read_fails_at; /* read_status from this offset on */
	uint32_t second_mtime;  /* from the second STAT on, unless 0 */
	uint32_t second_stat_status;
	uint64_t second_size;
	bool says_nothing;   /* READs are answered with no bytes */
	bool no_attributes;  /* STAT tells nothing */
	uint32_t max_read;   /* in limits@openssh.com */
	uint64_t most_asked; /* the end of the furthest READ */
	uint32_t n_reads;
};

static bool
answer_stat(struct peer *p, const struct habits *h, struct sftp_response *answer)
{
	bool second = p->n_seen[SFTP_REQ_STAT] > 1;
	uint32_t status = second ? h->second_stat_status : h->stat_status;

	if (status != SSH_FX_OK)
		return peer_status(answer, status);
	answer->type = SSH_FXP_ATTRS;
	answer->attrs = (struct sftp_attrs){.flags = h->no_attributes ? 0 : 9, .size = h->size};
	answer->attrs.mtime = second && h->second_mtime > 0 ? h->second_mtime : MTIME;
	if (second && h->second_size > 0)
		answer->attrs.size = h->second_size;
	return true;
}

static bool
answer_read(struct habits *h, const struct sftp_request *r, struct sftp_response *answer)
{
	static uint8_t content[SFTP_READ_MAX];
	uint64_t len = r->length;

	h->n_reads++;
	if (r->offset + len > h->most_asked)
		h->most_asked = r->offset + len;
	if (h->read_status != SSH_FX_OK && r->offset + len > h->read_fails_at)
		return peer_status(answer, h->read_status);
	if (r->offset >= h->size)
		return peer_status(answer, SSH_FX_EOF);
	if (h->shortest > 0 && len > h->shortest)
		len = 1 + (h->n_reads * 7919) % h->shortest;
	if (len > h->size - r->offset)
		len = h->size - r->offset;
	for (uint64_t i = 0; i < len; i++)
		content[i] = memfs_byte(r->offset + i);
	answer->type = SSH_FXP_DATA;
	answer->data = slice_of(content, h->says_nothing ? 0 : len);
	return true;
}

static bool
answer_limits(const struct habits *h, struct sftp_response *answer)
{
	static uint8_t body[32]; /* four numbers; the second is max_read */

	be64_store(body + 8, h->max_read);
	answer->type = SSH_FXP_EXTENDED_REPLY;
	answer->extended = slice_of(body, sizeof body);
	return true;
}

static bool
answer_habitually(struct peer *p, const struct sftp_request *r, struct sftp_response *answer)
{
	struct habits *h = p->ctx;

	if (r->kind == SFTP_REQ_LIMITS)
		return answer_limits(h, answer);
	if (r->kind == SFTP_REQ_STAT)
		return answer_stat(p, h, answer);
	if (r->kind == SFTP_REQ_READ)
		return answer_read(h, r, answer);
	if (r->kind == SFTP_REQ_CLOSE)
		return peer_status(answer, h->close_status);
	assert_int_equal(r->kind, SFTP_REQ_OPEN);
	assert_int_equal(r->pflags, SSH_FXF_READ);
	if (h->open_status != SSH_FX_OK) {
		answer->message = slice_str("\x1b[31mno\n");
		return peer_status(answer, h->open_status);
	}
	answer->type = SSH_FXP_HANDLE;
	answer->handle = slice_str("H");
	return true;
}

/* Fetches a file listed with this size; whatever happens, it ends once and leaves nothing. */
static struct end
fetch(struct habits *h, uint64_t listed, uint64_t offset, uint64_t seed, uint64_t sink_fails)
{
	struct end end = {.fails = sink_fails};
	struct peer *p = calloc(1, sizeof *p);

	assert_non_null(p);
	peer_init(p, answer_habitually, h);
	assert_int_equal(peer_greet(p), SSH_FX_OK);
	p->seed = seed;
	struct sftp_fetch_job job = job_of(&end, listed, offset);
	assert_int_equal(sftp_fetch_start(p->client, &job), ERR_OK);
	assert_int_equal(peer_run(p), ERR_OK);
	assert_int_equal(end.n_done, 1);
	assert_int_equal(sftp_client_n_pending(p->client), 0);
	assert_false(end.wrong);
	/* One OPEN at most, closed once if it was one; the budget holds, but for the probe. */
	assert_true(p->n_seen[SFTP_REQ_OPEN] <= 1);
	if (h->open_status == SSH_FX_OK)
		assert_int_equal(p->n_seen[SFTP_REQ_CLOSE], p->n_seen[SFTP_REQ_OPEN]);
	assert_true(p->most_waiting <= SFTP_FETCH_BUDGET / SFTP_CLIENT_DEFAULT_LEN + 1);
	assert_true(h->most_asked <= listed + 1);
	peer_fini(p);
	free(p);
	return end;
}

static void
test_sizes_and_orders(void **state unused_arg)
{
	static const uint64_t sizes[] = {0, 1, 2, 32767, 32768, 32769, 65536, 5 * 1024 * 1024 + 3};
	static const uint32_t shorts[] = {0, 40000, 20000, 5000};
	static const uint64_t seeds[] = {0, 1, 2, 99};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t j = 0; j < ARRAY_LEN(shorts) * ARRAY_LEN(seeds); j++) {
			struct habits h = {.size = sizes[i], .shortest = shorts[j % 4]};
			struct end end = fetch(&h, sizes[i], 0, seeds[j / 4], 0);
			assert_int_equal(end.outcome, SFTP_FETCH_DONE);
			assert_int_equal(end.at, sizes[i]);
			assert_string_equal(end.story, "");
		}
	}
}

static void
test_tiny_answers(void **state unused_arg)
{
	struct habits h = {.size = 3000, .shortest = 2};
	struct end end = fetch(&h, 3000, 0, 5, 0);

	assert_int_equal(end.outcome, SFTP_FETCH_DONE);
	assert_int_equal(end.at, 3000);
}

static void
test_resume(void **state unused_arg)
{
	static const uint64_t offsets[] = {0, 1, 32768, 99999, 100000};

	for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
		struct habits h = {.size = 100000, .shortest = 7000};
		struct end end = fetch(&h, 100000, offsets[i], 3, 0);
		assert_int_equal(end.outcome, SFTP_FETCH_DONE);
		assert_int_equal(end.at, 100000);
	}
}

static void
test_outcomes(void **state unused_arg)
{
	static const struct {
		struct habits h;
		uint64_t listed;
		enum sftp_fetch_outcome outcome;
		const char *story; /* a part of it */
	} cases[] = {
	    {{.stat_status = SSH_FX_NO_SUCH_FILE}, 9, SFTP_FETCH_GONE, "/f: no such file"},
	    {{.stat_status = SSH_FX_PERMISSION_DENIED}, 9, SFTP_FETCH_REFUSED, "looking at"},
	    {{.size = 9, .open_status = SSH_FX_NO_SUCH_FILE}, 9, SFTP_FETCH_GONE, "opening"},
	    {{.size = 9, .open_status = SSH_FX_FAILURE}, 9, SFTP_FETCH_REFUSED,
		"failure (the server says \"\\x1b[31mno\\x0a\")"},
	    {{.size = 8}, 9, SFTP_FETCH_CHANGED, "not as it was listed"},
	    /* STAT tells nothing: reading finds out. */
	    {{.size = 9, .no_attributes = true}, 9, SFTP_FETCH_DONE, ""},
	    {{.size = 8, .no_attributes = true}, 9, SFTP_FETCH_CHANGED, "ends before byte 8 of 9"},
	    {{.size = 10, .no_attributes = true}, 9, SFTP_FETCH_CHANGED, "longer than listed"},
	    {{.size = 1, .no_attributes = true}, 0, SFTP_FETCH_CHANGED, "longer than listed"},
	    {{.size = 0, .no_attributes = true}, 1 << 20, SFTP_FETCH_CHANGED, "ends before"},
	    {{.size = 70000, .read_status = SSH_FX_FAILURE, .read_fails_at = 40000}, 70000,
		SFTP_FETCH_REFUSED, "reading: /f: failure"},
	    {{.size = 9, .says_nothing = true}, 9, SFTP_FETCH_REFUSED, "with nothing"},
	    {{.size = 9, .second_mtime = MTIME + 1}, 9, SFTP_FETCH_CHANGED, "while it was read"},
	    {{.size = 9, .second_size = 10}, 9, SFTP_FETCH_CHANGED, "while it was read"},
	    /* A mailbox that gives a file once. */
	    {{.size = 9, .second_stat_status = SSH_FX_NO_SUCH_FILE}, 9, SFTP_FETCH_DONE, ""},
	    {{.size = 9, .second_stat_status = SSH_FX_FAILURE}, 9, SFTP_FETCH_DONE, ""},
	    {{.size = 9, .close_status = SSH_FX_FAILURE}, 9, SFTP_FETCH_DONE, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (uint64_t seed = 0; seed < 4; seed++) {
			struct habits h = cases[i].h;
			struct end end = fetch(&h, cases[i].listed, 0, seed, 0);
			assert_int_equal(end.outcome, cases[i].outcome);
			assert_int_equal(end.sink_error, ERR_OK);
			/* With more than one READ under way, which of them tells may vary. */
			if (seed == 0)
				assert_non_null(strstr(end.story, cases[i].story));
		}
	}
}

static void
test_sink_fails(void **state unused_arg)
{
	static const uint64_t at[] = {1, 100000, 1 << 20};

	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		struct habits h = {.size = 1 << 20};
		struct end end = fetch(&h, 1 << 20, 0, i * 3, at[i]);
		assert_int_equal(end.outcome, SFTP_FETCH_SINK);
		assert_int_equal(end.sink_error, ERR_NOSPACE);
		assert_non_null(strstr(end.story, "no space left"));
	}
}

static void
test_offset_past_size(void **state unused_arg)
{
	struct end end = {0};
	struct habits h = {.size = 9};
	struct peer *p = calloc(1, sizeof *p);

	assert_non_null(p);
	peer_init(p, answer_habitually, &h);
	assert_int_equal(peer_greet(p), SSH_FX_OK);
	struct sftp_fetch_job job = job_of(&end, 9, 10);
	assert_int_equal(sftp_fetch_start(p->client, &job), ERR_INVALID);
	assert_int_equal(end.n_done, 0);
	peer_fini(p);
	free(p);
}

/* The line breaks after each number of answers: nothing leaks, and done is not called. */
static void
test_client_freed(void **state unused_arg)
{
	for (unsigned n = 0; n < 40; n++) {
		struct habits h = {.size = 1 << 20, .shortest = 30000};
		struct end end = {0};
		struct peer *p = calloc(1, sizeof *p);
		assert_non_null(p);
		peer_init(p, answer_habitually, &h);
		assert_int_equal(peer_greet(p), SSH_FX_OK);
		p->seed = 11;
		struct sftp_fetch_job job = job_of(&end, 1 << 20, 0);
		assert_int_equal(sftp_fetch_start(p->client, &job), ERR_OK);
		for (unsigned i = 0; i < n; i++) {
			peer_receive(p);
			assert_int_equal(peer_step(p), ERR_OK);
		}
		assert_int_equal(end.n_done, 0);
		peer_fini(p);
		assert_int_equal(end.n_done, 0);
		free(p);
	}
}

/* With large READs the bytes under way are what bounds them, and they stay at the bound. */
static void
test_budget(void **state unused_arg)
{
	enum { SIZE = 20 * 1024 * 1024, DEPTH = SFTP_FETCH_BUDGET / SFTP_READ_MAX };
	static const char offered[] = "\0\0\0\022limits@openssh.com\0\0\0\0011";
	struct habits h = {.size = SIZE, .max_read = UINT32_MAX};
	struct end end = {0};
	struct peer *p = calloc(1, sizeof *p);

	assert_non_null(p);
	peer_init(p, answer_habitually, &h);
	p->extensions = slice_of(offered, sizeof offered - 1);
	assert_int_equal(peer_greet(p), SSH_FX_OK);
	struct sftp_fetch_job job = job_of(&end, SIZE, 0);
	assert_int_equal(sftp_fetch_start(p->client, &job), ERR_OK);
	for (peer_receive(p); p->n_waiting > 0; peer_receive(p)) {
		if (end.at > 0 && end.at < SIZE - 2 * SFTP_FETCH_BUDGET)
			assert_int_equal(p->n_waiting, DEPTH);
		assert_int_equal(peer_step(p), ERR_OK);
	}
	/* Beside them only a short last one and the probe. */
	assert_in_range(p->most_waiting, DEPTH, DEPTH + 2);
	assert_int_equal(end.outcome, SFTP_FETCH_DONE);
	assert_int_equal(end.at, SIZE);
	peer_fini(p);
	free(p);
}

/* Fetches share what is under way, and give it back however they end. */
static void
test_shared_budget(void **state unused_arg)
{
	enum { N_FETCHES = 5, SIZE = 8 * 1024 * 1024, BUDGET = 4 * 1024 * 1024 };
	static const char offered[] = "\0\0\0\022limits@openssh.com\0\0\0\0011";
	struct habits h = {.size = SIZE, .max_read = UINT32_MAX};
	struct end ends[N_FETCHES] = {0};
	struct sftp_budget budget;
	struct peer *p = calloc(1, sizeof *p);

	assert_non_null(p);
	peer_init(p, answer_habitually, &h);
	p->extensions = slice_of(offered, sizeof offered - 1);
	assert_int_equal(peer_greet(p), SSH_FX_OK);
	sftp_budget_init_fixed(&budget, BUDGET);
	ends[1].fails = SIZE / 2;
	for (size_t i = 0; i < N_FETCHES; i++) {
		struct sftp_fetch_job job = job_of(&ends[i], SIZE, 0);
		job.budget = &budget;
		assert_int_equal(sftp_fetch_start(p->client, &job), ERR_OK);
	}
	assert_int_equal(peer_run(p), ERR_OK);
	for (size_t i = 0; i < N_FETCHES; i++) {
		assert_int_equal(ends[i].n_done, 1);
		assert_int_equal(ends[i].outcome, i == 1 ? SFTP_FETCH_SINK : SFTP_FETCH_DONE);
	}
	/* Each has its part beside the whole, at worst, and each its short last one and probe. */
	assert_in_range(
	    p->most_waiting, BUDGET / SFTP_READ_MAX, 2 * BUDGET / SFTP_READ_MAX + 2 * N_FETCHES);
	assert_int_equal(budget.in_flight, 0);
	assert_int_equal(budget.n_users, 0);
	peer_fini(p);
	free(p);
}

/* More READs than the client has places for: the fetches share them, and all get through. */
static void
test_many_at_once(void **state unused_arg)
{
	enum { N_FETCHES = 40, SIZE = 1024 * 1024 };
	static const char offered[] = "\0\0\0\022limits@openssh.com\0\0\0\0011";
	static struct end ends[N_FETCHES];
	struct habits h = {.size = SIZE, .max_read = 4096};
	struct peer *p = calloc(1, sizeof *p);

	assert_non_null(p);
	peer_init(p, answer_habitually, &h);
	p->extensions = slice_of(offered, sizeof offered - 1);
	assert_int_equal(peer_greet(p), SSH_FX_OK);
	for (size_t i = 0; i < N_FETCHES; i++) {
		struct sftp_fetch_job job = job_of(&ends[i], SIZE, 0);
		assert_int_equal(sftp_fetch_start(p->client, &job), ERR_OK);
	}
	/* In order, all of them are opened before the first READ is answered. */
	while (p->most_waiting < SFTP_CLIENT_PENDING_MAX) {
		peer_receive(p);
		assert_true(p->n_waiting > 0);
		assert_int_equal(peer_step(p), ERR_OK);
	}
	p->seed = 17;
	assert_int_equal(peer_run(p), ERR_OK);
	assert_int_equal(p->most_waiting, SFTP_CLIENT_PENDING_MAX);
	for (size_t i = 0; i < N_FETCHES; i++) {
		assert_int_equal(ends[i].outcome, SFTP_FETCH_DONE);
		assert_int_equal(ends[i].n_done, 1);
		assert_int_equal(ends[i].at, SIZE);
		assert_false(ends[i].wrong);
	}
	peer_fini(p);
	free(p);
}

/* The two engines, face to face over memory: what one says the other understands. */
static void
test_from_our_server(void **state unused_arg)
{
	enum { SIZE = 5 * 1024 * 1024 };
	static struct memfs fs;
	struct end end = {0};
	struct sftp_server *server;
	struct sftp_client *c;
	uint32_t ready = UINT32_MAX;
	bool started = false;
	size_t taken;

	memfs_init(&fs);
	memfs_add_file(&fs, "/f", NULL, SIZE);
	assert_int_equal(sftp_server_new(&server, memfs_ops(), &fs, true), ERR_OK);
	assert_int_equal(sftp_client_new(&c), ERR_OK);
	assert_int_equal(sftp_client_start(c, peer_ready, &ready), ERR_OK);
	struct buf *up = sftp_client_output(c), *down = sftp_server_output(server);
	do {
		struct slice bytes = buf_slice(up);
		assert_int_equal(sftp_server_feed(server, bytes.ptr, bytes.len, &taken), ERR_OK);
		buf_consume(up, taken);
		bytes = buf_slice(down);
		assert_int_equal(sftp_client_feed(c, bytes.ptr, bytes.len), ERR_OK);
		buf_consume(down, bytes.len);
		if (ready == SSH_FX_OK && !started) {
			struct sftp_fetch_job job = job_of(&end, SIZE, 0);
			assert_int_equal(sftp_fetch_start(c, &job), ERR_OK);
			started = true;
		}
	} while (buf_len(up) > 0 || buf_len(down) > 0);
	assert_int_equal(end.outcome, SFTP_FETCH_DONE);
	assert_int_equal(end.at, SIZE);
	assert_false(end.wrong);
	assert_int_equal(sftp_client_limits(c)->max_read, SFTP_READ_MAX);
	assert_int_equal(fs.n_closed, 1);
	sftp_client_free(c);
	sftp_server_free(server);
	memfs_fini(&fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes_and_orders),
	    cmocka_unit_test(test_tiny_answers),
	    cmocka_unit_test(test_resume),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_sink_fails),
	    cmocka_unit_test(test_offset_past_size),
	    cmocka_unit_test(test_client_freed),
	    cmocka_unit_test(test_budget),
	    cmocka_unit_test(test_shared_budget),
	    cmocka_unit_test(test_many_at_once),
	    cmocka_unit_test(test_from_our_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
