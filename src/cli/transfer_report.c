#include "cli/transfer_report.h"

#include <inttypes.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/out.h"

enum { SUMMARY_MAX = 256, COUNT_MAX = 64 };

void
transfer_report_init(struct transfer_report *r, struct remote_session *session)
{
	*r = (struct transfer_report){.session = session,
	    .started_us = time_mono_us(),
	    .go_on = "the same command with --resume goes on"};
}

static enum transport_outcome
connect_again(void *ctx, struct transport **ret_t, struct story *story)
{
	const struct transfer_report *r = ctx;

	return session_connect(r->session, ret_t, story);
}

struct job_events
transfer_report_events(struct transfer_report *r)
{
	return (struct job_events){.started = transfer_report_started,
	    .ended = transfer_report_ended,
	    .notice = transfer_report_notice,
	    .tick = transfer_report_tick,
	    .connect = connect_again,
	    .ctx = r};
}

static bool
is_verbose(const struct transfer_report *r)
{
	return r->session->cli->options.verbose > 0;
}

static bool
is_quiet(const struct transfer_report *r)
{
	return option_given(&r->session->cli->options, OPTION_QUIET);
}

static const char *
outcome_word(enum job_outcome outcome)
{
	static const char *const WORDS[] = {
	    [JOB_DONE] = "done",
	    [JOB_SKIPPED] = "skipped",
	    [JOB_FAILED] = "failed",
	    [JOB_INTERRUPTED] = "interrupted",
	};

	BUG_ON((unsigned)outcome >= ARRAY_LEN(WORDS));
	return WORDS[outcome];
}

static json_t *
new_event(const char *name)
{
	json_t *o = json_new_object();

	json_put(o, "event", json_new_text(slice_str(name)));
	return o;
}

/* Each line at once: who reads it waits for it. */
static void
print_event(const struct transfer_report *r, json_t *o)
{
	json_print_line(o, r->session->cli->out);
	(void)fflush(r->session->cli->out);
}

static void
put_item(json_t *o, const struct job_item *item)
{
	bool get = item->direction == JOB_GET;

	json_put(o, "direction", json_new_text(slice_str(get ? "get" : "put")));
	json_put(o, "remote", json_new_text(slice_str(item->remote)));
	json_put(o, "local", json_new_text(slice_str(item->local)));
}

void
transfer_report_started(void *ctx, const struct job_item *item)
{
	struct transfer_report *r = ctx;

	if (!r->session->cli->json)
		return;
	json_t *o = new_event("started");
	put_item(o, item);
	print_event(r, o);
}

/*
 * A failure names what it is about, and so does whatever a fetch says; of an upload that came to
 * its end only the item tells which file a warning is about.
 */
static void
story_of(const struct job_result *result, struct story *ret_story)
{
	const char *text = result->story == NULL ? "" : result->story;
	const struct job_item *item = result->item;
	bool is_named = result->outcome == JOB_FAILED || result->is_directory ||
			(item->direction == JOB_GET && result->outcome != JOB_INTERRUPTED);
	char name[256];

	if (is_named || text[0] == '\0')
		story_set(ret_story, "%s", text);
	else
		story_set(ret_story, "%s: %s",
		    text_escape(slice_str(item->remote), name, sizeof name), text);
}

static void
print_ended(const struct transfer_report *r, const struct job_result *result)
{
	json_t *o = new_event("ended");
	struct story story;

	put_item(o, result->item);
	json_put(o, "outcome", json_new_text(slice_str(outcome_word(result->outcome))));
	json_put(o, "directory", json_new_bool(result->is_directory));
	json_put(o, "bytes", json_new_u64(result->bytes));
	json_put(o, "resumed", json_new_u64(result->resumed));
	json_put(o, "us", json_new_u64(result->us < 0 ? 0 : (uint64_t)result->us));
	json_put(o, "sha256",
	    result->hash == NULL ? json_null() : json_new_text(slice_str(result->hash)));
	json_put(o, "error",
	    result->error == ERR_OK ? json_null()
				    : json_new_text(slice_str(err_name(result->error))));
	story_of(result, &story);
	json_put(o, "story", json_new_story(slice_str(story.text)));
	print_event(r, o);
}

/* "/out/a.csv -> a.csv (1.2 MiB)". */
static void
say_done(const struct transfer_report *r, const struct job_result *result)
{
	const struct job_item *item = result->item;
	bool get = item->direction == JOB_GET;
	char *from _cleanup_(out_freep) = out_safe(slice_str(get ? item->remote : item->local));
	char *to _cleanup_(out_freep) = out_safe(slice_str(get ? item->local : item->remote));
	char size[16];

	progress_say(r->session->progress, r->session->cli->out, "%s -> %s%s%s%s", from, to,
	    result->is_directory ? "" : " (",
	    result->is_directory ? "" : text_size(result->bytes + result->resumed, size),
	    result->is_directory ? "" : ")");
}

