#include "transfer/backoff.h"

int64_t
backoff_delay(int64_t first_us, uint32_t n_failures, int64_t max_us)
{
	int64_t delay = first_us;

	for (uint32_t i = 1; i < n_failures && delay < max_us; i++)
		delay = delay > max_us / 2 ? max_us : delay * 2;
	return delay < max_us ? delay : max_us;
}
