#include "transfer/pipeline.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/holdings.h"
#include "transfer/backoff.h"
#include "transfer/outputs.h"

#define RETRY_DELAY_MAX (3600 * US_PER_SEC)

/* The route in force now; NULL for an upload, or when a reload has taken the route away. */
static const struct config_route *
route_of(const struct gateway *g, const struct transfer *t)
{
	return config_find_route(g->config, slice_str(t->route));
}

/* The transfer that a role speaks of, which must be its route's and in this state. */
static enum err
get_reported(struct gateway *g, const char *route, uint64_t id, enum transfer_state state,
    struct transfer *ret_t)
{
	enum err e = ledger_get(g->ledger, id, ret_t);

	if (e != ERR_OK)
		return e == ERR_NOENT ? ERR_FORMAT : e;
	return ret_t->state == state && strcmp(ret_t->route, route) == 0 ? ERR_OK : ERR_FORMAT;
}

/* Words from a role, safe for the ledger and for people. */
static const char *
clean(struct slice story, char dst[LEDGER_TEXT_MAX])
{
	return text_escape(story, dst, LEDGER_TEXT_MAX);
}

static void
log_move(const char *event, const struct transfer *t, const char *detail)
{
	log_info(event, F_U64("transfer", t->id), F_STR("route", t->route), F_STR("path", t->path),
	    F_U64("size", t->size), F_STR("detail", detail));
}

/*
 * It failed this time. blame: it counts against the transfer's tries, because the file, the source
 * or the rules said no; without it the transfer only waits (our disk, the line).
 */
static enum err
try_again(struct gateway *g, const struct transfer *t, bool blame, const char *why, int64_t now_us)
{
	const struct config_route *route = route_of(g, t);
	uint32_t limit = route == NULL ? UINT32_MAX : route->retry_limit;
	uint32_t attempts = t->attempts + (blame ? 1 : 0);
	int64_t retry = now_us + backoff_delay(g->config->limits.retry_after_us,
				     attempts == 0 ? 1 : attempts, RETRY_DELAY_MAX);
	struct transfer_change change = {.attempts = &attempts, .retry_us = &retry, .trouble = why};

	/* What is nobody's fault never uses up its tries, even if a reload allows fewer now. */
	if (!blame || attempts < limit)
		return ledger_move(g->ledger, t->id, TRANSFER_INTERRUPTED, &change, why, now_us);
	log_error("transfer.failed", F_U64("transfer", t->id), F_STR("route", t->route),
	    F_STR("path", t->path), F_U64("attempts", attempts), F_STR("why", why));
	return ledger_move(g->ledger, t->id, TRANSFER_GAVE_UP, &change, why, now_us);
}

enum err
pipeline_fetch_began(struct gateway *g, uint64_t id, int64_t now_us)
{
	return ledger_move(g->ledger, id, TRANSFER_FETCH_BEGAN, NULL, "", now_us);
}

/* Asks core for a worker, once `staged` is durable. */
static enum err
deed_work(void *ctx, const struct turn_args *args)
{
	struct gateway *g = ctx;
	struct transfer t;

	enum err e = ledger_get(g->ledger, args->a, &t);
	if (e == ERR_OK && t.state == TRANSFER_STAGED)
		g->ports->work(g->ports_ctx, &t);
	return e;
}

static enum err
defer(struct gateway *g, turn_fn *fn, uint64_t id)
{
	return turn_defer(&g->turn, fn, g, (struct turn_args){.a = id});
}

static enum err
fetched(struct gateway *g, struct transfer *t, uint64_t size, struct slice sha256, int64_t now_us)
{
	char hex[2 * 32 + 1], detail[128];
	uint32_t attempts = 0;
	int64_t retry = 0;

	if (sha256.len != sizeof t->sha256 || size != t->size)
		return ERR_FORMAT;
	text_hex(sha256.ptr, sha256.len, hex);
	(void)snprintf(detail, sizeof detail, "%" PRIu64 " bytes, SHA-256 %s", size, hex);
	struct transfer_change change = {.size = &size,
	    .checkpoint = &size,
	    .sha256 = sha256.ptr,
	    .attempts = &attempts,
	    .retry_us = &retry,
	    .trouble = ""};
	enum err e = ledger_move(g->ledger, t->id, TRANSFER_FETCHED, &change, detail, now_us);
	if (e != ERR_OK)
		return e;
	log_move("transfer.fetched", t, hex);
	return defer(g, deed_work, t->id);
}

