#include "client/remote.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/remote_internal.h"
#include "sftp/proto.h"

enum {
	HANDLES_UNKNOWN = 64, /* that we use where the server says nothing of a limit */
	HANDLES_MAX = 512,
	REQUEST_MAX = 256 * 1024,
	WORDS_TEXT_MAX = 200,
	INPUTS_MAX = 8 /* pieces of input in one turn, so that output and others have theirs */
};

struct sftp_client *
remote_sftp(struct remote *r)
{
	return r->sftp;
}

int64_t
remote_round_trip_us(const struct remote *r)
{
	return r->round_trip_us;
}

const struct transport_facts *
remote_facts(const struct remote *r)
{
	return &r->facts;
}

size_t
remote_window(const struct remote *r)
{
	return transport_window(r->transport);
}

bool
remote_is_lost(const struct remote *r)
{
	return r->lost;
}

enum err
remote_lost_error(const struct remote *r)
{
	return r->lost_error;
}

const char *
remote_lost_story(const struct remote *r)
{
	return r->lost_story.text;
}

/* The first reason counts. */
static void
remote_lose(struct remote *r, enum err e, const char *why)
{
	if (r->lost)
		return;
	r->lost = true;
	r->lost_error = e;
	story_set(&r->lost_story, "%s", why);
}

static void
remote_take_closed(struct remote *r, const struct transport_event *event)
{
	enum err e = event->error == ERR_OK ? ERR_CLOSED : event->error;

	remote_lose(
	    r, e, event->story[0] == '\0' ? "the server closed the connection" : event->story);
}

static uint32_t
handles_limit(uint32_t limit)
{
	if (limit == 0)
		return HANDLES_UNKNOWN;
	/* Half is left for who shares the session, and for handles whose CLOSE is under way. */
	limit = limit / 2 > 0 ? limit / 2 : 1;
	return limit < HANDLES_MAX ? limit : (uint32_t)HANDLES_MAX;
}

static uint32_t
request_limit(uint32_t limit)
{
	return limit < REQUEST_MAX ? limit : (uint32_t)REQUEST_MAX;
}

/* The server's own numbers come while the first requests are under way: they are looked up each
 * time.
 */
static void
learn_limits(struct remote *r)
{
	const struct sftp_client_limits *limits = sftp_client_limits(r->sftp);

	r->habits.max_handles = handles_limit(limits->max_handles);
	r->habits.read_len = request_limit(limits->max_read);
	r->habits.write_len = request_limit(limits->max_write);
}

const struct remote_habits *
remote_habits(struct remote *r)
{
	learn_limits(r);
	return &r->habits;
}

static void
remote_feed(struct remote *r)
{
	struct slice bytes = transport_peek(r->transport);

	if (bytes.len == 0)
		return;
	r->heard_us = time_mono_us();
	enum err e = sftp_client_feed(r->sftp, bytes.ptr, bytes.len);
	transport_consume(r->transport, bytes.len);
	if (e == ERR_FORMAT)
		remote_lose(r, e, "the server breaks the SFTP protocol");
	else if (e != ERR_OK)
		remote_lose(r, e, err_text(e));
}

/* Takes what is there. True when it was anything. */
static bool
remote_receive(struct remote *r)
{
	struct transport_event event;

	for (int i = 0; i < INPUTS_MAX && !r->lost; i++) {
		transport_next_event(r->transport, &event);
		switch (event.type) {
		case TRANSPORT_READABLE:
			remote_feed(r);
			break;
		case TRANSPORT_PEER_EOF:
			remote_lose(r, ERR_CLOSED, "the server ended the session");
			break;
		case TRANSPORT_CLOSED:
			remote_take_closed(r, &event);
			break;
		case TRANSPORT_NOTHING:
		case TRANSPORT_OPENED:
		case TRANSPORT_AUTH:
			return i > 0;
		}
	}
	return true;
}

