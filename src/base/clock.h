/*
 * Clocks and their text. Moments are microseconds since the epoch (UTC), spans are microseconds;
 * both signed, so that differences are safe.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define US_PER_MS  INT64_C(1000)
#define US_PER_SEC INT64_C(1000000)

/* The calendar's clock: for records and for comparing with files' times. */
int64_t time_now_us(void);

/* A clock that never jumps: for time-outs and durations. */
int64_t time_mono_us(void);

enum { TIME_TEXT_MAX = 32 };

/* "2026-03-01T12:34:56.123456Z" into dst. */
void time_text(int64_t at_us, char dst[TIME_TEXT_MAX]);

#endif
