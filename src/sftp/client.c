#include "sftp/client.h"

#include <stdlib.h>

#include "base/bug.h"
#include "sftp/frame.h"
#include "sftp/pending.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"
#include "sftp/status.h"
#include "sftp/submit.h"

enum client_state {
	CLIENT_NEW,
	CLIENT_GREETING, /* INIT is under way */
	CLIENT_READY,
	CLIENT_UNUSABLE, /* the server speaks no version that we do */
	CLIENT_BROKEN    /* it broke the protocol */
};

enum {
	/* Less is no limit but a way to make us send one request per byte. */
	MAX_READ_FLOOR = 4096,
	/*
	 * Beside WRITEs: every request under way with one path of the longest. A rename of two
	 * such, in thousands, is refused for want of room, as anything is that is too much.
	 */
	OUTPUT_MAX = SFTP_CLIENT_WRITES_MAX + SFTP_CLIENT_PENDING_MAX * (SFTP_PATH_MAX + 128)
};

struct sftp_client {
	enum client_state state;
	struct sftp_frame input;
	struct buf output;
	struct buf extensions; /* the pairs of VERSION */
	struct sftp_client_limits limits;
	struct sftp_pending pending;
	sftp_reply_fn *ready;
	void *ready_ctx;
	LIST_HEAD(, sftp_client_job) jobs;
};

enum err
sftp_client_new(struct sftp_client **ret_c)
{
	struct sftp_client *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	c->state = CLIENT_NEW;
	c->limits = (struct sftp_client_limits){
	    .max_read = SFTP_CLIENT_DEFAULT_LEN,
	    .max_write = SFTP_CLIENT_DEFAULT_LEN,
	};
	sftp_frame_init(&c->input);
	buf_init(&c->output, OUTPUT_MAX);
	buf_init(&c->extensions, SFTP_PACKET_MAX);
	sftp_pending_init(&c->pending);
	LIST_INIT(&c->jobs);
	*ret_c = c;
	return ERR_OK;
}

void
sftp_client_free(struct sftp_client *c)
{
	struct sftp_client_job *job;

	if (c == NULL)
		return;
	while ((job = LIST_FIRST(&c->jobs)) != NULL) {
		LIST_REMOVE(job, entry);
		job->drop(job);
	}
	sftp_pending_fini(&c->pending);
	buf_fini(&c->extensions);
	buf_fini(&c->output);
	sftp_frame_fini(&c->input);
	free(c);
}

void
sftp_client_attach(struct sftp_client *c, struct sftp_client_job *job)
{
	LIST_INSERT_HEAD(&c->jobs, job, entry);
}

const struct sftp_client_limits *
sftp_client_limits(const struct sftp_client *c)
{
	return &c->limits;
}

bool
sftp_client_has_extension(const struct sftp_client *c, const char *name)
{
	struct rd r = rd_of(buf_slice(&c->extensions));

	while (r.left > 0 && !r.failed) {
		struct slice offered = rd_string(&r, r.left);
		(void)rd_string(&r, r.left);
		if (!r.failed && slice_is(offered, name))
			return true;
	}
	return false;
}

struct buf *
sftp_client_output(struct sftp_client *c)
{
	return &c->output;
}

size_t
sftp_client_n_pending(const struct sftp_client *c)
{
	return c->pending.n_used;
}

static enum err
submit(struct sftp_client *c, struct sftp_request *r, sftp_reply_fn *fn, void *ctx)
{
	const struct sftp_call call = {
	    .fn = fn, .ctx = ctx, .kind = r->kind, .read_len = r->length};
	enum err e = sftp_pending_add(&c->pending, &call, &r->id);

	if (e != ERR_OK)
		return e;
	e = sftp_request_encode(r, &c->output);
	if (e != ERR_OK)
		(void)sftp_pending_take(&c->pending, r->id, NULL);
	return e;
}

enum err
sftp_client_submit(struct sftp_client *c, struct sftp_request *r, sftp_reply_fn *fn, void *ctx)
{
	if (c->state == CLIENT_BROKEN)
		return ERR_FORMAT;
	if (c->state != CLIENT_READY)
		return ERR_AGAIN;
	if (r->kind == SFTP_REQ_WRITE && buf_len(&c->output) > SFTP_CLIENT_WRITES_MAX)
		return ERR_NOMEM;
	if (r->kind == SFTP_REQ_WRITE && r->data.len > c->limits.max_write)
		return ERR_LIMIT;
	if (r->kind == SFTP_REQ_READ && r->length > c->limits.max_read)
		r->length = c->limits.max_read;
	return submit(c, r, fn, ctx);
}

enum err
sftp_client_start(struct sftp_client *c, sftp_reply_fn *ready, void *ctx)
{
	const struct sftp_request init = {.kind = SFTP_REQ_INIT, .version = SFTP_VERSION};

	BUG_ON(c->state != CLIENT_NEW);
	enum err e = sftp_request_encode(&init, &c->output);
	if (e != ERR_OK)
		return e;
	c->ready = ready;
	c->ready_ctx = ctx;
	c->state = CLIENT_GREETING;
	return ERR_OK;
}

static void
tell_ready(struct sftp_client *c, enum client_state state, uint32_t status, const char *message)
{
	struct sftp_reply reply = {.status = status, .message = slice_str(message)};

	c->state = state;
	c->ready(c->ready_ctx, &reply);
}

/* What a server says it can do, within what we can. 0: it doesn't say. */
static uint32_t
length_limit(uint64_t said, uint32_t least, uint32_t most)
{
	if (said == 0)
		return SFTP_CLIENT_DEFAULT_LEN;
	if (said < least)
		return least;
	return said > most ? most : (uint32_t)said;
}

