/*
 * The two sweeps that every decoder must survive: each truncation of a valid message, and each flip
 * of a single bit in it. The decoder is free to accept a flipped message (a different number is
 * still a number); it must not crash, read past the end, or accept a truncated one.
 */
#ifndef TESTS_SWEEP_H
#define TESTS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Decodes len bytes at data; true when the decoder accepted them. */
typedef bool sweep_decode_fn(const uint8_t *data, size_t len, void *ctx);

/* Runs decode on an exact heap copy, so that AddressSanitizer sees any read past the end. */
static inline bool
sweep_decode_exact(sweep_decode_fn *decode, const uint8_t *data, size_t len, void *ctx)
{
	uint8_t *exact = malloc(len == 0 ? 1 : len);

	if (exact == NULL)
		abort();
	memcpy(exact, data, len);
	bool accepted = decode(exact, len, ctx);
	free(exact);
	return accepted;
}

/* The number of proper prefixes of the message that decode accepted;
 * must be 0 for framed messages. */
static inline size_t
sweep_truncations(sweep_decode_fn *decode, const uint8_t *data, size_t len, void *ctx)
{
	size_t n_accepted = 0;

	for (size_t cut = 0; cut < len; cut++)
		n_accepted += sweep_decode_exact(decode, data, cut, ctx) ? 1 : 0;
	return n_accepted;
}

static inline void
sweep_bit_flips(sweep_decode_fn *decode, const uint8_t *data, size_t len, void *ctx)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		(void)sweep_decode_exact(decode, copy, len, ctx);
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	free(copy);
}

#endif
