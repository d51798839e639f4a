/*
 * Fetching into staging. What an earlier courier left is continued only when it is known to be a
 * prefix of the file: size and time are as they were, and its last bytes, fetched again, are the
 * same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "os/fd.h"
#include "os/file.h"
#include "roles/courier.h"
#include "sftp/fetch.h"

enum {
	STAGING_MODE = 0640,
	OVERLAP = 128 * 1024, /* of a prefix, compared before it is continued */
	HASH_CHUNK = 256 * 1024
};

/* A checkpoint costs a wait for the disk: often enough that little is fetched twice. */
#define CHECKPOINT_EVERY (UINT64_C(64) << 20)

struct fetch {
	TAILQ_ENTRY(fetch) entry;
	struct courier *courier;
	struct ipc_courier_fetch job; /* its slices point to the two texts below */
	char path[IPC_PATH_MAX + 1];
	char name[IPC_FILE_NAME_MAX + 1];
	int fd;
	uint64_t position; /* of the next byte from the remote */
	uint64_t known;    /* bytes of the prefix that is being compared or continued */
	uint64_t synced;
	bool prefix_differs;
	EVP_MD_CTX *hash; /* of everything before position */
};

static void
fetch_free(struct fetch *f)
{
	TAILQ_REMOVE(&f->courier->fetches, f, entry);
	fd_closep(&f->fd);
	EVP_MD_CTX_free(f->hash);
	free(f);
}

static void
answer(struct fetch *f, enum ipc_file_outcome outcome, struct slice sha256, const char *story)
{
	courier_tell(f->courier, IPC_COURIER_FETCHED,
	    &(struct ipc_courier_fetched){
		.transfer = f->job.transfer,
		.outcome = outcome,
		.size = f->position,
		.sha256 = sha256,
		.story = slice_str(story),
	    });
}

static void
tell_checkpoint(struct fetch *f)
{
	courier_tell(f->courier, IPC_COURIER_CHECKPOINT,
	    &(struct ipc_courier_checkpoint){.transfer = f->job.transfer, .length = f->synced});
}

static enum err
checkpoint(struct fetch *f)
{
	enum err e = file_sync(f->fd);

	if (e != ERR_OK)
		return e;
	f->synced = f->position;
	tell_checkpoint(f);
	return ERR_OK;
}

/* The bytes that are in staging already must be what the remote sends again. */
static enum err
compare(struct fetch *f, struct slice data)
{
	uint8_t *mine = malloc(data.len);
	size_t len;

	if (mine == NULL)
		return ERR_NOMEM;
	enum err e = file_pread_full(f->fd, mine, data.len, f->position, &len);
	if (e == ERR_OK && !slice_equal(slice_of(mine, len), data)) {
		f->prefix_differs = true;
		e = ERR_FORMAT;
	}
	free(mine);
	return e;
}

static enum err
take(struct fetch *f, struct slice data, bool known)
{
	enum err e =
	    known ? compare(f, data) : file_pwrite_all(f->fd, data.ptr, data.len, f->position);

	if (e != ERR_OK)
		return e;
	if (EVP_DigestUpdate(f->hash, data.ptr, data.len) != 1)
		return ERR_NOMEM;
	f->position += data.len;
	return ERR_OK;
}

static enum err
on_data(void *ctx, struct slice data)
{
	struct fetch *f = ctx;
	size_t known_len = 0;
	enum err e = ERR_OK;

	if (f->position < f->known)
		known_len =
		    f->known - f->position < data.len ? (size_t)(f->known - f->position) : data.len;
	if (known_len > 0)
		e = take(f, slice_of(data.ptr, known_len), true);
	if (e == ERR_OK && data.len > known_len)
		e = take(f, slice_of(data.ptr + known_len, data.len - known_len), false);
	if (e == ERR_OK && f->position >= f->synced + CHECKPOINT_EVERY)
		e = checkpoint(f);
	return e;
}

static void sink_failed(struct fetch *f, enum err e);

/* Everything has come: it must be durable, its name too, before core hears of it. */
static void
finish(struct fetch *f)
{
	uint8_t sha256[IPC_SHA256_LEN];
	enum err e = file_sync(f->fd);

	if (e == ERR_OK)
		e = file_sync(f->courier->staging_fd);
	if (e == ERR_OK && EVP_DigestFinal_ex(f->hash, sha256, NULL) != 1)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		answer(f, IPC_OUTCOME_DONE, slice_of(sha256, sizeof sha256), "");
	else
		sink_failed(f, e);
}

static enum err fetch_begin(struct fetch *f);

/* Our side could not take the bytes. What was not synced is given back to a full disk. */
static void
sink_failed(struct fetch *f, enum err e)
{
	struct story story;

	if (err_class(e) != ERR_CLASS_RESOURCE) {
		story_set(&story, "cannot write to staging: %s", err_text(e));
		answer(f, IPC_OUTCOME_LOCAL_FAILURE, slice_of(NULL, 0), story.text);
		return;
	}
	if (ftruncate(f->fd, (off_t)f->synced) < 0)
		log_warn("courier.not-truncated", F_STR("file", f->name),
		    F_STR("error", strerror(errno)));
	story_set(&story, "waiting: %s in staging", err_text(e));
	answer(f, IPC_OUTCOME_NO_SPACE, slice_of(NULL, 0), story.text);
}

