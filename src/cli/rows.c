#include "cli/rows.h"

#include <stdlib.h>

#include "base/bug.h"
#include "cli/cli.h"

void
rows_init(struct rows *rows)
{
	STAILQ_INIT(rows);
}

void
rows_fini(struct rows *rows)
{
	struct row *row;

	while ((row = STAILQ_FIRST(rows)) != NULL) {
		STAILQ_REMOVE_HEAD(rows, entry);
		free(row);
	}
}

static bool
is_text(const struct ipc_field *f)
{
	BUG_ON(f->kind == IPC_FD);
	return f->kind == IPC_STR || f->kind == IPC_BYTES;
}

/* Every member of a message's union starts where this one does. */
static size_t
body_offset(const struct ipc_field *f)
{
	return offsetof(struct ipc_message, ctl_done) + f->offset;
}

static struct slice
load_text(const struct ipc_message *m, const struct ipc_field *f)
{
	struct slice s;

	memcpy(&s, (const uint8_t *)m + body_offset(f), sizeof s);
	return s;
}

void
rows_add(struct rows *rows, const struct ipc_message *m)
{
	const struct ipc_schema *schema = ipc_schema(m->type);
	size_t text_len = 0;

	for (size_t i = 0; i < schema->n_fields; i++) {
		if (is_text(&schema->fields[i]))
			text_len += load_text(m, &schema->fields[i]).len;
	}
	struct row *row = malloc(sizeof *row + text_len);
	if (row == NULL)
		cli_no_memory();
	row->m = *m;
	uint8_t *at = row->text;
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct ipc_field *f = &schema->fields[i];
		if (!is_text(f))
			continue;
		struct slice from = load_text(m, f), to = slice_of(at, from.len);
		if (from.len > 0)
			memcpy(at, from.ptr, from.len);
		memcpy((uint8_t *)&row->m + body_offset(f), &to, sizeof to);
		at += from.len;
	}
	STAILQ_INSERT_TAIL(rows, row, entry);
}

const struct row *
rows_next(const struct rows *rows, enum ipc_type type, const struct row *after)
{
	const struct row *row = after == NULL ? STAILQ_FIRST(rows) : STAILQ_NEXT(after, entry);

	while (row != NULL && row->m.type != type)
		row = STAILQ_NEXT(row, entry);
	return row;
}