/* Gives the line what waits for it. True when it took anything. */
static bool
remote_send(struct remote *r)
{
	struct buf *output = sftp_client_output(r->sftp);
	struct slice bytes = buf_slice(output);
	size_t taken = 0;

	if (r->lost || bytes.len == 0)
		return false;
	enum err e = transport_write(r->transport, bytes.ptr, bytes.len, &taken);
	buf_consume(output, taken);
	if (e != ERR_OK && e != ERR_CLOSED)
		remote_lose(r, e, err_text(e));
	/* Closed: why is the next event, and what came before it is to be read. */
	return taken > 0;
}

bool
remote_turn(struct remote *r)
{
	bool idle = sftp_client_n_pending(r->sftp) == 0;

	if (r->lost)
		return false;
	bool moved = remote_send(r);

	moved = remote_receive(r) || moved;
	moved = remote_send(r) || moved;
	/* Nothing was due until now: the time for an answer begins. */
	if (idle)
		r->heard_us = time_mono_us();
	return moved;
}

static bool
remote_owes(const struct remote *r)
{
	return r->timeout_us > 0 && (!r->ready || sftp_client_n_pending(r->sftp) > 0);
}

static void
remote_check_time(struct remote *r)
{
	char span[24], why[96];

	if (r->lost || !remote_owes(r) || time_mono_us() - r->heard_us < r->timeout_us)
		return;
	(void)snprintf(why, sizeof why, "the server has not answered for %s",
	    text_duration(r->timeout_us, span));
	remote_lose(r, ERR_TIMEOUT, why);
}

/* The earlier of both spans from now; -1 is for ever. */
static int64_t
sooner(int64_t a_us, int64_t b_us)
{
	if (a_us < 0 || b_us < 0)
		return a_us < 0 ? b_us : a_us;
	return a_us < b_us ? a_us : b_us;
}

static int64_t
remote_due_in(const struct remote *r)
{
	if (!remote_owes(r))
		return -1;
	int64_t left_us = r->heard_us + r->timeout_us - time_mono_us();
	return left_us < 0 ? 0 : left_us;
}

static enum err
wait_extra(int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	struct pollfd fd = {.fd = extra_fd, .events = POLLIN};
	struct timespec span = {
	    .tv_sec = timeout_us / US_PER_SEC, .tv_nsec = (timeout_us % US_PER_SEC) * 1000};

	int n = ppoll(&fd, extra_fd >= 0 ? 1 : 0, timeout_us < 0 ? NULL : &span, NULL);
	*ret_extra = n > 0;
	return ERR_OK;
}

enum err
remote_wait(
    struct remote *const *remotes, size_t n, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	struct transport *ts[TRANSPORT_WAIT_MAX];
	size_t n_ts = 0;

	*ret_extra = false;
	for (size_t i = 0; i < n && n_ts < TRANSPORT_WAIT_MAX; i++) {
		if (remotes[i]->lost)
			continue;
		timeout_us = sooner(timeout_us, remote_due_in(remotes[i]));
		ts[n_ts++] = remotes[i]->transport;
	}
	enum err e = n_ts == 0 ? wait_extra(extra_fd, timeout_us, ret_extra)
			       : transport_wait_many(ts, n_ts, extra_fd, timeout_us, ret_extra);
	/* What came meanwhile is an answer in time: it is looked at first. */
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		(void)remote_turn(remotes[i]);
		remote_check_time(remotes[i]);
	}
	return e;
}

/* Is it software whose name begins so? */
static bool
version_is(const struct remote *r, const char *name)
{
	struct slice version = slice_str(r->facts.peer_version), head = slice_str("SSH-2.0-");

	if (!slice_starts_with(version, head))
		return false;
	version = slice_of(version.ptr + head.len, version.len - head.len);
	return slice_starts_with(version, slice_str(name));
}

/*
 * A server that we started ourselves has no name; OpenSSH's and ours, which it then is, both have
 * limits@openssh.com.
 */
