/*
 * The way of one transfer through its states, from the fetch to the word to the source. Each
 * function is called when something has happened, makes the transition in the ledger, and defers
 * what comes next until that is durable.
 */
#ifndef TRANSFER_PIPELINE_H
#define TRANSFER_PIPELINE_H

#include "ipc/messages.h"
#include "transfer/gateway.h"

/* A courier gets it: ready -> fetching. */
enum err pipeline_fetch_began(struct gateway *g, uint64_t id, int64_t now_us) must_check;

/*
 * The courier's answer. Done: its bytes and the name in staging are durable, and with the commit of
 * `staged` responsibility for the file passes to us. Otherwise it goes back to ready, with a later
 * try when it was the file's fault, or ends as gone or failed.
 */
enum err pipeline_fetch_ended(struct gateway *g, uint64_t id, enum ipc_file_outcome outcome,
    uint64_t size, struct slice sha256, struct slice story, int64_t now_us) must_check;

/* The worker's answer: every output is complete, fsynced and in its staging. */
enum err pipeline_worked(
    struct gateway *g, uint64_t id, const char *file_name, int64_t now_us) must_check;
enum err pipeline_work_failed(struct gateway *g, uint64_t id, enum ipc_file_outcome outcome,
    struct slice story, int64_t now_us) must_check;

/* Renames the outputs of a processed transfer into place. */
enum err pipeline_place(struct gateway *g, uint64_t id, int64_t now_us) must_check;

/* The source's answer to the deletion. */
enum err pipeline_source_answered(struct gateway *g, uint64_t id, enum ipc_file_outcome outcome,
    struct slice story, int64_t now_us) must_check;

/* What comes next for a transfer that rests in a state between ready and settled: after a start or
 * a wait. */
enum err pipeline_resume(struct gateway *g, uint64_t id, int64_t now_us) must_check;

#endif
