/* Real keys and certificates for the tests of pki/, from ssh-keygen, in a scratch directory. */
#ifndef TESTS_PKI_MATERIAL_H
#define TESTS_PKI_MATERIAL_H

#include <stdarg.h>

#include "base/buf.h"
#include "pki/blob.h"
#include "pki/sign.h"
#include "scratch.h"

struct material_kind {
	const char *name;
	const char *keygen; /* ssh-keygen's arguments */
	const char *type;
};

static const struct material_kind KINDS[] = {
    {"ed25519", "-t ed25519", "ssh-ed25519"},
    {"p256", "-t ecdsa -b 256", "ecdsa-sha2-nistp256"},
    {"p384", "-t ecdsa -b 384", "ecdsa-sha2-nistp384"},
    {"p521", "-t ecdsa -b 521", "ecdsa-sha2-nistp521"},
    {"rsa", "-t rsa -b 2048", "ssh-rsa"},
};

/* A command of the shell's in the scratch directory; false when it fails. */
static inline bool __attribute__((format(printf, 2, 3)))
material_run(const struct scratch *s, const char *format, ...)
{
	char command[2048];
	va_list args;

	int n = snprintf(command, sizeof command, "cd '%s' && ", s->path);
	va_start(args, format);
	(void)vsnprintf(command + n, sizeof command - (size_t)n, format, args);
	va_end(args);
	return system(command) == 0;
}

/* ret_content is initialised here. */
static inline void
material_read(const struct scratch *s, const char *name, struct buf *ret_content)
{
	int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *p;

	buf_init(ret_content, 1 << 20);
	if (fd < 0 || buf_reserve(ret_content, 1 << 17, &p) != ERR_OK)
		abort();
	ssize_t n = read(fd, p, 1 << 17);
	if (n < 0)
		abort();
	buf_commit(ret_content, (size_t)n);
	(void)close(fd);
}

/* The blob in a line as of a .pub file; ret_blob is initialised here. */
static inline void
material_blob(const struct scratch *s, const char *name, struct buf *ret_blob)
{
	struct buf text _cleanup_(buf_fini);

	material_read(s, name, &text);
	struct slice line = buf_slice(&text), base64;
	(void)slice_take_word(&line);
	line = slice_cut(line, '\n', &base64);
	base64 = slice_take_word(&base64);
	buf_init(ret_blob, 1 << 16);
	if (blob_from_base64(base64, ret_blob) != ERR_OK)
		abort();
}

/* The key of that file, by our own reading of it. */
static inline struct pki_key *
material_key(const struct scratch *s, const char *name)
{
	struct buf content _cleanup_(buf_wipe);
	struct pki_key *key = NULL;
	struct story story = {""};

	material_read(s, name, &content);
	if (pki_key_parse(buf_slice(&content), name, &key, &story) != ERR_OK) {
		(void)fprintf(stderr, "%s: %s\n", name, story.text);
		abort();
	}
	return key;
}

/* One key of each of KINDS, in files of their names. */
static inline void
material_keys(struct scratch *s)
{
	scratch_init(s);
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (!material_run(s, "ssh-keygen -q -N '' -C 'a comment' %s -f %s", KINDS[i].keygen,
			KINDS[i].name))
			abort();
	}
}

#endif
