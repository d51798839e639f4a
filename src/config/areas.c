#include <stdio.h>
#include <stdlib.h>

#include "config/load.h"
#include "config/paths.h"

/* Places on disk: which may lie within which. A path that wasn't good is NULL here. */

/*
 * What the places on disk are for. Files come last: among entries of one path they are then looked
 * at when the directory has been.
 */
enum area_kind { AREA_HOME, AREA_FOLDER, AREA_STAGING, AREA_ARCHIVE, AREA_FILE, AREA_N };

struct area {
	enum area_kind kind;
	const char *path;
	const char *owner; /* "invoices" */
	const char *what;  /* "private_key" */
	const void *slot;
};

struct areas {
	struct area *areas;
	size_t n, cap;
};

static void
add_area(struct loader *l, struct areas *all, struct area area)
{
	if (area.path != NULL && load_grow(l, &all->areas, all->n, &all->cap, sizeof *all->areas))
		all->areas[all->n++] = area;
}

static void
add_account_files(struct loader *l, struct areas *all, const struct config_account *a)
{
	for (size_t i = 0; i < a->n_authorized_keys; i++)
		add_area(l, all,
		    (struct area){AREA_FILE, a->authorized_keys[i], a->name, "authorized_keys",
			&a->authorized_keys[i]});
	add_area(l, all,
	    (struct area){
		AREA_FILE, a->trusted_user_ca, a->name, "trusted_user_ca", &a->trusted_user_ca});
}

/* What has no folder's business: keys, whom to trust, the operator's door. */
static void
add_files(struct loader *l, struct areas *all)
{
	const struct config *c = &l->snap->config;

	for (size_t i = 0; i < c->n_listens; i++) {
		for (size_t j = 0; j < c->listens[i].n_host_keys; j++) {
			char *const *key = &c->listens[i].host_keys[j];
			add_area(l, all, (struct area){AREA_FILE, *key, "", "host_keys", key});
		}
	}
	for (size_t i = 0; i < c->n_identities; i++) {
		const struct config_identity *id = &c->identities[i];
		add_area(l, all,
		    (struct area){
			AREA_FILE, id->private_key, id->name, "private_key", &id->private_key});
	}
	for (size_t i = 0; i < c->n_remotes; i++) {
		const struct config_remote *r = &c->remotes[i];
		add_area(l, all,
		    (struct area){
			AREA_FILE, r->known_hosts, r->name, "known_hosts", &r->known_hosts});
	}
	for (size_t i = 0; i < c->n_accounts; i++)
		add_account_files(l, all, &c->accounts[i]);
	add_area(l, all,
	    (struct area){
		AREA_FILE, c->trusted_user_ca, "", "trusted_user_ca", &c->trusted_user_ca});
	add_area(l, all,
	    (struct area){AREA_FILE, c->revoked_keys, "", "revoked_keys", &c->revoked_keys});
	/* Its default is in `home`, and what is true of home is told of home. */
	if (snapshot_place(l->snap, &c->control_socket).line > 0)
		add_area(l, all,
		    (struct area){AREA_FILE, c->control_socket, "", "control", &c->control_socket});
}

static void
add_directories(struct loader *l, struct areas *all)
{
	const struct config *c = &l->snap->config;

	add_area(l, all, (struct area){AREA_HOME, c->home, "", "home", &c->home});
	for (size_t i = 0; i < c->n_folders; i++) {
		const struct config_folder *f = &c->folders[i];
		add_area(l, all, (struct area){AREA_FOLDER, f->path, f->name, "path", &f->path});
		add_area(l, all,
		    (struct area){AREA_STAGING, f->staging, f->name, "staging", &f->staging});
		if (f->on_delivered == CONFIG_DELIVERED_ARCHIVE)
			add_area(l, all,
			    (struct area){
				AREA_ARCHIVE, f->archive, f->name, "archive", &f->archive});
	}
}

static int
compare_areas(const void *a, const void *b)
{
	const struct area *x = a, *y = b;
	int order = path_compare(x->path, y->path);

	if (order == 0)
		order = (int)x->kind - (int)y->kind;
	if (order != 0)
		return order;
	return (uintptr_t)x->slot < (uintptr_t)y->slot ? -1 : 1;
}

/*
 * What an area may not have within it, and why. A folder within a folder is allowed: it shows the
 * same files to other accounts; two names for one directory are not.
 */
