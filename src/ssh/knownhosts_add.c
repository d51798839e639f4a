/* A new line in a file of known hosts. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "pki/blob.h"
#include "ssh/knownhosts_parts.h"

enum { SALT_LEN = 20 };

/* "|1|salt|hash type key": the name can't be read back, only compared with. */
static enum err
hashed_line(const char *host, uint16_t port, struct slice key, struct buf *line)
{
	uint8_t salt[SALT_LEN], digest[EVP_MAX_MD_SIZE];
	char name[KNOWNHOSTS_NAME_MAX];
	unsigned len = 0;

	if (!knownhosts_name(host, port, name) || RAND_bytes(salt, sizeof salt) != 1 ||
	    HMAC(EVP_sha1(), salt, sizeof salt, (const uint8_t *)name, strlen(name), digest,
		&len) == NULL)
		return ERR_INVALID;
	enum err e = buf_printf(line, "|1|");
	if (e == ERR_OK)
		e = blob_to_base64(slice_of(salt, sizeof salt), line);
	if (e == ERR_OK)
		e = buf_put_u8(line, '|');
	if (e == ERR_OK)
		e = blob_to_base64(slice_of(digest, len), line);
	if (e == ERR_OK)
		e = buf_printf(line, " %.*s ", SLICE_ARG(blob_type(key)));
	if (e == ERR_OK)
		e = blob_to_base64(key, line);
	return e == ERR_OK ? buf_put_u8(line, '\n') : e;
}

/* The directory that holds the file, made if it is missing; "" is the current one. */
static enum err
open_directory(const char *path, int *ret_fd)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

	if (!slice_copy(slice_of(path, len), directory, sizeof directory))
		return ERR_NAMETOOLONG;
	if (len > 0 && mkdir(directory, 0700) < 0 && errno != EEXIST)
		return err_last();
	*ret_fd = open(len == 0 ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_last() : ERR_OK;
}

/* A file whose last line isn't ended would swallow ours. */
static enum err
end_last_line(int fd, struct buf *line)
{
	struct buf ended _cleanup_(buf_fini);
	struct stat st;
	char last;

	buf_init(&ended, KNOWNHOSTS_LINE_MAX);
	if (fstat(fd, &st) < 0)
		return err_last();
	if (st.st_size == 0 || pread(fd, &last, 1, st.st_size - 1) != 1 || last == '\n')
		return ERR_OK;
	enum err e = buf_put_u8(&ended, '\n');
	if (e == ERR_OK)
		e = buf_put(&ended, buf_slice(line).ptr, buf_len(line));
	buf_clear(line);
	return e == ERR_OK ? buf_put(line, buf_slice(&ended).ptr, buf_len(&ended)) : e;
}

static enum err
append(const char *path, struct buf *line)
{
	int dir _cleanup_(fd_closep) = -1, fd _cleanup_(fd_closep) = -1;
	const char *slash = strrchr(path, '/');

	enum err e = open_directory(path, &dir);
	if (e != ERR_OK)
		return e;
	/* A link to it is the person's own doing. */
	fd = openat(dir, slash == NULL ? path : slash + 1,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_last();
	e = end_last_line(fd, line);
	if (e == ERR_OK)
		e = file_write_all(fd, buf_slice(line).ptr, buf_len(line));
	if (e == ERR_OK)
		e = file_sync(fd);
	return e == ERR_OK ? file_sync(dir) : e;
}

enum err
knownhosts_add(const char *path, const char *host, uint16_t port, struct slice key, bool hashed,
    struct story *story)
{
	struct buf line _cleanup_(buf_fini);

	buf_init(&line, KNOWNHOSTS_LINE_MAX);
	/* Also where the name is to be hashed: it refuses names that would be other than they look.
	 */
	enum err e = knownhosts_line(host, port, blob_type(key), key, &line);
	if (e == ERR_OK && hashed) {
		buf_clear(&line);
		e = hashed_line(host, port, key, &line);
	}
	if (e == ERR_OK)
		e = append(path, &line);
	return e == ERR_OK ? e
			   : story_fail(story, e, "%s: the host's key can't be added: %s", path,
				 err_text(e));
}
