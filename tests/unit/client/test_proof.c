#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/proof.h"
#include "client/world.h"

struct told {
	bool done;
	struct proof_answer answer;
};

static void
on_done(void *ctx, const struct proof_answer *answer)
{
	struct told *t = ctx;

	assert_false(t->done);
	t->done = true;
	t->answer = *answer;
}

static bool
turn_until(struct remote *r, const bool *done)
{
	bool extra;

	while (!*done && !remote_is_lost(r)) {
		if (!remote_turn(r))
			assert_int_equal(remote_wait(&r, 1, -1, -1, &extra), ERR_OK);
	}
	return *done;
}

static struct proof_answer
prove(struct world *w, enum job_proof how, uint64_t len, bool whole)
{
	struct told told = {.done = false};
	int fd = openat(w->here.fd, "f", O_RDONLY | O_CLOEXEC);
	const struct proof_config config = {.how = how,
	    .local_fd = fd,
	    .path = slice_str(world_there(w, "f")),
	    .len = len,
	    .whole = whole,
	    .done = on_done,
	    .ctx = &told};
	struct proof *p;

	assert_true(fd >= 0);
	assert_int_equal(proof_start(&p, w->r, &config), ERR_OK);
	assert_false(told.done);
	if (!turn_until(w->r, &told.done))
		told.answer.outcome = PROOF_REFUSED;
	(void)close(fd);
	return told.answer;
}

static void
flip(const struct scratch *s, size_t at)
{
	uint8_t byte;
	int fd = openat(s->fd, "f", O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	(void)close(fd);
}

static const struct world_habits HABITS[] = {
    {.seed = 0},
    {.refused = {"check-file"}},
    {.refused = {"check-file", "limits"}, .seed = 8},
    /* Offered, and refused. */
    {.refused = {"check-file-name"}},
};

static void
test_outcomes(void **state)
{
	enum { LEN = 5 * 1024 * 1024 + 3, TAIL = JOB_TAIL };
	static const struct {
		enum job_proof how;
		uint64_t len;
		size_t longer;  /* the remote file is, by so much */
		size_t flipped; /* SIZE_MAX: nothing */
		bool whole;
		enum proof_outcome outcome;
	} CASES[] = {
	    {JOB_PROOF_HASH, LEN, 0, SIZE_MAX, true, PROOF_EQUAL},
	    {JOB_PROOF_HASH, LEN - 9, 0, SIZE_MAX, false, PROOF_EQUAL},
	    {JOB_PROOF_HASH, LEN - 9, 0, SIZE_MAX, true, PROOF_DIFFERENT},
	    {JOB_PROOF_HASH, LEN, 0, 0, true, PROOF_DIFFERENT},
	    {JOB_PROOF_HASH, LEN, 0, LEN - 1, true, PROOF_DIFFERENT},
	    {JOB_PROOF_HASH, LEN - 1, 0, LEN - 1, false, PROOF_EQUAL},
	    {JOB_PROOF_TAIL, LEN, 0, LEN - TAIL - 1, false, PROOF_EQUAL},
	    {JOB_PROOF_TAIL, LEN, 0, LEN - TAIL, false, PROOF_DIFFERENT},
	    {JOB_PROOF_SIZE, LEN, 0, 0, false, PROOF_EQUAL},
	    {JOB_PROOF_SIZE, LEN, 1, 0, true, PROOF_DIFFERENT},
	    {JOB_PROOF_HASH, 0, 0, 0, false, PROOF_EQUAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES) * ARRAY_LEN(HABITS); i++) {
		struct world w;
		size_t k = i / ARRAY_LEN(HABITS);

		world_start(&w, &HABITS[i % ARRAY_LEN(HABITS)]);
		world_file(&w.here, "f", LEN, 0);
		world_file(&w.there, "f", LEN + CASES[k].longer, 0);
		if (CASES[k].flipped != SIZE_MAX)
			flip(&w.there, CASES[k].flipped);
		struct proof_answer a = prove(&w, CASES[k].how, CASES[k].len, CASES[k].whole);
		if (a.outcome != CASES[k].outcome)
			print_error("case %zu: %s\n", k, a.story.text);
		assert_int_equal(a.outcome, CASES[k].outcome);
		assert_true(a.story.text[0] != '\0');
		if (a.outcome == PROOF_DIFFERENT && CASES[k].flipped != SIZE_MAX)
			assert_true(a.at <= CASES[k].flipped);
		world_fini(&w);
	}
}

static void
test_refused(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, NULL);
	world_file(&w.here, "f", 100, 0);
	assert_int_equal(prove(&w, JOB_PROOF_HASH, 100, false).outcome, PROOF_REFUSED);
	/* Our own file is shorter than was said. */
	world_file(&w.there, "f", 200, 0);
	assert_int_equal(prove(&w, JOB_PROOF_HASH, 150, false).outcome, PROOF_LOCAL);
	world_fini(&w);
}

static void
test_lost_and_forgotten(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * 12; i++) {
		const struct world_habits habits = {.dies_at = 3 + i / 2,
		    .dies_times = 1,
		    .refused = {i % 2 == 0 ? "check-file" : "users-groups-by-id"}};
		struct world w;
		struct told told = {.done = false};
		struct proof *p;

		world_start(&w, &habits);
		world_file(&w.here, "f", 300 * 1000, 0);
		world_file(&w.there, "f", 300 * 1000, 0);
		(void)prove(&w, JOB_PROOF_HASH, 300 * 1000, true);
		if (!remote_is_lost(w.r)) {
			const struct proof_config config = {.local_fd = -1,
			    .path = slice_str(world_there(&w, "f")),
			    .len = 300 * 1000,
			    .done = on_done,
			    .ctx = &told};
			assert_int_equal(proof_start(&p, w.r, &config), ERR_OK);
			proof_forget(p);
		}
		world_fini(&w);
		assert_false(told.done);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_lost_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
