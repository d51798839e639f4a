/*
 * The client's requests under way. An id is the number of a slot and the generation in which it was
 * filled, so an answer is found at once, and an answer to what was answered before is told from one
 * that is due.
 */
#ifndef SFTP_PENDING_H
#define SFTP_PENDING_H

#include "sftp/client.h"
#include "sftp/request.h"

/* Who gets the answer, and what it may be. */
struct sftp_call {
	sftp_reply_fn *fn;
	void *ctx;
	enum sftp_request_kind kind;
	uint32_t read_len; /* of a READ */
};

struct sftp_pending_slot {
	struct sftp_call call; /* fn is NULL in a free slot */
	uint32_t id;           /* of the last request that used the slot */
	uint32_t next_free;
};

struct sftp_pending {
	struct sftp_pending_slot *slots;
	uint32_t n_slots, n_used;
	uint32_t first_free;
};

void sftp_pending_init(struct sftp_pending *p);
void sftp_pending_fini(struct sftp_pending *p);

/* ERR_NOMEM: SFTP_CLIENT_PENDING_MAX are under way, or out of memory. */
enum err sftp_pending_add(
    struct sftp_pending *p, const struct sftp_call *call, uint32_t *ret_id) must_check;

/* Takes the call out that waits for id, to ret_call unless that is NULL. False: none does. */
bool sftp_pending_take(struct sftp_pending *p, uint32_t id, struct sftp_call *ret_call);

#endif
