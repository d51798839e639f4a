/*
 * The states of a transfer, and the only ways between them.
 *
 * | state      | what is true                                                             |
 * |------------|--------------------------------------------------------------------------|
 * | seen       | listed at the source; size and mtime noted                               |
 * | ready      | matched and ripe                                                         |
 * | fetching   | one courier has it; staging holds a prefix                               |
 * | staged     | the whole content is in staging, fsynced, hashed: we answer for the file |
 * | processed  | every destination's output is in its staging, fsynced                    |
 * | published  | every output was renamed into place, directories fsynced                 |
 * | settled    | the source was told; the way is complete on our side                     |
 * | delivered  | a consumer has read it whole                                             |
 * | skipped    | a rule said no                                                           |
 * | held       | an operator must release it                                              |
 * | failed     | retries are used up                                                      |
 * | gone       | it vanished, or changed, before it was staged                            |
 */
#ifndef LEDGER_STATE_H
#define LEDGER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

enum transfer_state {
	TRANSFER_SEEN,
	TRANSFER_READY,
	TRANSFER_FETCHING,
	TRANSFER_STAGED,
	TRANSFER_PROCESSED,
	TRANSFER_PUBLISHED,
	TRANSFER_SETTLED,
	TRANSFER_DELIVERED,
	TRANSFER_SKIPPED,
	TRANSFER_HELD,
	TRANSFER_FAILED,
	TRANSFER_GONE,
	TRANSFER_N_STATES
};

enum transfer_event {
	TRANSFER_MATCHED,   /* seen -> ready */
	TRANSFER_RULED_OUT, /* seen, ready -> skipped */
	TRANSFER_VANISHED, /* seen, ready, fetching -> gone: no longer there, or another file now */
	TRANSFER_FETCH_BEGAN, /* ready -> fetching */
	TRANSFER_INTERRUPTED, /* fetching -> ready, staged -> staged, processed -> processed: again
				 later */
	TRANSFER_FETCHED,     /* fetching -> staged. Responsibility passes to us here */
	TRANSFER_GAVE_UP,     /* seen, ready, fetching, staged, processed -> failed */
	TRANSFER_WORKED,      /* staged -> processed */
	TRANSFER_PLACED,      /* processed -> published */
	TRANSFER_TOLD,        /* published -> settled */
	TRANSFER_TAKEN,       /* settled, delivered -> delivered; published -> published (noted) */
	TRANSFER_RETRIED,     /* failed, gone, held, skipped -> ready */
	TRANSFER_WITHHELD,    /* staged -> held */
	TRANSFER_RELEASED,    /* held -> staged */
	TRANSFER_N_EVENTS
};

/* False when the event is not legal in the state: a bug of the caller. */
bool transfer_next(
    enum transfer_state from, enum transfer_event event, enum transfer_state *ret_to) must_check;

/* "seen", "ready", … */
const char *transfer_state_name(enum transfer_state state);
bool transfer_state_parse(struct slice name, enum transfer_state *ret_state) must_check;
extern const char *const TRANSFER_STATE_NAMES[TRANSFER_N_STATES + 1];

/* "matched", "fetch-began", …: the word in events and logs. */
const char *transfer_event_name(enum transfer_event event);

#endif
