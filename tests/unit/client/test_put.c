#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/job.h"
#include "client/world.h"
#include "sftp/status.h"

/* A job of uploads, and what was told of it. */
struct run {
	struct world *w;
	size_t n_done, n_failed, n_skipped, n_interrupted, n_dirs;
	uint64_t resumed;
	bool hashed;
	enum err error;
	char story[STORY_MAX];
	const char *changes; /* a local file that is changed in the middle */
};

static void
on_ended(void *ctx, const struct job_result *r)
{
	struct run *run = ctx;
	size_t *const counts[] = {
	    [JOB_DONE] = &run->n_done,
	    [JOB_SKIPPED] = &run->n_skipped,
	    [JOB_FAILED] = &run->n_failed,
	    [JOB_INTERRUPTED] = &run->n_interrupted,
	};

	*counts[r->outcome] += 1;
	run->n_dirs += r->is_directory && r->outcome == JOB_DONE;
	run->resumed += r->resumed;
	run->hashed = run->hashed || r->hash != NULL;
	if (r->outcome == JOB_FAILED)
		run->error = r->error;
	if (r->story[0] != '\0')
		(void)snprintf(run->story, sizeof run->story, "%s", r->story);
}

static void
on_tick(void *ctx, const struct job_tally *tally)
{
	struct run *run = ctx;

	if (run->changes == NULL || tally->bytes_done == 0)
		return;
	world_set_time(&run->w->here, run->changes, 12345);
	run->changes = NULL;
}

static enum transport_outcome
on_connect(void *ctx, struct transport **ret_t, struct story *story)
{
	return world_connect(((struct run *)ctx)->w, ret_t, story);
}

static const struct job_options PLAIN = {
    .recursive = true, .connections = 1, .retries = 0, .retry_delay_us = 1000};

static enum job_outcome
put(struct world *w, const struct job_options *options, const char *const *names, size_t n,
    const char *changes, struct run *run)
{
	const struct job_events events = {
	    .ended = on_ended, .tick = on_tick, .connect = on_connect, .ctx = run};
	struct story story;
	struct job *j;

	*run = (struct run){.w = w, .changes = changes};
	assert_int_equal(job_new(&j, w->r, options, &events, 30 * INT64_C(1000000)), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		const struct job_item item = {.direction = JOB_PUT,
		    .remote = world_there(w, names[i]),
		    .local = world_here(w, names[i])};
		assert_int_equal(job_add(j, &item), ERR_OK);
	}
	enum job_outcome outcome = job_run(j, -1, &story);
	w->r = job_remote(j);
	job_free(j);
	return outcome;
}

static enum job_outcome
put_one(struct world *w, const struct job_options *options, const char *name, struct run *run)
{
	return put(w, options, &name, 1, NULL, run);
}

/* Habits that an upload must get along with. */

static struct sftp_fs_ops real;

static struct sftp_result
no_setstat(void *fs, struct slice path, const struct sftp_attrs *a)
{
	(void)fs, (void)path, (void)a;
	return sftp_result_of(ERR_ACCESS);
}

static struct sftp_result
no_fsetstat(void *file, const struct sftp_attrs *a)
{
	(void)file, (void)a;
	return sftp_result_of(ERR_ACCESS);
}

static void
tweak_no_setstat(struct sftp_fs_ops *ops)
{
	ops->setstat = no_setstat;
	ops->fsetstat = no_fsetstat;
}

static bool
is_temporary(struct slice path)
{
	return path.len > 5 && memcmp(path.ptr + path.len - 5, ".part", 5) == 0;
}

static struct sftp_result
picky_open(void *fs, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs, void **ret)
{
	if (is_temporary(path))
		return sftp_result_of(ERR_ACCESS);
	return real.open(fs, path, pflags, attrs, ret);
}

static void
tweak_no_temporary(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->open = picky_open;
}

static struct sftp_result
no_rename(void *fs, struct slice from, struct slice to, bool replace)
{
	(void)fs, (void)from, (void)to, (void)replace;
	return sftp_result_of(ERR_ACCESS);
}

static void
tweak_no_rename(struct sftp_fs_ops *ops)
{
	ops->rename = no_rename;
}

