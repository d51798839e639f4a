#include "turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ledger/store.h"

static uint64_t
mover_of(unsigned k)
{
	return 2 * (uint64_t)k + 1;
}

enum err
turns_open(const char *path, struct ledger **ret_l, struct story *story)
{
	enum err e = ledger_open(path, ret_l, story);

	if (e != ERR_OK)
		return e;
	if (sqlite3_exec((*ret_l)->db, "PRAGMA wal_autocheckpoint = 60", NULL, NULL, NULL) ==
	    SQLITE_OK)
		return ERR_OK;
	ledger_close(*ret_l);
	*ret_l = NULL;
	return ERR_NOMEM;
}

static void
path_of(unsigned k, char c, struct transfer *t)
{
	memset(t->path, c, 900);
	(void)snprintf(t->path + 900, sizeof t->path - 900, "/turn-%u", k);
}

/* Two new transfers; the second stays as it is. */
static enum err
play_news(struct ledger *l, unsigned k)
{
	static struct transfer t;
	uint64_t id;

	t = (struct transfer){.route = "route", .source = "acme", .size = k, .mtime = 7};
	path_of(k, 'a', &t);
	enum err e = ledger_see(l, &t, k, &id);
	path_of(k, 'b', &t);
	return e == ERR_OK ? ledger_see(l, &t, k, &id) : e;
}

static enum err
play_moves(struct ledger *l, uint64_t id, const enum transfer_event *events, size_t n_events)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < n_events && e == ERR_OK; i++)
		e = ledger_move(l, id, events[i], NULL, "a detail", 5);
	return e;
}

static enum err
play_output(struct ledger *l, uint64_t id)
{
	static struct transfer_output out;

	out = (struct transfer_output){.transfer = id, .folder = "invoices", .staging_name = "s"};
	(void)snprintf(out.path, sizeof out.path, "out/%llu.csv", (unsigned long long)id);
	return ledger_put_output(l, &out);
}

enum err
turns_play(struct ledger *l, unsigned k)
{
	static const enum transfer_event FIRST[] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN};
	static const enum transfer_event SECOND[] = {
	    TRANSFER_FETCHED, TRANSFER_WORKED, TRANSFER_PLACED};
	static const enum transfer_event THIRD[] = {TRANSFER_TOLD};

	enum err e = play_news(l, k);
	if (e == ERR_OK)
		e = play_moves(l, mover_of(k), FIRST, ARRAY_LEN(FIRST));
	if (e == ERR_OK)
		e = ledger_checkpoint(l, mover_of(k), k + 100);
	if (e == ERR_OK && k >= 1)
		e = play_output(l, mover_of(k - 1));
	if (e == ERR_OK && k >= 1)
		e = play_moves(l, mover_of(k - 1), SECOND, ARRAY_LEN(SECOND));
	if (e == ERR_OK && k >= 2)
		e = play_moves(l, mover_of(k - 2), THIRD, ARRAY_LEN(THIRD));
	return e;
}

static enum err
count_output(void *ctx, const struct transfer_output *out)
{
	(void)out;
	(*(unsigned *)ctx)++;
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
check_transfer(
    struct ledger *l, uint64_t id, enum transfer_state state, unsigned outputs, unsigned events)
{
	unsigned n_outputs = 0, n_events = 0;
	static struct transfer t;

	assert_int_equal(ledger_get(l, id, &t), ERR_OK);
	assert_int_equal(t.state, state);
	assert_int_equal(t.size, (id - 1) / 2);
	assert_int_equal(t.checkpoint, id % 2 == 0 ? 0 : (id - 1) / 2 + 100);
	assert_int_equal(ledger_each_output(l, id, count_output, &n_outputs), ERR_OK);
	assert_int_equal(n_outputs, outputs);
	assert_int_equal(ledger_each_event(l, id, count_event, &n_events), ERR_OK);
	assert_int_equal(n_events, events);
}

unsigned
turns_count(struct ledger *l)
{
	static struct transfer t;
	unsigned n = 0;

	while (ledger_get(l, mover_of(n), &t) == ERR_OK)
		n++;
	return n;
}

void
turns_check(struct ledger *l, unsigned n)
{
	uint64_t counts[TRANSFER_N_STATES];

	assert_int_equal(turns_count(l), n);
	for (unsigned k = 0; k < n; k++) {
		if (k + 1 == n)
			check_transfer(l, mover_of(k), TRANSFER_FETCHING, 0, 3);
		else if (k + 2 == n)
			check_transfer(l, mover_of(k), TRANSFER_PUBLISHED, 1, 6);
		else
			check_transfer(l, mover_of(k), TRANSFER_SETTLED, 1, 7);
		check_transfer(l, mover_of(k) + 1, TRANSFER_SEEN, 0, 1);
	}
	assert_int_equal(ledger_count(l, "route", counts), ERR_OK);
	assert_int_equal(counts[TRANSFER_SEEN], n);
	assert_int_equal(counts[TRANSFER_FETCHING], n >= 1 ? 1 : 0);
	assert_int_equal(counts[TRANSFER_PUBLISHED], n >= 2 ? 1 : 0);
	assert_int_equal(counts[TRANSFER_SETTLED], n >= 3 ? n - 2 : 0);
}

/* What each query must answer: one row with this text, or none. */
static const struct {
	const char *sql;
	const char *answer;
} SOUND[] = {
    {"PRAGMA integrity_check", "ok"},
    {"PRAGMA foreign_key_check", NULL},
    {"SELECT route, state, count(*) FROM transfers GROUP BY route, state EXCEPT"
     " SELECT route, state, n FROM tallies",
	NULL},
    {"SELECT id FROM events WHERE transfer IS NULL", NULL},
};

void
turns_check_file(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	/* By the real file layer: what the faulty one remembers is none of the file. */
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LEN(SOUND); i++) {
		assert_int_equal(sqlite3_prepare_v2(db, SOUND[i].sql, -1, &s, NULL), SQLITE_OK);
		int rc = sqlite3_step(s);
		assert_int_equal(rc, SOUND[i].answer == NULL ? SQLITE_DONE : SQLITE_ROW);
		if (SOUND[i].answer != NULL)
			assert_string_equal(
			    (const char *)sqlite3_column_text(s, 0), SOUND[i].answer);
		assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
