/*
 * check-file: hashes of a file, or of its blocks (draft-ietf-secsh-filexfer-extensions-00 section
 * 3), with which clients compare what they have without reading it.
 *
 * To be hashed isn't to be read by the client: see peek in sftp/fs.h. A file that is named, not
 * open, is opened for reading, with all that asks for, and then abandoned, not closed.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/bug.h"
#include "sftp/serve.h"
#include "sftp/status.h"

enum {
	BLOCK_MIN = 256, /* section 3: "MUST NOT be smaller than 256" */
	PIECE = 64 * 1024,
	PIECES_PER_SLICE = 64,
	/* Before the hashes of a reply: type, id, two short strings. */
	REPLY_HEAD_MAX = 64
};

struct algorithm {
	const char *name;
	const EVP_MD *(*md)(void);
};

static const struct algorithm ALGORITHMS[] = {
    {"sha256", EVP_sha256},
    {"sha1", EVP_sha1},
    {"md5", EVP_md5},
};

struct check_job {
	struct serve_job job;
	void *file;
	bool is_ours; /* opened for this alone */
	EVP_MD_CTX *hash;
	const EVP_MD *md;
	uint64_t offset, left;
	uint64_t block_size; /* 0: one hash over everything */
	uint64_t block_left; /* of the block that is being hashed */
	struct buf reply;
	uint8_t piece[PIECE];
};

/* The first of the client's list that we have, or NULL. */
static const struct algorithm *
algorithm_choose(struct slice wanted)
{
	struct slice name;

	while (wanted.len > 0) {
		wanted = slice_cut(wanted, ',', &name);
		for (size_t i = 0; i < ARRAY_LEN(ALGORITHMS); i++) {
			if (slice_is(name, ALGORITHMS[i].name))
				return &ALGORITHMS[i];
		}
	}
	return NULL;
}

static bool
hash_begin(struct check_job *c)
{
	c->block_left = c->block_size == 0 ? UINT64_MAX : c->block_size;
	return EVP_DigestInit_ex(c->hash, c->md, NULL) == 1;
}

static enum err
hash_end(struct check_job *c)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(c->hash, digest, &len) != 1)
		return ERR_NOMEM;
	return buf_put(&c->reply, digest, len);
}

/* Bytes of the file, which may end a block and begin others. */
static enum err
hash_bytes(struct check_job *c, struct slice bytes)
{
	while (bytes.len > 0) {
		size_t n = bytes.len < c->block_left ? bytes.len : (size_t)c->block_left;
		if (EVP_DigestUpdate(c->hash, bytes.ptr, n) != 1)
			return ERR_NOMEM;
		bytes = slice_of(bytes.ptr + n, bytes.len - n);
		c->block_left -= n;
		if (c->block_left > 0)
			continue;
		enum err e = hash_end(c);
		if (e != ERR_OK)
			return e;
		if (!hash_begin(c))
			return ERR_NOMEM;
	}
	return ERR_OK;
}

/* Everything was hashed: the last block may be a short one, and is none when it is empty. */
static struct sftp_result
check_answer(struct sftp_server *s, struct check_job *c)
{
	bool in_block = c->block_size == 0 || c->block_left < c->block_size;
	enum err e = in_block ? hash_end(c) : ERR_OK;

	return e == ERR_OK ? serve_extended(s, c->job.id, &c->reply) : sftp_result_of(e);
}

static struct sftp_result
check_slice(struct sftp_server *s, struct serve_job *job)
{
	struct check_job *c = (struct check_job *)job;

	for (unsigned i = 0; i < PIECES_PER_SLICE && c->left > 0; i++) {
		size_t want = c->left < PIECE ? (size_t)c->left : PIECE, got = 0;
		struct sftp_result result = s->ops->peek(c->file, c->offset, c->piece, want, &got);
		if (result.status != SSH_FX_OK && result.status != SSH_FX_EOF)
			return result;
		BUG_ON(got > want);
		/* It has become shorter: it ends here. */
		if (result.status == SSH_FX_EOF || got == 0) {
			c->left = 0;
			break;
		}
		enum err e = hash_bytes(c, slice_of(c->piece, got));
		if (e != ERR_OK)
			return sftp_result_of(e);
		c->offset += got;
		c->left -= got;
	}
	return c->left > 0 ? serve_status(SFTP_PENDING, NULL) : check_answer(s, c);
}