static const struct world_habits HABITS[] = {
    {.seed = 0},
    {.refused = {"limits"}},
    {.refused = {"limits", "posix-rename"}},
    {.refused = {"posix-rename"}},
    {.refused = {"posix-rename", "fsync", "check-file"}},
    {.refused = {"limits"}, .seed = 3},
    {.refused = {"limits", "posix-rename", "check-file"}, .seed = 4},
    {.tweak = tweak_no_setstat},
    {.tweak = tweak_no_temporary},
    {.tweak = tweak_no_temporary, .refused = {"limits"}},
    {.tweak = tweak_no_rename},
};

static void
test_every_habit(void **state)
{
	static const size_t SIZES[] = {0, 1, 100 * 1000, 3 * 1024 * 1024 + 7};
	static const char *const NAMES[] = {"f0", "f1", "f2", "f3"};
	static const struct job_options OPTIONS[] = {
	    {.connections = 1},
	    {.connections = 1, .preserve = true, .fsync = true, .verify = true},
	    {.connections = 1, .resume = JOB_RESUME_OURS, .request_len = 5000, .requests = 3},
	};

	(void)state;
	for (size_t h = 0; h < ARRAY_LEN(HABITS); h++) {
		for (size_t o = 0; o < ARRAY_LEN(OPTIONS); o++) {
			struct world w;
			struct run run;
			world_start(&w, &HABITS[h]);
			for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
				world_file(&w.here, NAMES[i], SIZES[i], (unsigned)i);
			world_file(&w.there, "f2", 5, 9);
			assert_int_equal(fchmodat(w.there.fd, "f2", 0640, 0), 0);
			enum job_outcome outcome =
			    put(&w, &OPTIONS[o], NAMES, ARRAY_LEN(NAMES), NULL, &run);
			if (outcome != JOB_DONE)
				print_error("habit %zu options %zu: %s\n", h, o, run.story);
			assert_int_equal(outcome, JOB_DONE);
			assert_int_equal(run.n_done, ARRAY_LEN(NAMES));
			assert_int_equal(world_count(&w.there, ""), ARRAY_LEN(NAMES));
			for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
				assert_true(
				    world_is_file(&w.there, NAMES[i], SIZES[i], (unsigned)i));
			world_fini(&w);
		}
	}
}