static void
say_story(const struct transfer_report *r, const char *story)
{
	char *safe _cleanup_(out_freep) = out_safe_story(slice_str(story));

	if (safe[0] != '\0')
		progress_say(r->session->progress, r->session->cli->err, "dray: %s", safe);
}

static void
say_ended(const struct transfer_report *r, const struct job_result *result)
{
	/* What was stopped half-way is told once, at the end. */
	bool wanted = result->outcome == JOB_FAILED || result->outcome == JOB_DONE || is_verbose(r);
	struct story story;

	if (result->outcome == JOB_DONE && is_verbose(r))
		say_done(r, result);
	story_of(result, &story);
	if (wanted)
		say_story(r, story.text);
}

static void
count_ended(struct transfer_report *r, const struct job_result *result)
{
	r->bytes += result->bytes;
	if (result->outcome == JOB_FAILED)
		tally_fail(&r->files, result->error);
	else if (!result->is_directory && result->outcome == JOB_DONE)
		r->files.n_done++;
	else if (!result->is_directory && result->outcome == JOB_SKIPPED)
		r->n_skipped++;
	else if (!result->is_directory)
		r->n_unfinished++;
}

void
transfer_report_ended(void *ctx, const struct job_result *result)
{
	struct transfer_report *r = ctx;

	count_ended(r, result);
	if (r->session->cli->json)
		print_ended(r, result);
	else
		say_ended(r, result);
}

void
transfer_report_notice(void *ctx, const char *text)
{
	struct transfer_report *r = ctx;

	if (!r->session->cli->json) {
		if (!is_quiet(r))
			say_story(r, text);
		return;
	}
	json_t *o = new_event("notice");
	json_put(o, "text", json_new_story(slice_str(text)));
	print_event(r, o);
}

void
transfer_report_tick(void *ctx, const struct job_tally *tally)
{
	struct transfer_report *r = ctx;
	const struct progress_state state = {.name = slice_str(tally->current),
	    .file_bytes = tally->current_bytes,
	    .file_total = tally->current_size,
	    .files = tally->files_done + tally->files_skipped + tally->files_failed,
	    .files_total = tally->files_known,
	    .bytes = tally->bytes_done,
	    .bytes_total = tally->bytes_known,
	    .totals_grow = tally->walking};

	if (r->session->progress != NULL)
		progress_update(r->session->progress, &state, time_mono_us());
}

static const struct {
	const char *word; /* for people; NULL: not told without -v -v */
	const char *name; /* for programs */
} ACTIONS[] = {
    [SYNC_NEW] = {"new", "new"},
    [SYNC_CHANGED] = {"changed", "changed"},
    [SYNC_REMOVED] = {"removed", "removed"},
    [SYNC_MADE_DIR] = {"directory", "directory"},
    [SYNC_EQUAL] = {NULL, "equal"},
    [SYNC_KEPT] = {"kept", "kept"},
};

/* "changed   sub/a.csv  (size 10, was 12)". */
static void
say_decided(
    const struct transfer_report *r, enum sync_action action, struct slice path, const char *why)
{
	char *safe _cleanup_(out_freep) = out_safe(path);
	char *reason _cleanup_(out_freep) = out_safe_story(slice_str(why));
	const char *word = ACTIONS[action].word;

	progress_say(r->session->progress, r->session->cli->out, "%-9s %s%s%s%s",
	    word == NULL ? "equal" : word, safe, reason[0] == '\0' ? "" : "  (", reason,
	    reason[0] == '\0' ? "" : ")");
}

void
transfer_report_decided(void *ctx, enum sync_action action, struct slice path, const char *why)
{
	struct transfer_report *r = ctx;
	const struct options *o = &r->session->cli->options;
	unsigned verbose = ACTIONS[action].word == NULL ? 2 : 1;

	BUG_ON((unsigned)action >= ARRAY_LEN(ACTIONS));
	r->n_removed += action == SYNC_REMOVED ? 1 : 0;
	if (r->session->cli->json) {
		json_t *e = new_event("decided");
		json_put(e, "action", json_new_text(slice_str(ACTIONS[action].name)));
		json_put(e, "path", json_new_text(path));
		json_put(e, "why", json_new_story(slice_str(why)));
		print_event(r, e);
	} else if (o->verbose >= verbose ||
		   (option_given(o, OPTION_DRY_RUN) && ACTIONS[action].word != NULL)) {
		say_decided(r, action, path, why);
	}
}

