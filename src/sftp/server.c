#include "sftp/server.h"

#include <stdlib.h>

#include "base/bug.h"
#include "sftp/field.h"
#include "sftp/serve.h"
#include "sftp/status.h"

enum err
sftp_server_new(struct sftp_server **ret_s, const struct sftp_fs_ops *ops, void *fs, bool read_only)
{
	struct sftp_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->ops = ops;
	s->fs = fs;
	s->read_only = read_only;
	sftp_frame_init(&s->input);
	buf_init(&s->output, SERVE_OUTPUT_MAX);
	s->limits = (struct sftp_server_limits){
	    .max_handles = SFTP_HANDLES_MAX,
	    .max_requests = SFTP_REQUESTS_MAX,
	};
	sftp_handles_init(&s->handles, s->limits.max_handles);
	*ret_s = s;
	return ERR_OK;
}

void
sftp_server_set_limits(struct sftp_server *s, const struct sftp_server_limits *limits)
{
	BUG_ON(s->greeted || limits->max_handles == 0 || limits->max_requests == 0);
	s->limits = *limits;
	if (s->limits.max_requests > SERVE_REQUESTS_MAX)
		s->limits.max_requests = SERVE_REQUESTS_MAX;
	sftp_handles_init(&s->handles, s->limits.max_handles);
}

/* Ends what a slot holds without an answer. A closing file is told that its token is dead. */
static void
slot_abandon(struct sftp_server *s, struct sftp_slot *slot)
{
	if (slot->state == SFTP_SLOT_FREE)
		return;
	if (slot->kind == SFTP_SLOT_DIR)
		s->ops->closedir(slot->object);
	else
		s->ops->abandon(slot->object);
}

void
sftp_server_free(struct sftp_server *s)
{
	if (s == NULL)
		return;
	serve_jobs_free(s);
	for (uint32_t i = 0; i < s->handles.n_slots; i++)
		slot_abandon(s, &s->handles.slots[i]);
	sftp_handles_fini(&s->handles);
	buf_fini(&s->output);
	sftp_frame_fini(&s->input);
	free(s);
}

struct buf *
sftp_server_output(struct sftp_server *s)
{
	return &s->output;
}

struct sftp_server_stats
sftp_server_stats(const struct sftp_server *s)
{
	return s->stats;
}

uint32_t
sftp_server_n_open(const struct sftp_server *s)
{
	return s->handles.n_open;
}

bool
sftp_server_idle(const struct sftp_server *s)
{
	return s->handles.n_closing == 0 && s->jobs.n == 0 && buf_len(&s->output) == 0;
}

bool
sftp_server_has_work(const struct sftp_server *s)
{
	return s->jobs.n > 0 && s->broken == ERR_OK && buf_len(&s->output) <= SERVE_OUTPUT_HIGH;
}

void
sftp_server_trim(struct sftp_server *s)
{
	if (buf_len(&s->output) == 0)
		buf_fini(&s->output);
	sftp_frame_trim(&s->input);
	sftp_handles_trim(&s->handles);
}

struct sftp_result
serve_answer(struct sftp_server *s, const struct sftp_response *response)
{
	enum err e = sftp_response_encode(response, &s->output);

	if (e != ERR_OK)
		s->broken = e;
	s->stats.n_requests++;
	return serve_status(SERVE_ANSWERED, NULL);
}

void
serve_answer_status(struct sftp_server *s, uint32_t id, struct sftp_result result)
{
	const char *message = result.message;

	BUG_ON(result.status == SERVE_ANSWERED || result.status == SFTP_PENDING);
	if (message == NULL)
		message = sftp_status_text(result.status);
	(void)serve_answer(s, &(struct sftp_response){
				  .type = SSH_FXP_STATUS,
				  .id = id,
				  .status = result.status,
				  .message = slice_str(message),
				  .language = slice_str("en"),
			      });
}

/* The extensions that this session may use, as pairs of name and version. */
static enum err
put_extensions(const struct sftp_server *s, struct buf *b)
{
	enum err e = ERR_OK;

	for (unsigned kind = 0; kind < SFTP_N_REQUESTS && e == ERR_OK; kind++) {
		const struct serve_handler *h = serve_handler(s, (enum sftp_request_kind)kind);
		const char *name = sftp_request_extension((enum sftp_request_kind)kind);
		if (h == NULL || h->advertised == NULL || (h->changes && s->read_only))
			continue;
		if (serve_is_refused(s, (enum sftp_request_kind)kind))
			continue;
		e = buf_put_string(b, slice_str(name));
		if (e == ERR_OK)
			e = buf_put_string(b, slice_str(h->advertised));
	}
	return e;
}

