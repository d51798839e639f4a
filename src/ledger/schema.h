/*
 * The tables of the ledger, and how an older file becomes a current one. Private to src/ledger and
 * its tests.
 */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* "Dray": tells our files from other programs' databases (PRAGMA application_id). */
#define SCHEMA_APPLICATION_ID 0x44726179

/* One step: SQL that makes a file of the version before (the row before; at first 0, an empty file)
 * into one of this version. Once released, a step is never edited: a new one follows it. */
struct migration {
	int version;
	const char *sql;
};

extern const struct migration SCHEMA_MIGRATIONS[];
extern const size_t SCHEMA_N_MIGRATIONS;

/* What kind of file it is. */
enum schema_kind {
	SCHEMA_EMPTY,   /* new, nothing in it */
	SCHEMA_OURS,    /* of a version that the steps know */
	SCHEMA_NEWER,   /* ours, written by a later release */
	SCHEMA_FOREIGN, /* a database of another program */
};

/* Reads only. The result is SQLite's code; *ret_version is the file's version. */
int schema_identify(sqlite3 *db, const struct migration *steps, size_t n_steps,
    enum schema_kind *ret_kind, int *ret_version) must_check;

/*
 * Runs the steps that lead on from version, all in one transaction: a failure or a crash leaves the
 * file as it was. The result is SQLite's code.
 */
int schema_upgrade(
    sqlite3 *db, const struct migration *steps, size_t n_steps, int version) must_check;

#endif
