/* Questions that take more than one request, and those about contents. */
#include <inttypes.h>
#include <stdlib.h>

#include "client/ask_internal.h"
#include "client/list.h"
#include "sftp/proto.h"
#include "sftp/server.h"

/* Of one copy-data: an answer is due within the time that a server has for one. */
#define COPY_RANGE (UINT64_C(256) << 20)

enum { ALGORITHM_MAX = 64, HASH_MAX = 64 };

struct handle {
	uint8_t bytes[SFTP_HANDLE_MAX];
	size_t len;
};

static struct slice
handle_slice(const struct handle *h)
{
	return slice_of(h->bytes, h->len);
}

static bool
take_handle(struct ask *k, const struct sftp_reply *reply)
{
	struct handle *h = k->ret;

	if (reply->handle.len == 0 || reply->handle.len > sizeof h->bytes)
		return false;
	memcpy(h->bytes, reply->handle.ptr, reply->handle.len);
	h->len = reply->handle.len;
	return true;
}

static bool
ask_open(struct remote *r, struct slice path, uint32_t pflags, const struct sftp_attrs *attrs,
    struct handle *ret_handle, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "opening", path, a);

	if (k == NULL)
		return false;
	k->take = take_handle;
	k->ret = ret_handle;
	return ask_end(k, sftp_client_open(r->sftp, path, pflags, attrs, ask_on_answer, k));
}

static bool
ask_close(
    struct remote *r, struct slice path, const struct handle *h, struct ask_answer *ret_answer)
{
	struct ask *k = ask_new(r, "closing", path, ret_answer);

	if (k == NULL)
		return false;
	return ask_end(k, sftp_client_close(r->sftp, handle_slice(h), ask_on_answer, k));
}

static bool
copy_range(struct remote *r, struct slice path, const struct handle *from, const struct handle *to,
    struct sftp_range range, struct ask_answer *a)
{
	struct ask *k = ask_new(r, "copying", path, a);

	if (k == NULL)
		return false;
	return ask_end(k, sftp_client_copy_data(r->sftp, handle_slice(from), range,
			      handle_slice(to), range.offset, ask_on_answer, k));
}

/* In ranges as far as the size is known, then whatever is left. */
static bool
copy_handles(struct remote *r, struct slice path, const struct handle *from,
    const struct handle *to, const struct sftp_attrs *attrs, struct ask_answer *a)
{
	uint64_t size = attrs->flags & SSH_FILEXFER_ATTR_SIZE ? attrs->size : 0;
	struct sftp_range range = {.offset = 0, .len = COPY_RANGE};

	for (; size > COPY_RANGE && range.offset < size - COPY_RANGE; range.offset += range.len) {
		if (!copy_range(r, path, from, to, range, a))
			return false;
	}
	range.len = 0;
	return copy_range(r, path, from, to, range, a);
}

bool
ask_copy(struct remote *r, struct slice from, struct slice to, struct ask_answer *a)
{
	const uint32_t pflags = SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_TRUNC;
	struct sftp_attrs attrs, mode;
	struct handle source, target;
	struct ask_answer closed;

	if (!ask_stat(r, from, &attrs, a) || !ask_open(r, from, SSH_FXF_READ, NULL, &source, a))
		return false;
	mode = (struct sftp_attrs){.flags = attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS,
	    .permissions = attrs.permissions & 0777};
	bool done = ask_open(r, to, pflags, &mode, &target, a);
	if (done) {
		done = copy_handles(r, from, &source, &target, &attrs, a);
		/* The end of a copy that went well is only told by its CLOSE. */
		done = ask_close(r, to, &target, done ? a : &closed) && done;
	}
	(void)ask_close(r, from, &source, &closed);
	return done;
}

/* Where the hash goes, and by which algorithm it must be. */
struct wanted_hash {
	const char *algorithm;
	struct buf *ret_hash;
};

/* draft-ietf-secsh-filexfer-extensions-00 section 3; some servers put the extension's name first.
 */
static bool
take_hash(struct ask *k, const struct sftp_reply *reply)
{
	const struct wanted_hash *wanted = k->ret;
	struct rd r = rd_of(reply->extended);
	struct slice algorithm = rd_string(&r, ALGORITHM_MAX);

	if (slice_is(algorithm, SFTP_EXT_CHECK_FILE))
		algorithm = rd_string(&r, ALGORITHM_MAX);
	struct slice hash = rd_rest(&r);
	if (r.failed || !slice_is(algorithm, wanted->algorithm) || hash.len == 0 ||
	    hash.len > HASH_MAX)
		return false;
	return buf_put(wanted->ret_hash, hash.ptr, hash.len) == ERR_OK;
}

bool
ask_check_file(struct remote *r, struct slice path, const char *algorithm, uint64_t offset,
    uint64_t length, struct buf *ret_hash, struct ask_answer *a)
{
	struct wanted_hash wanted = {.algorithm = algorithm, .ret_hash = ret_hash};
	struct sftp_range range = {.offset = offset, .len = length};
	struct ask *k = ask_new(r, "hashing", path, a);

	if (k == NULL)
		return false;
	k->take = take_hash;
	k->ret = &wanted;
	return ask_end(k, sftp_client_check_file_name(
			      r->sftp, path, slice_str(algorithm), range, ask_on_answer, k));
}

/* A listing that is waited for; on the heap, as who waits may be interrupted. */
struct waited_list {
	struct sftp_client_job job; /* the client's list of who lives on it */
	bool (*entry)(void *ctx, const struct sftp_name *name);
	void *ctx;
	bool ended, left;
	struct ask_answer answer;
};

static void
waited_drop(struct sftp_client_job *job)
{
	free(job);
}

static void
waited_free(struct waited_list *w)
{
	LIST_REMOVE(&w->job, entry);
	free(w);
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct waited_list *w = ctx;

	return !w->left && w->entry(w->ctx, name);
}

static void
on_listed(void *ctx, const struct ask_answer *answer)
{
	struct waited_list *w = ctx;

	if (w->left) {
		waited_free(w);
		return;
	}
	w->answer = *answer;
	w->ended = true;
}

bool
ask_list(struct remote *r, struct slice path,
    bool (*entry)(void *ctx, const struct sftp_name *name), void *ctx, struct ask_answer *a)
{
	struct waited_list *w = calloc(1, sizeof *w);
	struct list *list;

	*a = (struct ask_answer){.error = ERR_OK};
	if (w == NULL) {
		refusal_own(a, "listing", path, ERR_NOMEM, err_text(ERR_NOMEM));
		return false;
	}
	w->entry = entry;
	w->ctx = ctx;
	w->job.drop = waited_drop;
	sftp_client_attach(r->sftp, &w->job);
	const struct list_config config = {
	    .path = path, .entry = on_entry, .done = on_listed, .ctx = w};
	enum err e = list_start(&list, r, &config);
	bool started = e == ERR_OK;
	if (started)
		e = ask_wait(r, &w->ended);
	if (e != ERR_OK)
		ask_tell_wait(r, e, "listing", path, a);
	else
		*a = w->answer;
	if (started && !w->ended)
		w->left = true;
	else
		waited_free(w);
	return a->error == ERR_OK;
}
