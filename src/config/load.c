#include "config/load.h"

#include <stdlib.h>

bool
load_grow(struct loader *l, void *array_ptr, size_t n, size_t *cap, size_t size)
{
	void *array;

	if (n < *cap)
		return true;
	size_t more = *cap == 0 ? 64 : *cap * 2;
	memcpy(&array, array_ptr, sizeof array);
	array = reallocarray(array, more, size);
	if (array == NULL) {
		l->no_memory = true;
		return false;
	}
	memcpy(array_ptr, &array, sizeof array);
	*cap = more;
	return true;
}

void
load_note(struct loader *l, const void *slot, struct place at)
{
	struct snapshot *s = l->snap;

	if (load_grow(l, &s->notes, s->n_notes, &s->notes_cap, sizeof *s->notes))
		s->notes[s->n_notes++] = (struct note){slot, at};
}

static int
compare_notes(const void *a, const void *b)
{
	const struct note *x = a, *y = b;
	uintptr_t at_x = (uintptr_t)x->slot, at_y = (uintptr_t)y->slot;

	return at_x < at_y ? -1 : at_x > at_y ? 1 : 0;
}

void
snapshot_sort_notes(struct snapshot *snap)
{
	if (snap->n_notes > 0)
		qsort(snap->notes, snap->n_notes, sizeof *snap->notes, compare_notes);
}

struct place
snapshot_place(const struct snapshot *snap, const void *slot)
{
	struct note wanted = {.slot = slot};
	const struct note *found = snap->n_notes == 0 ? NULL
						      : bsearch(&wanted, snap->notes, snap->n_notes,
							    sizeof *snap->notes, compare_notes);

	return found == NULL ? (struct place){.source = snap->main} : found->at;
}

void
load_pend(struct loader *l, const struct key *key, void *slot, struct slice text, struct place at)
{
	char *copy = load_text(l, text);

	if (copy != NULL &&
	    load_grow(l, &l->pendings, l->n_pendings, &l->pendings_cap, sizeof *l->pendings))
		l->pendings[l->n_pendings++] = (struct pending){key, slot, copy, at};
}

void *
load_alloc(struct loader *l, size_t n, size_t size)
{
	void *p = arena_array(&l->snap->arena, n, size);

	if (p == NULL)
		l->no_memory = true;
	return p;
}

char *
load_text(struct loader *l, struct slice s)
{
	char *copy = arena_text(&l->snap->arena, s);

	if (copy == NULL)
		l->no_memory = true;
	return copy;
}
