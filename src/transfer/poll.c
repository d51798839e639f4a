#include "transfer/poll.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "rules/name.h"
#include "transfer/outputs.h"
#include "transfer/pipeline.h"

void
poll_init(struct poll *p, struct gateway *g, const struct config_route *route, int64_t now_us)
{
	*p = (struct poll){.gateway = g, .route = route, .began_us = now_us};
}

void
poll_fini(struct poll *p)
{
	free(p->ids);
	*p = (struct poll){.gateway = NULL};
}

static enum err
remember(struct poll *p, uint64_t id)
{
	if (p->n_ids == p->cap_ids) {
		size_t cap = p->cap_ids == 0 ? 64 : p->cap_ids * 2;
		uint64_t *ids = reallocarray(p->ids, cap, sizeof *ids);
		if (ids == NULL)
			return ERR_NOMEM;
		p->ids = ids;
		p->cap_ids = cap;
	}
	p->ids[p->n_ids++] = id;
	return ERR_OK;
}

/* A version of a file that the ledger doesn't know. */
static enum err
note_new(struct poll *p, const struct transfer *key, enum match_verdict verdict, const char *why)
{
	struct ledger *ledger = p->gateway->ledger;
	enum transfer_event event = verdict == MATCH_TAKE ? TRANSFER_MATCHED : TRANSFER_RULED_OUT;
	uint64_t id;

	enum err e = ledger_see(ledger, key, p->began_us, &id);
	if (e == ERR_OK)
		e = ledger_move(ledger, id, event, NULL, why, p->began_us);
	if (e == ERR_OK)
		e = remember(p, id);
	if (e == ERR_OK)
		log_info("transfer.seen", F_U64("transfer", id), F_STR("route", key->route),
		    F_STR("path", key->path), F_U64("size", key->size), F_STR("rule", why));
	return e;
}

/* A version whose way has ended, and which is listed still, or again. */
static enum err
look_at_ended(struct poll *p, const struct transfer *t, const struct transfer *key,
    enum match_verdict verdict, const char *why)
{
	/* Its deletion was confirmed, and here it is:
	 * somebody has put the same file there again. */
	if (t->source_removed)
		return note_new(p, key, verdict, why);
	if (p->route->after == CONFIG_AFTER_LEAVE)
		return ERR_OK;
	return ledger_trouble(p->gateway->ledger, t->id,
	    "it is listed at the source again, or still; it was delivered, and is not fetched "
	    "twice",
	    p->began_us);
}

/* A version that the ledger knows, in a state that a new look may change. */
static enum err
look_again(struct poll *p, const struct transfer *t, const struct transfer *key,
    enum match_verdict verdict, const char *why)
{
	struct ledger *ledger = p->gateway->ledger;
	bool wanted = verdict == MATCH_TAKE;

	enum err e = remember(p, t->id);
	if (e != ERR_OK)
		return e;
	if (t->state == TRANSFER_SETTLED || t->state == TRANSFER_DELIVERED)
		return look_at_ended(p, t, key, verdict, why);
	/* Skipped under other rules, or gone and back: it is wanted now. */
	if (wanted && (t->state == TRANSFER_SKIPPED ||
			  (t->state == TRANSFER_GONE && t->retry_us <= p->began_us)))
		return ledger_move(ledger, t->id, TRANSFER_RETRIED, NULL, why, p->began_us);
	if (t->state == TRANSFER_READY && !wanted && verdict != MATCH_TOO_YOUNG)
		return ledger_move(ledger, t->id, TRANSFER_RULED_OUT, NULL, why, p->began_us);
	/* Since a reload the source's files are left where they are. */
	if (t->state == TRANSFER_PUBLISHED && p->route->after == CONFIG_AFTER_LEAVE)
		return ledger_move(
		    ledger, t->id, TRANSFER_TOLD, NULL, "left at the source", p->began_us);
	return ERR_OK;
}

static enum err
make_key(
    const struct poll *p, struct slice name, uint64_t size, int64_t mtime, struct transfer *ret_key)
{
	const char *dir = p->route->from_path;
	size_t dir_len = strlen(dir);

	*ret_key = (struct transfer){.size = size, .mtime = mtime};
	(void)snprintf(ret_key->route, sizeof ret_key->route, "%s", p->route->name);
	(void)snprintf(ret_key->source, sizeof ret_key->source, "%s", p->route->from->name);
	int len = snprintf(ret_key->path, sizeof ret_key->path, "%s%s%.*s", dir,
	    dir_len > 0 && dir[dir_len - 1] == '/' ? "" : "/", SLICE_ARG(name));
	return (size_t)len < sizeof ret_key->path ? ERR_OK : ERR_NAMETOOLONG;
}