void
transfer_report_refused(struct transfer_report *r, const char *path, const struct ask_answer *a)
{
	tally_answer(&r->files, a);
	if (!r->session->cli->json) {
		say_story(r, a->story.text);
		return;
	}
	json_t *o = new_event("refused");
	json_put(o, "path", json_new_text(slice_str(path)));
	json_put(o, "error", json_new_text(slice_str(err_name(a->error))));
	json_put(o, "story", json_new_story(slice_str(a->story.text)));
	print_event(r, o);
}

/*
 * A person's wish comes first; then why there is no connection; then the files. What could not be
 * begun at all has no file to blame: it failed.
 */
static enum cli_exit
exit_of(const struct transfer_report *r, const struct report_end *end)
{
	if (end->interrupted && end->outcome != JOB_DONE)
		return CLI_INTERRUPTED;
	if (end->outcome == JOB_INTERRUPTED)
		return end->connect == TRANSPORT_LOGGED_IN ? CLI_UNREACHABLE
							   : exit_from_outcome(end->connect);
	struct tally files = r->files;
	files.n_done += r->n_skipped;
	enum cli_exit code = tally_exit(&files);
	return code == CLI_OK && end->outcome == JOB_FAILED ? CLI_FAILED : code;
}

static const char *
count_text(uint64_t n, const char *what, char dst[COUNT_MAX])
{
	dst[0] = '\0';
	if (n > 0)
		(void)snprintf(dst, COUNT_MAX, ", %" PRIu64 " %s", n, what);
	return dst;
}

/* "12 files, 3.4 GiB in 21s (160.0 MiB/s), 1 failed". */
static void
summary_text(const struct transfer_report *r, int64_t us, char dst[SUMMARY_MAX])
{
	char size[16], span[24], rate[32], failed[COUNT_MAX], skipped[COUNT_MAX],
	    removed[COUNT_MAX], unfinished[COUNT_MAX];
	uint64_t n = r->files.n_done;

	(void)snprintf(dst, SUMMARY_MAX, "%" PRIu64 " file%s, %s in %s (%s)%s%s%s%s", n,
	    n == 1 ? "" : "s", text_size(r->bytes, size), text_duration(us, span),
	    progress_rate(r->bytes, us, rate), count_text(r->n_removed, "removed", removed),
	    count_text(r->n_skipped, "skipped", skipped),
	    count_text(r->n_unfinished, "not finished", unfinished),
	    count_text(r->files.n_failed, "failed", failed));
}

static void
print_summary(const struct transfer_report *r, enum cli_exit code, const char *story, int64_t us)
{
	json_t *o = new_event("summary");

	json_put(o, "files", json_new_u64(r->files.n_done));
	json_put(o, "failed", json_new_u64(r->files.n_failed));
	json_put(o, "skipped", json_new_u64(r->n_skipped));
	json_put(o, "unfinished", json_new_u64(r->n_unfinished));
	json_put(o, "removed", json_new_u64(r->n_removed));
	json_put(o, "bytes", json_new_u64(r->bytes));
	json_put(o, "us", json_new_u64(us < 0 ? 0 : (uint64_t)us));
	json_put(o, "exit", json_new_u64((uint64_t)code));
	json_put(o, "story", json_new_story(slice_str(story)));
	print_event(r, o);
}

/* What a person has to know beside the files' own complaints. */
static void
say_end(const struct transfer_report *r, const struct report_end *end, enum cli_exit code)
{
	bool can_resume = code == CLI_INTERRUPTED || end->outcome == JOB_INTERRUPTED;

	if (code == CLI_INTERRUPTED)
		say_story(r, "interrupted");
	else if (end->outcome == JOB_INTERRUPTED || tally_exit(&r->files) == CLI_OK)
		say_story(r, end->story);
	if (can_resume && (r->n_unfinished > 0 || r->files.n_done > 0))
		say_story(r, r->go_on);
}

enum cli_exit
transfer_report_finish(struct transfer_report *r, const struct report_end *end)
{
	enum cli_exit code = exit_of(r, end);
	int64_t us = time_mono_us() - r->started_us;
	char summary[SUMMARY_MAX];
	struct story story;
	struct report_end named = *end;

	if (end->outcome == JOB_INTERRUPTED && code != CLI_INTERRUPTED) {
		session_name_server(r->session, end->story, &story);
		named.story = story.text;
	}
	progress_free(r->session->progress);
	r->session->progress = NULL;
	if (r->session->cli->json) {
		print_summary(r, code, named.story, us);
		return code;
	}
	say_end(r, &named, code);
	summary_text(r, us, summary);
	if (!is_quiet(r))
		progress_say(r->session->progress, r->session->cli->err, "%s", summary);
	return code;
}
