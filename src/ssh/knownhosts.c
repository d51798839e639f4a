#include "ssh/knownhosts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "pki/blob.h"
#include "ssh/knownhosts_parts.h"
#include "ssh/pattern.h"

enum { DEFAULT_PORT = 22 };

static bool
entry_parse(struct slice line, struct knownhosts_entry *ret)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len > KNOWNHOSTS_LINE_MAX)
		return false;
	struct slice word = slice_take_word(&line);
	if (word.len == 0 || word.ptr[0] == '#')
		return false;
	ret->revoked = slice_is(word, "@revoked");
	ret->authority = slice_is(word, "@cert-authority");
	bool marked = ret->revoked || ret->authority;
	/* Other markers say something that we don't act upon. */
	if (word.ptr[0] == '@' && !marked)
		return false;
	ret->hosts = marked ? slice_take_word(&line) : word;
	ret->type = slice_take_word(&line);
	ret->base64 = slice_take_word(&line);
	return ret->base64.len > 0;
}

bool
knownhosts_next(struct knownhosts_walk *w, struct knownhosts_entry *ret)
{
	while (w->rest.len > 0) {
		struct slice line;
		w->rest = slice_cut(w->rest, '\n', &line);
		w->line++;
		if (entry_parse(line, ret)) {
			ret->line = w->line;
			return true;
		}
	}
	return false;
}

/* "|1|salt|hash": the host's name as HMAC-SHA1 under the salt, both in base64. */
static bool
hashed_host_matches(struct slice field, struct slice name)
{
	uint8_t digest[SHA_DIGEST_LENGTH];
	unsigned digest_len = 0;
	struct slice salt_text, hash_text;
	struct buf salt _cleanup_(buf_fini), hash _cleanup_(buf_fini);

	buf_init(&salt, 64);
	buf_init(&hash, 64);
	hash_text = slice_cut(slice_of(field.ptr + 3, field.len - 3), '|', &salt_text);
	if (blob_from_base64(salt_text, &salt) != ERR_OK ||
	    blob_from_base64(hash_text, &hash) != ERR_OK)
		return false;
	if (HMAC(EVP_sha1(), buf_slice(&salt).ptr, (int)buf_len(&salt), name.ptr, name.len, digest,
		&digest_len) == NULL)
		return false;
	return slice_equal(buf_slice(&hash), slice_of(digest, digest_len));
}

bool
knownhosts_entry_is_for(const struct knownhosts_entry *entry, struct slice name)
{
	if (slice_starts_with(entry->hosts, slice_str("|1|")))
		return hashed_host_matches(entry->hosts, name);
	return pattern_list_match(entry->hosts, name) == PATTERN_YES;
}

bool
knownhosts_entry_has(const struct knownhosts_entry *entry, struct slice key)
{
	struct buf blob _cleanup_(buf_fini);

	buf_init(&blob, key.len);
	/* Most lines differ in length already. */
	if (entry->base64.len != (key.len + 2) / 3 * 4)
		return false;
	return blob_from_base64(entry->base64, &blob) == ERR_OK &&
	       slice_equal(buf_slice(&blob), key);
}

/* The host as known_hosts writes it: in lower case, with brackets and port off the usual port. */
bool
knownhosts_name(const char *host, uint16_t port, char dst[KNOWNHOSTS_NAME_MAX])
{
	int len = port == DEFAULT_PORT || port == 0
		      ? snprintf(dst, KNOWNHOSTS_NAME_MAX, "%s", host)
		      : snprintf(dst, KNOWNHOSTS_NAME_MAX, "[%s]:%u", host, (unsigned)port);

	for (char *c = dst; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	}
	return len > 0 && len < KNOWNHOSTS_NAME_MAX;
}

/*
 * A revocation wins, wherever it stands; then a match. Among the lines that make it a change, one
 * with a key of the same type is the one to show to a person.
 */
