/*
 * The ledger: transfers, their outputs and events, durable in SQLite (WAL, synchronous=FULL). Core
 * is its only writer.
 *
 * Group commit: the first change opens a transaction, ledger_commit ends it; between, nothing is
 * durable and nobody may be answered. On a failure of the device (ERR_NOSPACE, ERR_QUOTA, ERR_IO,
 * ERR_NOMEM, ERR_READONLY; ERR_FORMAT for a damaged file) the changes since the last commit are
 * rolled back, and every further change gives the same error until ledger_commit has returned it
 * once, or ledger_rollback was called; so no later change is committed without the ones before it.
 * The caller tries again later (a full disk), or ends. Reading goes on meanwhile, and shows what
 * was committed last.
 *
 * Outcomes (ERR_NOENT) and arguments past the limits (ERR_NAMETOOLONG, ERR_INVALID) leave the
 * changes since the last commit as they are.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "ledger/state.h"

enum {
	LEDGER_NAME_MAX = 64,
	LEDGER_PATH_MAX = 4096,
	LEDGER_FILE_NAME_MAX = 255,
	LEDGER_TEXT_MAX = 512
};

struct ledger;

/*
 * Opens or creates it (mode 0600), and brings an older schema up to date. The file is ours alone
 * until ledger_close or the end of the process: a second opener gets ERR_AGAIN after a second's
 * patience. ERR_FORMAT: not a ledger, or damaged; ERR_UNSUPPORTED: written by a later release.
 * Close doesn't commit.
 */
enum err ledger_open(const char *path, struct ledger **ret_l, struct story *story) must_check;
void ledger_close(struct ledger *l);

/*
 * Makes everything since the last commit durable. ERR_OK at once when there was nothing. After an
 * error nothing of it is there, and the next turn begins; only a crash right after a failed fsync
 * may bring all of it back, as it may after a commit whose answer was lost.
 */
enum err ledger_commit(struct ledger *l) must_check;

/* Drops everything since the last commit. */
void ledger_rollback(struct ledger *l);

/* True when there is something to commit, or a failure that ledger_commit has to tell. */
bool ledger_dirty(const struct ledger *l);

/* One transfer. */
struct transfer {
	uint64_t id;
	enum transfer_state state;
	char route[LEDGER_NAME_MAX + 1];  /* the route, or "" for an account's upload */
	char source[LEDGER_NAME_MAX + 1]; /* the remote, or the account that uploaded */
	char path[LEDGER_PATH_MAX + 1]; /* full path at the source, or virtual path of the upload */
	uint64_t size;
	int64_t mtime;       /* seconds */
	uint64_t checkpoint; /* bytes sure to be in staging while fetching */
	uint8_t sha256[32];
	bool has_sha256;
	bool source_removed; /* the source confirmed the deletion */
	uint32_t attempts;   /* failed tries since it was last ready */
	int64_t retry_us;    /* not before; 0: at once */
	int64_t seen_us, changed_us;
	char trouble[LEDGER_TEXT_MAX]; /* why it doesn't move, or "" */
};

/* One output: the file for one destination. Its absence from staging proves that it was placed. */
struct transfer_output {
	uint64_t transfer;
	uint32_t n; /* 0, 1, … */
	char folder[LEDGER_NAME_MAX + 1];
	char staging_name[LEDGER_FILE_NAME_MAX + 1];
	char path[LEDGER_PATH_MAX + 1]; /* beneath the folder, without a leading slash */
};

/*
 * The newest transfer with this key, or ERR_NOENT. path is the full remote path.
 */
enum err ledger_find(struct ledger *l, const char *route, const char *path, uint64_t size,
    int64_t mtime, struct transfer *ret_t) must_check;
enum err ledger_get(struct ledger *l, uint64_t id, struct transfer *ret_t) must_check;

/* A new row in state seen, with its event. t: route, source, path, size, mtime are used. */
enum err ledger_see(
    struct ledger *l, const struct transfer *t, int64_t now_us, uint64_t *ret_id) must_check;

