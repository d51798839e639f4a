#include "roles/listener_drops.h"

#include "base/bug.h"
#include "base/clock.h"

#define TELL_EVERY (10 * US_PER_SEC)

static struct drop *
find(struct drops *d, const struct netaddr *block, enum gate_verdict verdict)
{
	for (size_t i = 0; i < d->n_kinds; i++) {
		struct drop *kind = &d->kinds[i];
		if (kind->verdict == verdict && netaddr_compare(&kind->block, block) == 0)
			return kind;
	}
	return NULL;
}

void
drops_count(struct drops *d, const struct netaddr *block, enum gate_verdict verdict)
{
	static const struct netaddr SEVERAL = {.len = 0};
	struct drop *kind = find(d, block, verdict);

	/* One of the verdict for all others: there is always room for those. */
	if (kind == NULL && d->n_kinds >= DROPS_MAX) {
		block = &SEVERAL;
		kind = find(d, block, verdict);
	}
	if (kind == NULL) {
		BUG_ON(d->n_kinds == ARRAY_LEN(d->kinds));
		kind = &d->kinds[d->n_kinds++];
		*kind = (struct drop){.block = *block, .verdict = verdict};
	}
	kind->n_dropped += kind->n_dropped < UINT32_MAX ? 1 : 0;
}

int64_t
drops_due(const struct drops *d)
{
	return d->n_kinds > 0 ? d->next_us : INT64_MAX;
}

void
drops_told(struct drops *d, int64_t now_us)
{
	*d = (struct drops){.next_us = now_us + TELL_EVERY};
}