static void
test_mode_and_times(void **state)
{
	struct job_options options = PLAIN;
	struct world w;
	struct run run;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		world_start(&w, &HABITS[i]);
		world_file(&w.here, "f", 10, 0);
		world_set_time(&w.here, "f", 1000000);
		world_file(&w.there, "f", 20, 1);
		assert_int_equal(fchmodat(w.there.fd, "f", 0604, 0), 0);
		/* The name keeps its mode. */
		options.preserve = false;
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		assert_int_equal(fstatat(w.there.fd, "f", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0604);
		options.preserve = true;
		assert_int_equal(fchmodat(w.here.fd, "f", 0711, 0), 0);
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		assert_int_equal(fstatat(w.there.fd, "f", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0711);
		assert_int_equal(st.st_mtim.tv_sec, 1000000);
		world_fini(&w);
	}
}

static void
test_refused_names(void **state)
{
	static const struct {
		size_t habit;
		enum job_upload upload;
		enum job_outcome outcome;
		const char *words;
	} CASES[] = {
	    {8, JOB_UPLOAD_AUTO, JOB_DONE, "in place"},
	    {8, JOB_UPLOAD_TEMP, JOB_FAILED, "--in-place"},
	    {8, JOB_UPLOAD_IN_PLACE, JOB_DONE, ""},
	    {10, JOB_UPLOAD_AUTO, JOB_DONE, "in place"},
	    {10, JOB_UPLOAD_TEMP, JOB_FAILED, "--in-place"},
	    {7, JOB_UPLOAD_AUTO, JOB_DONE, "refuses to set"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct job_options options = PLAIN;
		struct world w;
		struct run run;
		options.upload = CASES[i].upload;
		options.preserve = CASES[i].habit == 7;
		world_start(&w, &HABITS[CASES[i].habit]);
		world_file(&w.here, "f", 70000, 0);
		assert_int_equal(put_one(&w, &options, "f", &run), CASES[i].outcome);
		assert_non_null(strstr(run.story, CASES[i].words));
		assert_int_equal(world_count(&w.there, ""), CASES[i].outcome == JOB_DONE ? 1 : 0);
		world_fini(&w);
	}
}

static struct sftp_result
full_write(void *file, uint64_t offset, struct slice data)
{
	if (offset + data.len > 200 * 1000)
		return (struct sftp_result){SSH_FX_FAILURE, "Disk quota exceeded"};
	return real.write(file, offset, data);
}

static void
tweak_full(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->write = full_write;
}

static struct sftp_result
lying_write(void *file, uint64_t offset, struct slice data)
{
	uint8_t wrong = (uint8_t)(data.len > 0 ? data.ptr[0] ^ 1 : 0);
	struct sftp_result result = real.write(file, offset, data);

	return offset == 0 ? real.write(file, 0, slice_of(&wrong, 1)) : result;
}

static void
tweak_lying(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->write = lying_write;
}

/* Whatever goes wrong: the old file is there, and nothing else is. */
static void
test_failures(void **state)
{
	static const struct {
		struct world_habits habits;
		bool verify, changes;
		const char *words;
	} CASES[] = {
	    {{.tweak = tweak_full}, false, false, "quota exceeded"},
	    {{.tweak = tweak_full, .refused = {"limits"}}, false, false, "quota exceeded"},
	    {{.tweak = tweak_full, .refused = {"limits"}, .seed = 3}, false, false, "quota"},
	    {{.tweak = tweak_lying}, true, false, "verifying"},
	    {{.tweak = tweak_lying, .refused = {"check-file"}}, true, false, "verifying"},
	    {{.seed = 0}, false, true, "changed while it was sent"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct job_options options = PLAIN;
		static const char *const NAMES[] = {"f"};
		struct world w;
		struct run run;
		options.verify = CASES[i].verify;
		options.bytes_per_second = CASES[i].changes ? 2 * 1000 * 1000 : 0;
		world_start(&w, &CASES[i].habits);
		world_file(&w.here, "f", 900 * 1000, 0);
		world_file(&w.there, "f", 33, 5);
		assert_int_equal(
		    put(&w, &options, NAMES, 1, CASES[i].changes ? "f" : NULL, &run), JOB_FAILED);
		if (strstr(run.story, CASES[i].words) == NULL)
			print_error("case %zu: %s\n", i, run.story);
		assert_non_null(strstr(run.story, CASES[i].words));
		assert_true(world_is_file(&w.there, "f", 33, 5));
		assert_int_equal(world_count(&w.there, ""), 1);
		world_fini(&w);
	}
}

/* The line is lost before each request in turn, and the file is whole all the same. */
static void
test_lost_everywhere(void **state)
{
	static const struct world_habits KINDS[] = {
	    {.dies_times = 1},
	    {.refused = {"limits"}, .dies_times = 1},
	    {.refused = {"posix-rename"}, .dies_times = 2},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(KINDS); k++) {
		for (size_t at = 3; at < 24; at++) {
			struct world_habits habits = KINDS[k];
			struct job_options options = PLAIN;
			struct world w;
			struct run run;
			habits.dies_at = at;
			options.retries = 5;
			options.preserve = true;
			options.request_len = 20 * 1000;
			world_start(&w, &habits);
			world_file(&w.here, "f", 150 * 1000, 0);
			world_file(&w.there, "f", 33, 5);
			enum job_outcome outcome = put_one(&w, &options, "f", &run);
			if (outcome != JOB_DONE)
				print_error("kind %zu at %zu: %s\n", k, at, run.story);
			assert_int_equal(outcome, JOB_DONE);
			assert_true(world_is_file(&w.there, "f", 150 * 1000, 0));
			if (world_count(&w.there, "") != 1)
				print_error("kind %zu at %zu: left over\n", k, at);
			assert_int_equal(world_count(&w.there, ""), 1);
			world_fini(&w);
		}
	}
}

/* A server that empties a file whenever it is opened for writing. */
static struct sftp_result
emptying_open(
    void *fs, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs, void **ret)
{
	if (pflags & SSH_FXF_WRITE)
		pflags |= SSH_FXF_CREAT | SSH_FXF_TRUNC;
	return real.open(fs, path, pflags, attrs, ret);
}

static struct sftp_result
no_fstat(void *file, struct sftp_attrs *ret)
{
	(void)file, (void)ret;
	return sftp_result_of(ERR_ACCESS);
}

static void
tweak_emptying(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->open = emptying_open;
}

static void
tweak_emptying_silently(struct sftp_fs_ops *ops)
{
	tweak_emptying(ops);
	ops->fstat = no_fstat;
}

/* What was confirmed before the line was lost is gone: there must be no hole in its place. */
static void
test_emptied_when_opened(void **state)
{
	static const struct {
		void (*tweak)(struct sftp_fs_ops *ops);
		enum job_upload upload;
		bool is_private;
	} CASES[] = {
	    {tweak_emptying, JOB_UPLOAD_AUTO, false},
	    {tweak_emptying, JOB_UPLOAD_IN_PLACE, false},
	    {tweak_emptying, JOB_UPLOAD_AUTO, true},
	    {tweak_emptying_silently, JOB_UPLOAD_AUTO, false},
	    {tweak_emptying_silently, JOB_UPLOAD_IN_PLACE, false},
	    {tweak_emptying_silently, JOB_UPLOAD_AUTO, true},
	};

	(void)state;
	for (size_t at = 4; at < 24; at++) {
		for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
			const struct world_habits habits = {.tweak = CASES[i].tweak,
			    .refused = {"limits"},
			    .dies_at = at,
			    .dies_times = 2};
			struct job_options options = PLAIN;
			struct world w;
			struct run run;
			options.retries = 5;
			options.request_len = 10 * 1000;
			options.requests = 2;
			options.upload = CASES[i].upload;
			world_start(&w, &habits);
			((struct remote_habits *)(uintptr_t)remote_habits(w.r))->private_uploads =
			    CASES[i].is_private;
			world_file(&w.here, "f", 150 * 1000, 0);
			enum job_outcome outcome = put_one(&w, &options, "f", &run);
			if (outcome != JOB_DONE || !world_is_file(&w.there, "f", 150 * 1000, 0))
				print_error("case %zu at %zu: %s\n", i, at, run.story);
			assert_int_equal(outcome, JOB_DONE);
			assert_true(world_is_file(&w.there, "f", 150 * 1000, 0));
			world_fini(&w);
		}
	}
}

/* A target that appears while its temporary file is sent. */
static struct sftp_result
racing_open(
    void *fs, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs, void **ret)
{
	const uint8_t *slash = memrchr(path.ptr, '/', path.len);
	char rival[4096];
	void *file = NULL;

	if (is_temporary(path) && slash != NULL) {
		(void)snprintf(rival, sizeof rival, "%.*s/f", (int)(slash - path.ptr), path.ptr);
		struct sftp_result made =
		    real.open(fs, slice_str(rival), SSH_FXF_WRITE | SSH_FXF_CREAT, attrs, &file);
		if (made.status == SSH_FX_OK)
			(void)real.write(file, 0, slice_str("rival"));
	}
	return real.open(fs, path, pflags, attrs, ret);
}

static void
tweak_racing(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->open = racing_open;
}

static void
test_no_clobber_races(void **state)
{
	static const char *const REFUSED[] = {"users-groups-by-id", "posix-rename"};
	struct job_options options = PLAIN;
	struct stat st;

	(void)state;
	options.no_clobber = true;
	for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
		const struct world_habits habits = {.tweak = tweak_racing, .refused = {REFUSED[i]}};
		struct world w;
		struct run run;
		world_start(&w, &habits);
		world_file(&w.here, "f", 90 * 1000, 0);
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_FAILED);
		assert_int_equal(fstatat(w.there.fd, "f", &st, 0), 0);
		assert_int_equal(st.st_size, 5);
		assert_int_equal(world_count(&w.there, ""), 1);
		world_fini(&w);
	}
}

