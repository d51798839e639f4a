/*
 * SQLite's file layer with a device that fails on demand: the n-th change of a file (a write, a
 * sync, a truncation, the making or removal of a file, a directory's sync) fails once, or from then
 * on, or the process or the whole machine stops there.
 *
 * When the machine stops, what no sync had made durable is partly lost: each 512-byte sector of
 * each write since the file's last sync is there or isn't, as the dice say, and a file that grew
 * may have its old length again. Names of files are taken as durable.
 */
#ifndef TESTS_FAULT_DISK_H
#define TESTS_FAULT_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum disk_fault {
	DISK_NONE,
	DISK_ONCE,        /* the change fails and nothing of it is done */
	DISK_TORN,        /* half of it is done, then it fails */
	DISK_FROM_NOW_ON, /* this one and all that follow fail */
	DISK_KILL,        /* the process ends before the change */
	DISK_POWER,       /* the machine stops before the change */
};

/* What the process says on its way out, by kill or by power. */
enum { DISK_EXIT = 99 };

/* Registers the layer as the default, once per process. */
void disk_install(void);

/*
 * Arms it: the n-th change from now on, counted from 1, meets with the fault; errno_value is what
 * the device says (ENOSPC, EIO). seed: the dice of DISK_POWER.
 */
void disk_arm(enum disk_fault kind, unsigned n, int errno_value, uint64_t seed);

/* Disarms, and tells whether it struck. */
bool disk_disarm(void);

#endif