enum err
pipeline_interrupted(struct gateway *g, const struct transfer *t, uint32_t n_failures,
    const char *why, int64_t now_us)
{
	int64_t retry = now_us + backoff_delay(g->config->limits.retry_after_us, n_failures + 1,
				     RETRY_DELAY_MAX);
	struct transfer_change change = {.retry_us = t->checkpoint > 0 ? NULL : &retry};

	return ledger_move(g->ledger, t->id, TRANSFER_INTERRUPTED, &change, why, now_us);
}

enum err
pipeline_checkpoint(struct gateway *g, const char *route, uint64_t id, uint64_t length)
{
	struct transfer t;

	enum err e = get_reported(g, route, id, TRANSFER_FETCHING, &t);
	if (e == ERR_OK && length > t.size)
		return ERR_FORMAT;
	return e == ERR_OK ? ledger_checkpoint(g->ledger, id, length) : e;
}

/*
 * Gone, or not what was listed. A source whose listing never agrees with its own STAT would have us
 * fetch the same file at each look: so each time it waits longer.
 */
static enum err
vanished(struct gateway *g, const struct transfer *t, const char *why, int64_t now_us)
{
	uint32_t attempts = t->attempts + 1;
	int64_t retry =
	    now_us + backoff_delay(g->config->limits.retry_after_us, attempts, RETRY_DELAY_MAX);
	struct transfer_change change = {.attempts = &attempts, .retry_us = &retry};

	outputs_discard_incoming(g, t);
	return ledger_move(g->ledger, t->id, TRANSFER_VANISHED, &change, why, now_us);
}

enum err
pipeline_fetch_ended(struct gateway *g, const struct pipeline_report *report, uint64_t size,
    struct slice sha256, int64_t now_us)
{
	enum ipc_file_outcome outcome = report->outcome;
	uint64_t id = report->transfer;
	char why[LEDGER_TEXT_MAX];
	struct transfer t;

	enum err e = get_reported(g, report->route, id, TRANSFER_FETCHING, &t);
	if (e != ERR_OK)
		return e;
	if (outcome == IPC_OUTCOME_DONE)
		return fetched(g, &t, size, sha256, now_us);
	clean(report->story, why);
	log_warn("transfer.not-fetched", F_U64("transfer", id), F_STR("route", t.route),
	    F_STR("path", t.path), F_STR("why", why));
	if (outcome == IPC_OUTCOME_GONE || outcome == IPC_OUTCOME_CHANGED) {
		return vanished(g, &t, why, now_us);
	}
	bool blame = outcome == IPC_OUTCOME_REFUSED || outcome == IPC_OUTCOME_LOCAL_FAILURE;
	return try_again(g, &t, blame, why, now_us);
}

static enum err
deed_place(void *ctx, const struct turn_args *args)
{
	return pipeline_place(ctx, args->a, time_now_us());
}

/* The outputs' names must be as durable as their bytes before anything relies on them. */
static enum err
sync_outputs(
    struct gateway *g, const struct transfer_output *outputs, size_t n_outputs, struct story *story)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < n_outputs && e == ERR_OK; i++)
		e = outputs_sync(g, &outputs[i], story);
	return e;
}

enum err
pipeline_worked(struct gateway *g, uint64_t id, struct transfer_output *outputs, size_t n_outputs,
    const char *file_name, int64_t now_us)
{
	struct story story = {.text = ""};
	struct transfer t;

	enum err e = ledger_get(g->ledger, id, &t);
	if (e != ERR_OK)
		return e;
	if (t.state != TRANSFER_STAGED)
		return ERR_FORMAT;
	if (sync_outputs(g, outputs, n_outputs, &story) != ERR_OK)
		return try_again(g, &t, false, story.text, now_us);
	for (size_t i = 0; i < n_outputs && e == ERR_OK; i++) {
		if (!slice_copy(slice_str(file_name), outputs[i].path, sizeof outputs[i].path))
			return ERR_FORMAT;
		e = ledger_put_output(g->ledger, &outputs[i]);
	}
	if (e == ERR_OK)
		e = ledger_move(g->ledger, id, TRANSFER_WORKED, NULL, file_name, now_us);
	return e == ERR_OK ? defer(g, deed_place, id) : e;
}

