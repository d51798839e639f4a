#include "fixture.h"
#include "ledger/partials.h"

struct heap {
	size_t n;
	struct partial_row items[8];
};

static enum err
collect(void *ctx, const struct partial_row *p)
{
	struct heap *h = ctx;

	assert_true(h->n < ARRAY_LEN(h->items));
	h->items[h->n++] = *p;
	return ERR_OK;
}

static struct heap
all(struct fixture *f)
{
	struct heap h = {.n = 0};

	assert_ok(ledger_each_partial(f->l, collect, &h));
	return h;
}

static struct partial_row
row(const char *staging_name, const char *path, uint64_t size)
{
	struct partial_row p = {.folder = "in", .account = "maker", .size = size, .since_us = 7};

	(void)snprintf(p.staging_name, sizeof p.staging_name, "%s", staging_name);
	(void)snprintf(p.path, sizeof p.path, "%s", path);
	return p;
}

static void
test_put_again_and_drop(void **state)
{
	struct fixture *f = *state;
	struct partial_row a = row("up.maker.1", "a", 1), b = row("up.maker.2", "b\xff/c", 2);
	bool found;

	assert_ok(ledger_partial_put(f->l, &a));
	assert_ok(ledger_partial_put(f->l, &b));
	a.size = UINT64_MAX;
	(void)snprintf(a.path, sizeof a.path, "moved");
	assert_ok(ledger_partial_put(f->l, &a));
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	struct heap h = all(f);
	assert_int_equal(h.n, 2);
	assert_string_equal(h.items[0].path, "moved");
	assert_true(h.items[0].size == UINT64_MAX);
	assert_int_equal(h.items[0].since_us, 7);
	assert_string_equal(h.items[1].path, "b\xff/c");
	assert_string_equal(h.items[1].account, "maker");

	assert_ok(ledger_partial_find(f->l, "in", "up.maker.1", &found));
	assert_true(found);
	assert_ok(ledger_partial_find(f->l, "other", "up.maker.1", &found));
	assert_false(found);
	assert_ok(ledger_partial_drop(f->l, "other", "up.maker.1"));
	assert_ok(ledger_partial_drop(f->l, "in", "up.maker.1"));
	assert_ok(ledger_partial_drop(f->l, "in", "up.maker.1"));
	assert_int_equal(all(f).n, 1);
	ledger_rollback(f->l);
	assert_int_equal(all(f).n, 2);
}

static enum err
drop_it(void *ctx, const struct partial_row *p)
{
	return ledger_partial_drop(ctx, p->folder, p->staging_name);
}

static void
test_dropped_while_walked_over(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "up.maker.%d", i);
		struct partial_row p = row(name, "x", 1);
		assert_ok(ledger_partial_put(f->l, &p));
	}
	assert_ok(ledger_each_partial(f->l, drop_it, f->l));
	assert_int_equal(all(f).n, 0);
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct partial_row good = row("up.maker.1", "a", 1), p;

	p = good;
	p.folder[0] = '\0';
	assert_err(ledger_partial_put(f->l, &p), ERR_INVALID);
	p = good;
	p.staging_name[0] = '\0';
	assert_err(ledger_partial_put(f->l, &p), ERR_INVALID);
	p = good;
	p.path[0] = '\0';
	assert_err(ledger_partial_put(f->l, &p), ERR_INVALID);
	p = good;
	memset(p.path, 'x', sizeof p.path);
	assert_err(ledger_partial_put(f->l, &p), ERR_NAMETOOLONG);
	p = good;
	memset(p.account, 'x', sizeof p.account);
	assert_err(ledger_partial_put(f->l, &p), ERR_NAMETOOLONG);
	assert_false(ledger_dirty(f->l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_put_again_and_drop, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_dropped_while_walked_over, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