/* The half of a file that was there when the line was lost is ours, and no reason to pass it over.
 */
static void
test_no_clobber_in_place(void **state)
{
	(void)state;
	for (size_t at = 3; at < 20; at++) {
		const struct world_habits habits = {
		    .refused = {at % 2 == 0 ? "limits" : NULL}, .dies_at = at, .dies_times = 2};
		struct job_options options = PLAIN;
		struct world w;
		struct run run;
		options.no_clobber = true;
		options.upload = JOB_UPLOAD_IN_PLACE;
		options.retries = 5;
		options.request_len = 10 * 1000;
		world_start(&w, &habits);
		world_file(&w.here, "f", 150 * 1000, 0);
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		/* The CLOSE of what is complete may have been all that was lost. */
		assert_int_equal(run.n_done, 1);
		assert_true(world_is_file(&w.there, "f", 150 * 1000, 0));
		world_fini(&w);
	}
}

static void
test_resume_ours(void **state)
{
	static const char *const REFUSED[] = {"users-groups-by-id", "check-file"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
		struct world_habits habits = {
		    .refused = {REFUSED[i]}, .dies_at = 30, .dies_times = 1};
		struct job_options options = PLAIN;
		struct world w;
		struct run run;
		options.request_len = 10 * 1000;
		options.resume = JOB_RESUME_OURS;
		world_start(&w, &habits);
		world_file(&w.here, "f", 900 * 1000, 0);
		world_file(&w.there, "f", 3, 5);
		assert_int_not_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		assert_true(world_is_file(&w.there, "f", 3, 5));
		assert_int_equal(world_count(&w.there, ""), 2);
		remote_free(w.r);
		w.r = NULL;
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		assert_true(run.resumed > 0);
		assert_true(world_is_file(&w.there, "f", 900 * 1000, 0));
		assert_int_equal(world_count(&w.there, ""), 1);
		world_fini(&w);
	}
}

