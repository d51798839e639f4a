#include "ssh/privkey.h"

#include <stdlib.h>

#include "pki/blob.h"

/* Asked for a passphrase: notes that there is one, and gives none. */
static int
refuse_passphrase(
    const char *prompt, char *answer, size_t answer_len, int echo, int verify, void *ctx)
{
	bool *asked = ctx;

	(void)prompt;
	(void)answer;
	(void)answer_len;
	(void)echo;
	(void)verify;
	*asked = true;
	return -1;
}

/* What people put in the place of a private key, and what they should do. */
struct mistake {
	const char *start;
	const char *advice;
};

static const struct mistake MISTAKES[] = {
    {"PuTTY-User-Key-File", "is in PuTTY's format (convert it: puttygen -O private-openssh)"},
    {"ssh-", "is a public key: the private one is in the file without .pub"},
    {"ecdsa-", "is a public key: the private one is in the file without .pub"},
    {"---- BEGIN SSH2 PUBLIC", "is a public key"},
};

static enum err
explain_failure(struct slice content, const char *name, bool encrypted, struct story *story)
{
	if (encrypted)
		return story_fail(story, ERR_UNSUPPORTED,
		    "%s is encrypted with a passphrase, which nobody could type here", name);
	for (size_t i = 0; i < ARRAY_LEN(MISTAKES); i++) {
		if (slice_starts_with(content, slice_str(MISTAKES[i].start)))
			return story_fail(story, ERR_FORMAT, "%s %s", name, MISTAKES[i].advice);
	}
	return story_fail(
	    story, ERR_FORMAT, "%s is not a private key in OpenSSH or PEM format", name);
}

enum err
privkey_blob(ssh_key key, struct buf *ret_blob)
{
	char *text = NULL;

	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return ERR_NOMEM;
	enum err e = blob_from_base64(slice_str(text), ret_blob);
	ssh_string_free_char(text);
	return e;
}

/* The same rules as for everybody else's keys. */
static enum err
check_policy(ssh_key key, const char *name, struct story *story)
{
	struct buf blob _cleanup_(buf_fini);

	buf_init(&blob, BLOB_MAX);
	enum err e = privkey_blob(key, &blob);
	if (e != ERR_OK)
		return story_fail(story, e, "%s has no usable public half", name);
	const char *why = blob_refusal(buf_slice(&blob));
	return why == NULL ? ERR_OK
			   : story_fail(story, ERR_UNSUPPORTED, "%s can't be used: %s", name, why);
}

enum err
privkey_import(struct slice content, const char *name, ssh_key *ret_key, struct story *story)
{
	struct buf text _cleanup_(buf_wipe);
	bool encrypted = false;
	ssh_key key = NULL;

	buf_init(&text, PRIVKEY_FILE_MAX + 1);
	if (content.len == 0 || content.len > PRIVKEY_FILE_MAX || slice_has(content, '\0'))
		return explain_failure(content, name, false, story);
	if (buf_put(&text, content.ptr, content.len) != ERR_OK || buf_put_u8(&text, 0) != ERR_OK)
		return story_fail(story, ERR_NOMEM, "no memory for %s", name);
	int rc = ssh_pki_import_privkey_base64(
	    (const char *)buf_slice(&text).ptr, NULL, refuse_passphrase, &encrypted, &key);
	if (rc != SSH_OK || key == NULL)
		return explain_failure(content, name, encrypted, story);
	enum err e = check_policy(key, name, story);
	if (e != ERR_OK) {
		ssh_key_free(key);
		return e;
	}
	*ret_key = key;
	return ERR_OK;
}
