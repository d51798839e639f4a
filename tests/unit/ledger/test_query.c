#include "fixture.h"
#include "ledger/store.h"

struct heap {
	struct ledger *l;
	size_t n;
	uint64_t ids[4096];
	enum err then;
};

static enum err
collect(void *ctx, const struct transfer *t)
{
	struct heap *h = ctx;

	assert_true(h->n < ARRAY_LEN(h->ids));
	h->ids[h->n++] = t->id;
	return h->then;
}

/* Twelve transfers, one per state, in two routes by turns; ids 1 to 12. */
static void
populate(struct ledger *l)
{
	static const char *const PATHS[] = {"/a/x.csv", "/b/x.csv", "/a/y.csv", "x.csv"};
	uint64_t id = 0;

	for (unsigned s = 0; s < TRANSFER_N_STATES; s++) {
		id = see(l, s % 2 == 0 ? "even" : "odd", PATHS[s % ARRAY_LEN(PATHS)]);
		assert_int_equal(id, s + 1);
		bring_to(l, id, (enum transfer_state)s);
	}
	struct transfer_output out = output_of(7, 0, "f", "s", "2026/x.csv");
	assert_ok(ledger_put_output(l, &out));
	out = output_of(7, 1, "f", "s", "z.csv");
	assert_ok(ledger_put_output(l, &out));
	out = output_of(3, 0, "f", "s", "x.csv");
	assert_ok(ledger_put_output(l, &out));
}

#define ANY TRANSFER_N_STATES

