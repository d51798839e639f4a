/* The content of an upload: WRITEs, as far as the budget goes. */
#include <stdlib.h>

#include "base/text.h"
#include "client/put_internal.h"
#include "os/file.h"
#include "sftp/server.h"

static uint64_t
source_size(const struct put *p)
{
	return (uint64_t)p->source.st_size;
}

/* WRITEs are answered in any order: what is sure is what is answered without a gap. */
static void
pieces_settle(struct put *p)
{
	struct put_piece *piece;

	while ((piece = TAILQ_FIRST(&p->pieces)) != NULL && piece->answered) {
		p->sure += piece->len;
		TAILQ_REMOVE(&p->pieces, piece, entry);
		free(piece);
	}
}

static void
on_written(void *ctx, const struct sftp_reply *reply)
{
	struct put_piece *piece = ctx;
	struct put *p = piece->p;
	bool ok = reply->status == SSH_FX_OK;

	p->n_writes--;
	job_task_credit(&p->task, piece->len, ok ? piece->len : 0);
	piece->answered = ok;
	if (ok)
		pieces_settle(p);
	else
		put_refused(p, "writing", put_path(p), reply);
	if (p->failed)
		job_task_hungry(&p->task, 0);
	put_settle(p);
}

static enum err
piece_submit(struct put *p, struct slice data)
{
	struct put_piece *piece = calloc(1, sizeof *piece);

	if (piece == NULL)
		return ERR_LIMIT;
	piece->p = p;
	piece->len = (uint32_t)data.len;
	enum err e = sftp_client_write(p->c, put_handle(p), p->next, data, on_written, piece);
	if (e != ERR_OK) {
		free(piece);
		return e;
	}
	TAILQ_INSERT_TAIL(&p->pieces, piece, entry);
	p->n_writes++;
	p->next += data.len;
	job_task_charge(&p->task, data.len);
	return ERR_OK;
}

/* The next piece, of at most room bytes. ERR_AGAIN: not now. */
static enum err
send_piece(struct put *p, uint32_t len)
{
	/* One for all: the engine copies it into its output at once. */
	static uint8_t block[SFTP_WRITE_MAX];
	size_t got = 0;

	/* Asked before the source is read, so that no work is done twice. */
	if (buf_len(sftp_client_output(p->c)) > SFTP_CLIENT_WRITES_MAX ||
	    sftp_client_n_pending(p->c) + PUT_RESERVE > SFTP_CLIENT_PENDING_MAX)
		return ERR_AGAIN;
	enum err e = file_pread_full(p->fd, block, len, p->next, &got);
	if (e != ERR_OK)
		return e;
	if (got < len) {
		put_fail(p, ERR_FORMAT, "it was changed while it was sent");
		return ERR_FORMAT;
	}
	e = piece_submit(p, slice_of(block, len));
	if (e == ERR_OK && p->hash != NULL && EVP_DigestUpdate(p->hash, block, len) != 1)
		e = ERR_IO;
	return e == ERR_NOMEM ? ERR_AGAIN : e;
}

/* Bytes of one WRITE, whatever the room. */
static uint32_t
piece_max(const struct put *p)
{
	uint32_t said = remote_habits(p->task.remote)->write_len;
	uint32_t max = sftp_client_limits(p->c)->max_write;

	max = said > 0 && said < max ? said : max;
	if (p->options->request_len > 0 && p->options->request_len < max)
		max = p->options->request_len;
	return max;
}

/* Small pieces cost as many requests: with others under way it waits for room for a whole one. */
static uint32_t
piece_len(const struct put *p)
{
	uint64_t left = source_size(p) - p->next, room = job_task_room(&p->task);
	uint32_t max = piece_max(p), len = left < max ? (uint32_t)left : max;

	if (room >= len)
		return len;
	return p->n_writes > 0 ? 0 : (uint32_t)room;
}

void
put_fill(struct put *p)
{
	enum err e = ERR_OK;

	while (!p->failed && e == ERR_OK && p->next < source_size(p)) {
		uint32_t len = piece_len(p);
		e = len == 0 ? ERR_AGAIN : send_piece(p, len);
	}
	if (e != ERR_OK && e != ERR_AGAIN)
		put_fail(p, e, err_text(e));
	job_task_hungry(&p->task, p->failed ? 0 : source_size(p) - p->next);
	if (p->failed || p->next == source_size(p))
		put_settle(p);
}

void
put_begin_writing(struct put *p)
{
	/* Only with the OPEN in flight could this not be asked before. */
	if (!p->must_look && put_target_differs(p))
		return;
	p->state = PUT_WRITING;
	if (p->sure == 0)
		p->resumed = p->start;
	p->next = p->sure = p->start;
	if (p->options->verify && p->start == 0) {
		p->hash = EVP_MD_CTX_new();
		if (p->hash == NULL || EVP_DigestInit_ex(p->hash, EVP_sha256(), NULL) != 1)
			put_fail(p, ERR_NOMEM, err_text(ERR_NOMEM));
	}
	put_fill(p);
}