static const char *
conflict(const struct area *outer, const struct area *inner)
{
	static const char *const SEEN = "a folder shows all that it holds";
	static const char *const SWEPT = "staging must hold nothing else";
	static const char *const KEPT = "an archive must hold nothing else";
	static const char *const CONFLICTS[AREA_N][AREA_N] = {
	    [AREA_FOLDER][AREA_HOME] = SEEN,
	    [AREA_FOLDER][AREA_STAGING] = SEEN,
	    [AREA_FOLDER][AREA_ARCHIVE] = SEEN,
	    [AREA_FOLDER][AREA_FILE] = SEEN,
	    [AREA_STAGING][AREA_HOME] = SWEPT,
	    [AREA_STAGING][AREA_FOLDER] = SWEPT,
	    [AREA_STAGING][AREA_STAGING] = SWEPT,
	    [AREA_STAGING][AREA_ARCHIVE] = SWEPT,
	    [AREA_STAGING][AREA_FILE] = SWEPT,
	    [AREA_ARCHIVE][AREA_HOME] = KEPT,
	    [AREA_ARCHIVE][AREA_FOLDER] = KEPT,
	    [AREA_ARCHIVE][AREA_STAGING] = KEPT,
	    [AREA_ARCHIVE][AREA_ARCHIVE] = KEPT,
	    [AREA_ARCHIVE][AREA_FILE] = KEPT,
	};
	bool same = strcmp(outer->path, inner->path) == 0;

	if (same && outer->kind == AREA_HOME && inner->kind != AREA_HOME)
		return conflict(inner, outer);
	if (same && outer->kind == AREA_FOLDER && inner->kind == AREA_FOLDER)
		return "it is one directory, give it one name";
	return CONFLICTS[outer->kind][inner->kind];
}

/* "staging" of "invoices" */
static const char *
describe(const struct area *area, char *dst, size_t dst_len)
{
	if (area->owner[0] == '\0')
		(void)snprintf(dst, dst_len, "\"%s\"", area->what);
	else
		(void)snprintf(
		    dst, dst_len, "\"%s\" of \"%s\"", area->what, SHOWN(slice_str(area->owner)));
	return dst;
}

static void
report_conflict(
    struct loader *l, const struct area *outer, const struct area *inner, const char *why)
{
	char inner_text[128], outer_text[128];
	bool same = strcmp(outer->path, inner->path) == 0;
	struct place at = snapshot_place(l->snap, inner->slot);

	/* At the one that can be changed: not at a default, and not at home. */
	if (at.line == 0 || inner->kind == AREA_HOME)
		at = snapshot_place(l->snap, outer->slot);
	/* Two defaults meet only where two folders have one name, which has been told. */
	if (at.line == 0)
		return;
	report_error(&l->report, at, "%s (%s) is %s %s: %s",
	    describe(inner, inner_text, sizeof inner_text), SHOWN(slice_str(inner->path)),
	    same ? "the same as" : "within", describe(outer, outer_text, sizeof outer_text), why);
}

/*
 * In the order of path_compare everything within a directory follows it without a gap: the
 * directories around an area are then a stack, as deep as its path has parts.
 */
static void
check_areas(struct loader *l, struct area *areas, size_t n_areas)
{
	const struct area **stack = load_alloc(l, n_areas + 1, sizeof *stack);
	size_t depth = 0;

	if (stack == NULL)
		return;
	for (size_t i = 0; i < n_areas; i++) {
		const struct area *inner = &areas[i];
		const char *why = NULL;
		while (depth > 0 && !path_within(inner->path, stack[depth - 1]->path))
			depth--;
		for (size_t j = depth; j-- > 0 && why == NULL;) {
			why = conflict(stack[j], inner);
			if (why != NULL)
				report_conflict(l, stack[j], inner, why);
		}
		/* One path is on the stack at most twice (a folder and home): what is in conflict
		 * and what is a file stays off it. */
		if (why == NULL && inner->kind != AREA_FILE)
			stack[depth++] = inner;
	}
}

void
areas_check(struct loader *l)
{
	struct areas all = {0};

	add_directories(l, &all);
	add_files(l, &all);
	if (all.n > 0) {
		qsort(all.areas, all.n, sizeof *all.areas, compare_areas);
		check_areas(l, all.areas, all.n);
	}
	free(all.areas);
}
