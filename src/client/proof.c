#include "client/proof.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "client/proof_internal.h"
#include "os/file.h"
#include "sftp/story.h"

static void
proof_free(struct proof *p)
{
	EVP_MD_CTX_free(p->all);
	free(p->local);
	free(p->path);
	free(p);
}

static void
proof_drop(struct sftp_client_job *job)
{
	proof_free((struct proof *)job);
}

/* How it was proved, in words. */
static void
tell_equal(struct proof *p)
{
	char size[16];
	uint64_t len = p->what.len - p->from;
	const char *way = p->n_ranges == 0 && p->handle_len > 0 ? "by reading it back" : "by hash";

	if (p->what.how == JOB_PROOF_SIZE)
		way = "by size alone";
	story_set(&p->answer.story, "%s %s %s", p->from > 0 ? "the last" : "all",
	    text_size(len, size), way);
}

static void
take_hash(struct proof *p)
{
	unsigned len = 0;

	if (p->all != NULL && p->sure == p->what.len &&
	    EVP_DigestFinal_ex(p->all, p->answer.hash, &len) == 1)
		p->answer.has_hash = true;
}

void
proof_finish(struct proof *p)
{
	LIST_REMOVE(&p->job, entry);
	if (p->answer.outcome == PROOF_EQUAL) {
		tell_equal(p);
		take_hash(p);
	}
	if (!p->forgotten)
		p->what.done(p->what.ctx, &p->answer);
	proof_free(p);
}

void
proof_fail(struct proof *p, enum proof_outcome outcome, enum err e, const char *why)
{
	if (!p->failed) {
		p->answer.outcome = outcome;
		p->answer.error = e;
		sftp_story_own(&p->answer.story, "comparing with", p->what.path, why);
	}
	p->failed = true;
}

void
proof_refused(struct proof *p, const char *what, const struct sftp_reply *reply)
{
	if (!p->failed) {
		p->answer.outcome = PROOF_REFUSED;
		p->answer.error = refusal_error(reply);
		sftp_story_refused(&p->answer.story, what, p->what.path, reply);
	}
	p->failed = true;
}

void
proof_differs(struct proof *p, uint64_t at, const char *why)
{
	if (!p->failed)
		p->answer.at = at;
	proof_fail(p, PROOF_DIFFERENT, ERR_OK, why);
}

bool
proof_read_local(struct proof *p, uint64_t offset, size_t len)
{
	size_t got = 0;

	enum err e = file_pread_full(p->what.local_fd, p->local, len, offset, &got);
	if (e != ERR_OK)
		proof_fail(p, PROOF_LOCAL, e, err_text(e));
	else if (got < len)
		proof_fail(p, PROOF_LOCAL, ERR_FORMAT, "the local file has become shorter");
	return e == ERR_OK && got == len;
}

/* Which way is left to go, now that the sizes are known to fit. */
static void
proof_begin(struct proof *p)
{
	if (p->what.how == JOB_PROOF_SIZE || p->what.len == 0) {
		p->sure = p->what.len;
		proof_finish(p);
	} else if (p->what.how == JOB_PROOF_HASH && remote_habits(p->r)->check_file) {
		proof_by_hash(p);
	} else {
		proof_by_reading(p);
	}
}

static bool
size_fits(const struct proof *p, const struct sftp_attrs *a)
{
	if (!(a->flags & SSH_FILEXFER_ATTR_SIZE) || a->size == p->what.len)
		return true;
	return a->size > p->what.len && !p->what.whole;
}

static void
on_stat(void *ctx, const struct sftp_reply *reply)
{
	struct proof *p = ctx;
	char why[96];

	if (p->forgotten || reply->status != SSH_FX_OK) {
		proof_refused(p, "looking at", reply);
		proof_finish(p);
		return;
	}
	if (!size_fits(p, &reply->attrs)) {
		(void)snprintf(why, sizeof why, "it has %" PRIu64 " bytes, not %" PRIu64,
		    reply->attrs.size, p->what.len);
		proof_differs(p, 0, why);
		proof_finish(p);
		return;
	}
	proof_begin(p);
}

/* Every way begins with an answer that is waited for, so that done is never called inside of
 * proof_start: a STAT. */
enum err
proof_start(struct proof **ret_p, struct remote *r, const struct proof_config *config)
{
	struct proof *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->r = r;
	p->path = slice_dup(config->path);
	p->local = malloc(config->len < PROOF_BLOCK ? (size_t)config->len + 1 : PROOF_BLOCK);
	p->what = *config;
	p->what.path = slice_of(p->path, config->path.len);
	p->job.drop = proof_drop;
	if (config->how == JOB_PROOF_TAIL && config->len > JOB_TAIL)
		p->from = config->len - JOB_TAIL;
	p->next = p->sure = p->from;
	enum err e = p->path == NULL || p->local == NULL
			 ? ERR_NOMEM
			 : sftp_client_stat(remote_sftp(r), p->what.path, on_stat, p);
	if (e != ERR_OK) {
		proof_free(p);
		return e;
	}
	sftp_client_attach(remote_sftp(r), &p->job);
	*ret_p = p;
	return ERR_OK;
}

void
proof_forget(struct proof *p)
{
	if (p == NULL)
		return;
	p->forgotten = true;
	p->failed = true;
}