/* The answer to limits@openssh.com. A server that offers it and then refuses it has none for us. */
static void
on_limits(void *ctx, const struct sftp_reply *reply)
{
	struct sftp_client *c = ctx;
	struct sftp_limits said;

	if (reply->status == SSH_FX_OK && sftp_limits_get(reply->extended, &said) == ERR_OK) {
		c->limits.max_read = length_limit(said.max_read, MAX_READ_FLOOR, SFTP_READ_MAX);
		c->limits.max_write = length_limit(said.max_write, 1, SFTP_WRITE_MAX);
		c->limits.max_handles =
		    said.max_handles > UINT32_MAX ? UINT32_MAX : (uint32_t)said.max_handles;
	}
}

static enum err
take_version(struct sftp_client *c, const struct sftp_response *response)
{
	struct sftp_request limits = {.kind = SFTP_REQ_LIMITS};

	if (response->type != SSH_FXP_VERSION)
		return ERR_FORMAT;
	if (response->version != SFTP_VERSION) {
		tell_ready(c, CLIENT_UNUSABLE, SSH_FX_OP_UNSUPPORTED,
		    "the server does not speak version 3 of SFTP");
		return ERR_OK;
	}
	enum err e = buf_put(&c->extensions, response->pairs.ptr, response->pairs.len);
	if (e != ERR_OK)
		return e;
	/* Nobody waits for its answer: on a long line the first requests travel with it. */
	if (sftp_client_has_extension(c, SFTP_EXT_LIMITS))
		e = submit(c, &limits, on_limits, c);
	if (e == ERR_OK)
		tell_ready(c, CLIENT_READY, SSH_FX_OK, "");
	return e;
}

/* The type that answers a request of each kind; STATUS may always answer instead. */
static uint8_t
answer_type(enum sftp_request_kind kind)
{
	static const uint8_t TYPES[SFTP_N_REQUESTS] = {
	    [SFTP_REQ_OPEN] = SSH_FXP_HANDLE,
	    [SFTP_REQ_OPENDIR] = SSH_FXP_HANDLE,
	    [SFTP_REQ_READ] = SSH_FXP_DATA,
	    [SFTP_REQ_READDIR] = SSH_FXP_NAME,
	    [SFTP_REQ_REALPATH] = SSH_FXP_NAME,
	    [SFTP_REQ_READLINK] = SSH_FXP_NAME,
	    [SFTP_REQ_STAT] = SSH_FXP_ATTRS,
	    [SFTP_REQ_LSTAT] = SSH_FXP_ATTRS,
	    [SFTP_REQ_FSTAT] = SSH_FXP_ATTRS,
	    [SFTP_REQ_LIMITS] = SSH_FXP_EXTENDED_REPLY,
	    [SFTP_REQ_STATVFS] = SSH_FXP_EXTENDED_REPLY,
	    [SFTP_REQ_EXPAND_PATH] = SSH_FXP_NAME,
	    [SFTP_REQ_CHECK_FILE_HANDLE] = SSH_FXP_EXTENDED_REPLY,
	    [SFTP_REQ_CHECK_FILE_NAME] = SSH_FXP_EXTENDED_REPLY,
	};

	return TYPES[kind] == 0 ? SSH_FXP_STATUS : TYPES[kind];
}

/* May the response answer the call? */
static bool
answers(const struct sftp_response *response, const struct sftp_call *call)
{
	uint8_t type = answer_type(call->kind);

	/* A success without what was asked for is no answer. */
	if (response->type == SSH_FXP_STATUS)
		return type == SSH_FXP_STATUS || response->status != SSH_FX_OK;
	if (response->type != type)
		return false;
	if (call->kind == SFTP_REQ_READ)
		return response->data.len <= call->read_len;
	/* Every other answer with names is to a path, which has one. */
	return type != SSH_FXP_NAME || call->kind == SFTP_REQ_READDIR || response->n_names == 1;
}

static enum err
take_answer(struct sftp_client *c, const struct sftp_response *response)
{
	struct sftp_call call;

	/* The slot is free before the callback runs,
	 * so that it has room for a request of its own. */
	if (!sftp_pending_take(&c->pending, response->id, &call) || !answers(response, &call))
		return ERR_FORMAT;
	const struct sftp_reply reply = {
	    .status = response->type == SSH_FXP_STATUS ? response->status : SSH_FX_OK,
	    .message = response->message,
	    .handle = response->handle,
	    .data = response->data,
	    .attrs = response->attrs,
	    .names = response->names,
	    .n_names = response->n_names,
	    .extended = response->extended,
	};
	call.fn(call.ctx, &reply);
	return ERR_OK;
}

static enum err
take_packet(struct sftp_client *c, struct slice packet)
{
	struct sftp_response response;
	enum err e = sftp_response_decode(packet, &response);

	if (e != ERR_OK)
		return e;
	if (c->state == CLIENT_GREETING)
		return take_version(c, &response);
	/* Before INIT, and where no version fits, nothing is pending that this could answer. */
	return take_answer(c, &response);
}

enum err
sftp_client_feed(struct sftp_client *c, const uint8_t *bytes, size_t len)
{
	struct slice left = slice_of(bytes, len), packet;
	enum err e = c->state == CLIENT_BROKEN ? ERR_FORMAT : ERR_OK;

	while (e == ERR_OK) {
		e = sftp_frame_next(&c->input, &left, &packet);
		if (e == ERR_OK)
			e = take_packet(c, packet);
	}
	if (e == ERR_AGAIN)
		return ERR_OK;
	c->state = CLIENT_BROKEN;
	return e;
}
