#include "pki/revoked.h"

#include <stdlib.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/buf.h"
#include "base/text.h"
#include "pki/blob.h"
#include "pki/cert.h"

/* Longer than any line that a person or ssh-keygen writes. */
enum { LINE_MAX_LEN = 16 * 1024 };

/* Keys are kept as their hashes, and ids too: sets of things of one size that can be searched. */
struct digest {
	uint8_t bytes[SHA256_DIGEST_LENGTH];
};

struct range {
	uint64_t first, last;
};

/* Elements of one size in the order of their bytes; ranges in that of the file. */
struct set {
	void *items;
	size_t n, cap;
};

struct revoked {
	struct set keys, ids; /* struct digest */
	struct set serials;   /* struct range */
};

static enum err
set_add(struct set *set, const void *item, size_t size)
{
	if (set->n == set->cap) {
		size_t cap = set->cap == 0 ? 16 : set->cap * 2;
		void *grown = reallocarray(set->items, cap, size);
		if (grown == NULL)
			return ERR_NOMEM;
		set->items = grown;
		set->cap = cap;
	}
	memcpy((uint8_t *)set->items + set->n * size, item, size);
	set->n++;
	return ERR_OK;
}

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static void
set_sort(struct set *set)
{
	if (set->n > 1)
		qsort(set->items, set->n, sizeof(struct digest), compare_digests);
}

static enum err
digest_of(struct slice bytes, struct digest *ret)
{
	return EVP_Digest(bytes.ptr, bytes.len, ret->bytes, NULL, EVP_sha256(), NULL) == 1
		   ? ERR_OK
		   : ERR_NOMEM;
}

/* Without memory to find out, it is. */
static bool
set_has(const struct set *set, struct slice bytes)
{
	struct digest digest;

	if (set->n == 0)
		return false;
	return digest_of(bytes, &digest) != ERR_OK ||
	       bsearch(&digest, set->items, set->n, sizeof digest, compare_digests) != NULL;
}

/*
 * A public key in one line. Also one that nobody can log in with here, so that a list that serves
 * other servers too can be taken as it is.
 */
static enum err
add_key(struct revoked *r, struct slice text, const char **ret_why)
{
	struct buf blob _cleanup_(buf_fini);
	struct slice type = slice_take_word(&text);
	struct digest digest;

	buf_init(&blob, LINE_MAX_LEN);
	*ret_why =
	    "it holds no public key of a type that is known, and is no serial:, id: or sha256:";
	if (!blob_type_known(type))
		return ERR_FORMAT;
	enum err e = blob_from_base64(slice_take_word(&text), &blob);
	*ret_why = "its key is damaged";
	if (e != ERR_OK || !slice_equal(blob_type(buf_slice(&blob)), type))
		return e == ERR_NOMEM ? e : ERR_FORMAT;
	*ret_why = "a certificate is revoked by its serial:, its id:, or its plain key";
	if (cert_type_name(type))
		return ERR_FORMAT;
	e = digest_of(buf_slice(&blob), &digest);
	return e == ERR_OK ? set_add(&r->keys, &digest, sizeof digest) : e;
}

/* "SHA256:" and 43 digits of base64, as ssh-keygen -l shows it. */
static enum err
add_hash(struct revoked *r, struct slice text, const char **ret_why)
{
	static const char PREFIX[] = "SHA256:";
	struct buf padded _cleanup_(buf_fini);
	struct buf bytes _cleanup_(buf_fini);

	buf_init(&padded, 44);
	buf_init(&bytes, sizeof(struct digest));
	*ret_why = "its fingerprint is not SHA256: and 43 digits of base64";
	if (!slice_starts_with(text, slice_str(PREFIX)) || text.len != sizeof PREFIX - 1 + 43)
		return ERR_FORMAT;
	enum err e = buf_put(&padded, text.ptr + sizeof PREFIX - 1, 43);
	if (e == ERR_OK)
		e = buf_put_u8(&padded, '=');
	if (e == ERR_OK)
		e = blob_from_base64(buf_slice(&padded), &bytes);
	if (e == ERR_OK && buf_len(&bytes) != sizeof(struct digest))
		e = ERR_FORMAT; /* there was padding in it already */
	return e == ERR_OK ? set_add(&r->keys, buf_slice(&bytes).ptr, sizeof(struct digest)) : e;
}

