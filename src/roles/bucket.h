/*
 * A token bucket: so many bytes a second on average, and some at once after a pause. No clock of
 * its own: times are given, on time_mono_us's clock.
 */
#ifndef ROLES_BUCKET_H
#define ROLES_BUCKET_H

#include <stddef.h>
#include <stdint.h>

struct bucket {
	uint64_t rate;  /* bytes per second; 0: no limit */
	int64_t tokens; /* bytes that may move; below 0 after more has moved than was there */
	int64_t at_us;  /* of which moment */
};

/* From now on. A bucket that had no limit before begins empty of all but a first piece. */
void bucket_set_rate(struct bucket *b, uint64_t rate, int64_t now_us);

/* How much may move now: 0 until it is worth the trouble, SIZE_MAX without a limit. */
size_t bucket_allows(struct bucket *b, int64_t now_us);

/* So much has moved. */
void bucket_take(struct bucket *b, size_t n, int64_t now_us);

/* How long until bucket_allows is not 0; 0 when it is so now. */
int64_t bucket_wait_us(struct bucket *b, int64_t now_us);

#endif
