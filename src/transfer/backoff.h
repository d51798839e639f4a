/* How long to wait before the next try. */
#ifndef TRANSFER_BACKOFF_H
#define TRANSFER_BACKOFF_H

#include <stdint.h>

/* first_us after the first failure, doubled with each one more, at most max_us.
 * n_failures from 1. */
int64_t backoff_delay(int64_t first_us, uint32_t n_failures, int64_t max_us);

#endif
