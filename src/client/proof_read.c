/*
 * Proof by reading back: OPEN, READs whose answers are compared in whatever order they come, CLOSE.
 * A READ that is answered with less asks for the rest in its own place.
 */
#include "base/bug.h"
#include "client/proof_internal.h"

static struct slice
proof_handle(const struct proof *p)
{
	return slice_of(p->handle, p->handle_len);
}

static void
on_closed(void *ctx, const struct sftp_reply *reply unused_arg)
{
	proof_finish(ctx);
}

static void on_data(void *ctx, const struct sftp_reply *reply);

static enum err
piece_ask(struct proof_piece *piece)
{
	struct proof *p = piece->proof;
	enum err e = sftp_client_read(
	    remote_sftp(p->r), proof_handle(p), piece->offset, piece->len, on_data, piece);

	if (e == ERR_OK)
		p->n_under_way++;
	return e;
}

static void
piece_free(struct proof_piece *piece)
{
	piece->proof->window -= piece->len;
	piece->len = 0;
}

static struct proof_piece *
piece_find(struct proof *p)
{
	for (size_t i = 0; i < PROOF_READS; i++) {
		if (p->pieces[i].len == 0)
			return &p->pieces[i];
	}
	return NULL;
}

static uint32_t
piece_len(const struct proof *p)
{
	uint64_t left = p->what.len - p->next;
	uint32_t most = sftp_client_limits(remote_sftp(p->r))->max_read;

	most = most < PROOF_BLOCK ? most : (uint32_t)PROOF_BLOCK;
	return left < most ? (uint32_t)left : most;
}

static void
pieces_fill(struct proof *p)
{
	struct proof_piece *piece;

	while (!p->failed && p->next < p->what.len && (piece = piece_find(p)) != NULL) {
		uint32_t len = piece_len(p);
		if (p->window > 0 && p->window + len > PROOF_WINDOW)
			return;
		*piece = (struct proof_piece){.proof = p, .offset = p->next, .len = len};
		p->window += len;
		enum err e = piece_ask(piece);
		if (e != ERR_OK) {
			piece_free(piece);
			/* Others fill the client: what is under way goes on later. */
			if (p->n_under_way == 0)
				proof_fail(p, PROOF_LOCAL, e, err_text(e));
			return;
		}
		p->next += len;
	}
}

static void
compare(struct proof *p, struct proof_piece *piece, struct slice data)
{
	size_t i = 0;

	if (!proof_read_local(p, piece->offset, data.len))
		return;
	if (memcmp(p->local, data.ptr, data.len) != 0) {
		while (p->local[i] == data.ptr[i])
			i++;
		proof_differs(p, piece->offset + i, "its content is another");
		return;
	}
	p->sure += data.len;
	p->window -= data.len;
	piece->offset += data.len;
	piece->len -= (uint32_t)data.len;
	enum err e = piece->len > 0 ? piece_ask(piece) : ERR_OK;
	if (e != ERR_OK)
		proof_fail(p, PROOF_LOCAL, e, err_text(e));
}

static void
on_data(void *ctx, const struct sftp_reply *reply)
{
	struct proof_piece *piece = ctx;
	struct proof *p = piece->proof;

	p->n_under_way--;
	if (p->failed)
		piece_free(piece);
	else if (reply->status == SSH_FX_EOF ||
		 (reply->status == SSH_FX_OK && reply->data.len == 0))
		proof_differs(p, piece->offset, "it is shorter");
	else if (reply->status != SSH_FX_OK)
		proof_refused(p, "reading back", reply);
	else
		compare(p, piece, reply->data);
	pieces_fill(p);
	if (p->n_under_way > 0)
		return;
	if (sftp_client_close(remote_sftp(p->r), proof_handle(p), on_closed, p) != ERR_OK)
		proof_finish(p);
}

static void
on_opened(void *ctx, const struct sftp_reply *reply)
{
	struct proof *p = ctx;

	if (reply->status != SSH_FX_OK) {
		proof_refused(p, "opening for reading", reply);
		proof_finish(p);
		return;
	}
	BUG_ON(reply->handle.len > sizeof p->handle);
	if (reply->handle.len > 0)
		memcpy(p->handle, reply->handle.ptr, reply->handle.len);
	p->handle_len = reply->handle.len;
	pieces_fill(p);
	if (p->n_under_way == 0 &&
	    sftp_client_close(remote_sftp(p->r), proof_handle(p), on_closed, p) != ERR_OK)
		proof_finish(p);
}

void
proof_by_reading(struct proof *p)
{
	enum err e =
	    sftp_client_open(remote_sftp(p->r), p->what.path, SSH_FXF_READ, NULL, on_opened, p);

	if (e == ERR_OK)
		return;
	proof_fail(p, PROOF_LOCAL, e, err_text(e));
	proof_finish(p);
}