static void
on_done(void *ctx, enum sftp_fetch_outcome outcome, enum err sink_error, const struct story *story)
{
	struct fetch *f = ctx;

	switch (outcome) {
	case SFTP_FETCH_DONE:
		finish(f);
		break;
	case SFTP_FETCH_GONE:
		answer(f, IPC_OUTCOME_GONE, slice_of(NULL, 0), story->text);
		break;
	case SFTP_FETCH_CHANGED:
		answer(f, IPC_OUTCOME_CHANGED, slice_of(NULL, 0), story->text);
		break;
	case SFTP_FETCH_REFUSED:
		answer(f, IPC_OUTCOME_REFUSED, slice_of(NULL, 0), story->text);
		break;
	case SFTP_FETCH_SINK:
		if (f->prefix_differs) {
			log_warn("courier.prefix-differs", F_STR("path", f->path),
			    F_STR("now", "fetched from its beginning"));
			f->job.checkpoint = 0;
			if (fetch_begin(f) == ERR_OK)
				return;
		}
		sink_failed(f, sink_error);
		break;
	}
	fetch_free(f);
}

/* Hashes the first len bytes of staging. */
static enum err
hash_prefix(struct fetch *f, uint64_t len)
{
	uint8_t *chunk = malloc(HASH_CHUNK);
	enum err e = chunk == NULL ? ERR_NOMEM : ERR_OK;
	size_t got;

	while (e == ERR_OK && f->position < len) {
		uint64_t left = len - f->position;
		e = file_pread_full(
		    f->fd, chunk, left < HASH_CHUNK ? (size_t)left : HASH_CHUNK, f->position, &got);
		if (e == ERR_OK && got == 0)
			e = ERR_FORMAT;
		if (e == ERR_OK && EVP_DigestUpdate(f->hash, chunk, got) != 1)
			e = ERR_NOMEM;
		f->position += got;
	}
	free(chunk);
	return e;
}

/* How much of what staging holds may be continued: no more than is there, or than the file has. */
static enum err
usable_prefix(const struct fetch *f, uint64_t *ret_len)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return err_last();
	uint64_t len = f->job.checkpoint;
	if (len > (uint64_t)st.st_size)
		len = (uint64_t)st.st_size;
	*ret_len = len > f->job.size ? 0 : len;
	return ERR_OK;
}

static enum err
fetch_begin(struct fetch *f)
{
	uint64_t known = 0;

	enum err e = usable_prefix(f, &known);
	if (e != ERR_OK)
		return e;
	uint64_t overlap = known < OVERLAP ? known : OVERLAP;
	f->position = 0;
	f->known = f->synced = known;
	f->prefix_differs = false;
	if (EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) != 1)
		return ERR_NOMEM;
	e = hash_prefix(f, known - overlap);
	if (e == ERR_OK && ftruncate(f->fd, (off_t)known) < 0)
		e = err_last();
	if (e != ERR_OK)
		return e;
	struct sftp_fetch_job job = {
	    .path = f->job.path,
	    .size = f->job.size,
	    .mtime = f->job.mtime,
	    .offset = f->position,
	    .budget = &f->courier->budget,
	    .sink = on_data,
	    .done = on_done,
	    .ctx = f,
	};
	return sftp_fetch_start(f->courier->sftp, &job);
}

enum err
courier_fetch(struct courier *c, const struct ipc_courier_fetch *m)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL)
		return ERR_NOMEM;
	f->courier = c;
	f->job = *m;
	f->fd = -1;
	TAILQ_INSERT_TAIL(&c->fetches, f, entry);
	if (!slice_copy(m->path, f->path, sizeof f->path) ||
	    !slice_copy(m->staging_name, f->name, sizeof f->name)) {
		fetch_free(f);
		return ERR_FORMAT;
	}
	f->job.path = slice_str(f->path);
	f->job.staging_name = slice_str(f->name);
	f->hash = EVP_MD_CTX_new();
	enum err e = f->hash == NULL ? ERR_NOMEM : ERR_OK;
	if (e == ERR_OK)
		e = file_open_beneath(
		    c->staging_fd, f->name, O_RDWR | O_CREAT, STAGING_MODE, &f->fd);
	if (e == ERR_OK)
		e = fetch_begin(f);
	if (e != ERR_OK) {
		sink_failed(f, e);
		fetch_free(f);
	}
	return ERR_OK;
}

void
courier_save_prefixes(struct courier *c)
{
	struct fetch *f;

	TAILQ_FOREACH (f, &c->fetches, entry) {
		/* A prefix that isn't compared yet is as old as its checkpoint. */
		if (f->fd >= 0 && f->position > f->known)
			(void)checkpoint(f);
	}
}
