/* A private key's file, opened with its passphrase. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "ssh/identity.h"
#include "ssh/privkey.h"

/* OpenSSH's rule and words: of its owner's, nobody else may read it. */
static enum err
check_mode(int fd, const char *path, struct story *story)
{
	struct stat st;
	char shown[256];

	if (fstat(fd, &st) < 0)
		return story_fail(story, err_last(), "%s can't be looked at", path);
	if (st.st_uid != getuid() || (st.st_mode & 077) == 0)
		return ERR_OK;
	return story_fail(story, ERR_ACCESS,
	    "permissions 0%03o for \"%s\" are too open: a private key that others can read is "
	    "not used (chmod 600)",
	    (unsigned)st.st_mode & 0777, text_escape(slice_str(path), shown, sizeof shown));
}

/* The same key without its passphrase, in memory alone. */
static enum err
decrypt(struct slice content, const char *passphrase, struct buf *ret)
{
	struct buf text _cleanup_(buf_wipe);
	ssh_key key = NULL;
	char *plain = NULL;

	buf_init(&text, PKI_KEY_FILE_MAX + 1);
	enum err e = slice_has(content, 0) ? ERR_FORMAT : buf_put(&text, content.ptr, content.len);
	if (e == ERR_OK)
		e = buf_put_u8(&text, 0);
	if (e != ERR_OK)
		return e;
	if (ssh_pki_import_privkey_base64(
		(const char *)buf_slice(&text).ptr, passphrase, NULL, NULL, &key) != SSH_OK)
		return ERR_ACCESS;
	if (ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &plain) == SSH_OK) {
		e = buf_put(ret, plain, strlen(plain));
		explicit_bzero(plain, strlen(plain));
		ssh_string_free_char(plain);
	} else {
		e = ERR_NOMEM;
	}
	ssh_key_free(key);
	return e;
}

enum err
identity_load(struct identity *id, const char *passphrase, struct story *story)
{
	struct buf content _cleanup_(buf_wipe), plain _cleanup_(buf_wipe);
	char shown[256];
	int fd _cleanup_(fd_closep) = -1;

	story_set(story, "%s", "");
	(void)text_escape(slice_str(id->path), shown, sizeof shown);
	buf_init(&content, PKI_KEY_FILE_MAX);
	buf_init(&plain, PKI_KEY_FILE_MAX);
	enum err e = file_open_trusted(id->path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
	if (e != ERR_OK)
		return story_fail(story, e, "%s: %s", shown, err_text(e));
	e = check_mode(fd, shown, story);
	if (e != ERR_OK)
		return e;
	e = file_read_all(fd, &content);
	if (e != ERR_OK)
		return story_fail(story, e, "%s: %s", shown, err_text(e));
	if (passphrase != NULL) {
		e = decrypt(buf_slice(&content), passphrase, &plain);
		if (e != ERR_OK)
			return e;
	}
	return pki_key_parse(
	    buf_slice(passphrase != NULL ? &plain : &content), shown, &id->key, story);
}
