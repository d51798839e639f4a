/* Proof by check-file (draft-ietf-secsh-filexfer-extensions-00 section 3): a few ranges ahead. */
#include "client/proof_internal.h"

static struct proof_range *
range_at(struct proof *p, uint32_t i)
{
	return &p->ranges[(p->first + i) % PROOF_RANGES];
}

/* The hash out of a reply, whose name servers put in front or not. */
static bool
hash_get(struct slice body, uint8_t ret_hash[PROOF_HASH_LEN])
{
	struct rd r = rd_of(body);
	struct slice algorithm = rd_string(&r, 64);

	if (slice_is(algorithm, SFTP_EXT_CHECK_FILE))
		algorithm = rd_string(&r, 64);
	struct slice hash = rd_bytes(&r, PROOF_HASH_LEN);
	if (rd_done(&r) != ERR_OK || !slice_is(algorithm, "sha256"))
		return false;
	memcpy(ret_hash, hash.ptr, PROOF_HASH_LEN);
	return true;
}

/* The hash of a range of the local file; feeds the one over everything, too. */
static bool
hash_local(struct proof *p, const struct proof_range *range, uint8_t ret_hash[PROOF_HASH_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (uint32_t done = 0; ok && done < range->len;) {
		uint32_t n =
		    range->len - done < PROOF_BLOCK ? range->len - done : (uint32_t)PROOF_BLOCK;
		if (!proof_read_local(p, range->offset + done, n)) {
			EVP_MD_CTX_free(md);
			return false;
		}
		ok = EVP_DigestUpdate(md, p->local, n) == 1 &&
		     EVP_DigestUpdate(p->all, p->local, n) == 1;
		done += n;
	}
	ok = ok && EVP_DigestFinal_ex(md, ret_hash, &len) == 1;
	EVP_MD_CTX_free(md);
	if (!ok)
		proof_fail(p, PROOF_LOCAL, ERR_NOMEM, "hashing failed");
	return ok;
}

static void on_hash(void *ctx, const struct sftp_reply *reply);

static enum err
range_ask(struct proof *p)
{
	struct proof_range *range = range_at(p, p->n_ranges);
	uint64_t left = p->what.len - p->next;

	*range = (struct proof_range){.proof = p,
	    .offset = p->next,
	    .len = left < PROOF_RANGE ? (uint32_t)left : (uint32_t)PROOF_RANGE};
	enum err e = sftp_client_check_file_name(remote_sftp(p->r), p->what.path,
	    slice_str("sha256"), (struct sftp_range){range->offset, range->len}, on_hash, range);
	if (e != ERR_OK)
		return e;
	p->n_ranges++;
	p->n_under_way++;
	p->next += range->len;
	return ERR_OK;
}

static void
ranges_fill(struct proof *p)
{
	enum err e = ERR_OK;

	while (!p->failed && p->n_ranges < PROOF_RANGES && p->next < p->what.len && e == ERR_OK)
		e = range_ask(p);
	if (e != ERR_OK && p->n_under_way == 0)
		proof_fail(p, PROOF_LOCAL, e, err_text(e));
}

/* Compares what has been answered, in the order of the file. */
static void
ranges_compare(struct proof *p)
{
	uint8_t hash[PROOF_HASH_LEN];

	while (!p->failed && p->n_ranges > 0 && range_at(p, 0)->answered) {
		const struct proof_range *range = range_at(p, 0);
		if (!hash_local(p, range, hash))
			return;
		if (memcmp(hash, range->hash, sizeof hash) != 0) {
			proof_differs(p, range->offset, "its content is another (by hash)");
			return;
		}
		p->sure += range->len;
		p->first = (p->first + 1) % PROOF_RANGES;
		p->n_ranges--;
	}
}

/* A server may offer the extension and not have SHA-256, or not hash what we may read. */
static void
fall_back(struct proof *p)
{
	p->failed = p->fell_back = true;
}

static void
on_hash(void *ctx, const struct sftp_reply *reply)
{
	struct proof_range *range = ctx;
	struct proof *p = range->proof;

	p->n_under_way--;
	range->answered = true;
	if (!p->failed && reply->status != SSH_FX_OK)
		fall_back(p);
	else if (!p->failed && !hash_get(reply->extended, range->hash))
		fall_back(p);
	if (!p->failed) {
		/* The server hashes on while we do. */
		ranges_fill(p);
		ranges_compare(p);
		ranges_fill(p);
	}
	if (p->n_under_way > 0)
		return;
	if (p->fell_back && !p->forgotten) {
		p->failed = false;
		p->n_ranges = 0;
		p->next = p->sure = p->from;
		proof_by_reading(p);
		return;
	}
	proof_finish(p);
}

void
proof_by_hash(struct proof *p)
{
	p->all = EVP_MD_CTX_new();
	if (p->all == NULL || EVP_DigestInit_ex(p->all, EVP_sha256(), NULL) != 1)
		proof_fail(p, PROOF_LOCAL, ERR_NOMEM, err_text(ERR_NOMEM));
	ranges_fill(p);
	if (p->n_under_way == 0)
		proof_finish(p);
}
