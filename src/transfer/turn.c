#include "transfer/turn.h"

#include <stdlib.h>

struct turn_deed {
	STAILQ_ENTRY(turn_deed) entry;
	turn_fn *fn;
	void *ctx;
	struct turn_args args;
};

void
turn_init(struct turn *t)
{
	STAILQ_INIT(&t->deeds);
}

void
turn_fini(struct turn *t)
{
	struct turn_deed *deed;

	while ((deed = STAILQ_FIRST(&t->deeds)) != NULL) {
		STAILQ_REMOVE_HEAD(&t->deeds, entry);
		free(deed);
	}
}

enum err
turn_defer(struct turn *t, turn_fn *fn, void *ctx, struct turn_args args)
{
	struct turn_deed *deed = calloc(1, sizeof *deed);

	if (deed == NULL)
		return ERR_NOMEM;
	*deed = (struct turn_deed){.fn = fn, .ctx = ctx, .args = args};
	STAILQ_INSERT_TAIL(&t->deeds, deed, entry);
	return ERR_OK;
}

/* Runs the deeds that were there at the beginning;
 * those that they defer wait for the next commit. */
static enum err
run_deeds(struct turn *t)
{
	struct turn now;
	struct turn_deed *deed;
	enum err e = ERR_OK;

	turn_init(&now);
	STAILQ_CONCAT(&now.deeds, &t->deeds);
	while (e == ERR_OK && (deed = STAILQ_FIRST(&now.deeds)) != NULL) {
		STAILQ_REMOVE_HEAD(&now.deeds, entry);
		e = deed->fn(deed->ctx, &deed->args);
		free(deed);
	}
	turn_fini(&now);
	return e;
}

enum err
turn_end(struct turn *t, struct ledger *ledger)
{
	enum err e;

	do {
		e = ledger_commit(ledger);
		if (e == ERR_OK)
			e = run_deeds(t);
	} while (e == ERR_OK && (!turn_is_over(t) || ledger_dirty(ledger)));
	if (e != ERR_OK)
		turn_fini(t);
	return e;
}

bool
turn_is_over(const struct turn *t)
{
	return STAILQ_EMPTY(&t->deeds);
}
