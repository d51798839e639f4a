/* Listing a directory: from the server engine's codec by script, kind and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/listing.h"
#include "sftp/peer.h"

struct end {
	unsigned n_done, n_entries;
	uint32_t status;
	char story[STORY_MAX];
	char last[64];
};

static void
on_entry(void *ctx, const struct sftp_name *name)
{
	struct end *end = ctx;

	end->n_entries++;
	if (!slice_copy(name->filename, end->last, sizeof end->last))
		end->last[0] = '\0';
}

static void
on_done(void *ctx, uint32_t status, const struct story *story)
{
	struct end *end = ctx;

	end->n_done++;
	end->status = status;
	(void)snprintf(end->story, sizeof end->story, "%s", story->text);
}

/* A directory of n_names entries after "." and "..", `each` to an answer. */
struct habits {
	uint32_t n_names, each;
	uint32_t opendir_status, readdir_status, close_status;
	bool endless, empty_for_ever, dots_for_ever;
	bool empty_between; /* an answer with nothing before each with something */
	uint32_t n_answers;
	uint32_t n_given;
	struct buf names;
};

static bool
answer_readdir(struct habits *h, struct sftp_response *answer)
{
	buf_clear(&h->names);
	answer->type = SSH_FXP_NAME;
	if (h->empty_for_ever || (h->empty_between && h->n_answers++ % 2 == 0))
		return true;
	if (h->n_given >= h->n_names && !h->endless && !h->dots_for_ever)
		return peer_status(
		    answer, h->readdir_status == SSH_FX_OK ? SSH_FX_EOF : h->readdir_status);
	for (uint32_t i = 0;
	     i < h->each && (h->n_given < h->n_names || h->endless || h->dots_for_ever); i++) {
		char text[32];
		(void)snprintf(text, sizeof text, "file-%u", h->n_given);
		struct sftp_name name = {.filename = slice_str(text)};
		if (h->n_given < 2 || h->dots_for_ever)
			name.filename = slice_str(h->n_given % 2 == 0 ? "." : "..");
		assert_int_equal(sftp_name_put(&h->names, &name), ERR_OK);
		h->n_given++;
		answer->n_names++;
	}
	answer->names = buf_slice(&h->names);
	return true;
}

static bool
answer_habitually(struct peer *p, const struct sftp_request *r, struct sftp_response *answer)
{
	struct habits *h = p->ctx;

	if (r->kind == SFTP_REQ_READDIR)
		return answer_readdir(h, answer);
	if (r->kind == SFTP_REQ_CLOSE)
		return peer_status(answer, h->close_status);
	assert_int_equal(r->kind, SFTP_REQ_OPENDIR);
	if (h->opendir_status != SSH_FX_OK)
		return peer_status(answer, h->opendir_status);
	answer->type = SSH_FXP_HANDLE;
	answer->handle = slice_str("H");
	return true;
}

static struct sftp_listing_job
job_of(struct end *end, uint32_t max_entries)
{
	return (struct sftp_listing_job){.path = slice_str("/d"),
	    .max_entries = max_entries,
	    .entry = on_entry,
	    .done = on_done,
	    .ctx = end};
}

static void
test_listings(void **state unused_arg)
{
	static const struct {
		struct habits h;
		uint32_t max_entries;
		uint32_t status;
		unsigned n_entries;
		const char *story;
	} cases[] = {
	    {{.n_names = 0, .each = 1}, 10, SSH_FX_OK, 0, ""},
	    {{.n_names = 2, .each = 1}, 0, SSH_FX_OK, 0, ""},
	    {{.n_names = 12, .each = 5}, 10, SSH_FX_OK, 10, ""},
	    {{.n_names = 13, .each = 5}, 10, SSH_FX_FAILURE, 10, "more entries"},
	    {{.n_names = 3, .each = 5}, 0, SSH_FX_FAILURE, 0, "more entries"},
	    {{.n_names = 5002, .each = 100}, 5000, SSH_FX_OK, 5000, ""},
	    {{.each = 100, .endless = true}, 5000, SSH_FX_FAILURE, 5000, "more entries"},
	    {{.n_names = 102, .each = 1, .empty_between = true}, 100, SSH_FX_OK, 100, ""},
	    {{.empty_for_ever = true}, 10, SSH_FX_FAILURE, 0, "with nothing"},
	    {{.each = 50, .dots_for_ever = true}, 10, SSH_FX_FAILURE, 0, "with nothing"},
	    {{.opendir_status = SSH_FX_NO_SUCH_FILE}, 10, SSH_FX_NO_SUCH_FILE, 0,
		"listing: /d: no such file"},
	    {{.n_names = 7, .each = 5, .readdir_status = SSH_FX_PERMISSION_DENIED}, 10,
		SSH_FX_PERMISSION_DENIED, 5, "permission denied"},
	    {{.n_names = 7, .each = 5, .close_status = SSH_FX_FAILURE}, 10, SSH_FX_OK, 5, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct habits h = cases[i].h;
		struct end end = {0};
		struct peer *p = calloc(1, sizeof *p);
		assert_non_null(p);
		buf_init(&h.names, 65536);
		peer_init(p, answer_habitually, &h);
		assert_int_equal(peer_greet(p), SSH_FX_OK);
		struct sftp_listing_job job = job_of(&end, cases[i].max_entries);
		assert_int_equal(sftp_listing_start(p->client, &job), ERR_OK);
		assert_int_equal(peer_run(p), ERR_OK);
		assert_int_equal(end.n_done, 1);
		assert_int_equal(end.status, cases[i].status);
		assert_int_equal(end.n_entries, cases[i].n_entries);
		assert_non_null(strstr(end.story, cases[i].story));
		assert_int_equal(end.status == SSH_FX_OK, end.story[0] == '\0');
		assert_int_equal(p->n_seen[SFTP_REQ_CLOSE], h.opendir_status == SSH_FX_OK ? 1 : 0);
		assert_true(p->most_waiting <= 4);
		assert_int_equal(sftp_client_n_pending(p->client), 0);
		peer_fini(p);
		buf_fini(&h.names);
		free(p);
	}
}

static void
test_client_freed(void **state unused_arg)
{
	for (unsigned n = 0; n < 8; n++) {
		struct habits h = {.n_names = 1000, .each = 5};
		struct end end = {0};
		struct peer *p = calloc(1, sizeof *p);
		assert_non_null(p);
		buf_init(&h.names, 65536);
		peer_init(p, answer_habitually, &h);
		assert_int_equal(peer_greet(p), SSH_FX_OK);
		struct sftp_listing_job job = job_of(&end, 1000);
		assert_int_equal(sftp_listing_start(p->client, &job), ERR_OK);
		for (unsigned i = 0; i < n; i++) {
			peer_receive(p);
			assert_int_equal(peer_step(p), ERR_OK);
		}
		peer_fini(p);
		assert_int_equal(end.n_done, 0);
		buf_fini(&h.names);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_listings),
	    cmocka_unit_test(test_client_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