static void
test_resume_target(void **state)
{
	static const struct {
		size_t len;
		unsigned seed;
		enum job_proof proof;
		enum job_outcome outcome;
		uint64_t resumed;
	} CASES[] = {
	    {100 * 1000, 0, JOB_PROOF_HASH, JOB_DONE, 100 * 1000},
	    {100 * 1000, 1, JOB_PROOF_HASH, JOB_FAILED, 0},
	    {100 * 1000, 0, JOB_PROOF_TAIL, JOB_DONE, 100 * 1000},
	    {100 * 1000, 1, JOB_PROOF_TAIL, JOB_FAILED, 0},
	    {100 * 1000, 0, JOB_PROOF_SIZE, JOB_DONE, 100 * 1000},
	    {200 * 1000, 0, JOB_PROOF_HASH, JOB_DONE, 200 * 1000},
	    {200 * 1000 + 1, 0, JOB_PROOF_HASH, JOB_FAILED, 0},
	    {0, 0, JOB_PROOF_HASH, JOB_DONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(CASES); i++) {
		const struct world_habits habits = {
		    .refused = {i % 2 == 0 ? "check-file" : "users-groups-by-id"}};
		struct job_options options = PLAIN;
		struct world w;
		struct run run;
		options.resume = JOB_RESUME_TARGET;
		options.proof = CASES[i / 2].proof;
		world_start(&w, &habits);
		world_file(&w.here, "f", 200 * 1000, 0);
		world_file(&w.there, "f", CASES[i / 2].len, CASES[i / 2].seed);
		assert_int_equal(put_one(&w, &options, "f", &run), CASES[i / 2].outcome);
		assert_int_equal(run.resumed, CASES[i / 2].resumed);
		if (CASES[i / 2].outcome == JOB_DONE)
			assert_true(world_is_file(&w.there, "f", 200 * 1000, 0));
		else
			assert_true(
			    world_is_file(&w.there, "f", CASES[i / 2].len, CASES[i / 2].seed));
		world_fini(&w);
	}
}

static void
test_in_the_way(void **state)
{
	struct job_options options = PLAIN;
	struct world w;
	struct run run;

	(void)state;
	world_start(&w, NULL);
	world_file(&w.here, "f", 10, 0);
	scratch_mkdir(&w.there, "f");
	assert_int_equal(put_one(&w, &options, "f", &run), JOB_FAILED);
	assert_int_equal(run.error, ERR_ISDIR);
	assert_int_equal(world_count(&w.there, ""), 1);
	world_file(&w.here, "g", 10, 0);
	world_file(&w.there, "g", 10, 1);
	options.no_clobber = true;
	assert_int_equal(put_one(&w, &options, "g", &run), JOB_DONE);
	assert_int_equal(run.n_skipped, 1);
	assert_true(world_is_file(&w.there, "g", 10, 1));
	options.no_clobber = false;
	/* Written through, as every program does. */
	world_file(&w.there, "real", 1, 0);
	scratch_symlink(&w.there, "real", "h");
	world_file(&w.here, "h", 10, 0);
	assert_int_equal(put_one(&w, &options, "h", &run), JOB_DONE);
	assert_int_equal(put_one(&w, &options, "missing", &run), JOB_FAILED);
	assert_int_equal(run.error, ERR_NOENT);
	world_fini(&w);
}

static void
test_many(void **state)
{
	enum { N = 600 };
	static char names[N][16];
	static const char *pointers[N];
	struct world w;
	struct run run;

	(void)state;
	for (size_t h = 0; h < 6; h++) {
		world_start(&w, &HABITS[h]);
		for (size_t i = 0; i < N; i++) {
			(void)snprintf(names[i], sizeof names[i], "f%zu", i);
			pointers[i] = names[i];
			world_file(&w.here, names[i], i * 10, (unsigned)i);
		}
		assert_int_equal(put(&w, &PLAIN, pointers, N, NULL, &run), JOB_DONE);
		assert_int_equal(run.n_done, N);
		for (size_t i = 0; i < N; i++)
			assert_true(world_is_file(&w.there, names[i], i * 10, (unsigned)i));
		assert_int_equal(world_count(&w.there, ""), N);
		world_fini(&w);
	}
}

static struct sftp_result
sticky_rename(void *fs, struct slice from, struct slice to, bool replace)
{
	if (is_temporary(from))
		return (struct sftp_result){SSH_FX_FAILURE, "not today"};
	return real.rename(fs, from, to, replace);
}

static void
tweak_sticky_rename(struct sftp_fs_ops *ops)
{
	real = *ops;
	ops->rename = sticky_rename;
}

/* The old file is aside already when the new one can't have its name: it is put back. */
static void
test_put_back(void **state)
{
	const struct world_habits habits = {
	    .refused = {"posix-rename"}, .tweak = tweak_sticky_rename};
	struct world w;
	struct run run;

	(void)state;
	world_start(&w, &habits);
	world_file(&w.here, "f", 5000, 0);
	world_file(&w.there, "f", 300, 7);
	assert_int_equal(put_one(&w, &PLAIN, "f", &run), JOB_FAILED);
	assert_non_null(strstr(run.story, "not today"));
	assert_non_null(strstr(run.story, "the old file is untouched"));
	assert_true(world_is_file(&w.there, "f", 300, 7));
	assert_int_equal(world_count(&w.there, ""), 1);
	world_fini(&w);
}

/* Several connections share the files; each is lost once. */
static void
test_connections(void **state)
{
	enum { N = 200 };
	static char names[N][16];
	static const char *pointers[N];
	struct job_options options = PLAIN;
	struct world w;
	struct run run;

	(void)state;
	options.connections = 4;
	options.retries = 20;
	for (size_t k = 0; k < 2; k++) {
		const struct world_habits habits = {.dies_at = 100, .dies_times = k * 4};
		world_start(&w, &habits);
		for (size_t i = 0; i < N; i++) {
			(void)snprintf(names[i], sizeof names[i], "f%zu", i);
			pointers[i] = names[i];
			world_file(&w.here, names[i], 1000 + i, (unsigned)i);
		}
		assert_int_equal(put(&w, &options, pointers, N, NULL, &run), JOB_DONE);
		assert_int_equal(run.n_done, N);
		for (size_t i = 0; i < N; i++)
			assert_true(world_is_file(&w.there, names[i], 1000 + i, (unsigned)i));
		assert_int_equal(world_count(&w.there, ""), N);
		world_fini(&w);
	}
}

/* A server that keeps uploads to itself until they are closed: straight to the name. */
static void
test_private_uploads(void **state)
{
	struct job_options options = PLAIN;
	struct world w;
	struct run run;

	(void)state;
	options.preserve = options.verify = true;
	for (int i = 0; i < 3; i++) {
		const struct world_habits habits = {.tweak = tweak_no_temporary};
		world_start(&w, &habits);
		((struct remote_habits *)(uintptr_t)remote_habits(w.r))->private_uploads = true;
		world_file(&w.here, "f", 300 * 1000, 0);
		options.resume = i == 0 ? JOB_RESUME_NONE : JOB_RESUME_OURS;
		if (i > 0)
			world_file(&w.there, "f", 100 * 1000, i == 1 ? 0 : 7);
		assert_int_equal(put_one(&w, &options, "f", &run), JOB_DONE);
		assert_int_equal(run.resumed, i == 1 ? 100 * 1000 : 0);
		assert_string_equal(run.story, "");
		assert_true(run.hashed);
		assert_true(world_is_file(&w.there, "f", 300 * 1000, 0));
		world_fini(&w);
	}
}

static void
test_tree(void **state)
{
	struct job_options options = PLAIN;
	struct world w;
	struct run run;
	struct stat st;

	(void)state;
	options.preserve = true;
	for (size_t h = 0; h < 6; h++) {
		world_start(&w, &HABITS[h]);
		scratch_mkdir(&w.here, "t");
		scratch_mkdir(&w.here, "t/empty");
		scratch_mkdir(&w.here, "t/a");
		scratch_mkdir(&w.here, "t/a/b");
		world_file(&w.here, "t/a/b/deep", 70000, 1);
		world_file(&w.here, "t/a/f", 10, 2);
		scratch_symlink(&w.here, "a", "t/link");
		assert_int_equal(mkfifoat(w.here.fd, "t/fifo", 0600), 0);
		assert_int_equal(fchmodat(w.here.fd, "t/a/b", 0555, 0), 0);
		world_set_time(&w.here, "t/a/b", 777777);
		world_set_time(&w.here, "t/a", 888888);
		assert_int_equal(put_one(&w, &options, "t", &run), JOB_DONE);
		assert_int_equal(run.n_dirs, 4);
		assert_int_equal(run.n_skipped, 2);
		assert_true(world_is_file(&w.there, "t/a/b/deep", 70000, 1));
		assert_int_equal(world_count(&w.there, "t"), 2);
		assert_int_equal(fstatat(w.there.fd, "t/a/b", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0555);
		assert_int_equal(world_time(&w.there, "t/a/b"), 777777);
		assert_int_equal(world_time(&w.there, "t/a"), 888888);
		/* Again, onto itself. */
		assert_int_equal(fchmodat(w.there.fd, "t/a/b", 0755, 0), 0);
		assert_int_equal(put_one(&w, &options, "t", &run), JOB_DONE);
		assert_int_equal(world_count(&w.there, "t/a"), 2);
		/* Links followed, and one that leads back is found. */
		options.follow = true;
		assert_int_equal(unlinkat(w.here.fd, "t/fifo", 0), 0);
		assert_int_equal(fchmodat(w.there.fd, "t/a/b", 0755, 0), 0);
		scratch_symlink(&w.here, "..", "t/a/back");
		assert_int_equal(put_one(&w, &options, "t", &run), JOB_FAILED);
		assert_non_null(strstr(run.story, "leads back"));
		assert_true(world_is_file(&w.there, "t/link/f", 10, 2));
		options.follow = false;
		assert_int_equal(fchmodat(w.here.fd, "t/a/b", 0755, 0), 0);
		assert_int_equal(fchmodat(w.there.fd, "t/a/b", 0755, 0), 0);
		world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_habit),
	    cmocka_unit_test(test_mode_and_times),
	    cmocka_unit_test(test_refused_names),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_lost_everywhere),
	    cmocka_unit_test(test_emptied_when_opened),
	    cmocka_unit_test(test_no_clobber_races),
	    cmocka_unit_test(test_no_clobber_in_place),
	    cmocka_unit_test(test_resume_ours),
	    cmocka_unit_test(test_resume_target),
	    cmocka_unit_test(test_in_the_way),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_put_back),
	    cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_private_uploads),
	    cmocka_unit_test(test_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
