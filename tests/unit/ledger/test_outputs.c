#include "fixture.h"

struct heap {
	size_t n;
	struct transfer_output items[8];
	enum err then; /* what the callback returns */
};

static enum err
collect(void *ctx, const struct transfer_output *out)
{
	struct heap *h = ctx;

	assert_true(h->n < ARRAY_LEN(h->items));
	h->items[h->n++] = *out;
	return h->then;
}

static void
test_put_and_each(void **state)
{
	static const uint32_t NUMBERS[] = {7, 0, UINT32_MAX, 3};
	static const uint32_t SORTED[] = {0, 3, 7, UINT32_MAX};
	struct fixture *f = *state;
	struct heap *h = calloc(1, sizeof *h);
	uint64_t id = see(f->l, "r", "/a"), other = see(f->l, "r", "/b");

	assert_non_null(h);
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
		struct transfer_output out = output_of(id, NUMBERS[i], "f", "s", "dir/p");
		assert_ok(ledger_put_output(f->l, &out));
	}
	struct transfer_output out = output_of(other, 0, "other", "s", "p");
	assert_ok(ledger_put_output(f->l, &out));
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_ok(ledger_each_output(f->l, id, collect, h));
	assert_int_equal(h->n, ARRAY_LEN(SORTED));
	for (size_t i = 0; i < h->n; i++) {
		assert_int_equal(h->items[i].transfer, id);
		assert_int_equal(h->items[i].n, SORTED[i]);
		assert_string_equal(h->items[i].folder, "f");
		assert_string_equal(h->items[i].staging_name, "s");
		assert_string_equal(h->items[i].path, "dir/p");
	}
	free(h);
}

static void
test_each_stops(void **state)
{
	struct fixture *f = *state;
	struct heap h = {.then = ERR_TIMEOUT};
	uint64_t id = see(f->l, "r", "/a");

	assert_ok(ledger_each_output(f->l, id, collect, &h));
	assert_ok(ledger_each_output(f->l, id + 1, collect, &h));
	assert_int_equal(h.n, 0);
	for (uint32_t n = 0; n < 3; n++) {
		struct transfer_output out = output_of(id, n, "f", "s", "p");
		assert_ok(ledger_put_output(f->l, &out));
	}
	assert_err(ledger_each_output(f->l, id, collect, &h), ERR_TIMEOUT);
	assert_int_equal(h.n, 1);
	h.then = ERR_NOENT;
	assert_err(ledger_each_output(f->l, id, collect, &h), ERR_NOENT);
}

static void
test_put_replaces(void **state)
{
	struct fixture *f = *state;
	struct heap h = {.n = 0};
	uint64_t id = see(f->l, "r", "/a"), found;
	struct transfer_output out = output_of(id, 1, "old", "s1", "old/name");

	assert_ok(ledger_put_output(f->l, &out));
	out = output_of(id, 1, "new", "s2", "new/name2");
	assert_ok(ledger_put_output(f->l, &out));
	assert_ok(ledger_each_output(f->l, id, collect, &h));
	assert_int_equal(h.n, 1);
	assert_string_equal(h.items[0].folder, "new");
	assert_string_equal(h.items[0].staging_name, "s2");
	assert_string_equal(h.items[0].path, "new/name2");
	bring_to(f->l, id, TRANSFER_PUBLISHED);
	assert_err(ledger_find_published(f->l, "old", "old/name", &found), ERR_NOENT);
	assert_ok(ledger_find_published(f->l, "new", "new/name2", &found));
}