/*
 * INIT (section 4): our VERSION whatever the client's is, as OpenSSH does; a client that knows no
 * version 3 goes away. It comes first and once: neither it nor a request before it has an id with
 * which it could be refused, so both end the session.
 */
static void
greet(struct sftp_server *s)
{
	struct buf pairs _cleanup_(buf_fini);

	buf_init(&pairs, SFTP_TEXT_MAX);
	enum err e = put_extensions(s, &pairs);
	if (e != ERR_OK) {
		s->broken = e;
		return;
	}
	(void)serve_answer(s, &(struct sftp_response){
				  .type = SSH_FXP_VERSION,
				  .version = SFTP_VERSION,
				  .pairs = buf_slice(&pairs),
			      });
	s->greeted = true;
}

static struct sftp_result
dispatch(struct sftp_server *s, const struct sftp_request *r)
{
	const struct serve_handler *h = serve_handler(s, r->kind);

	if (h == NULL)
		return serve_status(SSH_FX_OP_UNSUPPORTED, NULL);
	if (serve_is_refused(s, r->kind))
		return serve_status(SSH_FX_PERMISSION_DENIED, "this server refuses such requests");
	if (s->read_only && serve_changes(r))
		return serve_status(SSH_FX_PERMISSION_DENIED, "read-only");
	struct sftp_result result = h->serve(s, r);
	BUG_ON(result.status == SFTP_PENDING && !h->later);
	return result;
}

/* How a packet that is no request is answered, if it can be. */
static struct sftp_result
refusal(enum err e)
{
	if (e == ERR_UNSUPPORTED)
		return serve_status(SSH_FX_OP_UNSUPPORTED, NULL);
	return serve_status(
	    SSH_FX_BAD_MESSAGE, "the request is malformed, or its path is too long");
}

/* False: the packet must wait for a job, and is not taken. */
static bool
take_packet(struct sftp_server *s, struct slice packet)
{
	struct sftp_request r;
	enum err e = sftp_request_decode(packet, &r);

	if ((e != ERR_OK && !r.has_id) || r.has_id != s->greeted) {
		s->broken = ERR_FORMAT;
		return true;
	}
	if (!r.has_id) {
		greet(s);
		return true;
	}
	if (e == ERR_OK && serve_jobs_hold(s, &r))
		return false;
	struct sftp_result result = e == ERR_OK ? dispatch(s, &r) : refusal(e);
	if (result.status != SERVE_ANSWERED && result.status != SFTP_PENDING)
		serve_answer_status(s, r.id, result);
	return true;
}

/* Is there room for another request: for its answer, and among those that wait for theirs? */
static bool
has_room(const struct sftp_server *s)
{
	return buf_len(&s->output) <= SERVE_OUTPUT_HIGH && s->jobs.n < SERVE_JOBS_MAX &&
	       s->handles.n_closing + s->jobs.n < s->limits.max_requests;
}

static void
take_packets(struct sftp_server *s, struct slice *bytes)
{
	struct slice packet;

	while (s->broken == ERR_OK && has_room(s)) {
		struct slice before = *bytes;
		enum err e = sftp_frame_next(&s->input, bytes, &packet);
		if (e == ERR_AGAIN)
			return;
		if (e != ERR_OK) {
			s->broken = e;
		} else if (!take_packet(s, packet)) {
			sftp_frame_back(&s->input, bytes, before);
			return;
		}
	}
}

/*
 * Requests are answered in their order, but for a CLOSE that waits for completion, and for copies
 * and hashes (serve_job.h): those behind them go ahead. That is legal: section 6 lets a server work
 * on requests at the same time and answer in any order, and binds it only where two touch the same
 * file. The handle of that CLOSE is invalid from the moment it was read, so nothing can touch the
 * same open file.
 */
enum err
sftp_server_feed(struct sftp_server *s, const uint8_t *bytes, size_t len, size_t *ret_taken)
{
	struct slice left = slice_of(bytes, len);

	take_packets(s, &left);
	if (sftp_server_has_work(s)) {
		serve_jobs_slice(s);
		/* What it held up goes on at once. */
		take_packets(s, &left);
	}
	*ret_taken = len - left.len;
	return s->broken;
}

void
sftp_fs_complete(struct sftp_token token, struct sftp_result result)
{
	struct sftp_server *s = token.server;
	struct sftp_slot *slot =
	    sftp_handles_find_closing(&s->handles, token.slot, token.request_id);

	/* Completed twice, or never pending. */
	BUG_ON(slot == NULL);
	uint32_t id = slot->request_id;
	sftp_handles_release(&s->handles, slot);
	serve_answer_status(s, id, result);
}
