/*
 * What can go wrong outside of the program, as one enum that must be checked, and one table that
 * says of each: its name, the words for a person, and what kind of failure it is.
 *
 * Outcomes that a caller handles (denied, end of file, host key changed) are small enums of their
 * own modules. Bugs end the process (base/bug.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

enum err {
	ERR_OK = 0,
	ERR_NOMEM,       /* out of memory, or past a buffer's maximum */
	ERR_LIMIT,       /* a limit of ours was reached */
	ERR_FORMAT,      /* bytes that are not what they should be */
	ERR_IO,          /* the device or the system failed */
	ERR_NOSPACE,     /* the disk is full */
	ERR_QUOTA,       /* a quota is used up */
	ERR_NOFILES,     /* too many open files */
	ERR_NOENT,       /* no such file */
	ERR_EXISTS,      /* it is there already */
	ERR_ACCESS,      /* permission denied */
	ERR_READONLY,    /* read-only file system */
	ERR_NOTDIR,      /* a directory was needed */
	ERR_ISDIR,       /* it is a directory */
	ERR_NOTEMPTY,    /* the directory isn't empty */
	ERR_ESCAPE,      /* the path leaves the directory that it must stay beneath */
	ERR_XDEV,        /* on another file system */
	ERR_NAMETOOLONG, /* a name or a path is too long */
	ERR_INVALID,     /* an argument that makes no sense */
	ERR_UNSUPPORTED, /* not done here */
	ERR_AGAIN,       /* not now: would block */
	ERR_CLOSED,      /* the other side closed the line */
	ERR_TIMEOUT,     /* it took too long */
	ERR_UNREACHABLE, /* the host does not answer, or has no address */
	ERR_N
};

/* What a caller that may try again should do about an error. */
enum err_class {
	ERR_CLASS_NONE,      /* no error */
	ERR_CLASS_TRANSIENT, /* try again soon: the line, the peer's load */
	ERR_CLASS_RESOURCE,  /* wait until there is room again; not the file's fault */
	ERR_CLASS_PERMANENT  /* the same again would fail the same way */
};

/* The error that errno_value stands for; unknown values are ERR_IO. 0 is ERR_OK. */
enum err err_from_errno(int errno_value);

/* The error that errno stands for now. Never ERR_OK: a caller asks only after a failure. */
enum err err_last(void);

/* A short stable name for logs, as "no-space". */
const char *err_name(enum err e);

/* Words for a person, without a full stop, as "no space left on device". */
const char *err_text(enum err e);

enum err_class err_class(enum err e);

/*
 * The story of a failure, for people: what failed, on which object, why. It travels beside the code
 * and is told once, at the edge. Text from outside is escaped when it is put in.
 */
enum { STORY_MAX = 512 };

struct story {
	char text[STORY_MAX];
};

/* Replaces the story; cut at STORY_MAX - 1. s may be NULL: then nobody listens. */
void story_set(struct story *s, const char *format, ...) printf_like(2, 3);

/* As story_set, and returns e, so that a failing function can tell and leave in one line. */
enum err story_fail(struct story *s, enum err e, const char *format, ...) printf_like(3, 4);

#endif
