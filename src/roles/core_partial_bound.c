/* How much an account may leave private. */
#include "roles/core_partial.h"

/* What one account has left, in one folder or in all. */
struct heap {
	size_t n;
	uint64_t bytes;
	struct core_partial *oldest;
};

static struct heap
heap_of(struct core *c, const char *account, const char *folder)
{
	struct heap heap = {.n = 0};
	struct core_partial *p;

	TAILQ_FOREACH (p, &c->partials, entry) {
		if (p->session != 0 || strcmp(p->account, account) != 0 ||
		    (folder != NULL && strcmp(p->folder, folder) != 0))
			continue;
		heap.n++;
		heap.bytes += p->size;
		if (heap.oldest == NULL || p->since_us < heap.oldest->since_us)
			heap.oldest = p;
	}
	return heap;
}

/*
 * What is left private is not charged to a quota, so that it can't lock its owner out; but of all
 * that an account leaves, no more than its quota is kept, nor than that of the folder.
 */
static const char *
why_too_much(struct core *c, const struct core_partial *p, struct heap *ret_heap)
{
	const struct quota_pot *account = quota_pot_find(&c->gateway.quotas, p->account, true);
	const struct quota_pot *folder = quota_pot_find(&c->gateway.quotas, p->folder, false);

	*ret_heap = heap_of(c, p->account, NULL);
	if (ret_heap->n > CORE_PARTIALS_MAX)
		return "the account has left too many";
	if (account != NULL && account->limit.bytes > 0 && ret_heap->bytes > account->limit.bytes)
		return "the account has left more than its quota";
	*ret_heap = heap_of(c, p->account, p->folder);
	if (folder != NULL && folder->limit.bytes > 0 && ret_heap->bytes > folder->limit.bytes)
		return "the account has left more than the folder's quota";
	return NULL;
}

/* Removes the oldest until the rest is no longer too much. Never p itself, unless it is alone. */
enum err
core_partial_bound(struct core *c, struct core_partial *p)
{
	struct heap heap;

	for (;;) {
		const char *why = why_too_much(c, p, &heap);
		if (why == NULL || heap.n <= 1 || heap.oldest == p)
			return ERR_OK;
		struct core_partial *oldest = heap.oldest;
		enum err e = core_partial_expire(c, oldest, why);
		/* One that could not be removed is the newest now: this ends. */
		if (e != ERR_OK)
			return e;
	}
}
