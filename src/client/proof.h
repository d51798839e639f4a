/*
 * Are the first bytes of a local file those of a file on the server? Before a partial file is
 * continued, and after a transfer that is to be verified. In slices of bounded work, so that other
 * files' transfers go on between them.
 *
 * All of it (JOB_PROOF_HASH) is proved by check-file (SHA-256, by name) where the server has it,
 * range by range; else by reading back. Either ends at the first difference.
 */
#ifndef CLIENT_PROOF_H
#define CLIENT_PROOF_H

#include "client/job.h"

enum {
	PROOF_RANGE = 32 * 1024 * 1024, /* of one check-file */
	PROOF_RANGES = 4,               /* of them under way */
	PROOF_WINDOW = 4 * 1024 * 1024, /* bytes of READs under way, reading back */
	PROOF_READS = 64                /* ... and how many READs at most */
};

enum proof_outcome {
	PROOF_EQUAL,
	PROOF_DIFFERENT,
	PROOF_REFUSED, /* the server let us neither hash nor read */
	PROOF_LOCAL    /* our own side failed: see error */
};

struct proof_answer {
	enum proof_outcome outcome;
	enum err error; /* of REFUSED and LOCAL */
	uint64_t at;    /* DIFFERENT: it is equal at least to here */
	/* For people: "all 10 bytes by hash"; else why not, with the path. */
	struct story story;
	uint8_t hash[32]; /* SHA-256 of the local bytes */
	bool has_hash;    /* ... where check-file went over all of them */
};

struct proof;

struct proof_config {
	enum job_proof how;
	int local_fd;      /* borrowed; its position isn't touched */
	struct slice path; /* of the remote file; copied */
	uint64_t len;      /* bytes to prove; must be at most the local file's */
	/* The remote file must be just len bytes long; else it is at least that, as somebody has
	 * asked already. */
	bool whole;
	void (*done)(void *ctx, const struct proof_answer *answer);
	void *ctx;
};

/*
 * Starts; frees itself after done was called, once, never before it has returned. An error: done is
 * never called; nor is it when the remote is freed before.
 */
enum err proof_start(
    struct proof **ret_p, struct remote *r, const struct proof_config *config) must_check;

/* Nobody is told any more: it frees itself when its last answer has come. NULL-safe. */
void proof_forget(struct proof *p);

#endif
