/*
 * How many bytes may be asked for ahead on one connection, over all files that share it. Too little
 * leaves a long line empty; too much only waits in buffers. It begins with what a fast line of this
 * length holds, and doubles while a whole budget comes in within about a round trip.
 */
#ifndef SFTP_BUDGET_H
#define SFTP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SFTP_BUDGET_MIN = 4 * 1024 * 1024,
	/* Where nobody says how many bytes the line takes. */
	SFTP_BUDGET_MAX = 64 * 1024 * 1024
};

struct sftp_budget {
	uint64_t size, max;
	uint64_t in_flight;
	uint32_t n_users; /* who share it by sftp_budget_fits */
	int64_t round_trip_us;
	uint64_t delivered; /* since the measuring began */
	int64_t since_us;   /* 0: it begins with the next bytes */
};

/* window: how many bytes the peer may have under way to us; 0: unknown. */
void sftp_budget_init(struct sftp_budget *b, int64_t round_trip_us, uint64_t window);

/* Of just this size. */
void sftp_budget_init_fixed(struct sftp_budget *b, uint64_t size);

/* What may be asked for now. */
uint64_t sftp_budget_free(const struct sftp_budget *b);

/* Each of those who share it may have its part under way, whatever the others have; and all of it
 * while they leave it. own: what the one who asks has under way. */
bool sftp_budget_fits(const struct sftp_budget *b, uint64_t own, uint64_t more);

void sftp_budget_charge(struct sftp_budget *b, uint64_t bytes);

/* They came, now. */
void sftp_budget_credit(struct sftp_budget *b, uint64_t bytes, int64_t now_us);

#endif
