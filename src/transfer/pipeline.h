/*
 * The way of one transfer through its states, from the fetch to the word to the source. Each
 * function is called when something has happened, makes the transition in the ledger, and defers
 * what comes next until that is durable.
 */
#ifndef TRANSFER_PIPELINE_H
#define TRANSFER_PIPELINE_H

#include "ipc/messages.h"
#include "transfer/gateway.h"

/* What a role says of one transfer. */
struct pipeline_report {
	const char *route; /* that the role works for */
	uint64_t transfer;
	enum ipc_file_outcome outcome;
	struct slice story; /* why, unless it is done */
};

/* A courier gets it: ready -> fetching. */
enum err pipeline_fetch_began(struct gateway *g, uint64_t id, int64_t now_us) must_check;

/*
 * The line broke under a fetch, after n_failures runs in a row that failed. One that has made no
 * progress waits, so that a file at whose OPEN a server hangs up doesn't stand in the others' way.
 */
enum err pipeline_interrupted(struct gateway *g, const struct transfer *t, uint32_t n_failures,
    const char *why, int64_t now_us) must_check;

/* So many bytes of it are sure to be in staging. */
enum err pipeline_checkpoint(
    struct gateway *g, const char *route, uint64_t id, uint64_t length) must_check;

/*
 * The courier's answer. Done: its bytes and the name in staging are durable, and with the commit of
 * `staged` responsibility for the file passes to us. Otherwise it goes back to ready, with a later
 * try when it was the file's fault, or ends as gone or failed.
 */
enum err pipeline_fetch_ended(struct gateway *g, const struct pipeline_report *report,
    uint64_t size, struct slice sha256, int64_t now_us) must_check;

/*
 * The worker's answer: every output is complete and fsynced, and goes by this name. The outputs are
 * those that were prepared for it, whatever a reload has made of the route since; their paths are
 * set. A failure of the disk sends the transfer back, to be worked on again.
 */
enum err pipeline_worked(struct gateway *g, uint64_t id, struct transfer_output *outputs,
    size_t n_outputs, const char *file_name, int64_t now_us) must_check;
enum err pipeline_work_failed(
    struct gateway *g, const struct pipeline_report *report, int64_t now_us) must_check;

/* Renames the outputs of a processed transfer into place; nothing for one in another state. */
enum err pipeline_place(struct gateway *g, uint64_t id, int64_t now_us) must_check;

/* The source's answer to the deletion. */
enum err pipeline_source_answered(
    struct gateway *g, const struct pipeline_report *report, int64_t now_us) must_check;

/* What comes next for a transfer that rests in a state between ready and settled: after a start or
 * a wait. */
enum err pipeline_resume(struct gateway *g, uint64_t id, int64_t now_us) must_check;

#endif
