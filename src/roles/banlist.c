#include "roles/banlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

void
banlist_init(struct banlist *b, size_t max)
{
	*b = (struct banlist){.max = max};
}

void
banlist_fini(struct banlist *b)
{
	free(b->entries);
	*b = (struct banlist){.max = b->max};
}

/* Where the block is, or would have to be. */
static size_t
position(const struct banlist *b, const struct netaddr *block)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (netaddr_compare(&b->entries[middle].block, block) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct banlist_entry *
find(const struct banlist *b, const struct netaddr *block)
{
	size_t at = position(b, block);
	bool found = at < b->n && netaddr_compare(&b->entries[at].block, block) == 0;

	return found ? &b->entries[at] : NULL;
}

static void
remove_at(struct banlist *b, size_t at)
{
	b->n--;
	memmove(b->entries + at, b->entries + at + 1, (b->n - at) * sizeof *b->entries);
}

/* The one that was quiet longest; a ban in force only when there is nothing else. */
static size_t
least_missed(const struct banlist *b, int64_t now_us)
{
	size_t best = 0;

	for (size_t i = 1; i < b->n; i++) {
		const struct banlist_entry *e = &b->entries[i], *than = &b->entries[best];
		bool banned = e->until_us > now_us, than_banned = than->until_us > now_us;
		if (banned != than_banned ? than_banned : e->last_us < than->last_us)
			best = i;
	}
	return best;
}

static enum err
grow(struct banlist *b)
{
	size_t room = b->room == 0 ? 16 : 2 * b->room;

	room = room < b->max ? room : b->max;
	struct banlist_entry *grown = reallocarray(b->entries, room, sizeof *grown);
	if (grown == NULL)
		return ERR_NOMEM;
	b->entries = grown;
	b->room = room;
	return ERR_OK;
}

/* A new entry for a block that has none; there is room. */
static struct banlist_entry *
insert(struct banlist *b, const struct netaddr *block)
{
	BUG_ON(b->n == b->room);
	size_t at = position(b, block);
	memmove(b->entries + at + 1, b->entries + at, (b->n - at) * sizeof *b->entries);
	b->n++;
	b->entries[at] = (struct banlist_entry){.block = *block};
	return &b->entries[at];
}

static enum err
find_or_insert(struct banlist *b, const struct netaddr *block, int64_t now_us,
    struct banlist_entry **ret_entry, struct netaddr *ret_evicted)
{
	*ret_evicted = (struct netaddr){.len = 0};
	*ret_entry = find(b, block);
	if (*ret_entry != NULL)
		return ERR_OK;
	if (b->n == b->max) {
		size_t victim = least_missed(b, now_us);
		if (b->entries[victim].until_us > now_us)
			*ret_evicted = b->entries[victim].block;
		remove_at(b, victim);
	} else if (b->n == b->room) {
		enum err e = grow(b);
		if (e != ERR_OK)
			return e;
	}
	*ret_entry = insert(b, block);
	return ERR_OK;
}

/* The next ban of this block: doubled with each, without ever passing the maximum. */
static int64_t
next_ban(const struct banlist_policy *policy, uint32_t n_bans)
{
	int64_t ban_us = policy->ban_us;

	for (uint32_t i = 0; i < n_bans && ban_us < policy->ban_max_us; i++)
		ban_us = ban_us > policy->ban_max_us / 2 ? policy->ban_max_us : 2 * ban_us;
	return ban_us < policy->ban_max_us ? ban_us : policy->ban_max_us;
}

enum err
banlist_offence(struct banlist *b, const struct banlist_policy *policy, const struct netaddr *block,
    uint32_t weight, int64_t now_us, int64_t *ret_ban_us, struct netaddr *ret_evicted)
{
	struct banlist_entry *entry;

	*ret_ban_us = 0;
	enum err e = find_or_insert(b, block, now_us, &entry, ret_evicted);
	if (e != ERR_OK || entry->until_us > now_us)
		return e;
	if (now_us - entry->window_us >= policy->window_us)
		entry->score = 0;
	if (entry->score == 0)
		entry->window_us = now_us;
	entry->last_us = now_us;
	entry->score += weight;
	if (entry->score / BANLIST_FAILURE < policy->ban_after)
		return ERR_OK;
	if (now_us - entry->until_us >= policy->ban_max_us)
		entry->n_bans = 0;
	*ret_ban_us = next_ban(policy, entry->n_bans);
	entry->n_bans++;
	entry->score = 0;
	entry->until_us = now_us + *ret_ban_us;
	return ERR_OK;
}

enum err
banlist_ban(struct banlist *b, const struct netaddr *block, int64_t until_us, int64_t now_us)
{
	struct banlist_entry *entry;
	struct netaddr evicted;

	if (find(b, block) == NULL && b->n == b->max &&
	    b->entries[least_missed(b, now_us)].until_us > now_us)
		return ERR_LIMIT;
	enum err e = find_or_insert(b, block, now_us, &entry, &evicted);
	if (e != ERR_OK)
		return e;
	entry->until_us = until_us;
	entry->last_us = now_us;
	return ERR_OK;
}

int64_t
banlist_until(const struct banlist *b, const struct netaddr *block, int64_t now_us)
{
	const struct banlist_entry *entry = find(b, block);

	return entry != NULL && entry->until_us > now_us ? entry->until_us : 0;
}

void
banlist_forgive(struct banlist *b, const struct netaddr *block, uint32_t weight)
{
	struct banlist_entry *entry = find(b, block);

	if (entry != NULL)
		entry->score -= weight < entry->score ? weight : entry->score;
}

bool
banlist_forget(struct banlist *b, const struct netaddr *block)
{
	const struct banlist_entry *entry = find(b, block);

	if (entry != NULL)
		remove_at(b, (size_t)(entry - b->entries));
	return entry != NULL;
}
