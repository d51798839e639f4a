#include "turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ledger/deliveries.h"
#include "ledger/holdings.h"
#include "ledger/partials.h"
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

/* An upload is left private, and the one of the turn before gone on with. */
static enum err
play_partial(struct ledger *l, unsigned k)
{
	static struct partial_row p;
	char before[32];

	p = (struct partial_row){.folder = "in", .path = "a", .account = "maker", .size = k};
	(void)snprintf(p.staging_name, sizeof p.staging_name, "up.maker.%u", k);
	(void)snprintf(before, sizeof before, "up.maker.%u", k - 1);
	enum err e = ledger_partial_put(l, &p);
	return e == ERR_OK && k >= 1 ? ledger_partial_drop(l, "in", before) : e;
}

/* A file is put where it doesn't stay: it is renamed over what another account held. */
static enum err
play_holding(struct ledger *l, unsigned k)
{
	static struct holding h;
	char path[32];

	h = (struct holding){.folder = "in", .path = "new", .account = "maker", .size = k + 1};
	(void)snprintf(path, sizeof path, "dir/%u", k);
	enum err e = ledger_holding_put(l, &h);
	(void)snprintf(h.account, sizeof h.account, "other");
	(void)snprintf(h.path, sizeof h.path, "%s", path);
	if (e == ERR_OK)
		e = ledger_holding_put(l, &h);
	return e == ERR_OK ? ledger_holding_rename(l, "in", "new", path) : e;
}

/* It is taken, and is to be disposed of; the one of the turn before was. */
static enum err
play_delivery(struct ledger *l, unsigned k)
{
	static struct disposal d;
	bool is_new;
	uint64_t id;

	d = (struct disposal){.file = {.transfer = mover_of(k), .folder = "in", .inode = k}};
	(void)snprintf(d.file.path, sizeof d.file.path, "dir/%u", k);
	enum err e = ledger_delivery_add(l, &d.file, "erp", k, 5, &is_new);
	if (e == ERR_OK)
		e = ledger_disposal_add(l, &d, &id);
	return e == ERR_OK && id > 1 ? ledger_disposal_drop(l, id - 1) : e;
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
	if (e == ERR_OK)
		e = play_partial(l, k);
	if (e == ERR_OK)
		e = play_holding(l, k);
	return e == ERR_OK ? play_delivery(l, k) : e;
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

static enum err
count_partial(void *ctx, const struct partial_row *p)
{
	assert_string_equal(p->path, "a");
	(*(unsigned *)ctx)++;
	return ERR_OK;
}

static enum err
count_disposal(void *ctx, const struct disposal *d)
{
	assert_string_equal(d->file.folder, "in");
	(*(unsigned *)ctx)++;
	return ERR_OK;
}

/* What accounts have left, hold and were delivered. */
static void
check_accounts(struct ledger *l, unsigned n)
{
	unsigned n_partials = 0, n_disposals = 0;
	uint64_t bytes, files;

	assert_int_equal(ledger_each_partial(l, count_partial, &n_partials), ERR_OK);
	assert_int_equal(n_partials, n >= 1 ? 1 : 0);
	assert_int_equal(ledger_each_disposal(l, count_disposal, &n_disposals), ERR_OK);
	assert_int_equal(n_disposals, n >= 1 ? 1 : 0);
	assert_int_equal(ledger_usage(l, "maker", &bytes, &files), ERR_OK);
	assert_int_equal(files, n);
	assert_int_equal(bytes, (uint64_t)n * (n + 1) / 2);
	assert_int_equal(ledger_usage(l, "other", &bytes, &files), ERR_OK);
	assert_int_equal(files, 0);
}

void
turns_check(struct ledger *l, unsigned n)
{
	uint64_t counts[TRANSFER_N_STATES];

	check_accounts(l, n);

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
    {"SELECT account, sum(size), count(*) FROM holdings GROUP BY account EXCEPT"
     " SELECT account, bytes, files FROM usages",
	NULL},
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
