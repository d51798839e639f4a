/*
 * A random walk: thousands of random deeds against the ledger and against a plain model in memory,
 * with commits, rollbacks and reopenings in between; the two must always tell the same.
 *
 * The seed is printed; DRAY_TEST_SEED=N repeats a walk.
 */
#include <time.h>

#include "fixture.h"

enum { MAX_TRANSFERS = 400, N_STEPS = 6000, N_ROUTES = 3, N_PATHS = 7 };

struct model_transfer {
	enum transfer_state state;
	unsigned route, path;
	uint64_t checkpoint;
	uint32_t attempts;
	unsigned n_events, n_outputs;
};

struct model {
	unsigned n;
	struct model_transfer transfers[MAX_TRANSFERS];
};

struct world {
	struct fixture *f;
	uint64_t random;
	struct model now, committed;
};

static const char *const ROUTES[N_ROUTES] = {"", "a", "b"};
static const char *const PATHS[N_PATHS] = {"/x", "/y", "/d/x", "/d/y", "/\xff", "/it's", "/d/\xff"};

/* xorshift64*: the same walk for the same seed everywhere. */
static unsigned
roll(struct world *w, unsigned sides)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) % sides;
}

static void
do_see(struct world *w)
{
	if (w->now.n == MAX_TRANSFERS)
		return;
	struct model_transfer *m = &w->now.transfers[w->now.n++];
	*m = (struct model_transfer){.state = TRANSFER_SEEN,
	    .route = roll(w, N_ROUTES),
	    .path = roll(w, N_PATHS),
	    .n_events = 1};
	assert_int_equal(see(w->f->l, ROUTES[m->route], PATHS[m->path]), w->now.n);
}

/* A random event, if it is legal now. */
static void
do_move(struct world *w)
{
	if (w->now.n == 0)
		return;
	unsigned i = roll(w, w->now.n);
	struct model_transfer *m = &w->now.transfers[i];
	enum transfer_event event = (enum transfer_event)roll(w, TRANSFER_N_EVENTS);
	enum transfer_state to;
	if (!transfer_next(m->state, event, &to))
		return;
	uint32_t attempts = roll(w, 100);
	const struct transfer_change change = {.attempts = &attempts};
	bool with_change = roll(w, 2) == 0;
	assert_ok(ledger_move(w->f->l, i + 1, event, with_change ? &change : NULL, "walk", 77));
	m->state = to;
	m->attempts = with_change ? attempts : m->attempts;
	m->n_events++;
}

static void
do_checkpoint(struct world *w)
{
	if (w->now.n == 0)
		return;
	unsigned i = roll(w, w->now.n);
	struct model_transfer *m = &w->now.transfers[i];
	uint64_t length = roll(w, 1000000);
	bool fetching = m->state == TRANSFER_FETCHING;
	assert_err(ledger_checkpoint(w->f->l, i + 1, length), fetching ? ERR_OK : ERR_NOENT);
	if (fetching)
		m->checkpoint = length;
}

static void
do_output(struct world *w)
{
	if (w->now.n == 0)
		return;
	unsigned i = roll(w, w->now.n);
	struct model_transfer *m = &w->now.transfers[i];
	/* The next one, or one that is there already. */
	uint32_t n = roll(w, m->n_outputs + 1);
	struct transfer_output out = output_of(i + 1, n, "f", "s", "out/x");
	assert_ok(ledger_put_output(w->f->l, &out));
	if (n == m->n_outputs)
		m->n_outputs++;
}

static void
do_note(struct world *w)
{
	if (w->now.n == 0)
		return;
	unsigned i = roll(w, w->now.n);
	assert_ok(ledger_note(w->f->l, i + 1, "noted", "", 1));
	w->now.transfers[i].n_events++;
}

static void
do_commit(struct world *w)
{
	assert_ok(ledger_commit(w->f->l));
	w->committed = w->now;
}

static void
do_rollback(struct world *w)
{
	ledger_rollback(w->f->l);
	w->now = w->committed;
}

static void
do_reopen(struct world *w)
{
	fixture_reopen(w->f);
	w->now = w->committed;
}

static const struct {
	void (*deed)(struct world *w);
	unsigned weight;
} DEEDS[] = {
    {do_see, 10},
    {do_move, 60},
    {do_checkpoint, 5},
    {do_output, 5},
    {do_note, 3},
    {do_commit, 12},
    {do_rollback, 4},
    {do_reopen, 1},
};

static enum err
count_output(void *ctx, const struct transfer_output *out)
{
	unsigned *n = ctx;

	assert_int_equal(out->n, *n);
	(*n)++;
	return ERR_OK;
}

