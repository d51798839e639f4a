/* Fetching: one file and many, whatever the server's habits, and however often the line breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/job_harness.h"
#include "sftp/proto.h"
#include "stdio/hostfs.h"

enum { SMALL = 1000, MIDDLE = 300 * 1000, BIG = 9 * 1000 * 1000 + 17, MTIME = 1600000000 };

static void
assert_only(const struct world *w, const char *name, size_t len, unsigned seed)
{
	assert_true(world_is_file(&w->here, name, len, seed));
	assert_int_equal(world_count(&w->here, "."), 1);
}

static struct sftp_result
short_read(void *file, uint64_t offset, uint8_t *dst, size_t len, size_t *ret_len)
{
	size_t most = 1 + (size_t)(offset * 7919 % 4096);

	return hostfs_ops()->read(file, offset, dst, len < most ? len : most, ret_len);
}

static void
tweak_short(struct sftp_fs_ops *ops)
{
	ops->read = short_read;
}

static struct sftp_result
stat_without_size(void *fs, struct slice path, struct sftp_attrs *ret)
{
	struct sftp_result r = hostfs_ops()->stat(fs, path, ret);

	ret->flags &= ~SSH_FILEXFER_ATTR_SIZE;
	return r;
}

static void
tweak_no_sizes(struct sftp_fs_ops *ops)
{
	ops->stat = stat_without_size;
}

static struct sftp_result
stat_less(void *fs, struct slice path, struct sftp_attrs *ret)
{
	struct sftp_result r = hostfs_ops()->stat(fs, path, ret);

	ret->size /= 2;
	return r;
}

static void
tweak_less(struct sftp_fs_ops *ops)
{
	ops->stat = stat_less;
}

static struct sftp_result
stat_more(void *fs, struct slice path, struct sftp_attrs *ret)
{
	struct sftp_result r = hostfs_ops()->stat(fs, path, ret);

	ret->size += 100000;
	return r;
}

static void
tweak_more(struct sftp_fs_ops *ops)
{
	ops->stat = stat_more;
}

static void
test_one_file(void **state)
{
	static const size_t SIZES[] = {0, 1, SMALL, 255 * 1024, 255 * 1024 + 1, MIDDLE, BIG};
	static const struct world_habits HABITS[] = {
	    {.seed = 0},
	    {.refused = {"limits"}},
	    {.seed = 77},
	    {.seed = 78, .refused = {"limits"}},
	    {.tweak = tweak_short},
	    {.tweak = tweak_no_sizes},
	    {.tweak = tweak_no_sizes, .refused = {"limits"}, .seed = 5},
	    {.tweak = tweak_less},
	    {.refused = {"stat"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HABITS); i++) {
		for (size_t k = 0; k < ARRAY_LEN(SIZES); k++) {
			struct world w;
			static struct harness h;
			if (HABITS[i].tweak == tweak_short && SIZES[k] > MIDDLE)
				continue;
			world_init(&w, &HABITS[i]);
			world_file(&w.there, "f", SIZES[k], 3);
			harness_init(&h, &w);
			enum job_outcome outcome = harness_get(&h, "f", "g");
			if (outcome != JOB_DONE)
				print_message(
				    "habit %zu size %zu: %s\n", i, SIZES[k], h.results[0].story);
			assert_int_equal(outcome, JOB_DONE);
			assert_int_equal(h.n, 1);
			assert_int_equal(h.results[0].bytes, SIZES[k]);
			assert_string_equal(h.results[0].story, "");
			assert_only(&w, "g", SIZES[k], 3);
			world_fini(&w);
		}
	}
}

static void
test_failures(void **state)
{
	static const struct {
		struct world_habits habits;
		const char *name;
		enum err error;
		const char *story;
	} CASES[] = {
	    {{.seed = 0}, "none", ERR_NOENT, "no such file"},
	    {{.seed = 0}, "dir", ERR_ISDIR, "directory"},
	    {{.tweak = tweak_more}, "f", ERR_FORMAT, "the server says"},
	    {{.refused = {"open"}}, "f", ERR_ACCESS, "opening"},
	    {{.refused = {"read"}}, "f", ERR_ACCESS, "reading"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct world w;
		static struct harness h;
		world_init(&w, &CASES[i].habits);
		world_file(&w.there, "f", MIDDLE, 3);
		scratch_mkdir(&w.there, "dir");
		harness_init(&h, &w);
		assert_int_equal(harness_get(&h, CASES[i].name, "g"), JOB_FAILED);
		assert_int_equal(h.n, 1);
		assert_int_equal(h.results[0].outcome, JOB_FAILED);
		assert_non_null(strstr(h.results[0].story, CASES[i].story));
		assert_non_null(strstr(h.results[0].story, CASES[i].name));
		assert_int_equal(h.results[0].error, CASES[i].error);
		assert_int_equal(world_count(&w.here, "."), 0);
		world_fini(&w);
	}
}

/* Many, of all sizes, by turns, their results in their order. */
static void
get_many(const struct world_habits *habits, uint32_t connections, size_t n, bool known)
{
	struct world w;
	static struct harness h;
	char name[32];

	world_init(&w, habits);
	harness_init(&h, &w);
	h.options.connections = connections;
	struct job *j = harness_job(&h);
	for (size_t i = 0; i < n; i++) {
		size_t len = i % 10 == 3 ? MIDDLE : i * 31 % 5000;
		(void)snprintf(name, sizeof name, "f%zu", i);
		world_file(&w.there, name, len, (unsigned)i);
		const struct job_item item = {.direction = JOB_GET,
		    .remote = world_there(&w, name),
		    .local = world_here(&w, name),
		    .attrs = {.flags = known ? 5 : 0, .size = len, .permissions = S_IFREG | 0640}};
		assert_int_equal(job_add(j, &item), ERR_OK);
	}
	assert_int_equal(harness_run(&h, j), JOB_DONE);
	assert_int_equal(h.n, n);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "f%zu", i);
		assert_string_equal(h.results[i].name, name);
		assert_true(world_is_file(
		    &w.here, name, i % 10 == 3 ? MIDDLE : i * 31 % 5000, (unsigned)i));
	}
	assert_int_equal(world_count(&w.here, "."), n);
	world_fini(&w);
}

