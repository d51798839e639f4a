/* Several files of known hosts together: keys, authorities, and what to offer. */
#include "pki/blob.h"
#include "ssh/knownhosts_parts.h"

enum { DEFAULT_PORT = 22 };

static struct knownhosts_found
look_at(const struct knownhosts_file *files, size_t n_files, const char *host, uint16_t port,
    struct slice key)
{
	struct knownhosts_found found = {.verdict = KNOWNHOSTS_UNKNOWN};

	for (size_t i = 0; i < n_files; i++) {
		struct knownhosts_result r =
		    knownhosts_check(files[i].content, host, port, blob_type(key), key);
		struct knownhosts_found here = {
		    .verdict = r.verdict, .file = files[i].name, .line = r.line};
		if (r.verdict == KNOWNHOSTS_REVOKED)
			return here;
		if (r.verdict == KNOWNHOSTS_UNKNOWN || found.verdict == KNOWNHOSTS_MATCH)
			continue;
		if (r.verdict == KNOWNHOSTS_MATCH || found.verdict == KNOWNHOSTS_UNKNOWN)
			found = here;
	}
	return found;
}

/* The fingerprint of the key that stands in a line. */
static void
note_fingerprint(const struct knownhosts_file *files, size_t n_files, struct knownhosts_found *f)
{
	struct buf blob _cleanup_(buf_fini);
	struct knownhosts_entry entry;
	size_t i = 0;

	buf_init(&blob, BLOB_MAX);
	while (i < n_files && files[i].name != f->file)
		i++;
	struct knownhosts_walk w = {.rest = i < n_files ? files[i].content : (struct slice){0}};
	while (knownhosts_next(&w, &entry)) {
		if (entry.line != f->line)
			continue;
		if (blob_from_base64(entry.base64, &blob) != ERR_OK ||
		    blob_fingerprint(buf_slice(&blob), f->fingerprint) != ERR_OK)
			f->fingerprint[0] = '\0';
	}
	if (f->fingerprint[0] == '\0')
		(void)snprintf(f->fingerprint, sizeof f->fingerprint, "one that can't be read");
}

struct knownhosts_found
knownhosts_look(const struct knownhosts_file *files, size_t n_files, const char *host,
    uint16_t port, struct slice key)
{
	struct knownhosts_found found = look_at(files, n_files, host, port, key);

	if (found.verdict == KNOWNHOSTS_UNKNOWN && port != 0 && port != DEFAULT_PORT) {
		struct knownhosts_found bare = look_at(files, n_files, host, DEFAULT_PORT, key);
		if (bare.verdict == KNOWNHOSTS_MATCH || bare.verdict == KNOWNHOSTS_REVOKED)
			return bare;
	}
	if (found.verdict == KNOWNHOSTS_CHANGED)
		note_fingerprint(files, n_files, &found);
	return found;
}

/* One file: a revocation ends it, a match is kept. */
static bool
authority_in(const struct knownhosts_file *file, struct slice name, struct slice ca_key,
    struct knownhosts_found *found)
{
	struct knownhosts_walk w = {.rest = file->content};
	struct knownhosts_entry entry;

	while (file->content.len <= KNOWNHOSTS_FILE_MAX && knownhosts_next(&w, &entry)) {
		if ((!entry.authority && !entry.revoked) ||
		    !knownhosts_entry_is_for(&entry, name) || !knownhosts_entry_has(&entry, ca_key))
			continue;
		*found = (struct knownhosts_found){
		    .verdict = entry.revoked ? KNOWNHOSTS_REVOKED : KNOWNHOSTS_MATCH,
		    .file = file->name,
		    .line = entry.line};
		if (entry.revoked)
			return true;
	}
	return false;
}

struct knownhosts_found
knownhosts_authority(const struct knownhosts_file *files, size_t n_files, const char *host,
    uint16_t port, struct slice ca_key)
{
	const uint16_t ports[] = {DEFAULT_PORT, port};
	struct knownhosts_found found = {.verdict = KNOWNHOSTS_UNKNOWN};
	char name[KNOWNHOSTS_NAME_MAX];

	/* Without its port first, so that the more exact line is the one that is told. */
	for (size_t p = 0; p < ARRAY_LEN(ports); p++) {
		if (!knownhosts_name(host, ports[p], name))
			return (struct knownhosts_found){.verdict = KNOWNHOSTS_UNKNOWN};
		for (size_t i = 0; i < n_files; i++) {
			if (authority_in(&files[i], slice_str(name), ca_key, &found))
				return found;
		}
	}
	return found;
}

static bool
has_authority(const struct knownhosts_file *files, size_t n_files, const char *name)
{
	struct knownhosts_entry entry;

	for (size_t i = 0; i < n_files; i++) {
		struct knownhosts_walk w = {.rest = files[i].content};
		while (knownhosts_next(&w, &entry)) {
			if (entry.authority && knownhosts_entry_is_for(&entry, slice_str(name)))
				return true;
		}
	}
	return false;
}

static enum err
put_name(struct buf *list, size_t start, const char *name, size_t len)
{
	return buf_printf(list, "%s%.*s", buf_len(list) == start ? "^" : ",", (int)len, name);
}

static enum err
put_types(const struct knownhosts_file *file, const char *host, uint16_t port, struct buf *list,
    size_t start)
{
	/* The pattern would match certificates', too, if it ended in a star. */
	static const char RSA[] = "rsa-sha2-???";
	struct buf types _cleanup_(buf_fini);

	buf_init(&types, 4096);
	enum err e = knownhosts_types(file->content, host, port, &types);
	/* A file that is too large vouches for nothing. */
	if (e == ERR_LIMIT)
		return ERR_OK;
	for (struct slice rest = buf_slice(&types), type; rest.len > 0 && e == ERR_OK;) {
		rest = slice_cut(rest, ',', &type);
		e = slice_is(type, "ssh-rsa")
			? put_name(list, start, RSA, sizeof RSA - 1)
			: put_name(list, start, (const char *)type.ptr, type.len);
	}
	return e;
}

enum err
knownhosts_offer(const struct knownhosts_file *files, size_t n_files, const char *host,
    uint16_t port, struct buf *ret_list)
{
	static const char CERTS[] = "*-cert-v01@openssh.com";
	size_t start = buf_len(ret_list);
	char with_port[KNOWNHOSTS_NAME_MAX], bare[KNOWNHOSTS_NAME_MAX];
	enum err e = ERR_OK;

	if (!knownhosts_name(host, port, with_port) || !knownhosts_name(host, DEFAULT_PORT, bare))
		return ERR_INVALID;
	if (has_authority(files, n_files, with_port) || has_authority(files, n_files, bare))
		e = put_name(ret_list, start, CERTS, sizeof CERTS - 1);
	for (size_t i = 0; i < n_files && e == ERR_OK; i++)
		e = put_types(&files[i], host, port, ret_list, start);
	for (size_t i = 0; i < n_files && e == ERR_OK && buf_len(ret_list) == start; i++)
		e = put_types(&files[i], host, DEFAULT_PORT, ret_list, start);
	return e;
}
