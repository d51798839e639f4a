/*
 * Text as people write and read it: sizes, durations, hexadecimal, escapes for what comes from
 * outside, and the nearest word to a misspelt one.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* A whole decimal number of at most max, nothing else around it. */
bool text_to_u64(struct slice s, uint64_t max, uint64_t *ret_value) must_check;

/* A size in bytes: "4096", "64KiB", "2GiB", "10MB" (MB = 10^6, MiB = 2^20). At most 2^63 - 1. */
bool text_to_size(struct slice s, uint64_t *ret_bytes) must_check;

/* A span: "500ms", "30s", "10m", "2h", "7d", or a sum of such, "1h30m". A bare number needs a unit,
 * but 0. */
bool text_to_duration(struct slice s, int64_t *ret_us) must_check;

/* Lower-case hexadecimal; dst holds 2 * len + 1 bytes. */
void text_hex(const uint8_t *bytes, size_t len, char *dst);

/*
 * Bytes made safe for a terminal and a log line: control bytes, the backslash and invalid UTF-8
 * become \xHH. Cut at dst_len - 1, never inside an escape; always terminated. Returns dst, so that
 * it can stand in an argument list.
 */
const char *text_escape(struct slice s, char *dst, size_t dst_len);

/* A size for people, "1.5 GiB"; dst of at least 16 bytes. Returns dst. */
const char *text_size(uint64_t bytes, char dst[16]);

/* A span for people, "30s", "1h30m", "250ms", "-5s"; dst of at least 24 bytes. Returns dst. */
const char *text_duration(int64_t us, char dst[24]);

/*
 * The candidate that word was most likely meant to be, or NULL when none is near enough (edit
 * distance with transpositions of at most a third of its length, and one). candidates ends with
 * NULL.
 */
const char *text_nearest(struct slice word, const char *const *candidates);

#endif