enum err
pipeline_work_failed(struct gateway *g, const struct pipeline_report *report, int64_t now_us)
{
	char why[LEDGER_TEXT_MAX];
	struct transfer t;

	enum err e = get_reported(g, report->route, report->transfer, TRANSFER_STAGED, &t);
	if (e != ERR_OK)
		return e;
	clean(report->story, why);
	log_warn("transfer.not-processed", F_U64("transfer", t.id), F_STR("route", t.route),
	    F_STR("path", t.path), F_STR("why", why));
	return try_again(g, &t, report->outcome != IPC_OUTCOME_NO_SPACE, why, now_us);
}

/* What one walk over the outputs of a transfer found. */
struct placing {
	struct gateway *g;
	int64_t now_us;
	const struct transfer *t;
	bool is_upload;
	bool renamed; /* an output needs another name: record it, then try again */
	bool failed;
	enum err error;
	struct story story;
	char where[LEDGER_TEXT_MAX];
};

/* A route's output waits while its folder's quota is used up. *ret_size: 0 when it is not in
 * staging any more, for it is in its folder then, and counted. */
static enum err
admit(struct placing *p, const struct transfer_output *out, struct quota_amount *ret_amount)
{
	*ret_amount = (struct quota_amount){0, 0};
	if (p->is_upload || outputs_size(p->g, out, &ret_amount->bytes) != ERR_OK)
		return ERR_OK;
	ret_amount->files = 1;
	return quota_admit(p->g, out->folder, *ret_amount, p->now_us, &p->story);
}

/* It is the folder's content now; an upload, whose session could not say so, is its account's. */
static enum err
note_placed(struct placing *p, const struct transfer_output *out, struct quota_amount amount)
{
	size_t len = strlen(p->where);

	(void)snprintf(p->where + len, sizeof p->where - len, "%s%s/%s", len > 0 ? ", " : "",
	    out->folder, out->path);
	/* What it may have replaced nobody knows: rather too much than too little, for a quota that
	 * seems used up is counted again. */
	if (p->is_upload)
		amount = (struct quota_amount){p->t->size, 1};
	quota_content(p->g, out->folder, (int64_t)amount.bytes, (int64_t)amount.files);
	if (!p->is_upload)
		return ERR_OK;
	struct holding h = {.size = p->t->size};
	(void)snprintf(h.folder, sizeof h.folder, "%s", out->folder);
	(void)snprintf(h.path, sizeof h.path, "%s", out->path);
	(void)snprintf(h.account, sizeof h.account, "%s", p->t->source);
	return ledger_holding_put(p->g->ledger, &h);
}

static enum err
place_one(void *ctx, const struct transfer_output *found)
{
	struct placing *p = ctx;
	struct transfer_output out = *found;
	struct quota_amount amount;

	enum err e = admit(p, &out, &amount);
	if (e == ERR_QUOTA)
		p->failed = true;
	if (e != ERR_OK)
		return e == ERR_QUOTA ? ERR_OK : e;
	switch (outputs_place(p->g, &out, &p->error, &p->story)) {
	case OUTPUTS_PLACED:
		return note_placed(p, &out, amount);
	case OUTPUTS_NAME_TAKEN:
		p->renamed = true;
		return ledger_put_output(p->g->ledger, &out);
	case OUTPUTS_FAILED:
		p->failed = true;
		break;
	}
	return ERR_OK;
}

static enum err
deed_remove_source(void *ctx, const struct turn_args *args)
{
	struct gateway *g = ctx;
	struct transfer t;

	enum err e = ledger_get(g->ledger, args->a, &t);
	if (e != ERR_OK)
		return e;
	outputs_discard_incoming(g, &t);
	if (t.state != TRANSFER_PUBLISHED)
		return ERR_OK;
	const struct config_route *route = route_of(g, &t);
	if (route != NULL && route->after == CONFIG_AFTER_DELETE)
		g->ports->remove_source(g->ports_ctx, &t);
	return ERR_OK;
}

