/* Moments and hours of the week, as a configuration writes them. In local time, unless said. */
#ifndef CONFIG_WHEN_H
#define CONFIG_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "config/config.h"

/*
 * "2026-12-31" (its first moment), "2026-12-31 18:00", "2026-12-31T18:00:30"; with "Z" behind a
 * time it is UTC. A time that the clock skips in spring is the one that it is put to.
 */
bool when_parse_moment(struct slice text, int64_t *ret_us) must_check;

/* "mon-fri 06:00-22:00", "sat,sun", "22:00-06:00": days, or hours, or both. */
bool when_parse_hours(struct slice text, struct config_hours *ret_hours) must_check;

/*
 * Does the moment lie within the hours, by the local calendar and clock? Each clock time counts as
 * often as the clock shows it: twice in the hour that autumn repeats.
 */
bool when_is_within(const struct config_hours *hours, int64_t at_us) must_check;

#endif
