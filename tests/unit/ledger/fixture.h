/* A ledger in a directory of its own, and short ways to fill it. */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/ledger.h"

struct fixture {
	char directory[256];
	char path[300];
	struct ledger *l;
};

static inline void
fixture_init(struct fixture *f)
{
	const char *base = getenv("TMPDIR");

	*f = (struct fixture){.l = NULL};
	(void)snprintf(f->directory, sizeof f->directory, "%s/ledger-test-XXXXXX",
	    base == NULL ? "/tmp" : base);
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof f->path, "%s/ledger.db", f->directory);
}

static inline void
fixture_open(struct fixture *f)
{
	struct story story = {""};

	enum err e = ledger_open(f->path, &f->l, &story);
	if (e != ERR_OK)
		fail_msg("ledger_open: %s: %s", err_name(e), story.text);
}

static inline void
fixture_reopen(struct fixture *f)
{
	ledger_close(f->l);
	f->l = NULL;
	fixture_open(f);
}

/* Closes the ledger and removes the directory with every file in it. */
static inline void
fixture_fini(struct fixture *f)
{
	char name[600];
	struct dirent *entry;

	ledger_close(f->l);
	f->l = NULL;
	DIR *dir = opendir(f->directory);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(name, sizeof name, "%s/%s", f->directory, entry->d_name);
		if (entry->d_type == DT_DIR)
			(void)rmdir(name);
		else
			(void)unlink(name);
	}
	closedir(dir);
	assert_int_equal(rmdir(f->directory), 0);
}

/* cmocka's per-test setup and teardown: *state is a struct fixture with an open ledger. */
static inline int
fixture_setup(void **state)
{
	struct fixture *f = malloc(sizeof *f);

	if (f == NULL)
		return -1;
	fixture_init(f);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

#define assert_ok(e)        assert_string_equal(err_name(e), "ok")
#define assert_err(e, want) assert_string_equal(err_name(e), err_name(want))

static inline struct transfer
transfer_of(const char *route, const char *path, uint64_t size, int64_t mtime)
{
	struct transfer t = {.size = size, .mtime = mtime};

	assert_true(slice_copy(slice_str(route), t.route, sizeof t.route));
	assert_true(slice_copy(slice_str("acme"), t.source, sizeof t.source));
	assert_true(slice_copy(slice_str(path), t.path, sizeof t.path));
	return t;
}

static inline uint64_t
see(struct ledger *l, const char *route, const char *path)
{
	struct transfer t = transfer_of(route, path, 10, 20);
	uint64_t id = 0;

	assert_ok(ledger_see(l, &t, 1000, &id));
	return id;
}

static inline struct transfer_output
output_of(uint64_t transfer, uint32_t n, const char *folder, const char *staging, const char *path)
{
	struct transfer_output out = {.transfer = transfer, .n = n};

	assert_true(slice_copy(slice_str(folder), out.folder, sizeof out.folder));
	assert_true(slice_copy(slice_str(staging), out.staging_name, sizeof out.staging_name));
	assert_true(slice_copy(slice_str(path), out.path, sizeof out.path));
	return out;
}

/* The shortest way from seen into each state; ends with TRANSFER_N_EVENTS. */
static const enum transfer_event WAYS[TRANSFER_N_STATES][8] = {
    [TRANSFER_SEEN] = {TRANSFER_N_EVENTS},
    [TRANSFER_READY] = {TRANSFER_MATCHED, TRANSFER_N_EVENTS},
    [TRANSFER_FETCHING] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_N_EVENTS},
    [TRANSFER_STAGED] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED,
	TRANSFER_N_EVENTS},
    [TRANSFER_PROCESSED] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED,
	TRANSFER_WORKED, TRANSFER_N_EVENTS},
    [TRANSFER_PUBLISHED] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED,
	TRANSFER_WORKED, TRANSFER_PLACED, TRANSFER_N_EVENTS},
    [TRANSFER_SETTLED] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED, TRANSFER_WORKED,
	TRANSFER_PLACED, TRANSFER_TOLD, TRANSFER_N_EVENTS},
    [TRANSFER_DELIVERED] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED,
	TRANSFER_WORKED, TRANSFER_PLACED, TRANSFER_TOLD, TRANSFER_TAKEN, TRANSFER_N_EVENTS},
    [TRANSFER_SKIPPED] = {TRANSFER_RULED_OUT, TRANSFER_N_EVENTS},
    [TRANSFER_HELD] = {TRANSFER_MATCHED, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHED, TRANSFER_WITHHELD,
	TRANSFER_N_EVENTS},
    [TRANSFER_FAILED] = {TRANSFER_GAVE_UP, TRANSFER_N_EVENTS},
    [TRANSFER_GONE] = {TRANSFER_VANISHED, TRANSFER_N_EVENTS},
};

static inline void
bring_to(struct ledger *l, uint64_t id, enum transfer_state state)
{
	for (size_t i = 0; WAYS[state][i] != TRANSFER_N_EVENTS; i++)
		assert_ok(ledger_move(l, id, WAYS[state][i], NULL, "", 2000));
}

static inline enum transfer_state
state_of(struct ledger *l, uint64_t id)
{
	struct transfer t;

	assert_ok(ledger_get(l, id, &t));
	return t.state;
}

#endif
