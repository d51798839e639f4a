#include "world.h"

#include "base/clock.h"
#include "transfer/partials.h"
#include "transfer/recover.h"

static const struct {
	const char *name;
	const char *account; /* NULL: not one of ours */
} NAMES[] = {
    {"up.maker.0123456789abcdef", "maker"},
    {"up.a.b.c.0123456789abcdef", "a.b.c"},
    {"up..0123", NULL},
    {"up.0123456789abcdef", NULL},
    {"up.", NULL},
    {"t1.0-ab", NULL},
    {"", NULL},
    {"xup.maker.01", NULL},
};

static void
names(void **state)
{
	char account[LEDGER_NAME_MAX + 1], long_name[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		bool ours = partial_name_parse(NAMES[i].name, account);
		assert_int_equal(ours, NAMES[i].account != NULL);
		if (ours)
			assert_string_equal(account, NAMES[i].account);
	}
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	memcpy(long_name, "up.", 3);
	long_name[200] = '.';
	assert_false(partial_name_parse(long_name, account));
}

static struct partial_row
put(struct world *w, const char *name, const char *path, int64_t since_us)
{
	struct partial_row p = {.folder = "one", .account = "maker", .since_us = since_us};

	(void)snprintf(p.staging_name, sizeof p.staging_name, "%s", name);
	(void)snprintf(p.path, sizeof p.path, "%s", path);
	assert_int_equal(ledger_partial_put(w->gateway.ledger, &p), ERR_OK);
	world_end_turn(w);
	return p;
}

struct found {
	size_t n;
	struct partial_row items[4];
};

static enum err
collect(void *ctx, const struct partial_row *p)
{
	struct found *f = ctx;

	assert_true(f->n < ARRAY_LEN(f->items));
	f->items[f->n++] = *p;
	return ERR_OK;
}

static struct found
recover_them(struct world *w)
{
	struct found f = {.n = 0};

	assert_int_equal(partials_recover(&w->gateway, time_now_us(), collect, &f), ERR_OK);
	world_end_turn(w);
	return f;
}

static void
recovered(void **state)
{
	struct world *w = *state;

	world_write(w, "home/staging/one/uploads/up.maker.01", "12345");
	world_write(w, "home/staging/one/uploads/up.maker.02", "123");
	world_write(w, "home/staging/one/uploads/notes", "a person's own");
	(void)put(w, "up.maker.01", "dir/a", 5);
	(void)put(w, "up.maker.03", "b", 5); /* whose file is gone */
	struct found f = recover_them(w);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.items[0].path, "dir/a");
	assert_int_equal(f.items[0].size, 5);
	/* It was written to after its row: nobody may have left it then. */
	assert_true(f.items[0].since_us > 5);
	assert_string_equal(f.items[1].path, "");
	assert_string_equal(f.items[1].account, "maker");
	assert_string_equal(f.items[1].folder, "one");
	bool found;
	assert_int_equal(
	    ledger_partial_find(w->gateway.ledger, "one", "up.maker.03", &found), ERR_OK);
	assert_false(found);
}

/* Written out of order, and cut off: nobody may go on behind the gap. */
static void
cut_at_the_first_hole(void **state)
{
	static const char NAME[] = "home/staging/one/uploads/up.maker.01";
	enum { BLOCK = 65536 };
	struct world *w = *state;
	char bytes[BLOCK], path[256], other[256];
	struct stat st;

	memset(bytes, 'x', sizeof bytes);
	int fd = open(world_path(w, NAME, path), O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, BLOCK, 0), BLOCK);
	assert_int_equal(pwrite(fd, bytes, BLOCK, 2 * BLOCK), BLOCK);
	(void)put(w, "up.maker.01", "a", 5);
	/* Another name of a file isn't cut: whose is it? */
	assert_int_equal(link(path, world_path(w, "home/other", other)), 0);
	assert_int_equal(recover_them(w).items[0].size, 3 * BLOCK);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(recover_them(w).items[0].size, BLOCK);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, BLOCK);
	/* A hole at the end, and one at the beginning. */
	assert_int_equal(ftruncate(fd, 2 * BLOCK), 0);
	assert_int_equal(recover_them(w).items[0].size, BLOCK);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bytes, BLOCK, BLOCK), BLOCK);
	assert_int_equal(recover_them(w).items[0].size, 0);
	(void)close(fd);
	assert_int_equal(partial_mend(&w->gateway, "one", "up.maker.02", &st), ERR_NOENT);
	assert_int_equal(partial_mend(&w->gateway, "none", "up.maker.01", &st), ERR_NOENT);
}