static void
check_free(struct sftp_server *s, struct serve_job *job)
{
	struct check_job *c = (struct check_job *)job;

	if (c->is_ours)
		s->ops->abandon(c->file);
	EVP_MD_CTX_free(c->hash);
	buf_fini(&c->reply);
	free(c);
}

static const struct serve_job_class CHECK = {.slice = check_slice, .free = check_free};

/* How much is to be hashed: what was asked for, as far as the file goes. */
static struct sftp_result
check_range(struct sftp_server *s, struct check_job *c, const struct sftp_request *r)
{
	struct sftp_attrs attrs = {0};

	struct sftp_result result = s->ops->fstat(c->file, &attrs);
	if (result.status != SSH_FX_OK)
		return result;
	if (r->offset > attrs.size)
		return serve_status(SSH_FX_EOF, "the file ends before that offset");
	c->offset = r->offset;
	c->left = attrs.size - r->offset;
	if (r->range_length != 0 && r->range_length < c->left)
		c->left = r->range_length;
	size_t digest_len = (size_t)EVP_MD_get_size(c->md);
	if (c->block_size != 0 &&
	    c->left / c->block_size >= (SFTP_PACKET_MAX - REPLY_HEAD_MAX) / digest_len)
		return serve_status(SSH_FX_FAILURE, "too many blocks for one answer: ask for "
						    "larger ones, or for a part of the file");
	return serve_status(SSH_FX_OK, NULL);
}

/* What stands before the hashes. */
static enum err
reply_begin(struct check_job *c, const struct sftp_request *r, const char *algorithm)
{
	enum err e = ERR_OK;

	buf_init(&c->reply, SFTP_PACKET_MAX);
	if (r->kind == SFTP_REQ_CHECK_FILE)
		e = buf_put_string(&c->reply, slice_str(SFTP_EXT_CHECK_FILE));
	if (e == ERR_OK)
		e = buf_put_string(&c->reply, slice_str(algorithm));
	return e;
}

/* Makes the job ready to start; it is freed by the caller when that fails. */
static struct sftp_result
check_prepare(struct sftp_server *s, struct check_job *c, const struct sftp_request *r)
{
	const struct algorithm *algorithm = algorithm_choose(r->algorithms);

	if (algorithm == NULL)
		return serve_status(SSH_FX_FAILURE, "no hash that is served: sha256, sha1, md5");
	if (r->block_size != 0 && r->block_size < BLOCK_MIN)
		return serve_status(SSH_FX_FAILURE, "blocks have at least 256 bytes");
	c->md = algorithm->md();
	c->block_size = r->block_size;
	struct sftp_result result = check_range(s, c, r);
	if (result.status != SSH_FX_OK)
		return result;
	c->hash = EVP_MD_CTX_new();
	if (c->hash == NULL)
		return sftp_result_of(ERR_NOMEM);
	/* Where policy forbids an algorithm, libcrypto refuses it here. */
	if (!hash_begin(c))
		return sftp_result_of(ERR_UNSUPPORTED);
	return sftp_result_of(reply_begin(c, r, algorithm->name));
}

static struct check_job *
check_new(void *file, bool is_ours)
{
	struct check_job *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->job.class = &CHECK;
	c->file = file;
	c->is_ours = is_ours;
	return c;
}

/* A slot is of a handle, or NULL. */
static struct sftp_result
check_start(struct sftp_server *s, struct check_job *c, struct sftp_slot *slot,
    const struct sftp_request *r)
{
	struct sftp_result result = check_prepare(s, c, r);

	if (result.status != SSH_FX_OK) {
		check_free(s, &c->job);
		return result;
	}
	if (slot != NULL)
		serve_job_take(s, &c->job, slot);
	return serve_job_start(s, &c->job, r->id);
}

struct sftp_result
serve_check_handle(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);

	if (slot == NULL)
		return serve_no_handle();
	struct check_job *c = check_new(slot->object, false);
	return c == NULL ? sftp_result_of(ERR_NOMEM) : check_start(s, c, slot, r);
}

struct sftp_result
serve_check_name(struct sftp_server *s, const struct sftp_request *r)
{
	void *file = NULL;

	struct sftp_result result =
	    s->ops->open(s->fs, r->path, SSH_FXF_READ, &(struct sftp_attrs){0}, &file);
	if (result.status != SSH_FX_OK)
		return result;
	struct check_job *c = check_new(file, true);
	if (c == NULL) {
		s->ops->abandon(file);
		return sftp_result_of(ERR_NOMEM);
	}
	return check_start(s, c, NULL, r);
}