/* What each filter gives, newest first; a 0 ends the list. */
static const struct {
	const char *route;
	enum transfer_state state;
	const char *what;
	uint64_t limit;
	uint64_t ids[13];
} FILTERS[] = {
    {NULL, ANY, NULL, 0, {12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    {NULL, ANY, NULL, 1, {12}},
    {NULL, ANY, NULL, 3, {12, 11, 10}},
    {NULL, ANY, NULL, UINT64_MAX, {12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    {"even", ANY, NULL, 0, {11, 9, 7, 5, 3, 1}},
    {"odd", ANY, NULL, 2, {12, 10}},
    {"", ANY, NULL, 0, {0}},
    {"eve", ANY, NULL, 0, {0}},
    {"even' OR '1'='1", ANY, NULL, 0, {0}},
    {NULL, TRANSFER_READY, NULL, 0, {2}},
    {NULL, TRANSFER_DELIVERED, NULL, 0, {8}},
    {NULL, TRANSFER_GONE, NULL, 0, {12}},
    {"odd", TRANSFER_READY, NULL, 0, {2}},
    {"even", TRANSFER_READY, NULL, 0, {0}},
    {"even", TRANSFER_SETTLED, NULL, 0, {7}},
    {"odd", TRANSFER_SETTLED, NULL, 0, {0}},
    {NULL, ANY, "x.csv", 0, {12, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    {NULL, ANY, "y.csv", 0, {11, 7, 3}},
    {NULL, ANY, "/a/x.csv", 0, {9, 5, 1}},
    {NULL, ANY, "a/x.csv", 0, {0}},
    {NULL, ANY, "/a", 0, {0}},
    {NULL, ANY, "csv", 0, {0}},
    {NULL, ANY, "", 0, {0}},
    {NULL, ANY, "%.csv", 0, {0}},
    {NULL, ANY, "*", 0, {0}},
    {NULL, ANY, "/", 0, {0}},
    {NULL, ANY, "2026/x.csv", 0, {7}},
    {NULL, ANY, "z.csv", 0, {7}},
    {NULL, ANY, "/2026/x.csv", 0, {0}},
    {NULL, ANY, "x.csv", 2, {12, 10}},
    {"odd", ANY, "x.csv", 0, {12, 10, 8, 6, 4, 2}},
    {"even", ANY, "2026/x.csv", 0, {7}},
    {"odd", ANY, "2026/x.csv", 0, {0}},
    {NULL, TRANSFER_SETTLED, "x.csv", 0, {7}},
    {NULL, TRANSFER_READY, "z.csv", 0, {0}},
    {"odd", TRANSFER_READY, "/b/x.csv", 0, {2}},
};

static size_t
n_ids(const uint64_t *ids)
{
	size_t n = 0;

	while (n < 13 && ids[n] != 0)
		n++;
	return n;
}

static void
test_filters(void **state)
{
	struct fixture *f = *state;
	struct heap *h = malloc(sizeof *h);

	assert_non_null(h);
	populate(f->l);
	for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++) {
		const struct ledger_filter filter = {.route = FILTERS[i].route,
		    .state = FILTERS[i].state == ANY ? NULL : &FILTERS[i].state,
		    .what = FILTERS[i].what,
		    .limit = FILTERS[i].limit};
		*h = (struct heap){.n = 0};
		assert_ok(ledger_each(f->l, &filter, collect, h));
		assert_int_equal(h->n, n_ids(FILTERS[i].ids));
		assert_memory_equal(h->ids, FILTERS[i].ids, h->n * sizeof h->ids[0]);
	}
	free(h);
}

/* A page begins behind the row that the one before it ended with, whatever the filter. */
static void
test_pages(void **state)
{
	struct fixture *f = *state;
	struct heap *h = malloc(sizeof *h);

	assert_non_null(h);
	populate(f->l);
	for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++) {
		const uint64_t *ids = FILTERS[i].ids;
		size_t n = FILTERS[i].limit == 0 ? n_ids(ids) : 0;
		for (size_t k = 0; k < n; k++) {
			const struct ledger_filter filter = {.route = FILTERS[i].route,
			    .state = FILTERS[i].state == ANY ? NULL : &FILTERS[i].state,
			    .what = FILTERS[i].what,
			    .beyond = ids[k]};
			*h = (struct heap){.n = 0};
			assert_ok(ledger_each(f->l, &filter, collect, h));
			assert_int_equal(h->n, n - k - 1);
			assert_memory_equal(h->ids, ids + k + 1, h->n * sizeof h->ids[0]);
		}
	}
	free(h);
}

/* The same without limits, oldest first, is the same backwards. */
static void
test_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct heap *h = malloc(sizeof *h);

	assert_non_null(h);
	populate(f->l);
	for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++) {
		size_t n = n_ids(FILTERS[i].ids);
		const struct ledger_filter filter = {.route = FILTERS[i].route,
		    .state = FILTERS[i].state == ANY ? NULL : &FILTERS[i].state,
		    .what = FILTERS[i].what,
		    .oldest_first = true};
		if (FILTERS[i].limit != 0)
			continue;
		*h = (struct heap){.n = 0};
		assert_ok(ledger_each(f->l, &filter, collect, h));
		assert_int_equal(h->n, n);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(h->ids[j], FILTERS[i].ids[n - 1 - j]);
	}
	const struct ledger_filter first = {.limit = 2, .oldest_first = true};
	*h = (struct heap){.n = 0};
	assert_ok(ledger_each(f->l, &first, collect, h));
	assert_int_equal(h->n, 2);
	assert_int_equal(h->ids[0], 1);
	assert_int_equal(h->ids[1], 2);
	free(h);
}

static void
test_stops(void **state)
{
	struct fixture *f = *state;
	const struct ledger_filter all = {.limit = 0};
	struct heap *h = calloc(1, sizeof *h);

	assert_non_null(h);
	assert_ok(ledger_each(f->l, &all, collect, h));
	assert_int_equal(h->n, 0);
	populate(f->l);
	h->then = ERR_NOENT;
	assert_err(ledger_each(f->l, &all, collect, h), ERR_NOENT);
	assert_int_equal(h->n, 1);
	free(h);
}

/*
 * The callback does everything that it may: walks again, moves what it was given out of the filter
 * and back in, adds new rows.
 */
static enum err
meddle(void *ctx, const struct transfer *t)
{
	struct heap *h = ctx;
	const struct ledger_filter inner = {.route = "r", .state = &t->state, .limit = 3};
	struct heap *again = calloc(1, sizeof *again);
	struct transfer got;

	assert_non_null(again);
	assert_ok(ledger_each(h->l, &inner, collect, again));
	assert_true(again->n > 0);
	free(again);
	assert_ok(ledger_find(h->l, t->route, t->path, t->size, t->mtime, &got));
	assert_ok(ledger_move(h->l, t->id, TRANSFER_GAVE_UP, NULL, "", 1));
	assert_ok(ledger_move(h->l, t->id, TRANSFER_RETRIED, NULL, "", 1));
	(void)see(h->l, "r", "/new");
	return collect(ctx, t);
}

static void
test_meddling(void **state)
{
	enum { N = 50 };
	static const enum transfer_state READY = TRANSFER_READY;
	struct fixture *f = *state;
	const struct ledger_filter ready = {.route = "r", .state = &READY, .oldest_first = true};
	struct heap *h = calloc(1, sizeof *h);

	assert_non_null(h);
	h->l = f->l;
	for (int i = 0; i < N; i++)
		bring_to(f->l, see(f->l, "r", "/a"), TRANSFER_READY);
	assert_ok(ledger_each(f->l, &ready, meddle, h));
	assert_int_equal(h->n, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(h->ids[i], i + 1);
	free(h);
}

static enum err
roll_back(void *ctx, const struct transfer *t)
{
	struct heap *h = ctx;

	ledger_rollback(h->l);
	return collect(ctx, t);
}

/* Rows that vanish under the walk are passed over. */
static void
test_rollback_within(void **state)
{
	struct fixture *f = *state;
	const struct ledger_filter all = {.oldest_first = true};
	struct heap *h = calloc(1, sizeof *h);

	assert_non_null(h);
	h->l = f->l;
	(void)see(f->l, "r", "/a");
	assert_ok(ledger_commit(f->l));
	(void)see(f->l, "r", "/b");
	assert_ok(ledger_each(f->l, &all, roll_back, h));
	assert_int_equal(h->n, 1);
	free(h);
}

static void
test_count(void **state)
{
	struct fixture *f = *state;
	uint64_t counts[TRANSFER_N_STATES];

	assert_ok(ledger_count(f->l, "even", counts));
	for (unsigned s = 0; s < TRANSFER_N_STATES; s++)
		assert_int_equal(counts[s], 0);
	populate(f->l);
	for (unsigned odd = 0; odd < 2; odd++) {
		assert_ok(ledger_count(f->l, odd == 0 ? "even" : "odd", counts));
		for (unsigned s = 0; s < TRANSFER_N_STATES; s++)
			assert_int_equal(counts[s], s % 2 == odd ? 1 : 0);
	}
	ledger_rollback(f->l);
	assert_ok(ledger_count(f->l, "odd", counts));
	for (unsigned s = 0; s < TRANSFER_N_STATES; s++)
		assert_int_equal(counts[s], 0);
}

/*
 * No statement sorts, and none visits a table row by row; whatever the library's planner thinks of
 * our indices. (A walk over all transfers is a search by rowid for the next one.)
 */
static void
check_plan(struct ledger *l, const char *sql)
{
	char explain[4096];
	sqlite3_stmt *plan;

	(void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(sqlite3_prepare_v2(l->db, explain, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(plan, 3);
		if (strstr(step, "TEMP B-TREE") != NULL)
			fail_msg("%s: %s", step, sql);
		bool scan = strncmp(step, "SCAN", 4) == 0 && strstr(step, "SCAN (") == NULL &&
			    strstr(step, "CONSTANT ROW") == NULL;
		if (scan)
			fail_msg("%s: %s", step, sql);
	}
	assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
}

static void
test_plans(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = STATEMENT_TRANSFER_INSERT; i < STATEMENT_N; i++)
		check_plan(f->l, sqlite3_sql(f->l->statements[i]));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_filters),
	    T(test_pages),
	    T(test_oldest_first),
	    T(test_stops),
	    T(test_meddling),
	    T(test_rollback_within),
	    T(test_count),
	    T(test_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