struct knownhosts_result
knownhosts_check(
    struct slice file, const char *host, uint16_t port, struct slice type, struct slice key)
{
	struct knownhosts_result result = {.verdict = KNOWNHOSTS_UNKNOWN};
	struct knownhosts_walk w = {.rest = file};
	char name[KNOWNHOSTS_NAME_MAX];
	struct knownhosts_entry entry;
	bool same_type = false;

	/* A file too large to be read whole could hide a revocation: it vouches for nothing. */
	if (file.len > KNOWNHOSTS_FILE_MAX || !knownhosts_name(host, port, name))
		return result;
	while (knownhosts_next(&w, &entry)) {
		if (entry.authority || !knownhosts_entry_is_for(&entry, slice_str(name)))
			continue;
		bool same_key = knownhosts_entry_has(&entry, key);
		if (entry.revoked && same_key)
			return (struct knownhosts_result){KNOWNHOSTS_REVOKED, entry.line};
		if (entry.revoked || result.verdict == KNOWNHOSTS_MATCH)
			continue;
		if (same_key && slice_equal(entry.type, type)) {
			result = (struct knownhosts_result){KNOWNHOSTS_MATCH, entry.line};
		} else if (result.verdict == KNOWNHOSTS_UNKNOWN ||
			   (!same_type && slice_equal(entry.type, type))) {
			result = (struct knownhosts_result){KNOWNHOSTS_CHANGED, entry.line};
			same_type = slice_equal(entry.type, type);
		}
	}
	return result;
}

static bool
list_has(struct slice list, struct slice word)
{
	while (list.len > 0) {
		struct slice head;
		list = slice_cut(list, ',', &head);
		if (slice_equal(head, word))
			return true;
	}
	return false;
}

/* What was appended to a buffer that had that length. */
static struct slice
added_since(const struct buf *b, size_t before)
{
	struct slice all = buf_slice(b);

	return all.len == before ? (struct slice){0} : slice_of(all.ptr + before, all.len - before);
}

enum err
knownhosts_types(struct slice file, const char *host, uint16_t port, struct buf *ret_types)
{
	struct knownhosts_walk w = {.rest = file};
	char name[KNOWNHOSTS_NAME_MAX];
	size_t before = buf_len(ret_types);
	struct knownhosts_entry entry;

	if (file.len > KNOWNHOSTS_FILE_MAX || !knownhosts_name(host, port, name))
		return ERR_LIMIT;
	while (knownhosts_next(&w, &entry)) {
		struct slice list = added_since(ret_types, before);
		/* A type that we don't know would only be offered in vain. */
		if (entry.revoked || entry.authority || !blob_type_known(entry.type) ||
		    list_has(list, entry.type) || !knownhosts_entry_is_for(&entry, slice_str(name)))
			continue;
		enum err e =
		    buf_printf(ret_types, "%s%.*s", list.len > 0 ? "," : "", SLICE_ARG(entry.type));
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* A name that could start another field, another pattern or another line is none. */
static bool
host_is_plain(const char *host)
{
	for (const char *c = host; *c != '\0'; c++) {
		if ((uint8_t)*c <= ' ' || (uint8_t)*c >= 0x7f || strchr(",*?!|#@[]\\", *c) != NULL)
			return false;
	}
	return host[0] != '\0';
}

enum err
knownhosts_line(
    const char *host, uint16_t port, struct slice type, struct slice key, struct buf *ret_line)
{
	char name[KNOWNHOSTS_NAME_MAX];
	size_t before = buf_len(ret_line);

	if (!host_is_plain(host) || !knownhosts_name(host, port, name) || !blob_type_known(type) ||
	    !slice_equal(blob_type(key), type))
		return ERR_INVALID;
	enum err e = buf_printf(ret_line, "%s %.*s ", name, SLICE_ARG(type));
	if (e == ERR_OK)
		e = blob_to_base64(key, ret_line);
	if (e == ERR_OK)
		e = buf_put_u8(ret_line, '\n');
	if (e != ERR_OK)
		buf_unput(ret_line, buf_len(ret_line) - before);
	return e;
}