static void
test_hostile_and_limits(void **state)
{
	struct fixture *f = *state;
	struct heap h = {.n = 0};
	uint64_t id = see(f->l, "r", "/a"), found;
	struct transfer_output out = output_of(id, 0, "f'; --", "\xff\"", "\x01/\xc3(");

	assert_ok(ledger_put_output(f->l, &out));
	memset(out.folder, 'f', sizeof out.folder - 1);
	memset(out.staging_name, 's', sizeof out.staging_name - 1);
	memset(out.path, 'p', sizeof out.path - 1);
	out.n = 1;
	assert_ok(ledger_put_output(f->l, &out));
	bring_to(f->l, id, TRANSFER_PUBLISHED);
	assert_ok(ledger_find_published(f->l, out.folder, out.path, &found));
	assert_ok(ledger_find_published(f->l, "f'; --", "\x01/\xc3(", &found));
	assert_int_equal(found, id);
	assert_ok(ledger_each_output(f->l, id, collect, &h));
	assert_int_equal(h.n, 2);
	assert_string_equal(h.items[0].staging_name, "\xff\"");
	assert_string_equal(h.items[0].path, "\x01/\xc3(");
	assert_memory_equal(&h.items[1].path, &out.path, sizeof out.path);
}

/* Which member is too long, or empty where it may not be. */
static void
test_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t id = see(f->l, "r", "/a");
	struct transfer_output good = output_of(id, 0, "f", "s", "p"), out;

	out = good;
	memset(out.folder, 'f', sizeof out.folder);
	assert_err(ledger_put_output(f->l, &out), ERR_NAMETOOLONG);
	out = good;
	memset(out.staging_name, 's', sizeof out.staging_name);
	assert_err(ledger_put_output(f->l, &out), ERR_NAMETOOLONG);
	out = good;
	memset(out.path, 'p', sizeof out.path);
	assert_err(ledger_put_output(f->l, &out), ERR_NAMETOOLONG);
	out = good;
	out.path[0] = '\0';
	assert_err(ledger_put_output(f->l, &out), ERR_INVALID);
	out = good;
	out.staging_name[0] = '\0';
	assert_err(ledger_put_output(f->l, &out), ERR_INVALID);
	out = good;
	out.transfer = UINT64_MAX;
	assert_err(ledger_put_output(f->l, &out), ERR_NOENT);
	assert_ok(ledger_put_output(f->l, &good));
}

/* In which states a transfer's file counts as published. */
static void
test_published_states(void **state)
{
	static const bool PUBLISHED[TRANSFER_N_STATES] = {
	    [TRANSFER_PUBLISHED] = true, [TRANSFER_SETTLED] = true, [TRANSFER_DELIVERED] = true};
	struct fixture *f = *state;

	for (unsigned s = 0; s < TRANSFER_N_STATES; s++) {
		uint64_t id = see(f->l, "r", "/a"), found = 0;
		const char *name = transfer_state_name((enum transfer_state)s);
		struct transfer_output out = output_of(id, 0, "f", "s", name);
		assert_ok(ledger_put_output(f->l, &out));
		bring_to(f->l, id, (enum transfer_state)s);
		enum err e = ledger_find_published(f->l, "f", name, &found);
		assert_err(e, PUBLISHED[s] ? ERR_OK : ERR_NOENT);
		assert_int_equal(found, PUBLISHED[s] ? id : 0);
	}
}

static void
test_published_newest(void **state)
{
	struct fixture *f = *state;
	uint64_t ids[4], found;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		ids[i] = see(f->l, "r", "/a");
		struct transfer_output out = output_of(ids[i], 0, "f", "s", "p");
		assert_ok(ledger_put_output(f->l, &out));
	}
	/* The newest is only processed, and the oldest was taken last. */
	bring_to(f->l, ids[3], TRANSFER_PROCESSED);
	bring_to(f->l, ids[2], TRANSFER_PUBLISHED);
	bring_to(f->l, ids[1], TRANSFER_SETTLED);
	bring_to(f->l, ids[0], TRANSFER_DELIVERED);
	assert_ok(ledger_find_published(f->l, "f", "p", &found));
	assert_int_equal(found, ids[2]);
	assert_err(ledger_find_published(f->l, "F", "p", &found), ERR_NOENT);
	assert_err(ledger_find_published(f->l, "f", "/p", &found), ERR_NOENT);
	assert_err(ledger_find_published(f->l, "f", "", &found), ERR_NOENT);
	assert_err(ledger_find_published(f->l, "", "p", &found), ERR_NOENT);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_put_and_each),
	    T(test_each_stops),
	    T(test_put_replaces),
	    T(test_hostile_and_limits),
	    T(test_refused),
	    T(test_published_states),
	    T(test_published_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
