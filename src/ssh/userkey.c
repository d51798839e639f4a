#include "ssh/userkey.h"

#include "pki/blob.h"
#include "ssh/privkey.h"

enum { COMMENT_MAX = 256 };

/* A comment is text on the line's end: nothing in it may end the line. */
static bool
comment_is_plain(const char *comment)
{
	for (const char *c = comment; *c != '\0'; c++) {
		if ((uint8_t)*c < ' ' || *c == 0x7f)
			return false;
	}
	return strlen(comment) <= COMMENT_MAX;
}

static enum err
put_public_line(struct slice blob, const char *comment, struct buf *ret_line)
{
	size_t before = buf_len(ret_line);

	if (comment != NULL && !comment_is_plain(comment))
		return ERR_INVALID;
	enum err e = buf_printf(ret_line, "%.*s ", SLICE_ARG(blob_type(blob)));
	if (e == ERR_OK)
		e = blob_to_base64(blob, ret_line);
	if (e == ERR_OK && comment != NULL && comment[0] != '\0')
		e = buf_printf(ret_line, " %s", comment);
	if (e == ERR_OK)
		e = buf_put_u8(ret_line, '\n');
	if (e != ERR_OK)
		buf_unput(ret_line, buf_len(ret_line) - before);
	return e;
}

static enum err
put_private(ssh_key key, struct buf *ret_private)
{
	char *text = NULL;

	if (ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK)
		return ERR_NOMEM;
	size_t len = strlen(text);
	enum err e = buf_put(ret_private, text, len);
	explicit_bzero(text, len);
	ssh_string_free_char(text);
	return e;
}

enum err
userkey_generate(const char *comment, struct buf *ret_private, struct buf *ret_public)
{
	struct buf blob _cleanup_(buf_fini);
	ssh_key key = NULL;

	buf_init(&blob, BLOB_MAX);
	if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
		return ERR_NOMEM;
	enum err e = privkey_blob(key, &blob);
	if (e == ERR_OK)
		e = put_public_line(buf_slice(&blob), comment, ret_public);
	if (e == ERR_OK)
		e = put_private(key, ret_private);
	ssh_key_free(key);
	return e;
}

enum err
userkey_public(struct slice private_key, const char *comment, struct buf *ret_line,
    char ret_fingerprint[64], struct story *story)
{
	struct buf blob _cleanup_(buf_fini);
	ssh_key key = NULL;

	buf_init(&blob, BLOB_MAX);
	enum err e = privkey_import(private_key, "the private key", &key, story);
	if (e != ERR_OK)
		return e;
	e = privkey_blob(key, &blob);
	ssh_key_free(key);
	if (e == ERR_OK)
		e = blob_fingerprint(buf_slice(&blob), ret_fingerprint);
	if (e == ERR_OK && ret_line != NULL)
		e = put_public_line(buf_slice(&blob), comment, ret_line);
	if (e != ERR_OK)
		story_set(story, "the public half of the key can't be shown: %s", err_text(e));
	return e;
}

enum err
userkey_fingerprint(struct slice key, char ret_fingerprint[64])
{
	return blob_fingerprint(key, ret_fingerprint);
}
