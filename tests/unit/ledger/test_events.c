#include "fixture.h"

struct heap {
	size_t n;
	struct ledger_event items[16];
	enum err then;
};

static enum err
collect(void *ctx, const struct ledger_event *event)
{
	struct heap *h = ctx;

	assert_true(h->n < ARRAY_LEN(h->items));
	h->items[h->n++] = *event;
	return h->then;
}

/* A transfer's way as its events tell it, among those of others. */
static void
test_the_way(void **state)
{
	static const char *const WORDS[] = {"seen", "matched", "fetch-began", "looked-at",
	    "fetched", "worked", "placed", "told", "taken"};
	struct fixture *f = *state;
	struct heap h = {.n = 0};
	uint64_t id = see(f->l, "r", "/a"), other = see(f->l, "r", "/b");

	bring_to(f->l, id, TRANSFER_FETCHING);
	bring_to(f->l, other, TRANSFER_GONE);
	assert_ok(ledger_note(f->l, 0, "session-began", "erp", 1));
	/* Time may go backwards; the order is that of the deeds. */
	assert_ok(ledger_note(f->l, id, "looked-at", "", -5));
	for (size_t i = 2; WAYS[TRANSFER_DELIVERED][i] != TRANSFER_N_EVENTS; i++)
		assert_ok(ledger_move(f->l, id, WAYS[TRANSFER_DELIVERED][i], NULL, "d", 10));
	assert_ok(ledger_commit(f->l));
	fixture_reopen(f);
	assert_ok(ledger_each_event(f->l, id, collect, &h));
	assert_int_equal(h.n, ARRAY_LEN(WORDS));
	for (size_t i = 0; i < h.n; i++) {
		assert_int_equal(h.items[i].transfer, id);
		assert_string_equal(h.items[i].what, WORDS[i]);
	}
	assert_string_equal(h.items[0].detail, "acme");
	assert_int_equal(h.items[0].at_us, 1000);
	assert_int_equal(h.items[3].at_us, -5);
	assert_string_equal(h.items[3].detail, "");
	assert_string_equal(h.items[8].detail, "d");
}

static void
test_of_no_transfer(void **state)
{
	struct fixture *f = *state;
	struct heap h = {.n = 0};

	(void)see(f->l, "r", "/a");
	assert_ok(ledger_note(f->l, 0, "session-began", "erp", 1));
	assert_ok(ledger_note(f->l, 0, "session-ended", "erp", 2));
	assert_ok(ledger_each_event(f->l, 0, collect, &h));
	assert_int_equal(h.n, 2);
	assert_int_equal(h.items[1].transfer, 0);
	assert_string_equal(h.items[1].what, "session-ended");
}

static void
test_each_stops(void **state)
{
	struct fixture *f = *state;
	struct heap h = {.then = ERR_CLOSED};
	uint64_t id = see(f->l, "r", "/a");

	assert_ok(ledger_each_event(f->l, id + 1, collect, &h));
	assert_ok(ledger_each_event(f->l, UINT64_MAX, collect, &h));
	assert_ok(ledger_note(f->l, id, "more", "", 1));
	assert_err(ledger_each_event(f->l, id, collect, &h), ERR_CLOSED);
	assert_int_equal(h.n, 1);
}

static void
test_words(void **state)
{
	struct fixture *f = *state;
	char word[LEDGER_NAME_MAX + 2];
	struct heap h = {.n = 0};

	memset(word, 'w', sizeof word);
	word[sizeof word - 1] = '\0';
	assert_err(ledger_note(f->l, 0, word, "", 1), ERR_NAMETOOLONG);
	assert_err(ledger_note(f->l, 0, "", "", 1), ERR_INVALID);
	assert_false(ledger_dirty(f->l));
	word[LEDGER_NAME_MAX] = '\0';
	assert_ok(ledger_note(f->l, 0, word, "", 1));
	assert_ok(ledger_each_event(f->l, 0, collect, &h));
	assert_string_equal(h.items[0].what, word);
}

/*
 * Cut texts: n times the byte before, then the tail; what must be left of the tail. A detail holds
 * LEDGER_TEXT_MAX - 1 = 511 bytes.
 */
static const struct {
	size_t n;
	const char *tail;
	const char *left;
} CUTS[] = {
    {0, "", ""},
    {511, "", ""},
    {510, "b", "b"},
    {511, "b", ""},
    {509, "\xc3\xa9", "\xc3\xa9"},
    {510, "\xc3\xa9", ""},
    {511, "\xc3\xa9", ""},
    {508, "\xe2\x82\xac", "\xe2\x82\xac"},
    {509, "\xe2\x82\xac", ""},
    {510, "\xe2\x82\xac", ""},
    {507, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    {508, "\xf0\x9f\x98\x80", ""},
    {509, "\xf0\x9f\x98\x80", ""},
    {510, "\xf0\x9f\x98\x80", ""},
    {507, "\xf0\x9f\x98\x80z", "\xf0\x9f\x98\x80"},
    /* No text: cut where it must be, and not a byte earlier. */
    {505, "\x80\x80\x80\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80\x80"},
    {509, "\xff\xff\xff\xff", "\xff\xff"},
};

static void
test_cut_text(void **state)
{
	struct fixture *f = *state;
	char text[600], want[600];
	struct transfer t;

	for (size_t i = 0; i < ARRAY_LEN(CUTS); i++) {
		struct heap h = {.n = 0};
		memset(text, 'a', CUTS[i].n);
		memset(want, 'a', CUTS[i].n);
		(void)snprintf(text + CUTS[i].n, 80, "%s", CUTS[i].tail);
		(void)snprintf(want + CUTS[i].n, 80, "%s", CUTS[i].left);
		struct transfer_change change = {.trouble = text};
		uint64_t id = see(f->l, "r", "/a");
		assert_ok(ledger_move(f->l, id, TRANSFER_MATCHED, &change, text, 1));
		assert_ok(ledger_each_event(f->l, id, collect, &h));
		assert_string_equal(h.items[1].detail, want);
		assert_ok(ledger_get(f->l, id, &t));
		assert_string_equal(t.trouble, want);
	}
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_the_way),
	    T(test_of_no_transfer),
	    T(test_each_stops),
	    T(test_words),
	    T(test_cut_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
