/*
 * The open files and directories of one session, behind handles. A handle is the number of a slot
 * and the generation in which the slot was filled; generations are counted over the whole table, so
 * a handle that was closed is refused even when its slot is in use again.
 *
 *	free ──add──▶ open ──closing──▶ closing ──release──▶ free
 *	               └───────────────release───────────────▲
 *
 * A file whose CLOSE waits for completion keeps its slot, so that open and closing files together
 * are at most max; its handle is invalid already.
 */
#ifndef SFTP_HANDLES_H
#define SFTP_HANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "sftp/fs.h"

enum { SFTP_OUR_HANDLE_LEN = 8 };

enum sftp_slot_state { SFTP_SLOT_FREE, SFTP_SLOT_OPEN, SFTP_SLOT_CLOSING };
enum sftp_slot_kind { SFTP_SLOT_FILE, SFTP_SLOT_DIR };

struct sftp_slot {
	enum sftp_slot_state state;
	enum sftp_slot_kind kind;
	void *object;        /* the file system's file or directory */
	uint32_t generation; /* of the handle; while closing also the token's number */
	uint32_t request_id; /* closing: the client's id, to answer */
	uint32_t n_jobs;     /* that read or write the file (serve_job.h): no request may, then */
	struct sftp_result
	    end; /* of a directory: how it ended, when there were entries before it */
	bool ended;
};

struct sftp_handles {
	struct sftp_slot *slots;
	uint32_t n_slots; /* allocated */
	uint32_t n_open;  /* not free */
	uint32_t n_closing;
	uint32_t first_free; /* no slot before this one is free */
	uint32_t generation; /* the last one given */
	uint32_t max;        /* of n_open */
};

void sftp_handles_init(struct sftp_handles *h, uint32_t max);

/* Frees the table; what the slots hold is the caller's to end before. */
void sftp_handles_fini(struct sftp_handles *h);

/* Makes sure that the next add has a slot. ERR_LIMIT: max are in use. ERR_NOMEM. */
enum err sftp_handles_prepare(struct sftp_handles *h) must_check;

/* Puts object behind a new handle. Only after sftp_handles_prepare. */
void sftp_handles_add(struct sftp_handles *h, enum sftp_slot_kind kind, void *object,
    uint8_t ret_handle[SFTP_OUR_HANDLE_LEN]);

/* The open slot that the handle names, or NULL. Valid until the next prepare. */
struct sftp_slot *sftp_handles_find(
    struct sftp_handles *h, struct slice handle, enum sftp_slot_kind kind);

/* From open to closing; returns the number for the token. */
uint32_t sftp_handles_closing(struct sftp_handles *h, struct sftp_slot *slot, uint32_t request_id);

/* The closing slot with this index and number, or NULL. */
struct sftp_slot *sftp_handles_find_closing(
    struct sftp_handles *h, uint32_t index, uint32_t generation);

/* Where the slot is: also after a prepare. */
uint32_t sftp_handles_index(const struct sftp_handles *h, const struct sftp_slot *slot);

void sftp_handles_release(struct sftp_handles *h, struct sftp_slot *slot);

/* Gives memory back, when nothing is open. */
void sftp_handles_trim(struct sftp_handles *h);

#endif