static void
test_many(void **state)
{
	(void)state;
	get_many(&(struct world_habits){.seed = 0}, 1, 900, true);
	get_many(&(struct world_habits){.seed = 0}, 1, 300, false);
	get_many(&(struct world_habits){.seed = 9, .refused = {"limits"}}, 1, 300, true);
	get_many(&(struct world_habits){.seed = 9, .refused = {"limits"}}, 3, 300, false);
	get_many(&(struct world_habits){.seed = 0}, 4, 300, true);
}

static void
fill_tree(struct world *w)
{
	char name[64];

	scratch_mkdir(&w->there, "t");
	for (int d = 0; d < 12; d++) {
		(void)snprintf(name, sizeof name, "t/d%d", d);
		scratch_mkdir(&w->there, name);
		for (int f = 0; f < 30; f++) {
			(void)snprintf(name, sizeof name, "t/d%d/f%d", d, f);
			world_file(&w->there, name, (size_t)(d * f * 97), (unsigned)(d + f));
		}
		(void)snprintf(name, sizeof name, "t/d%d/sub", d);
		scratch_mkdir(&w->there, name);
		(void)snprintf(name, sizeof name, "t/d%d/sub/x", d);
		world_file(&w->there, name, 5, 1);
	}
	scratch_symlink(&w->there, "d1", "t/link");
	world_set_time(&w->there, "t/d3", MTIME);
}

static void
check_tree(const struct world *w)
{
	char name[64];

	for (int d = 0; d < 12; d++) {
		for (int f = 0; f < 30; f++) {
			(void)snprintf(name, sizeof name, "u/d%d/f%d", d, f);
			assert_true(
			    world_is_file(&w->here, name, (size_t)(d * f * 97), (unsigned)(d + f)));
		}
		(void)snprintf(name, sizeof name, "u/d%d/sub/x", d);
		assert_true(world_is_file(&w->here, name, 5, 1));
		(void)snprintf(name, sizeof name, "u/d%d", d);
		assert_int_equal(world_count(&w->here, name), 31);
	}
	assert_int_equal(world_time(&w->here, "u/d3"), MTIME);
}

static void
test_tree(void **state)
{
	static const struct world_habits HABITS[] = {
	    {.seed = 0}, {.seed = 3, .refused = {"limits"}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HABITS); i++) {
		struct world w;
		static struct harness h;
		world_init(&w, &HABITS[i]);
		fill_tree(&w);
		harness_init(&h, &w);
		h.options.recursive = h.options.preserve = true;
		assert_int_equal(harness_get(&h, "t", "u"), JOB_DONE);
		check_tree(&w);
		assert_int_equal(h.n, 12 * 32 + 1 + 12 + 1);
		assert_true(h.results[h.n - 1].is_directory);
		assert_string_equal(h.results[h.n - 1].name, "u");
		world_fini(&w);
	}
}