static enum err
count_event(void *ctx, const struct ledger_event *event)
{
	(void)event;
	(*(unsigned *)ctx)++;
	return ERR_OK;
}

static void
compare_transfer(struct world *w, unsigned i)
{
	const struct model_transfer *m = &w->now.transfers[i];
	unsigned n_outputs = 0, n_events = 0;
	struct transfer t;

	assert_ok(ledger_get(w->f->l, i + 1, &t));
	assert_int_equal(t.state, m->state);
	assert_int_equal(t.checkpoint, m->checkpoint);
	assert_int_equal(t.attempts, m->attempts);
	assert_string_equal(t.route, ROUTES[m->route]);
	assert_string_equal(t.path, PATHS[m->path]);
	assert_ok(ledger_each_output(w->f->l, i + 1, count_output, &n_outputs));
	assert_int_equal(n_outputs, m->n_outputs);
	assert_ok(ledger_each_event(w->f->l, i + 1, count_event, &n_events));
	assert_int_equal(n_events, m->n_events);
}

/* For each route and state: the sums, and what a walk with this filter finds. */
struct tally {
	const struct model *model;
	enum transfer_state state;
	unsigned route, n;
	uint64_t last;
};

static enum err
tally_up(void *ctx, const struct transfer *t)
{
	struct tally *tally = ctx;

	assert_true(t->id < tally->last);
	tally->last = t->id;
	assert_int_equal(tally->model->transfers[t->id - 1].state, tally->state);
	assert_int_equal(tally->model->transfers[t->id - 1].route, tally->route);
	tally->n++;
	return ERR_OK;
}

static void
compare_route(struct world *w, unsigned route)
{
	uint64_t counts[TRANSFER_N_STATES];

	assert_ok(ledger_count(w->f->l, ROUTES[route], counts));
	for (unsigned s = 0; s < TRANSFER_N_STATES; s++) {
		enum transfer_state state = (enum transfer_state)s;
		struct tally tally = {&w->now, state, route, 0, UINT64_MAX};
		const struct ledger_filter filter = {.route = ROUTES[route], .state = &state};
		unsigned n = 0;
		for (unsigned i = 0; i < w->now.n; i++) {
			const struct model_transfer *m = &w->now.transfers[i];
			n += m->state == state && m->route == route ? 1 : 0;
		}
		assert_ok(ledger_each(w->f->l, &filter, tally_up, &tally));
		assert_int_equal(tally.n, n);
		assert_int_equal(counts[s], n);
	}
}

/* The newest of each key. */
static void
compare_keys(struct world *w)
{
	struct transfer t;

	for (unsigned key = 0; key < N_ROUTES * N_PATHS; key++) {
		unsigned route = key / N_PATHS, path = key % N_PATHS, newest = 0;
		for (unsigned i = 0; i < w->now.n; i++) {
			const struct model_transfer *m = &w->now.transfers[i];
			if (m->route == route && m->path == path)
				newest = i + 1;
		}
		enum err e = ledger_find(w->f->l, ROUTES[route], PATHS[path], 10, 20, &t);
		assert_err(e, newest == 0 ? ERR_NOENT : ERR_OK);
		if (newest != 0)
			assert_int_equal(t.id, newest);
	}
}

static void
compare(struct world *w)
{
	struct transfer t;

	for (unsigned i = 0; i < w->now.n; i++)
		compare_transfer(w, i);
	assert_err(ledger_get(w->f->l, w->now.n + 1, &t), ERR_NOENT);
	for (unsigned route = 0; route < N_ROUTES; route++)
		compare_route(w, route);
	compare_keys(w);
}

static void
do_something(struct world *w)
{
	unsigned sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(DEEDS); i++)
		sum += DEEDS[i].weight;
	unsigned at = roll(w, sum);
	for (size_t i = 0; i < ARRAY_LEN(DEEDS); i++) {
		if (at < DEEDS[i].weight) {
			DEEDS[i].deed(w);
			return;
		}
		at -= DEEDS[i].weight;
	}
}

static void
test_random_walk(void **state)
{
	const char *given = getenv("DRAY_TEST_SEED");
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->f = *state;
	w->random = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# DRAY_TEST_SEED=%llu\n", (unsigned long long)w->random);
	/* The generator's only fixed point. */
	w->random = w->random == 0 ? 1 : w->random;
	for (unsigned step = 1; step <= N_STEPS; step++) {
		do_something(w);
		if (step % 500 == 0)
			compare(w);
	}
	do_reopen(w);
	compare(w);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_random_walk, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
