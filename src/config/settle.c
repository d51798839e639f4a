#include <stdlib.h>

#include "base/bug.h"
#include "config/load.h"
#include "config/paths.h"
#include "config/value.h"

/*
 * What can be said only when all files are read: which entry a name stands for, and where a path
 * leads. Every struct stands still by now.
 */

/* Names are compared with all entries of a section to suggest one: only in sections up to this. */
enum { SUGGEST_MAX = 1000 };

struct entry {
	const char *name;
	const void *object;
};

/* The entries of a section in the order of their names. */
struct index {
	const struct key *key;
	struct entry *entries;
	size_t n_entries;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return (uintptr_t)x->object < (uintptr_t)y->object ? -1 : 1;
}

static struct index
make_index(struct loader *l, const struct key *key)
{
	struct section s = section_of(&l->snap->config, key);
	struct index index = {.key = key, .entries = load_alloc(l, s.n + 1, sizeof(struct entry))};

	for (size_t i = 0; i < s.n && index.entries != NULL; i++) {
		const char *object = s.array + i * s.size;
		struct entry entry = {.object = object};
		memcpy(&entry.name, object, sizeof entry.name);
		/* An entry whose name was no text has been reported. */
		if (entry.name != NULL)
			index.entries[index.n_entries++] = entry;
	}
	if (index.n_entries > 0)
		qsort(index.entries, index.n_entries, sizeof *index.entries, compare_entries);
	return index;
}

static void
check_duplicates(struct loader *l, const struct index *index)
{
	char where[PLACE_TEXT_MAX];
	size_t first = 0;

	for (size_t i = 1; i < index->n_entries; i++) {
		const struct entry *one = &index->entries[first], *other = &index->entries[i];
		if (strcmp(one->name, other->name) != 0) {
			first = i;
			continue;
		}
		report_error(&l->report, snapshot_place(l->snap, other->object),
		    "%s \"%s\" is defined twice (first at %s)", index->key->child->noun,
		    SHOWN(slice_str(other->name)),
		    place_text(snapshot_place(l->snap, one->object), where));
	}
}

static const void *
index_find(const struct index *index, const char *name)
{
	size_t low = 0, high = index->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, index->entries[middle].name);
		if (order == 0)
			return index->entries[middle].object;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The name that was meant, or NULL. */
static const char *
index_nearest(const struct index *index, const char *name)
{
	const char *names[SUGGEST_MAX + 1] = {NULL};

	if (index->n_entries > SUGGEST_MAX)
		return NULL;
	for (size_t i = 0; i < index->n_entries; i++)
		names[i] = index->entries[i].name;
	return text_nearest(slice_str(name), names);
}

static void
settle_reference(struct loader *l, const struct index *index, const struct pending *p)
{
	const void *object = index_find(index, p->text);
	const char *noun = index->key->child->noun;

	if (object != NULL) {
		memcpy(p->slot, &object, sizeof object);
		return;
	}
	if (l->incomplete)
		return;
	const char *nearest = index_nearest(index, p->text);
	if (nearest == NULL)
		report_error(
		    &l->report, p->at, "no %s is named \"%s\"", noun, SHOWN(slice_str(p->text)));
	else
		report_error(&l->report, p->at, "no %s is named \"%s\" (did you mean \"%s\"?)",
		    noun, SHOWN(slice_str(p->text)), SHOWN(slice_str(nearest)));
}

static void
settle_references(struct loader *l)
{
	for (size_t i = 0; i < SCHEMA_TOP.n_keys && !l->no_memory; i++) {
		const struct key *key = &SCHEMA_TOP.keys[i];
		if (key->type != KEY_NAMED)
			continue;
		struct index index = make_index(l, key);
		check_duplicates(l, &index);
		for (size_t j = 0; j < l->n_pendings; j++) {
			const struct pending *p = &l->pendings[j];
			if (p->key->type == KEY_REFERENCE && strcmp(p->key->target, key->name) == 0)
				settle_reference(l, &index, p);
		}
	}
}

static char *
resolve(struct loader *l, const char *base, const char *path)
{
	char *resolved = path_resolve(&l->snap->arena, base, path);

	if (resolved == NULL)
		l->no_memory = true;
	return resolved;
}

/* `home` comes first: the other paths are relative to it. */
static void
settle_paths(struct loader *l)
{
	struct config *c = &l->snap->config;
	const char *base = l->dir;

	for (size_t i = 0; i < l->n_pendings; i++) {
		if (l->pendings[i].slot == &c->home)
			c->home = resolve(l, l->dir, l->pendings[i].text);
	}
	if (c->home != NULL)
		base = c->home;
	for (size_t i = 0; i < l->n_pendings && !l->no_memory; i++) {
		const struct pending *p = &l->pendings[i];
		if (p->key->type == KEY_REFERENCE || p->slot == &c->home)
			continue;
		char *path = resolve(l, base, p->text);
		memcpy(p->slot, &path, sizeof path);
	}
}

/* home/KIND/NAME, unless it was set. */
static void
settle_own_directory(struct loader *l, const char *kind, const char *name, char **path)
{
	if (*path != NULL)
		return;
	char *relative = arena_printf(&l->snap->arena, "%s/%s", kind, name);
	*path = relative == NULL ? NULL : resolve(l, l->snap->config.home, relative);
	l->no_memory = l->no_memory || *path == NULL;
}

/* Who has a certificate logs in by the account's name, unless others are named. */
static void
settle_principals(struct loader *l, struct config_account *a)
{
	if (a->principals != NULL)
		return;
	a->principals = load_alloc(l, 1, sizeof *a->principals);
	if (a->principals == NULL)
		return;
	a->principals[0] = a->name;
	a->n_principals = 1;
}

/* Defaults that are made of other values. An entry whose name is bad has been reported. */
static void
settle_defaults(struct loader *l)
{
	struct config *c = &l->snap->config;

	for (size_t i = 0; i < c->n_accounts && !l->no_memory; i++) {
		if (c->accounts[i].name != NULL)
			settle_principals(l, &c->accounts[i]);
	}
	if (c->home == NULL)
		return;
	if (c->control_socket == NULL)
		c->control_socket = resolve(l, c->home, "control.sock");
	for (size_t i = 0; i < c->n_folders && !l->no_memory; i++) {
		struct config_folder *f = &c->folders[i];
		if (value_name_fault(slice_str(f->name)) != NULL)
			continue;
		settle_own_directory(l, "staging", f->name, &f->staging);
		settle_own_directory(l, "archive", f->name, &f->archive);
	}
}

void
settle(struct loader *l)
{
	settle_paths(l);
	settle_references(l);
	settle_defaults(l);
}
