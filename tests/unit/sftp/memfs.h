/*
 * A small file system in memory for tests and fuzzing of the SFTP server engine, with knobs for the
 * awkward cases. Paths are flat text: "/a", "/d/b"; whatever is before the first slash is ignored.
 */
#ifndef TESTS_SFTP_MEMFS_H
#define TESTS_SFTP_MEMFS_H

#include "sftp/fs.h"
#include "sftp/server.h"

enum { MEMFS_NODES = 48, MEMFS_PATH_MAX = 256, MEMFS_SIZE_MAX = 16 * 1024 * 1024 };

struct memfs_node {
	bool used, is_dir;
	char path[MEMFS_PATH_MAX];
	char target[MEMFS_PATH_MAX]; /* of a symbolic link */
	uint8_t *data;
	size_t len;
	uint32_t permissions, mtime;
	unsigned n_open;
};

enum memfs_close {
	MEMFS_CLOSE_NOW,
	MEMFS_CLOSE_LATER, /* pending until memfs_complete */
	MEMFS_CLOSE_INSIDE /* pending, and completed before close returns */
};

struct memfs_file;

struct memfs {
	struct memfs_node nodes[MEMFS_NODES];
	enum memfs_close close;
	size_t read_most;  /* of one read or copy; 0: no bound */
	size_t n_extra;    /* entries "extra-N" that every directory shows behind its own */
	uint32_t end_with; /* the status that ends a directory, instead of SSH_FX_EOF, unless 0 */
	/* Files whose CLOSE is pending, oldest first. */
	struct memfs_file *waiting[SFTP_HANDLES_MAX];
	size_t n_waiting;
	/* Counted over the life of the file system. */
	size_t n_files_open, n_dirs_open, n_abandoned, n_closed, n_fsyncs, n_changes;
	size_t n_reads, n_peeks, n_copies;
};

void memfs_init(struct memfs *fs);
void memfs_fini(struct memfs *fs);

/* A file with this content (copied), or of len bytes of memfs_byte when content is NULL. */
struct memfs_node *memfs_add_file(
    struct memfs *fs, const char *path, const void *content, size_t len);
struct memfs_node *memfs_add_dir(struct memfs *fs, const char *path);
struct memfs_node *memfs_find(struct memfs *fs, const char *path);

/* The byte at an offset of a generated file. */
uint8_t memfs_byte(uint64_t offset);

/* Completes the i-th waiting CLOSE. */
void memfs_complete(struct memfs *fs, size_t i, uint32_t status);

const struct sftp_fs_ops *memfs_ops(void);

#endif