/* The server dies before its k-th request, for every k; the file is whole all the same. */
static void
test_lost_lines(void **state)
{
	(void)state;
	for (size_t k = 1; k < 60; k++) {
		struct world w;
		static struct harness h;
		world_init(&w, &(struct world_habits){.dies_at = k, .dies_times = 1});
		world_file(&w.there, "f", BIG, 3);
		harness_init(&h, &w);
		h.options.retries = 5;
		enum job_outcome outcome = harness_get(&h, "f", "g");
		assert_int_equal(outcome, JOB_DONE);
		assert_only(&w, "g", BIG, 3);
		world_fini(&w);
	}
}

static void
test_lost_lines_in_a_tree(void **state)
{
	(void)state;
	for (size_t k = 3; k < 1600; k += 1 + k / 6) {
		struct world w;
		static struct harness h;
		world_init(&w, &(struct world_habits){.dies_at = k, .dies_times = 3});
		fill_tree(&w);
		harness_init(&h, &w);
		h.options.recursive = h.options.preserve = true;
		h.options.retries = 5;
		assert_int_equal(harness_get(&h, "t", "u"), JOB_DONE);
		check_tree(&w);
		assert_int_equal(h.n, 12 * 32 + 1 + 12 + 1);
		world_fini(&w);
	}
}

static void
test_split(void **state)
{
	enum { HUGE = 150 * 1024 * 1024 + 5 };

	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		struct world w;
		static struct harness h;
		world_init(&w,
		    &(struct world_habits){.dies_at = lost ? 100 : 0, .dies_times = lost ? 3 : 0});
		world_file(&w.there, "f", HUGE, 3);
		harness_init(&h, &w);
		h.options.connections = 3;
		h.options.retries = 10;
		assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
		assert_true(h.n_connects >= 3);
		assert_only(&w, "g", HUGE, 3);
		world_fini(&w);
	}
}

static void
test_resume(void **state)
{
	static const struct {
		enum job_resume resume;
		enum job_proof proof;
		size_t have;
		unsigned seed;
		enum job_outcome outcome;
		const char *refused;
	} CASES[] = {
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE / 2, 3, JOB_DONE, NULL},
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE / 2, 3, JOB_DONE, "check-file"},
	    {JOB_RESUME_TARGET, JOB_PROOF_TAIL, MIDDLE / 2, 3, JOB_DONE, NULL},
	    {JOB_RESUME_TARGET, JOB_PROOF_SIZE, MIDDLE / 2, 3, JOB_DONE, NULL},
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE, 3, JOB_DONE, NULL},
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE / 2, 4, JOB_FAILED, NULL},
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE / 2, 4, JOB_FAILED, "check-file"},
	    {JOB_RESUME_TARGET, JOB_PROOF_HASH, MIDDLE + 1, 3, JOB_FAILED, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct world w;
		static struct harness h;
		world_init(&w, &(struct world_habits){.refused = {CASES[i].refused}});
		world_file(&w.there, "f", MIDDLE, 3);
		world_file(&w.here, "g", CASES[i].have, CASES[i].seed);
		harness_init(&h, &w);
		h.options.resume = CASES[i].resume;
		h.options.proof = CASES[i].proof;
		assert_int_equal(harness_get(&h, "f", "g"), CASES[i].outcome);
		if (CASES[i].outcome == JOB_DONE) {
			assert_int_equal(h.results[0].resumed, CASES[i].have);
			assert_int_equal(h.results[0].bytes, MIDDLE - CASES[i].have);
			assert_only(&w, "g", MIDDLE, 3);
		} else {
			assert_only(&w, "g", CASES[i].have, CASES[i].seed);
		}
		world_fini(&w);
	}
}

static void
change_it(struct harness *h)
{
	if (h->n_connects == 2)
		world_file(&h->w->there, "f", MIDDLE + 5, 4);
}

/* What a person had is not cut because the server's file is another after a lost line. */
static void
test_target_is_kept(void **state)
{
	struct world w;
	static struct harness h;
	struct stat st;

	(void)state;
	world_init(&w, &(struct world_habits){.dies_at = 12, .dies_times = 1});
	world_file(&w.there, "f", MIDDLE, 3);
	world_file(&w.here, "g", MIDDLE / 2, 3);
	harness_init(&h, &w);
	h.options.resume = JOB_RESUME_TARGET;
	h.options.request_len = 5000;
	h.on_connect = change_it;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_FAILED);
	assert_int_equal(h.n_connects, 2);
	assert_non_null(strstr(h.results[0].story, "changed while it was fetched"));
	assert_int_equal(fstatat(w.here.fd, "g", &st, 0), 0);
	assert_true(st.st_size >= MIDDLE / 2);
	world_fini(&w);
}

