#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/list.h"
#include "client/world.h"

enum { MANY = 3000 };

struct seen {
	size_t n, most, sum;
};

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct seen *seen = ctx;

	if (slice_is(name->filename, ".") || slice_is(name->filename, ".."))
		return true;
	for (size_t i = 0; i < name->filename.len; i++)
		seen->sum += name->filename.ptr[i];
	return ++seen->n != seen->most;
}

static const struct world_habits HABITS[] = {
    {.seed = 0},
    {.refused = {"limits"}},
    {.refused = {"limits"}, .seed = 7},
    {.refused = {"limits"}, .seed = 99},
};

static void
test_every_entry_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HABITS); i++) {
		struct world w;
		struct seen seen = {0};
		struct ask_answer a;
		size_t sum = 0;

		world_start(&w, &HABITS[i]);
		for (unsigned k = 0; k < MANY; k++) {
			char name[16];
			(void)snprintf(name, sizeof name, "f%05u", k);
			world_file(&w.there, name, 0, 0);
			for (const char *p = name; *p != '\0'; p++)
				sum += (uint8_t)*p;
		}
		assert_true(ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a));
		assert_int_equal(seen.n, MANY);
		assert_int_equal(seen.sum, sum);
		/* Enough is enough, and the connection is as good as before. */
		seen = (struct seen){.most = 10};
		assert_true(ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a));
		assert_int_equal(seen.n, 10);
		seen = (struct seen){0};
		assert_true(ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a));
		assert_int_equal(seen.n, MANY);
		world_fini(&w);
	}
}

static void
test_refusals(void **state)
{
	struct world w;
	struct seen seen = {0};
	struct ask_answer a;

	(void)state;
	world_start(&w, NULL);
	assert_false(ask_list(w.r, slice_str(world_there(&w, "none")), on_entry, &seen, &a));
	assert_int_equal(a.error, ERR_NOENT);
	assert_non_null(strstr(a.story.text, "listing: "));
	world_file(&w.there, "file", 1, 0);
	assert_false(ask_list(w.r, slice_str(world_there(&w, "file")), on_entry, &seen, &a));
	assert_int_equal(seen.n, 0);
	world_fini(&w);
}

/* The person stops it before an answer is there; the connection lives on. */
static void
test_interrupt(void **state)
{
	struct world w;
	struct seen seen = {0};
	struct ask_answer a;
	int fds[2];

	(void)state;
	world_start(&w, NULL);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	ask_set_interrupt(w.r, fds[0]);
	/* It may be through before anybody looks. */
	if (!ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a))
		assert_int_equal(a.error, ERR_AGAIN);
	ask_set_interrupt(w.r, -1);
	assert_true(ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a));
	(void)close(fds[0]);
	(void)close(fds[1]);
	world_fini(&w);
}

/* The line is lost before each of its requests. */
static void
test_lost(void **state)
{
	(void)state;
	for (size_t at = 3; at < 8; at++) {
		const struct world_habits habits = {.dies_at = at, .dies_times = 1};
		struct world w;
		struct seen seen = {0};
		struct ask_answer a;

		world_start(&w, &habits);
		if (!ask_list(w.r, slice_str(w.there.path), on_entry, &seen, &a))
			assert_int_equal(a.error, ERR_CLOSED);
		else
			assert_true(at > 4);
		world_fini(&w);
	}
}

/* Paused listings wait, and go on. */
struct paused {
	struct list *l;
	size_t n;
	bool pauses, done;
};

static bool
on_paused_entry(void *ctx, const struct sftp_name *name)
{
	struct paused *p = ctx;

	(void)name;
	if (p->n++ == 0 && p->pauses)
		list_pause(p->l, true);
	return true;
}

static void
on_paused_done(void *ctx, const struct ask_answer *answer)
{
	struct paused *p = ctx;

	assert_int_equal(answer->error, ERR_OK);
	p->done = true;
}

static void
turn_until_quiet(struct remote *r)
{
	bool extra;

	while (sftp_client_n_pending(remote_sftp(r)) > 0) {
		if (!remote_turn(r))
			assert_int_equal(remote_wait(&r, 1, -1, -1, &extra), ERR_OK);
	}
}

static void
test_pause(void **state)
{
	struct paused p = {.pauses = true};
	struct world w;

	(void)state;
	world_start(&w, NULL);
	for (unsigned k = 0; k < MANY; k++) {
		char name[16];
		(void)snprintf(name, sizeof name, "f%05u", k);
		world_file(&w.there, name, 0, 0);
	}
	const struct list_config config = {.path = slice_str(w.there.path),
	    .entry = on_paused_entry,
	    .done = on_paused_done,
	    .ctx = &p};
	assert_int_equal(list_start(&p.l, w.r, &config), ERR_OK);
	turn_until_quiet(w.r);
	assert_false(p.done);
	size_t before = p.n;
	assert_true(before > 0 && before < MANY);
	list_pause(p.l, false);
	turn_until_quiet(w.r);
	assert_true(p.done);
	assert_int_equal(p.n, MANY + 2);
	/* One that is forgotten ends without a word. */
	p = (struct paused){.pauses = true};
	assert_int_equal(list_start(&p.l, w.r, &config), ERR_OK);
	turn_until_quiet(w.r);
	list_forget(p.l);
	turn_until_quiet(w.r);
	assert_false(p.done);
	world_fini(&w);
}

static void
test_safe_names(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		bool safe;
	} CASES[] = {
	    {"a", 1, true},
	    {"...", 3, true},
	    {".a", 2, true},
	    {"", 0, false},
	    {".", 1, false},
	    {"..", 2, false},
	    {"a/b", 3, false},
	    {"/", 1, false},
	    {"a\0b", 3, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
		assert_int_equal(
		    list_name_is_safe(slice_of(CASES[i].name, CASES[i].len)), CASES[i].safe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_entry_once),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_interrupt),
	    cmocka_unit_test(test_lost),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_safe_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
