/*
 * A scripted SFTP server for the client engine: it reads the client's requests into a list, and
 * answers them one by one, in any order, truly or not, as its hook says.
 */
#ifndef TESTS_SFTP_PEER_H
#define TESTS_SFTP_PEER_H

#include "base/bug.h"
#include "sftp/client.h"
#include "sftp/frame.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"

enum { PEER_REQUESTS_MAX = SFTP_CLIENT_PENDING_MAX + 1 };

struct peer;

/* Fills in the answer to r: type and what belongs to it. False: r gets no answer. */
typedef bool peer_answer_fn(
    struct peer *p, const struct sftp_request *r, struct sftp_response *ret_answer);

struct peer {
	struct sftp_client *client;
	struct sftp_frame input;
	peer_answer_fn *answer;
	struct slice extensions;
	uint32_t version;
	uint64_t seed; /* 0: answers in order; else in an order made from it */
	/* Requests to be answered; only their numbers are kept, not what they borrow. */
	struct sftp_request waiting[PEER_REQUESTS_MAX];
	size_t n_waiting, most_waiting;
	size_t n_seen[SFTP_N_REQUESTS];
	void *ctx;
};

static inline void
peer_init(struct peer *p, peer_answer_fn *answer, void *ctx)
{
	*p = (struct peer){.answer = answer, .version = 3, .ctx = ctx};
	BUG_ON(sftp_client_new(&p->client) != ERR_OK);
	sftp_frame_init(&p->input);
}

static inline void
peer_fini(struct peer *p)
{
	sftp_client_free(p->client);
	sftp_frame_fini(&p->input);
}

/* Reads everything that the client sent. */
static inline void
peer_receive(struct peer *p)
{
	struct buf *output = sftp_client_output(p->client);
	struct slice bytes = buf_slice(output), packet;

	while (sftp_frame_next(&p->input, &bytes, &packet) == ERR_OK) {
		struct sftp_request r;
		BUG_ON(sftp_request_decode(packet, &r) != ERR_OK);
		BUG_ON(p->n_waiting == PEER_REQUESTS_MAX);
		p->n_seen[r.kind]++;
		p->waiting[p->n_waiting++] = r;
	}
	if (p->n_waiting > p->most_waiting)
		p->most_waiting = p->n_waiting;
	buf_consume(output, buf_len(output));
}

static inline enum err
peer_send(struct peer *p, const struct sftp_response *r)
{
	struct buf b _cleanup_(buf_fini);

	buf_init(&b, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
	BUG_ON(sftp_response_encode(r, &b) != ERR_OK);
	return sftp_client_feed(p->client, buf_slice(&b).ptr, buf_len(&b));
}

static inline size_t
peer_pick(struct peer *p)
{
	if (p->seed == 0)
		return 0;
	p->seed = p->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(p->seed >> 33) % p->n_waiting;
}

/* Answers one request. */
static inline enum err
peer_step(struct peer *p)
{
	size_t i = peer_pick(p);
	struct sftp_request r = p->waiting[i];
	struct sftp_response answer = {.id = r.id};

	p->n_waiting--;
	memmove(&p->waiting[i], &p->waiting[i + 1], (p->n_waiting - i) * sizeof r);
	if (r.kind == SFTP_REQ_INIT) {
		answer = (struct sftp_response){
		    .type = SSH_FXP_VERSION, .version = p->version, .pairs = p->extensions};
		return peer_send(p, &answer);
	}
	return p->answer(p, &r, &answer) ? peer_send(p, &answer) : ERR_OK;
}

/* Until nothing is left to answer, or the client has had enough. */
static inline enum err
peer_run(struct peer *p)
{
	enum err e = ERR_OK;

	for (peer_receive(p); p->n_waiting > 0 && e == ERR_OK; peer_receive(p))
		e = peer_step(p);
	return e;
}

static inline void
peer_ready(void *ctx, const struct sftp_reply *reply)
{
	*(uint32_t *)ctx = reply->status;
}

/* Starts the client; the status that ready was called with. */
static inline uint32_t
peer_greet(struct peer *p)
{
	uint32_t status = UINT32_MAX;

	BUG_ON(sftp_client_start(p->client, peer_ready, &status) != ERR_OK);
	BUG_ON(peer_run(p) != ERR_OK);
	return status;
}

static inline bool
peer_status(struct sftp_response *answer, uint32_t status)
{
	answer->type = SSH_FXP_STATUS;
	answer->status = status;
	return true;
}

#endif
