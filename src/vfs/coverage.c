#include "vfs/coverage.h"

#include <string.h>

void
coverage_add(struct coverage *c, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;
	size_t first = 0, last;

	if (len == 0)
		return;
	/* The ranges from first up to last (exclusive) overlap or touch the new one. */
	while (first < c->n_ranges && c->ranges[first].end < start)
		first++;
	for (last = first; last < c->n_ranges && c->ranges[last].start <= end; last++) {
		if (c->ranges[last].start < start)
			start = c->ranges[last].start;
		if (c->ranges[last].end > end)
			end = c->ranges[last].end;
	}
	if (first == last && c->n_ranges == COVERAGE_RANGES_MAX)
		return;
	memmove(
	    &c->ranges[first + 1], &c->ranges[last], (c->n_ranges - last) * sizeof c->ranges[0]);
	c->ranges[first] = (struct coverage_range){start, end};
	c->n_ranges = c->n_ranges - (last - first) + 1;
}

bool
coverage_is_whole(const struct coverage *c, uint64_t size)
{
	if (size == 0)
		return true;
	return c->n_ranges > 0 && c->ranges[0].start == 0 && c->ranges[0].end >= size;
}

void
coverage_cut(struct coverage *c, uint64_t size)
{
	while (c->n_ranges > 0 && c->ranges[c->n_ranges - 1].start >= size)
		c->n_ranges--;
	if (c->n_ranges > 0 && c->ranges[c->n_ranges - 1].end > size)
		c->ranges[c->n_ranges - 1].end = size;
}

uint64_t
coverage_prefix(const struct coverage *c)
{
	return c->n_ranges > 0 && c->ranges[0].start == 0 ? c->ranges[0].end : 0;
}
