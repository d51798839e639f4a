/*
 * What is at hand while a configuration is read, and what is kept of it beside struct config.
 *
 * Reading has three stages: the files become trees (sources.c), the trees fill the snapshot by the
 * schema (walk.c, value.c), and what needs the whole is settled: paths, references (settle.c), then
 * the rules between entries (consistency.c). Each stage reports all that it finds.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/arena.h"
#include "config/config.h"
#include "config/document.h"
#include "config/report.h"
#include "config/schema.h"

/* Where in the files a member of the snapshot was set. */
struct note {
	const void *slot;
	struct place at;
};

/* The public struct comes first: a struct config * is a struct snapshot *. */
struct snapshot {
	struct config config;
	struct arena arena; /* everything that config points to, and the sources */
	const struct source *main;
	struct note *notes; /* one for a slot at most */
	size_t n_notes, notes_cap;
};

/* A path or a reference: settled when the whole is known. */
struct pending {
	const struct key *key; /* its type or item is KEY_PATH, or its type KEY_REFERENCE */
	void *slot;
	char *text;
	struct place at;
};

struct loader {
	struct snapshot *snap;
	struct report report;
	char *dir; /* absolute: of the main file */
	struct document *documents;
	size_t n_documents, documents_cap;
	struct pending *pendings;
	size_t n_pendings, pendings_cap;
	bool incomplete; /* a file could not be read: what seems missing may be in it */
	bool no_memory;  /* sticky: nothing that was read counts */
};

/* Remembers where the slot was set. */
void load_note(struct loader *l, const void *slot, struct place at);

/* Once, when all is noted: snapshot_place looks things up by their address from then on. */
void snapshot_sort_notes(struct snapshot *snap);

/* Where the slot was set; the main file as a whole when it is a default. */
struct place snapshot_place(const struct snapshot *snap, const void *slot);

void load_pend(
    struct loader *l, const struct key *key, void *slot, struct slice text, struct place at);

/* What arena_alloc and arena_text give; NULL sets no_memory. */
void *load_alloc(struct loader *l, size_t n, size_t size);
char *load_text(struct loader *l, struct slice s);

/* Room for one more in a growing array of `size` bytes each; false without memory. */
bool load_grow(struct loader *l, void *array_ptr, size_t n, size_t *cap, size_t size);

/* The stages. */
enum err sources_read_file(struct loader *l, const char *path, struct story *story) must_check;
enum err sources_read_main(struct loader *l, const char *path, struct story *story) must_check;
enum err sources_read_text(
    struct loader *l, const char *path, struct slice text, struct story *story) must_check;
void walk_documents(struct loader *l);
void settle(struct loader *l);
void consistency_check(struct loader *l);
void areas_check(struct loader *l); /* a part of it */

/* An array of the snapshot and its length, by the key that describes it. */
struct section {
	char *array;
	size_t n, size;
};
struct section section_of(const struct config *c, const struct key *key);

#endif