/* Every output is in place, durably. Only when this is durable too may the source be told. */
static enum err
placed(struct gateway *g, const struct transfer *t, const char *where, int64_t now_us)
{
	const struct config_route *route = route_of(g, t);
	struct transfer_change change = {.trouble = ""};

	enum err e = ledger_move(g->ledger, t->id, TRANSFER_PLACED, &change, where, now_us);
	if (e != ERR_OK)
		return e;
	log_move("transfer.published", t, where);
	/* Who uploaded it was told by the CLOSE; a source whose files are left needs no word. */
	if (t->route[0] == '\0')
		e = ledger_move(g->ledger, t->id, TRANSFER_TOLD, NULL, "close answered", now_us);
	else if (route != NULL && route->after == CONFIG_AFTER_LEAVE)
		e = ledger_move(
		    g->ledger, t->id, TRANSFER_TOLD, NULL, "left at the source", now_us);
	return e == ERR_OK ? defer(g, deed_remove_source, t->id) : e;
}

enum err
pipeline_place(struct gateway *g, uint64_t id, int64_t now_us)
{
	struct placing p = {.g = g, .now_us = now_us};
	struct transfer t;

	enum err e = ledger_get(g->ledger, id, &t);
	if (e != ERR_OK || t.state != TRANSFER_PROCESSED)
		return e;
	p.t = &t;
	p.is_upload = t.route[0] == '\0';
	e = ledger_each_output(g->ledger, id, place_one, &p);
	if (e != ERR_OK)
		return e;
	if (p.failed) {
		log_error(
		    "transfer.not-published", F_U64("transfer", id), F_STR("why", p.story.text));
		return try_again(g, &t, false, p.story.text, now_us);
	}
	/* The new name must be durable before the rename: recovery looks for the file under it. */
	if (p.renamed)
		return defer(g, deed_place, id);
	return placed(g, &t, p.where, now_us);
}

enum err
pipeline_source_answered(struct gateway *g, const struct pipeline_report *report, int64_t now_us)
{
	uint64_t id = report->transfer;
	char why[LEDGER_TEXT_MAX];
	bool removed = true;
	struct transfer t;

	enum err e = get_reported(g, report->route, id, TRANSFER_PUBLISHED, &t);
	if (e != ERR_OK)
		return e;
	struct transfer_change change = {.source_removed = &removed, .trouble = ""};
	switch (report->outcome) {
	case IPC_OUTCOME_DONE:
		log_move("transfer.settled", &t, "deleted at the source");
		return ledger_move(
		    g->ledger, id, TRANSFER_TOLD, &change, "deleted at the source", now_us);
	case IPC_OUTCOME_GONE:
		/*
		 * Nobody has confirmed a deletion: its directory may only be out of sight for a
		 * moment. Should the very same file be listed again, it is not delivered again.
		 */
		change.source_removed = NULL;
		return ledger_move(
		    g->ledger, id, TRANSFER_TOLD, &change, "was no longer at the source", now_us);
	case IPC_OUTCOME_CHANGED:
		/* Not ours to delete: the next listing sees it as a file of its own. */
		return ledger_move(g->ledger, id, TRANSFER_TOLD, &change,
		    "another file has its name at the source now", now_us);
	case IPC_OUTCOME_REFUSED:
	case IPC_OUTCOME_LINE_LOST:
	case IPC_OUTCOME_NO_SPACE:
	case IPC_OUTCOME_LOCAL_FAILURE:
		break;
	}
	/* It stays published, and the next run tells the source again. */
	clean(report->story, why);
	log_warn("transfer.not-deleted", F_U64("transfer", id), F_STR("route", t.route),
	    F_STR("path", t.path), F_STR("why", why));
	return ledger_trouble(g->ledger, id, why, now_us);
}

enum err
pipeline_resume(struct gateway *g, uint64_t id, int64_t now_us)
{
	struct transfer t;

	enum err e = ledger_get(g->ledger, id, &t);
	if (e != ERR_OK || t.retry_us > now_us)
		return e;
	if (t.state == TRANSFER_STAGED)
		return defer(g, deed_work, id);
	return t.state == TRANSFER_PROCESSED ? defer(g, deed_place, id) : ERR_OK;
}
