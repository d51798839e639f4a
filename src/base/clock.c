#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/bug.h"

static int64_t
clock_us(clockid_t clock)
{
	struct timespec ts;

	BUG_ON(clock_gettime(clock, &ts) != 0);
	return (int64_t)ts.tv_sec * US_PER_SEC + ts.tv_nsec / 1000;
}

int64_t
time_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
time_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

void
time_text(int64_t at_us, char dst[TIME_TEXT_MAX])
{
	int64_t part = at_us % US_PER_SEC;
	time_t seconds = (time_t)(at_us / US_PER_SEC);
	struct tm tm;

	if (part < 0) {
		part += US_PER_SEC;
		seconds--;
	}
	if (gmtime_r(&seconds, &tm) == NULL || strftime(dst, TIME_TEXT_MAX, "%FT%T", &tm) == 0) {
		(void)snprintf(dst, TIME_TEXT_MAX, "(no such time)");
		return;
	}
	size_t len = strlen(dst);
	(void)snprintf(dst + len, TIME_TEXT_MAX - len, ".%06dZ", (int)part);
}