/*
 * A new row in state processed, with its output and event: an account's upload whose bytes are in
 * staging.
 */
enum err ledger_upload(struct ledger *l, const struct transfer *t,
    const struct transfer_output *out, int64_t now_us, uint64_t *ret_id) must_check;

/* What changes together with a state; NULL members stay as they are. */
struct transfer_change {
	const uint64_t *size;
	const uint64_t *checkpoint;
	const uint8_t *sha256; /* 32 bytes */
	const bool *source_removed;
	const uint32_t *attempts;
	const int64_t *retry_us;
	const char *trouble;
};

/*
 * The one function that changes a state: takes the event's way in the table (an illegal one is a
 * BUG), applies the change (may be NULL), and appends an event with the detail ("" for none).
 * ERR_NOENT: no such transfer. Trouble and detail are cut to LEDGER_TEXT_MAX - 1 bytes, never
 * inside a UTF-8 character.
 */
enum err ledger_move(struct ledger *l, uint64_t id, enum transfer_event event,
    const struct transfer_change *change, const char *detail, int64_t now_us) must_check;

/* Notes why a transfer doesn't move, without a change of state; an event only when the words are
 * new. */
enum err ledger_trouble(
    struct ledger *l, uint64_t id, const char *trouble, int64_t now_us) must_check;

/*
 * Changes without an event: the checkpoint of a fetch. ERR_NOENT when the transfer isn't being
 * fetched (any more): a courier's late word.
 */
enum err ledger_checkpoint(struct ledger *l, uint64_t id, uint64_t length) must_check;

/* The outputs of a transfer; put replaces the one with the same n. ERR_NOENT: no such transfer. */
enum err ledger_put_output(struct ledger *l, const struct transfer_output *out) must_check;
typedef enum err ledger_output_fn(void *ctx, const struct transfer_output *out);
enum err ledger_each_output(
    struct ledger *l, uint64_t transfer, ledger_output_fn *fn, void *ctx) must_check;

/* The newest transfer that was published as path in folder, or ERR_NOENT: whose file was just
 * taken? */
enum err ledger_find_published(
    struct ledger *l, const char *folder, const char *path, uint64_t *ret_id) must_check;

/* Appends an event; transfer 0 for what belongs to none (a session's deeds, a remote's trouble). */
enum err ledger_note(struct ledger *l, uint64_t transfer, const char *what, const char *detail,
    int64_t now_us) must_check;

/* Which transfers: NULL and 0 members match all. Newest first unless oldest_first. */
struct ledger_filter {
	const char *route;
	const enum transfer_state *state;
	const char *what; /* exactly: a path, a file name, a published path or its file name */
	uint64_t beyond;  /* only those that come after this id in the order of the walk; 0: all */
	uint64_t limit;
	bool oldest_first;
};
/*
 * fn may call everything here but commit; not ERR_OK ends the walk and is returned. No transfer is
 * met twice, whatever fn does to it.
 */
typedef enum err ledger_transfer_fn(void *ctx, const struct transfer *t);
enum err ledger_each(struct ledger *l, const struct ledger_filter *filter, ledger_transfer_fn *fn,
    void *ctx) must_check;

struct ledger_event {
	uint64_t transfer;
	int64_t at_us;
	char what[LEDGER_NAME_MAX + 1];
	char detail[LEDGER_TEXT_MAX];
};
typedef enum err ledger_event_fn(void *ctx, const struct ledger_event *e);
/* In the order in which they happened. transfer 0: those that belong to none. */
enum err ledger_each_event(
    struct ledger *l, uint64_t transfer, ledger_event_fn *fn, void *ctx) must_check;

/* How many of the route's transfers are in each state. */
enum err ledger_count(
    struct ledger *l, const char *route, uint64_t ret_counts[TRANSFER_N_STATES]) must_check;

#endif
