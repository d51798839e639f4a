#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"

struct err_row {
	const char *name;
	const char *text;
	enum err_class class;
};

static const struct err_row ERRORS[ERR_N] = {
    [ERR_OK] = {"ok", "no error", ERR_CLASS_NONE},
    [ERR_NOMEM] = {"no-memory", "out of memory", ERR_CLASS_RESOURCE},
    [ERR_LIMIT] = {"limit", "a limit was reached", ERR_CLASS_PERMANENT},
    [ERR_FORMAT] = {"format", "malformed data", ERR_CLASS_PERMANENT},
    [ERR_IO] = {"io", "input/output error", ERR_CLASS_TRANSIENT},
    [ERR_NOSPACE] = {"no-space", "no space left on device", ERR_CLASS_RESOURCE},
    [ERR_QUOTA] = {"quota", "quota exceeded", ERR_CLASS_RESOURCE},
    [ERR_NOFILES] = {"no-files", "too many open files", ERR_CLASS_RESOURCE},
    [ERR_NOENT] = {"no-entry", "no such file or directory", ERR_CLASS_PERMANENT},
    [ERR_EXISTS] = {"exists", "it exists already", ERR_CLASS_PERMANENT},
    [ERR_ACCESS] = {"access", "permission denied", ERR_CLASS_PERMANENT},
    [ERR_READONLY] = {"read-only", "read-only file system", ERR_CLASS_PERMANENT},
    [ERR_NOTDIR] = {"not-directory", "not a directory", ERR_CLASS_PERMANENT},
    [ERR_ISDIR] = {"is-directory", "is a directory", ERR_CLASS_PERMANENT},
    [ERR_NOTEMPTY] = {"not-empty", "directory not empty", ERR_CLASS_PERMANENT},
    [ERR_ESCAPE] = {"escape", "the path leaves its directory", ERR_CLASS_PERMANENT},
    [ERR_XDEV] = {"cross-device", "on another file system", ERR_CLASS_PERMANENT},
    [ERR_NAMETOOLONG] = {"name-too-long", "name too long", ERR_CLASS_PERMANENT},
    [ERR_INVALID] = {"invalid", "invalid argument", ERR_CLASS_PERMANENT},
    [ERR_UNSUPPORTED] = {"unsupported", "operation not supported", ERR_CLASS_PERMANENT},
    [ERR_AGAIN] = {"again", "not possible at the moment", ERR_CLASS_TRANSIENT},
    [ERR_CLOSED] = {"closed", "connection closed by the other side", ERR_CLASS_TRANSIENT},
    [ERR_TIMEOUT] = {"timeout", "timed out", ERR_CLASS_TRANSIENT},
    [ERR_UNREACHABLE] = {"unreachable", "host unreachable", ERR_CLASS_TRANSIENT},
};

static const struct {
	int errno_value;
	enum err err;
} FROM_ERRNO[] = {
    {0, ERR_OK},
    {ENOMEM, ERR_NOMEM},
    {ENOBUFS, ERR_NOMEM},
    {EIO, ERR_IO},
    {ENOSPC, ERR_NOSPACE},
    {EDQUOT, ERR_QUOTA},
    {EFBIG, ERR_QUOTA},
    {EMFILE, ERR_NOFILES},
    {ENFILE, ERR_NOFILES},
    {ENOENT, ERR_NOENT},
    {EEXIST, ERR_EXISTS},
    {EACCES, ERR_ACCESS},
    {EPERM, ERR_ACCESS},
    {EROFS, ERR_READONLY},
    {ENOTDIR, ERR_NOTDIR},
    {EISDIR, ERR_ISDIR},
    {ENOTEMPTY, ERR_NOTEMPTY},
    {ELOOP, ERR_ESCAPE},
    {EXDEV, ERR_XDEV},
    {ENAMETOOLONG, ERR_NAMETOOLONG},
    {EINVAL, ERR_INVALID},
    {EBADF, ERR_INVALID},
    {ENOSYS, ERR_UNSUPPORTED},
    {EOPNOTSUPP, ERR_UNSUPPORTED},
    {EAGAIN, ERR_AGAIN},
    {EPIPE, ERR_CLOSED},
    {ECONNRESET, ERR_CLOSED},
    {ETIMEDOUT, ERR_TIMEOUT},
    {ECONNREFUSED, ERR_UNREACHABLE},
    {EHOSTUNREACH, ERR_UNREACHABLE},
    {ENETUNREACH, ERR_UNREACHABLE},
};

enum err
err_from_errno(int errno_value)
{
	for (size_t i = 0; i < ARRAY_LEN(FROM_ERRNO); i++) {
		if (FROM_ERRNO[i].errno_value == errno_value)
			return FROM_ERRNO[i].err;
	}
	return ERR_IO;
}

enum err
err_last(void)
{
	enum err e = err_from_errno(errno);

	return e == ERR_OK ? ERR_IO : e;
}

static const struct err_row *
err_row(enum err e)
{
	BUG_ON((unsigned)e >= ERR_N);
	return &ERRORS[e];
}

const char *
err_name(enum err e)
{
	return err_row(e)->name;
}

const char *
err_text(enum err e)
{
	return err_row(e)->text;
}

enum err_class
err_class(enum err e)
{
	return err_row(e)->class;
}

void
story_set(struct story *s, const char *format, ...)
{
	va_list args;

	if (s == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(s->text, sizeof s->text, format, args);
	va_end(args);
}

enum err
story_fail(struct story *s, enum err e, const char *format, ...)
{
	va_list args;

	if (s == NULL)
		return e;
	va_start(args, format);
	(void)vsnprintf(s->text, sizeof s->text, format, args);
	va_end(args);
	return e;
}

void
bug_abort(const char *file, int line, const char *what)
{
	/* Straight to the descriptor: nothing else of a broken process can be relied on. */
	dprintf(STDERR_FILENO, "bug: %s:%d: %s\n", file, line, what);
	abort();
}
