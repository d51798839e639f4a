#include "disk.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"

enum { SECTOR = 512, N_FILES = 8 };

/* A write since the file's last sync, and what it wrote over. */
struct undo {
	struct undo *older;
	sqlite3_int64 offset;
	int len;
	uint8_t before[];
};

struct disk_file {
	sqlite3_file base;
	struct undo *undo;          /* newest first */
	sqlite3_int64 durable_size; /* at the last sync */
	sqlite3_file *real;         /* behind this struct in the same memory */
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	struct disk_file *open[N_FILES];
	enum disk_fault kind;
	unsigned left; /* changes until it strikes */
	bool struck;
	int errno_value;
	uint64_t random;
} disk;

static bool
flip_coin(void)
{
	disk.random ^= disk.random >> 12;
	disk.random ^= disk.random << 25;
	disk.random ^= disk.random >> 27;
	return ((disk.random * UINT64_C(2685821657736338717)) >> 63) != 0;
}

static struct disk_file *
disk_file(sqlite3_file *file)
{
	return (struct disk_file *)(void *)file;
}

static void
forget(struct disk_file *f)
{
	while (f->undo != NULL) {
		struct undo *u = f->undo;
		f->undo = u->older;
		free(u);
	}
}

/* Loses sectors of a write. Past the durable end the disk may hold zeros. */
static void
lose_sectors(struct disk_file *f, const struct undo *u)
{
	for (int at = 0; at < u->len; at += SECTOR) {
		int len = u->len - at < SECTOR ? u->len - at : SECTOR;
		if (flip_coin())
			BUG_ON(f->real->pMethods->xWrite(
				   f->real, u->before + at, len, u->offset + at) != SQLITE_OK);
	}
}

static void
lose_power(void)
{
	for (size_t i = 0; i < N_FILES; i++) {
		struct disk_file *f = disk.open[i];
		if (f == NULL)
			continue;
		for (const struct undo *u = f->undo; u != NULL; u = u->older)
			lose_sectors(f, u);
		sqlite3_int64 size;
		BUG_ON(f->real->pMethods->xFileSize(f->real, &size) != SQLITE_OK);
		if (size > f->durable_size && flip_coin())
			BUG_ON(f->real->pMethods->xTruncate(f->real, f->durable_size) != SQLITE_OK);
	}
}

/* True when this change must fail; doesn't return when all must end. */
static bool
strikes(void)
{
	if (disk.kind == DISK_NONE || (disk.left > 0 && --disk.left > 0))
		return false;
	if (disk.struck && disk.kind != DISK_FROM_NOW_ON)
		return false;
	disk.struck = true;
	if (disk.kind == DISK_POWER)
		lose_power();
	if (disk.kind == DISK_POWER || disk.kind == DISK_KILL)
		_exit(DISK_EXIT);
	errno = disk.errno_value;
	return true;
}

/* As SQLite's own layer tells a full disk in a write. */
static int
device_code(int otherwise)
{
	errno = disk.errno_value;
	return disk.errno_value == ENOSPC && otherwise == SQLITE_IOERR_WRITE ? SQLITE_FULL
									     : otherwise;
}

static int
disk_close(sqlite3_file *file)
{
	struct disk_file *f = disk_file(file);

	for (size_t i = 0; i < N_FILES; i++) {
		if (disk.open[i] == f)
			disk.open[i] = NULL;
	}
	forget(f);
	return f->real->pMethods->xClose(f->real);
}

static int
disk_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xRead(f->real, bytes, len, offset);
}

static void
remember(struct disk_file *f, int len, sqlite3_int64 offset)
{
	struct undo *u = calloc(1, sizeof *u + (size_t)len);

	BUG_ON(u == NULL);
	u->offset = offset;
	u->len = len;
	int rc = f->real->pMethods->xRead(f->real, u->before, len, offset);
	BUG_ON(rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ);
	u->older = f->undo;
	f->undo = u;
}

static int
disk_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	struct disk_file *f = disk_file(file);

	if (strikes()) {
		if (disk.kind == DISK_TORN) {
			remember(f, len / 2, offset);
			(void)f->real->pMethods->xWrite(f->real, bytes, len / 2, offset);
		}
		return device_code(SQLITE_IOERR_WRITE);
	}
	remember(f, len, offset);
	return f->real->pMethods->xWrite(f->real, bytes, len, offset);
}

