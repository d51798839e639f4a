/* Between proof.c, proof_hash.c and proof_read.c; nobody else includes this. */
#ifndef CLIENT_PROOF_INTERNAL_H
#define CLIENT_PROOF_INTERNAL_H

#include <openssl/evp.h>

#include "client/proof.h"
#include "client/refusal.h"
#include "sftp/proto.h"

enum { PROOF_HASH_LEN = 32 };

/* A range of the file, whose hash was asked for. */
struct proof_range {
	struct proof *proof;
	uint64_t offset;
	uint32_t len;
	bool answered;
	uint8_t hash[PROOF_HASH_LEN];
};

/* A READ under way. */
struct proof_piece {
	struct proof *proof;
	uint64_t offset;
	uint32_t len; /* 0: free */
};

struct proof {
	struct sftp_client_job job; /* the client's list of who lives on it */
	struct remote *r;
	struct proof_config what;
	char *path;
	uint64_t from; /* where the part that is proved begins */
	uint64_t next; /* what was asked for so far */
	uint64_t sure; /* what is equal so far, from the beginning of the part */
	uint32_t n_under_way;
	bool failed; /* nothing more is asked */
	bool forgotten;
	bool fell_back; /* check-file is offered and refused */
	struct proof_answer answer;

	struct proof_range ranges[PROOF_RANGES]; /* a ring */
	uint32_t first, n_ranges;
	EVP_MD_CTX *all; /* over all local bytes */

	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_len;
	struct proof_piece pieces[PROOF_READS];
	uint64_t window;

	uint8_t *local; /* PROOF_BLOCK bytes, or as many as are compared */
};

enum { PROOF_BLOCK = 256 * 1024 };

void proof_finish(struct proof *p);
/* The first failure counts. */
void proof_fail(struct proof *p, enum proof_outcome outcome, enum err e, const char *why);
void proof_refused(struct proof *p, const char *what, const struct sftp_reply *reply);
/* The file differs somewhere behind `at`. */
void proof_differs(struct proof *p, uint64_t at, const char *why);
/* Exactly len local bytes, into p->local; false: told. */
bool proof_read_local(struct proof *p, uint64_t offset, size_t len);

/* The two ways. Each ends in proof_finish. */
void proof_by_hash(struct proof *p);
void proof_by_reading(struct proof *p);

#endif