static void
a_folder_that_is_away_keeps_its_rows(void **state)
{
	struct world *w = *state;
	bool found;

	(void)put(w, "up.maker.01", "a", 5);
	world_use_config(w, "home: home\n");
	assert_int_equal(recover_them(w).n, 0);
	assert_int_equal(
	    ledger_partial_find(w->gateway.ledger, "one", "up.maker.01", &found), ERR_OK);
	assert_true(found);
	assert_true(partial_expires_us(&w->gateway, "one", 5) == INT64_MAX);
}

static enum err
count(void *ctx, const struct ledger_event *event)
{
	*(size_t *)ctx += strcmp(event->what, "partial-removed") == 0 ? 1 : 0;
	return ERR_OK;
}

static void
removed(void **state)
{
	struct world *w = *state;
	size_t n = 0;
	bool found;

	world_write(w, "home/staging/one/uploads/up.maker.01", "12345");
	struct partial_row p = put(w, "up.maker.01", "a", 5);
	assert_int_equal(partial_remove(&w->gateway, &p, "so", WORLD_NOW), ERR_OK);
	/* Somebody was quicker: no event. */
	assert_int_equal(partial_remove(&w->gateway, &p, "so", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_count(w, "home/staging/one/uploads"), 0);
	assert_int_equal(
	    ledger_partial_find(w->gateway.ledger, "one", "up.maker.01", &found), ERR_OK);
	assert_false(found);
	assert_int_equal(ledger_each_event(w->gateway.ledger, 0, count, &n), ERR_OK);
	assert_int_equal(n, 1);
	/* What can't be removed stays, with its row. */
	char path[256];
	assert_int_equal(
	    mkdir(world_path(w, "home/staging/one/uploads/up.maker.02", path), 0700), 0);
	p = put(w, "up.maker.02", "a", 5);
	assert_int_equal(partial_remove(&w->gateway, &p, "so", WORLD_NOW), ERR_OK);
	assert_int_equal(
	    ledger_partial_find(w->gateway.ledger, "one", "up.maker.02", &found), ERR_OK);
	assert_true(found);
}

/* A session that died after its upload was recorded: its client can go on with it. */
static void
a_cut_off_upload_becomes_one(void **state)
{
	struct world *w = *state;
	struct transfer t = {.source = "maker", .path = "dir/a", .size = 5};
	struct transfer_output out = {
	    .folder = "one", .staging_name = "up.maker.01", .path = "dir/a"};
	struct recovery r;
	uint64_t id;

	world_write(w, "home/staging/one/uploads/up.maker.01", "12345");
	assert_int_equal(ledger_upload(w->gateway.ledger, &t, &out, WORLD_NOW, &id), ERR_OK);
	world_end_turn(w);
	world_crash(w);
	assert_int_equal(recover(&w->gateway, WORLD_NOW, &r), ERR_OK);
	world_end_turn(w);
	assert_int_equal(world_state(w, id), TRANSFER_FAILED);
	struct found f = recover_them(w);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.items[0].path, "dir/a");
	assert_string_equal(f.items[0].account, "maker");
	assert_int_equal(f.items[0].size, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test_setup_teardown(recovered, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(cut_at_the_first_hole, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		a_folder_that_is_away_keeps_its_rows, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(removed, world_setup, world_teardown),
	    cmocka_unit_test_setup_teardown(
		a_cut_off_upload_becomes_one, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