/* The line is lost for good: what is there is kept, and the next run goes on with it. */
static void
test_resume_ours(void **state)
{
	struct world w;
	static struct harness h;

	(void)state;
	world_init(&w, &(struct world_habits){.dies_at = 30, .dies_times = 100});
	world_file(&w.there, "f", BIG, 3);
	harness_init(&h, &w);
	h.options.retries = 0;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_INTERRUPTED);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.results[0].outcome, JOB_INTERRUPTED);
	assert_int_equal(world_count(&w.here, "."), 1);
	assert_false(world_exists(&w.here, "g"));
	w.habits.dies_at = 0;
	harness_init(&h, &w);
	h.options.resume = JOB_RESUME_OURS;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
	assert_true(h.results[0].resumed > 0);
	assert_int_equal(h.results[0].resumed + h.results[0].bytes, BIG);
	assert_only(&w, "g", BIG, 3);
	world_fini(&w);
}

static void
test_options(void **state)
{
	struct world w;
	static struct harness h;
	struct stat st;

	(void)state;
	world_init(&w, &(struct world_habits){.seed = 0});
	world_file(&w.there, "f", MIDDLE, 3);
	assert_int_equal(fchmodat(w.there.fd, "f", 06751, 0), 0);
	world_set_time(&w.there, "f", MTIME);
	harness_init(&h, &w);
	h.options.preserve = h.options.verify = h.options.fsync = true;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
	assert_int_equal(strlen(h.results[0].hash), 64);
	assert_int_equal(world_time(&w.here, "g"), MTIME);
	assert_int_equal(fstatat(w.here.fd, "g", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751);

	/* It is there: it stays, or it is replaced and keeps its mode. */
	world_file(&w.there, "f", SMALL, 9);
	harness_init(&h, &w);
	h.options.no_clobber = true;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
	assert_int_equal(h.results[0].outcome, JOB_SKIPPED);
	assert_only(&w, "g", MIDDLE, 3);
	assert_int_equal(fchmodat(w.here.fd, "g", 0604, 0), 0);
	harness_init(&h, &w);
	assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
	assert_only(&w, "g", SMALL, 9);
	assert_int_equal(fstatat(w.here.fd, "g", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	world_fini(&w);
}

static void
test_read_once(void **state)
{
	struct world w;
	static struct harness h;

	(void)state;
	world_init(&w, &(struct world_habits){.seed = 0});
	world_file(&w.there, "f", BIG, 3);
	harness_init(&h, &w);
	h.options.read_once = true;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_DONE);
	assert_only(&w, "g", BIG, 3);
	world_fini(&w);

	world_init(&w, &(struct world_habits){.dies_at = 10, .dies_times = 1});
	world_file(&w.there, "f", BIG, 3);
	harness_init(&h, &w);
	h.options.read_once = true;
	assert_int_equal(harness_get(&h, "f", "g"), JOB_FAILED);
	assert_non_null(strstr(h.results[0].story, "only once"));
	assert_int_equal(world_count(&w.here, "."), 0);
	world_fini(&w);
}

/* A tree whose places here were laid with links that lead out of it. */
static void
test_links_here(void **state)
{
	struct world w;
	static struct harness h;

	(void)state;
	world_init(&w, &(struct world_habits){.seed = 0});
	fill_tree(&w);
	scratch_mkdir(&w.here, "out");
	scratch_mkdir(&w.here, "u");
	scratch_symlink(&w.here, "../out", "u/d1");
	scratch_mkdir(&w.here, "u/d2");
	scratch_symlink(&w.here, "../../out/file", "u/d2/f3");
	harness_init(&h, &w);
	h.options.recursive = true;
	assert_int_equal(harness_get(&h, "t", "u"), JOB_FAILED);
	assert_int_equal(world_count(&w.here, "out"), 0);
	assert_true(world_is_file(&w.here, "u/d2/f3", 2 * 3 * 97, 5));
	world_fini(&w);
}

static void
test_interrupt(void **state)
{
	struct world w;
	static struct harness h;
	int fds[2];

	(void)state;
	world_init(&w, &(struct world_habits){.seed = 0});
	world_file(&w.there, "f", BIG, 3);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	harness_init(&h, &w);
	h.interrupt_fd = fds[0];
	assert_int_equal(harness_get(&h, "f", "g"), JOB_INTERRUPTED);
	assert_string_equal(h.story.text, "interrupted");
	assert_int_equal(h.n, 1);
	assert_int_equal(h.results[0].outcome, JOB_INTERRUPTED);
	assert_false(world_exists(&w.here, "g"));
	(void)close(fds[0]);
	(void)close(fds[1]);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_file),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_lost_lines),
	    cmocka_unit_test(test_lost_lines_in_a_tree),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_resume),
	    cmocka_unit_test(test_target_is_kept),
	    cmocka_unit_test(test_resume_ours),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_read_once),
	    cmocka_unit_test(test_links_here),
	    cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
