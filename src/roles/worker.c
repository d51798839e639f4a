/*
 * A worker runs the steps of a route on one staged file. It reads its input, writes its outputs,
 * all of them open when it gets them, and reaches nothing else: no path, no socket.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "base/text.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "roles/roles.h"
#include "rules/name.h"
#include "rules/step.h"

enum { STEPS_MAX = 32, OUTPUTS_MAX = 64, CHUNK = 256 * 1024 };

struct worker {
	struct ipc_link core;
	struct {
		char kind[IPC_NAME_MAX + 1];
		char argument[IPC_PATH_MAX + 1];
	} steps[STEPS_MAX];
	size_t n_steps;
	int outputs[OUTPUTS_MAX];
	size_t n_outputs;
	bool done;
};

static enum err
on_step(void *ctx, struct ipc_message *m)
{
	struct worker *w = ctx;

	if (w->n_steps == STEPS_MAX)
		return ERR_FORMAT;
	size_t n = w->n_steps++;
	return slice_copy(m->worker_step.kind, w->steps[n].kind, sizeof w->steps[n].kind) &&
		       slice_copy(m->worker_step.argument, w->steps[n].argument,
			   sizeof w->steps[n].argument)
		   ? ERR_OK
		   : ERR_FORMAT;
}

static enum err
on_output(void *ctx, struct ipc_message *m)
{
	struct worker *w = ctx;

	if (w->n_outputs == OUTPUTS_MAX)
		return ERR_FORMAT;
	w->outputs[w->n_outputs++] = fd_take(&m->worker_output.file);
	return ERR_OK;
}

static enum err
write_outputs(struct worker *w, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < w->n_outputs; i++) {
		enum err e = file_write_all(w->outputs[i], bytes, len);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* Reads the input once: hashes it, and copies it to the outputs that are not links. */
static enum err
pass_content(struct worker *w, int input, uint8_t ret_sha256[IPC_SHA256_LEN])
{
	uint8_t *chunk = malloc(CHUNK);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint64_t at = 0;
	size_t len = 0;
	enum err e =
	    chunk == NULL || hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1
		? ERR_NOMEM
		: ERR_OK;

	while (e == ERR_OK) {
		e = file_pread_full(input, chunk, CHUNK, at, &len);
		if (e != ERR_OK || len == 0)
			break;
		at += len;
		e = EVP_DigestUpdate(hash, chunk, len) == 1 ? write_outputs(w, chunk, len)
							    : ERR_NOMEM;
	}
	if (e == ERR_OK && EVP_DigestFinal_ex(hash, ret_sha256, NULL) != 1)
		e = ERR_NOMEM;
	EVP_MD_CTX_free(hash);
	free(chunk);
	return e;
}

static enum err
sync_outputs(const struct worker *w)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < w->n_outputs && e == ERR_OK; i++)
		e = file_sync(w->outputs[i]);
	return e;
}

static enum err
run_steps(const struct worker *w, const struct ipc_worker_job *job, char *name, struct story *story)
{
	char remote[IPC_NAME_MAX + 1], route[IPC_NAME_MAX + 1];

	if (!slice_copy(job->remote, remote, sizeof remote) ||
	    !slice_copy(job->route, route, sizeof route) ||
	    !slice_copy(job->file_name, name, NAME_LEN_MAX + 1))
		return ERR_FORMAT;
	for (size_t i = 0; i < w->n_steps; i++) {
		struct step step = {.kind = w->steps[i].kind, .argument = w->steps[i].argument};
		struct template_input input = {
		    .name = name, .remote = remote, .route = route, .at_us = job->at_us};
		enum err e = step_rename(&step, &input, name, story);
		if (e != ERR_OK)
			return e;
	}
	return name_check(slice_str(name), story);
}

static enum err
work(struct worker *w, const struct ipc_worker_job *job, char *name, struct story *story)
{
	uint8_t sha256[IPC_SHA256_LEN];
	char was[2 * IPC_SHA256_LEN + 1], is[2 * IPC_SHA256_LEN + 1];

	enum err e = run_steps(w, job, name, story);
	if (e != ERR_OK)
		return e;
	e = pass_content(w, job->input, sha256);
	if (e == ERR_OK)
		e = sync_outputs(w);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot make the outputs: %s", err_text(e));
	if (slice_equal(job->sha256, slice_of(sha256, IPC_SHA256_LEN)))
		return ERR_OK;
	/* What is in staging is not what came over the line: the device, or somebody's hand. */
	text_hex(job->sha256.ptr, job->sha256.len, was);
	text_hex(sha256, IPC_SHA256_LEN, is);
	return story_fail(story, ERR_FORMAT,
	    "the staged file is no longer what was fetched: SHA-256 was %s, is %s", was, is);
}

static enum err
on_job(void *ctx, struct ipc_message *m)
{
	struct worker *w = ctx;
	const struct ipc_worker_job *job = &m->worker_job;
	char name[NAME_LEN_MAX + 1];
	struct story story = {.text = ""};

	if (job->sha256.len != IPC_SHA256_LEN)
		return ERR_FORMAT;
	w->done = true;
	enum err e = work(w, job, name, &story);
	if (e != ERR_OK)
		return ipc_send(&w->core, IPC_WORKER_FAILED,
		    &(struct ipc_worker_failed){
			.transfer = job->transfer,
			.outcome = err_class(e) == ERR_CLASS_RESOURCE ? IPC_OUTCOME_NO_SPACE
								      : IPC_OUTCOME_LOCAL_FAILURE,
			.story = slice_str(story.text[0] == '\0' ? err_text(e) : story.text),
		    });
	return ipc_send(&w->core, IPC_WORKER_DONE,
	    &(struct ipc_worker_done){.transfer = job->transfer, .file_name = slice_str(name)});
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_WORKER_STEP, on_step},
    {IPC_WORKER_OUTPUT, on_output},
    {IPC_WORKER_JOB, on_job},
};

/* OpenSSL loads what it needs for a hash before the doors close. */
static enum err
prepare_and_confine(void)
{
	enum err e = sandbox_no_new_privileges();

	if (EVP_MD_fetch(NULL, "SHA256", NULL) == NULL)
		return ERR_NOMEM;
	/* The time zone of {date:…} is a file, too. */
	tzset();
	if (e == ERR_OK) {
		e = sandbox_landlock(NULL, 0);
		if (e == ERR_UNSUPPORTED)
			e = ERR_OK;
	}
	if (e == ERR_OK)
		e = sandbox_drop_capabilities();
	return e == ERR_OK ? sandbox_seccomp() : e;
}

int
role_worker(int core_fd)
{
	struct worker *w = calloc(1, sizeof *w);
	struct ipc_message m;

	process_set_name("dray-worker");
	(void)signal(SIGPIPE, SIG_IGN);
	enum err e = w == NULL ? ERR_NOMEM : ipc_link_init(&w->core, core_fd, IPC_ROLE_CORE);
	if (e == ERR_OK)
		e = prepare_and_confine();
	while (e == ERR_OK && !w->done) {
		e = ipc_recv(&w->core, &m);
		if (e == ERR_OK)
			e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), w, &m);
	}
	if (e != ERR_OK && e != ERR_CLOSED)
		log_error("worker.ended", F_STR("error", err_text(e)));
	return e == ERR_OK ? 0 : 1;
}
