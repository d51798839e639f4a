/* What each operation on a mount needs, as one table: operation → rights. */
#ifndef VFS_ACCESS_H
#define VFS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

enum access_op {
	ACCESS_STAT,        /* attributes of a name that the client knows already */
	ACCESS_LIST,        /* the names in a directory */
	ACCESS_DOWNLOAD,    /* a file's content */
	ACCESS_CREATE,      /* an upload under a new name */
	ACCESS_REPLACE,     /* an upload under a name that is in use */
	ACCESS_RESIZE,      /* another size for a file that is in place */
	ACCESS_SETSTAT,     /* times and modes: without it they are ignored, not refused */
	ACCESS_REMOVE,      /* a file */
	ACCESS_RENAME,      /* to a name that is free */
	ACCESS_RENAME_OVER, /* to a name that is in use */
	ACCESS_MKDIR,
	ACCESS_RMDIR,
	ACCESS_LINK_FROM, /* a second name for this file */
	ACCESS_LINK,      /* the second name itself, which is free */
	ACCESS_N
};

/* Do the bits of enum vfs_allow permit the operation? */
bool access_allows(uint32_t allow, enum access_op op);

/* The bits that are missing; none for an operation that takes any right at all. */
uint32_t access_lacks(uint32_t allow, enum access_op op);

/* Does it take a right that a read-only mount has not? */
bool access_changes(enum access_op op);

/* The operation in a word, for the log: "upload". */
const char *access_verb(enum access_op op);

/* That the right to it is missing, for the client: "files can't be uploaded here". */
const char *access_refusal(enum access_op op);

#endif