static bool
acts_in_order(const struct remote *r)
{
	if (r->facts.peer_version[0] == '\0')
		return r->habits.limits;
	return version_is(r, "OpenSSH_") || version_is(r, "Dray");
}

static void
learn_habits(struct remote *r)
{
	static const struct {
		const char *extension;
		size_t offset;
	} EXTENSIONS[] = {
	    {SFTP_EXT_POSIX_RENAME, offsetof(struct remote_habits, posix_rename)},
	    {SFTP_EXT_FSYNC, offsetof(struct remote_habits, fsync)},
	    {SFTP_EXT_LIMITS, offsetof(struct remote_habits, limits)},
	    {SFTP_EXT_CHECK_FILE, offsetof(struct remote_habits, check_file)},
	    {SFTP_EXT_COPY_DATA, offsetof(struct remote_habits, copy_data)},
	    {SFTP_EXT_HARDLINK, offsetof(struct remote_habits, hardlink)},
	    {SFTP_EXT_LSETSTAT, offsetof(struct remote_habits, lsetstat)},
	    {SFTP_EXT_STATVFS, offsetof(struct remote_habits, statvfs)},
	    {SFTP_EXT_EXPAND_PATH, offsetof(struct remote_habits, expand_path)},
	};

	for (size_t i = 0; i < ARRAY_LEN(EXTENSIONS); i++)
		*(bool *)((uint8_t *)&r->habits + EXTENSIONS[i].offset) =
		    sftp_client_has_extension(r->sftp, EXTENSIONS[i].extension);
	r->habits.in_order = acts_in_order(r);
	r->habits.private_uploads = version_is(r, "Dray");
}

static void
on_ready(void *ctx, const struct sftp_reply *reply)
{
	struct remote *r = ctx;
	char words[WORDS_TEXT_MAX];

	r->ready = true;
	if (reply->status == SSH_FX_OK)
		return;
	r->unusable = true;
	remote_lose(r, ERR_UNSUPPORTED, text_escape(reply->message, words, sizeof words));
}

/* Until the server is ready. The line's own round trip where it was measured, else this one's. */
static enum err
remote_greet(struct remote *r, struct story *story)
{
	enum err e = sftp_client_start(r->sftp, on_ready, r);
	int64_t begun_us = time_mono_us();
	bool extra;

	r->heard_us = begun_us;
	(void)remote_turn(r);
	while (e == ERR_OK && !r->ready && !r->lost)
		e = remote_wait(&(struct remote *){r}, 1, -1, -1, &extra);
	if (e != ERR_OK)
		return story_fail(story, e, "starting SFTP: %s", err_text(e));
	if (r->lost)
		return story_fail(story, r->lost_error, "starting SFTP: %s", r->lost_story.text);
	r->round_trip_us = transport_round_trip_us(r->transport);
	if (r->round_trip_us <= 0)
		r->round_trip_us = time_mono_us() - begun_us;
	learn_habits(r);
	return ERR_OK;
}

enum err
remote_new(
    struct remote **ret_r, struct transport *transport, int64_t timeout_us, struct story *story)
{
	struct remote *r = calloc(1, sizeof *r);

	if (r == NULL) {
		transport_free(transport);
		return story_fail(story, ERR_NOMEM, "starting SFTP: %s", err_text(ERR_NOMEM));
	}
	r->transport = transport;
	r->timeout_us = timeout_us;
	r->interrupt_fd = -1;
	transport_facts(transport, &r->facts);
	enum err e = sftp_client_new(&r->sftp);
	if (e != ERR_OK) {
		transport_free(transport);
		free(r);
		return story_fail(story, e, "starting SFTP: %s", err_text(e));
	}
	e = remote_greet(r, story);
	if (e != ERR_OK) {
		remote_free(r);
		return e;
	}
	*ret_r = r;
	return ERR_OK;
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	/* Everything that matters was answered: nobody waits for the server's own goodbye. */
	if (!r->lost)
		transport_close(r->transport, 0);
	transport_free(r->transport);
	sftp_client_free(r->sftp);
	free(r);
}