static enum err
add_key_or_hash(struct revoked *r, struct slice text, const char **ret_why)
{
	return slice_starts_with(text, slice_str("SHA256:")) ? add_hash(r, text, ret_why)
							     : add_key(r, text, ret_why);
}

/* ssh-keygen would take a leading zero for octal, we for nothing: so it is a mistake. */
static bool
read_serial(struct slice text, uint64_t *ret)
{
	text = slice_trim(text);
	return text.len > 0 && text.ptr[0] != '0' && text_to_u64(text, UINT64_MAX, ret);
}

static enum err
add_serial(struct revoked *r, struct slice text, const char **ret_why)
{
	struct range range;
	struct slice first, last = slice_cut(text, '-', &first);

	*ret_why = "its serial is not a number from 1 on, or two with a - between them";
	if (!read_serial(first, &range.first))
		return ERR_FORMAT;
	range.last = range.first;
	if (last.ptr != NULL && (!read_serial(last, &range.last) || range.last < range.first))
		return ERR_FORMAT;
	return set_add(&r->serials, &range, sizeof range);
}

static enum err
add_id(struct revoked *r, struct slice text, const char **ret_why)
{
	struct digest digest;

	*ret_why = "its id is empty";
	if (text.len == 0)
		return ERR_FORMAT;
	enum err e = digest_of(text, &digest);
	return e == ERR_OK ? set_add(&r->ids, &digest, sizeof digest) : e;
}

struct word {
	const char *name;
	enum err (*add)(struct revoked *r, struct slice text, const char **ret_why);
};

static const struct word WORDS[] = {
    {"key:", add_key},
    {"sha1:", add_key},
    {"sha256:", add_key_or_hash},
    {"hash:", add_hash},
    {"serial:", add_serial},
    {"id:", add_id},
};

static enum err
add_line(struct revoked *r, struct slice line, const char **ret_why)
{
	*ret_why = "it is too long";
	if (line.len > LINE_MAX_LEN)
		return ERR_FORMAT;
	for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
		size_t len = strlen(WORDS[i].name);
		if (line.len >= len && strncasecmp((const char *)line.ptr, WORDS[i].name, len) == 0)
			return WORDS[i].add(
			    r, slice_trim(slice_of(line.ptr + len, line.len - len)), ret_why);
	}
	return add_key(r, line, ret_why);
}

static enum err
parse_file(struct revoked *r, struct slice file, struct story *story)
{
	for (size_t line_no = 1; file.len > 0; line_no++) {
		const char *why = "";
		struct slice line;
		file = slice_cut(file, '\n', &line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		line = slice_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		enum err e = add_line(r, line, &why);
		if (e == ERR_FORMAT)
			return story_fail(story, e, "line %zu can't be used: %s", line_no, why);
		if (e != ERR_OK)
			return story_fail(story, e, "line %zu: %s", line_no, err_text(e));
	}
	set_sort(&r->keys);
	set_sort(&r->ids);
	return ERR_OK;
}

enum err
revoked_parse(struct revoked **ret_r, struct slice file, struct story *story)
{
	if (file.len > REVOKED_FILE_MAX)
		return story_fail(story, ERR_LIMIT, "it is longer than %d bytes", REVOKED_FILE_MAX);
	if (slice_starts_with(file, slice_str("SSHKRL\n")))
		return story_fail(story, ERR_UNSUPPORTED,
		    "it is a binary revocation list (KRL); the text that it was made from belongs "
		    "here");
	struct revoked *r = calloc(1, sizeof *r);
	if (r == NULL)
		return story_fail(story, ERR_NOMEM, "no memory for it");
	enum err e = parse_file(r, file, story);
	if (e != ERR_OK) {
		revoked_free(r);
		return e;
	}
	*ret_r = r;
	return ERR_OK;
}

void
revoked_free(struct revoked *r)
{
	if (r == NULL)
		return;
	free(r->keys.items);
	free(r->ids.items);
	free(r->serials.items);
	free(r);
}

bool
revoked_key(const struct revoked *r, struct slice key)
{
	return set_has(&r->keys, key);
}

bool
revoked_cert(const struct revoked *r, uint64_t serial, struct slice key_id)
{
	const struct range *ranges = r->serials.items;

	for (size_t i = 0; i < r->serials.n && serial != 0; i++) {
		if (serial >= ranges[i].first && serial <= ranges[i].last)
			return true;
	}
	return set_has(&r->ids, key_id);
}
