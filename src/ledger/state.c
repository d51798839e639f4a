#include "ledger/state.h"

#include "base/bug.h"

struct transition {
	enum transfer_state from;
	enum transfer_event event;
	enum transfer_state to;
};

/* Every legal move. What isn't in here can't happen. */
static const struct transition TRANSITIONS[] = {
    {TRANSFER_SEEN, TRANSFER_MATCHED, TRANSFER_READY},
    {TRANSFER_SEEN, TRANSFER_RULED_OUT, TRANSFER_SKIPPED},
    {TRANSFER_SEEN, TRANSFER_VANISHED, TRANSFER_GONE},
    {TRANSFER_SEEN, TRANSFER_GAVE_UP, TRANSFER_FAILED},

    {TRANSFER_READY, TRANSFER_FETCH_BEGAN, TRANSFER_FETCHING},
    {TRANSFER_READY, TRANSFER_RULED_OUT, TRANSFER_SKIPPED},
    {TRANSFER_READY, TRANSFER_VANISHED, TRANSFER_GONE},
    {TRANSFER_READY, TRANSFER_GAVE_UP, TRANSFER_FAILED},

    {TRANSFER_FETCHING, TRANSFER_FETCHED, TRANSFER_STAGED},
    {TRANSFER_FETCHING, TRANSFER_INTERRUPTED, TRANSFER_READY},
    {TRANSFER_FETCHING, TRANSFER_VANISHED, TRANSFER_GONE},
    {TRANSFER_FETCHING, TRANSFER_GAVE_UP, TRANSFER_FAILED},

    {TRANSFER_STAGED, TRANSFER_WORKED, TRANSFER_PROCESSED},
    {TRANSFER_STAGED, TRANSFER_INTERRUPTED, TRANSFER_STAGED},
    {TRANSFER_STAGED, TRANSFER_WITHHELD, TRANSFER_HELD},
    {TRANSFER_STAGED, TRANSFER_GAVE_UP, TRANSFER_FAILED},

    {TRANSFER_PROCESSED, TRANSFER_PLACED, TRANSFER_PUBLISHED},
    {TRANSFER_PROCESSED, TRANSFER_INTERRUPTED, TRANSFER_PROCESSED},
    {TRANSFER_PROCESSED, TRANSFER_GAVE_UP, TRANSFER_FAILED},

    {TRANSFER_PUBLISHED, TRANSFER_TOLD, TRANSFER_SETTLED},
    /* Taken before the source was told: the telling still has to be done. */
    {TRANSFER_PUBLISHED, TRANSFER_TAKEN, TRANSFER_PUBLISHED},

    {TRANSFER_SETTLED, TRANSFER_TAKEN, TRANSFER_DELIVERED},
    {TRANSFER_DELIVERED, TRANSFER_TAKEN, TRANSFER_DELIVERED},

    {TRANSFER_HELD, TRANSFER_RELEASED, TRANSFER_STAGED},
    {TRANSFER_HELD, TRANSFER_RETRIED, TRANSFER_READY},
    {TRANSFER_SKIPPED, TRANSFER_RETRIED, TRANSFER_READY},
    {TRANSFER_FAILED, TRANSFER_RETRIED, TRANSFER_READY},
    {TRANSFER_GONE, TRANSFER_RETRIED, TRANSFER_READY},
};

const char *const TRANSFER_STATE_NAMES[TRANSFER_N_STATES + 1] = {
    [TRANSFER_SEEN] = "seen",
    [TRANSFER_READY] = "ready",
    [TRANSFER_FETCHING] = "fetching",
    [TRANSFER_STAGED] = "staged",
    [TRANSFER_PROCESSED] = "processed",
    [TRANSFER_PUBLISHED] = "published",
    [TRANSFER_SETTLED] = "settled",
    [TRANSFER_DELIVERED] = "delivered",
    [TRANSFER_SKIPPED] = "skipped",
    [TRANSFER_HELD] = "held",
    [TRANSFER_FAILED] = "failed",
    [TRANSFER_GONE] = "gone",
};

static const char *const EVENT_NAMES[TRANSFER_N_EVENTS] = {
    [TRANSFER_MATCHED] = "matched",
    [TRANSFER_RULED_OUT] = "ruled-out",
    [TRANSFER_VANISHED] = "vanished",
    [TRANSFER_FETCH_BEGAN] = "fetch-began",
    [TRANSFER_INTERRUPTED] = "interrupted",
    [TRANSFER_FETCHED] = "fetched",
    [TRANSFER_GAVE_UP] = "gave-up",
    [TRANSFER_WORKED] = "worked",
    [TRANSFER_PLACED] = "placed",
    [TRANSFER_TOLD] = "told",
    [TRANSFER_TAKEN] = "taken",
    [TRANSFER_RETRIED] = "retried",
    [TRANSFER_WITHHELD] = "withheld",
    [TRANSFER_RELEASED] = "released",
};

bool
transfer_next(enum transfer_state from, enum transfer_event event, enum transfer_state *ret_to)
{
	for (size_t i = 0; i < ARRAY_LEN(TRANSITIONS); i++) {
		if (TRANSITIONS[i].from == from && TRANSITIONS[i].event == event) {
			*ret_to = TRANSITIONS[i].to;
			return true;
		}
	}
	return false;
}

const char *
transfer_state_name(enum transfer_state state)
{
	BUG_ON((unsigned)state >= TRANSFER_N_STATES);
	return TRANSFER_STATE_NAMES[state];
}

bool
transfer_state_parse(struct slice name, enum transfer_state *ret_state)
{
	for (unsigned i = 0; i < TRANSFER_N_STATES; i++) {
		if (slice_is(name, TRANSFER_STATE_NAMES[i])) {
			*ret_state = (enum transfer_state)i;
			return true;
		}
	}
	return false;
}

const char *
transfer_event_name(enum transfer_event event)
{
	BUG_ON((unsigned)event >= TRANSFER_N_EVENTS);
	return EVENT_NAMES[event];
}