static int
disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct disk_file *f = disk_file(file);
	sqlite3_int64 now;

	if (strikes())
		return device_code(SQLITE_IOERR_TRUNCATE);
	int rc = f->real->pMethods->xFileSize(f->real, &now);
	if (rc == SQLITE_OK && now > size)
		remember(f, (int)(now - size), size);
	return rc != SQLITE_OK ? rc : f->real->pMethods->xTruncate(f->real, size);
}

/* Not passed on: the page cache outlives the process, and the test would wait for nothing. */
static int
disk_sync(sqlite3_file *file, int flags)
{
	struct disk_file *f = disk_file(file);

	(void)flags;
	if (strikes())
		return device_code(SQLITE_IOERR_FSYNC);
	forget(f);
	return f->real->pMethods->xFileSize(f->real, &f->durable_size);
}

/*
 * In the place of the C library's two: a directory's sync, by the ledger or by SQLite, is a change
 * like the others, and isn't waited for either.
 */
int
fsync(int fd)
{
	(void)fd;
	return strikes() ? -1 : 0;
}

int
fdatasync(int fd)
{
	return fsync(fd);
}

static int
disk_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xFileSize(f->real, ret_size);
}

static int
disk_lock(sqlite3_file *file, int level)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xLock(f->real, level);
}

static int
disk_unlock(sqlite3_file *file, int level)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xUnlock(f->real, level);
}

static int
disk_check_lock(sqlite3_file *file, int *ret_reserved)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xCheckReservedLock(f->real, ret_reserved);
}

static int
disk_control(sqlite3_file *file, int op, void *arg)
{
	struct disk_file *f = disk_file(file);

	return f->real->pMethods->xFileControl(f->real, op, arg);
}

static int
disk_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}

/* None: what the device might promise is just what is being tested. */
static int
disk_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0;
}

/* Version 1: no shared memory. The ledger must do without it. */
static const sqlite3_io_methods METHODS = {
    .iVersion = 1,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_file_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_check_lock,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector_size,
    .xDeviceCharacteristics = disk_characteristics,
};

static void
enlist(struct disk_file *f)
{
	size_t i = 0;

	while (i < N_FILES && disk.open[i] != NULL)
		i++;
	BUG_ON(i == N_FILES);
	disk.open[i] = f;
}

static int
disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct disk_file *f = disk_file(file);
	int exists = 1;

	(void)vfs;
	*f = (struct disk_file){.real = (sqlite3_file *)(void *)(f + 1)};
	if (name != NULL && (flags & SQLITE_OPEN_CREATE) != 0)
		(void)disk.real->xAccess(disk.real, name, SQLITE_ACCESS_EXISTS, &exists);
	if (exists == 0 && strikes())
		return device_code(SQLITE_CANTOPEN);
	int rc = disk.real->xOpen(disk.real, name, f->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		rc = f->real->pMethods->xFileSize(f->real, &f->durable_size);
	if (rc != SQLITE_OK)
		return rc;
	f->base.pMethods = &METHODS;
	enlist(f);
	return SQLITE_OK;
}

static int
disk_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	(void)vfs;
	if (strikes())
		return device_code(SQLITE_IOERR_DELETE);
	return disk.real->xDelete(disk.real, name, sync_dir);
}

static int
disk_last_error(sqlite3_vfs *vfs, int len, char *text)
{
	(void)vfs;
	(void)len;
	(void)text;
	return errno;
}

void
disk_install(void)
{
	BUG_ON(sqlite3_initialize() != SQLITE_OK);
	disk.real = sqlite3_vfs_find(NULL);
	BUG_ON(disk.real == NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "disk";
	disk.vfs.pNext = NULL;
	disk.vfs.szOsFile = (int)sizeof(struct disk_file) + disk.real->szOsFile;
	disk.vfs.xOpen = disk_open;
	disk.vfs.xDelete = disk_delete;
	disk.vfs.xGetLastError = disk_last_error;
	BUG_ON(sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK);
}

void
disk_arm(enum disk_fault kind, unsigned n, int errno_value, uint64_t seed)
{
	BUG_ON(n == 0);
	disk.kind = kind;
	disk.left = n;
	disk.struck = false;
	disk.errno_value = errno_value;
	disk.random = seed * 2 + 1;
}

bool
disk_disarm(void)
{
	bool struck = disk.struck;

	disk.kind = DISK_NONE;
	disk.struck = false;
	return struck;
}
