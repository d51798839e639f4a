/* copy-data: draft-ietf-secsh-filexfer-extensions-00 section 7. */
#include <stdlib.h>

#include "base/bug.h"
#include "sftp/serve.h"
#include "sftp/status.h"

struct copy_job {
	struct serve_job job;
	void *from, *to;
	uint64_t from_offset, to_offset, left;
	bool to_end; /* a source that ends sooner than it did at first is no error */
};

static struct sftp_result
copy_slice(struct sftp_server *s, struct serve_job *job)
{
	struct copy_job *c = (struct copy_job *)job;
	uint64_t n = 0;

	if (c->left == 0)
		return serve_status(SSH_FX_OK, NULL);
	struct sftp_result result =
	    s->ops->copy(c->from, c->from_offset, c->to, c->to_offset, c->left, &n);
	if (result.status != SSH_FX_OK)
		return result;
	BUG_ON(n > c->left);
	if (n == 0)
		return c->to_end ? serve_status(SSH_FX_OK, NULL)
				 : serve_status(SSH_FX_EOF, "the file ends before that length");
	c->from_offset += n;
	c->to_offset += n;
	c->left -= n;
	return serve_status(c->left == 0 ? SSH_FX_OK : SFTP_PENDING, NULL);
}

static void
copy_free(struct sftp_server *s unused_arg, struct serve_job *job)
{
	free(job);
}

static const struct serve_job_class COPY = {.slice = copy_slice, .free = copy_free};

/*
 * Makes "to the end" a length. The end is where it is now: a copy onto the source's own end would
 * otherwise never come to it.
 */
static struct sftp_result
length_to_end(const struct sftp_server *s, void *file, uint64_t offset, uint64_t *ret_length)
{
	struct sftp_attrs attrs = {0};

	struct sftp_result result = s->ops->fstat(file, &attrs);
	if (result.status == SSH_FX_OK)
		*ret_length = attrs.size > offset ? attrs.size - offset : 0;
	return result;
}

static bool
ranges_overlap(uint64_t a, uint64_t b, uint64_t length)
{
	return a < b ? b - a < length : a - b < length;
}

/*
 * "If the handles refer to the same file and the ranges overlap, the server MUST fail": version 3
 * has no INVALID_PARAMETER for it.
 */
struct sftp_result
serve_copy_data(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *from = serve_file(s, r->handle), *to = serve_file(s, r->to_handle);
	uint64_t length = r->range_length;

	if (from == NULL || to == NULL)
		return serve_no_handle();
	if (length == 0) {
		struct sftp_result result = length_to_end(s, from->object, r->offset, &length);
		if (result.status != SSH_FX_OK)
			return result;
	}
	if (length > INT64_MAX || r->offset > INT64_MAX - length ||
	    r->to_offset > INT64_MAX - length)
		return serve_status(SSH_FX_FAILURE, "past the greatest size of a file");
	if (from == to && ranges_overlap(r->offset, r->to_offset, length))
		return serve_status(SSH_FX_FAILURE, "the two ranges overlap");
	struct copy_job *c = calloc(1, sizeof *c);
	if (c == NULL)
		return sftp_result_of(ERR_NOMEM);
	*c = (struct copy_job){
	    .job.class = &COPY,
	    .from = from->object,
	    .to = to->object,
	    .from_offset = r->offset,
	    .to_offset = r->to_offset,
	    .left = length,
	    .to_end = r->range_length == 0,
	};
	serve_job_take(s, &c->job, from);
	serve_job_take(s, &c->job, to);
	return serve_job_start(s, &c->job, r->id);
}
