/*
 * The states of a transfer, and the only ways between them (the table is in state.c).
 *
 * What is true holds from the commit that enters the state to the commit that leaves it, so the
 * deed comes first (bytes written and fsynced, names renamed and their directories fsynced) and the
 * row second. A crash therefore leaves a deed without its row, never a row without its deed; what
 * recovery does with each row follows from that, and doing it twice does no harm.
 *
 * | state     | what is true                              | recovery after a crash                |
 * |-----------|-------------------------------------------|---------------------------------------|
 * | seen      | listed at the source; size and mtime      | stays: the next listing rules on it   |
 * |           | noted; we hold nothing of it              | or finds it gone                      |
 * | ready     | matched and ripe; staging may hold a      | stays: fetched when its turn comes;   |
 * |           | prefix, sure up to `checkpoint`           | the prefix serves to resume, no more  |
 * | fetching  | one courier has it; staging holds a       | INTERRUPTED to ready: the lease died  |
 * |           | prefix, fsynced up to `checkpoint`        | with the courier; bytes of staging    |
 * |           |                                           | past the checkpoint are cut off       |
 * | staged    | the whole content is in staging, fsynced, | stays: outputs begun are made afresh, |
 * |           | its SHA-256 recorded: WE ANSWER FOR IT    | the steps work from the staged bytes  |
 * | processed | every output has its row here and is in   | each output still in its staging is   |
 * |           | its folder's staging, fsynced, or was     | renamed into place; one absent was    |
 * |           | placed already: absence from staging is   | placed (its directory is fsynced      |
 * |           | the proof of that                         | again); then PLACED                   |
 * | published | every output was renamed into place, the  | the source is told again: what is     |
 * |           | directories fsynced; the source may have  | already deleted or moved there counts |
 * |           | been told                                 | as done; then TOLD                    |
 * | settled   | the source was told; complete on our side | stays; leftovers in staging go        |
 * | delivered | every consumer has read it whole          | stays; leftovers in staging go        |
 * | skipped   | a rule said no                            | stays; leftovers in staging go        |
 * | held      | as staged, and an operator must release   | stays: the staged bytes are kept      |
 * |           | it                                        |                                       |
 * | failed    | retries are used up; the source was not   | stays, and so does what is in         |
 * |           | told                                      | staging. An account's upload, whose   |
 * |           |                                           | client never heard that it arrived,   |
 * |           |                                           | is a partial again (partials.h)       |
 * | gone      | it vanished, or changed, before it was    | stays; leftovers in staging go        |
 * |           | staged: we never answered for it          |                                       |
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
	TRANSFER_INTERRUPTED, /* fetching -> ready; staged and processed stay: again later */
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
/* All the names, in the order of the enum, with a NULL at the end (as text_nearest wants it). */
extern const char *const TRANSFER_STATE_NAMES[TRANSFER_N_STATES + 1];

/* "matched", "fetch-began", …: the word in events and logs. */
const char *transfer_event_name(enum transfer_event event);

#endif
