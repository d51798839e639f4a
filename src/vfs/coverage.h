/*
 * Which parts of a file were read (or written), as a bounded set of ranges: clients read out of
 * order and in parallel, and a file counts as taken only when all of it was read. Past
 * COVERAGE_RANGES_MAX gaps a range is forgotten; then the file isn't called whole, though it might
 * be. Never the other way round.
 */
#ifndef VFS_COVERAGE_H
#define VFS_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COVERAGE_RANGES_MAX = 64 };

struct coverage_range {
	uint64_t start, end; /* end: one past the last byte */
};

/* Sorted, disjoint and not touching each other. All zero: nothing was read. */
struct coverage {
	struct coverage_range ranges[COVERAGE_RANGES_MAX];
	size_t n_ranges;
};

/* start + len doesn't pass 2^63; len 0 changes nothing. */
void coverage_add(struct coverage *c, uint64_t start, uint64_t len);

/* Were all bytes from 0 to size read? True for size 0. */
bool coverage_is_whole(const struct coverage *c, uint64_t size);

/* Forgets what lies at size and behind it: the file was cut there. */
void coverage_cut(struct coverage *c, uint64_t size);

/* How many bytes from the first on are there without a gap. */
uint64_t coverage_prefix(const struct coverage *c);

#endif
