/*
 * Failed logins and bans by block of addresses (os/netaddr.h), in bounded memory. Core counts with
 * it; the listener, who only looks up, has a copy of the bans. No clock of its own: times are
 * given, on time_mono_us's clock.
 *
 * The first failure opens a window; when as many as the policy has fall into it, the block is
 * banned and the count begins anew. Each further ban is twice as long, up to a maximum; a block
 * that has kept quiet for that maximum after a ban begins from the bottom again.
 */
#ifndef ROLES_BANLIST_H
#define ROLES_BANLIST_H

#include "base/err.h"
#include "os/netaddr.h"

/* Blocks that are remembered at most, about 1 MiB; then the one that was quiet longest goes. */
enum { BANLIST_MAX = 16 * 1024 };

/* What a whole failure weighs; there are smaller ones. */
enum { BANLIST_FAILURE = 10 };

struct banlist_policy {
	uint32_t ban_after; /* failures within window_us; not 0 */
	int64_t window_us;
	int64_t ban_us, ban_max_us; /* of the first ban, and of the longest */
};

struct banlist_entry {
	struct netaddr block;
	int64_t until_us;  /* of its last ban; 0: never banned */
	int64_t window_us; /* when the window of `score` began */
	int64_t last_us;   /* of its last failure or ban */
	uint32_t score;    /* of the failures in the window */
	uint32_t n_bans;   /* in a row */
};

struct banlist {
	struct banlist_entry *entries; /* sorted by block */
	size_t n, room, max;
};

/* max: BANLIST_MAX, or less in tests. Nothing is allocated yet. */
void banlist_init(struct banlist *b, size_t max);
void banlist_fini(struct banlist *b);

/*
 * Holds so much (BANLIST_FAILURE, or less) against the block. *ret_ban_us: how long it is banned
 * for it from now on, or 0. What a banned block does changes nothing. ret_evicted: a banned block
 * that was forgotten to make room, len 0 for none.
 */
enum err banlist_offence(struct banlist *b, const struct banlist_policy *policy,
    const struct netaddr *block, uint32_t weight, int64_t now_us, int64_t *ret_ban_us,
    struct netaddr *ret_evicted) must_check;

/* Bans it until then, whatever it did. ERR_LIMIT when every entry is a ban in force. */
enum err banlist_ban(
    struct banlist *b, const struct netaddr *block, int64_t until_us, int64_t now_us) must_check;

/* Until when it is banned; 0 when it isn't. */
int64_t banlist_until(const struct banlist *b, const struct netaddr *block, int64_t now_us);

/* Takes so much back of what is held against the block in the window; a ban in force stays. */
void banlist_forgive(struct banlist *b, const struct netaddr *block, uint32_t weight);

/* Forgets all about the block; false when nothing was known. */
bool banlist_forget(struct banlist *b, const struct netaddr *block);

#endif