/* It can't be published; told once a look, at its end, not for each. */
static void
note_odd(struct poll *p, struct slice name)
{
	if (p->n_odd++ == 0)
		text_escape(name, p->odd_name, sizeof p->odd_name);
	log_debug("poll.name-refused", F_STR("route", p->route->name), F_SLICE("name", name));
}

enum err
poll_entry(struct poll *p, struct slice name, uint64_t size, int64_t mtime)
{
	char text[NAME_LEN_MAX + 1];
	struct transfer key, known;
	struct story why = {.text = ""};

	p->n_entries++;
	/* A name with a NUL, or a longer one than any file's, is no name at all. */
	if (!slice_copy(name, text, sizeof text)) {
		note_odd(p, name);
		return ERR_OK;
	}
	struct match_file file = {.name = text, .size = size, .mtime = mtime};
	enum match_verdict verdict = match_evaluate(&p->route->match, &file, p->began_us, &why);
	if (verdict == MATCH_NOT_NAMED)
		return ERR_OK;
	if (name_check(name, NULL) != ERR_OK || size > INT64_MAX ||
	    make_key(p, name, size, mtime, &key) != ERR_OK) {
		note_odd(p, name);
		return ERR_OK;
	}
	enum err e = ledger_find(p->gateway->ledger, key.route, key.path, size, mtime, &known);
	if (e == ERR_OK)
		return look_again(p, &known, &key, verdict, why.text);
	if (e != ERR_NOENT)
		return e;
	if (verdict == MATCH_TOO_YOUNG) {
		p->n_young++;
		return ERR_OK;
	}
	return note_new(p, &key, verdict, why.text);
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

static bool
was_listed(const struct poll *p, uint64_t id)
{
	return p->n_ids > 0 && bsearch(&id, p->ids, p->n_ids, sizeof id, compare_ids) != NULL;
}

/*
 * Would this look have seen the file, if it were still there? Since a reload the route may go to
 * another remote, read another directory, or name other files.
 */
static bool
is_covered(const struct poll *p, const struct transfer *t)
{
	const char *slash = strrchr(t->path, '/');
	struct transfer key;
	struct story why;

	if (strcmp(t->source, p->route->from->name) != 0 || slash == NULL ||
	    make_key(p, slice_str(slash + 1), t->size, t->mtime, &key) != ERR_OK ||
	    strcmp(key.path, t->path) != 0)
		return false;
	struct match_file file = {.name = slash + 1, .size = t->size, .mtime = t->mtime};
	return match_evaluate(&p->route->match, &file, p->began_us, &why) != MATCH_NOT_NAMED;
}

static enum err
write_off(void *ctx, const struct transfer *t)
{
	struct poll *p = ctx;

	if (was_listed(p, t->id))
		return ERR_OK;
	if (t->state == TRANSFER_READY) {
		/* What came of it is of no use any more. */
		outputs_discard_incoming(p->gateway, t);
		return ledger_move(p->gateway->ledger, t->id, TRANSFER_VANISHED, NULL,
		    "no longer listed at the source", p->began_us);
	}
	if (!is_covered(p, t))
		return ERR_OK;
	struct pipeline_report gone = {
	    .route = p->route->name, .transfer = t->id, .outcome = IPC_OUTCOME_GONE};
	return pipeline_source_answered(p->gateway, &gone, p->began_us);
}

enum err
poll_complete(struct poll *p)
{
	static const enum transfer_state AWAITED[] = {TRANSFER_READY, TRANSFER_PUBLISHED};
	enum err e = ERR_OK;

	if (p->n_ids > 0)
		qsort(p->ids, p->n_ids, sizeof *p->ids, compare_ids);
	for (size_t i = 0; i < ARRAY_LEN(AWAITED) && e == ERR_OK; i++) {
		struct ledger_filter filter = {.route = p->route->name, .state = &AWAITED[i]};
		e = ledger_each(p->gateway->ledger, &filter, write_off, p);
	}
	return e;
}
