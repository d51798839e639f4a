/*
 * The rows of an answer, kept: a received message borrows its text from the link until the next one
 * comes, and a page that shows routes before remotes must not care in which order they came.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <sys/queue.h>

#include "ipc/codec.h"

struct row {
	STAILQ_ENTRY(row) entry;
	struct ipc_message m; /* its slices point into text */
	uint8_t text[];
};
STAILQ_HEAD(rows, row);

void rows_init(struct rows *rows);
void rows_fini(struct rows *rows);

/* Keeps a copy. The message must not carry descriptors. */
void rows_add(struct rows *rows, const struct ipc_message *m);

/* The first row of the type after the given one (NULL: of all); NULL when there is none. */
const struct row *rows_next(const struct rows *rows, enum ipc_type type, const struct row *after);

#define ROWS_FOREACH(at, rows, type)                                           \
	for (const struct row *at = rows_next(rows, type, NULL); (at) != NULL; \
	     (at) = rows_next(rows, type, at))

#endif
