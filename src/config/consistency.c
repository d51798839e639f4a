#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/load.h"
#include "config/paths.h"

/* Rules between values, each of which is good on its own. A value that wasn't is NULL here. */

/* A value that must not be there twice in its list. */
struct item {
	const char *text;
	const void *slot;
};

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order != 0)
		return order;
	return (uintptr_t)x->slot < (uintptr_t)y->slot ? -1 : 1;
}

/* what: "the mount" */
static void
report_twice(struct loader *l, struct item *items, size_t n_items, const char *what)
{
	char where[PLACE_TEXT_MAX];
	size_t first = 0;

	if (n_items > 0)
		qsort(items, n_items, sizeof *items, compare_items);
	for (size_t i = 1; i < n_items; i++) {
		if (strcmp(items[first].text, items[i].text) != 0) {
			first = i;
			continue;
		}
		report_error(&l->report, snapshot_place(l->snap, items[i].slot),
		    "%s \"%s\" is there twice (first at %s)", what, SHOWN(slice_str(items[i].text)),
		    place_text(snapshot_place(l->snap, items[first].slot), where));
	}
}

static void
check_account(struct loader *l, const struct config_account *a)
{
	struct item *items = load_alloc(l, a->n_mounts + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < a->n_mounts && items != NULL; i++) {
		if (a->mounts[i].at != NULL)
			items[n++] = (struct item){a->mounts[i].at, &a->mounts[i].at};
	}
	report_twice(l, items, n, "the mount");
}

static void
check_route(struct loader *l, const struct config_route *r)
{
	struct item *items = load_alloc(l, r->n_to + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < r->n_to && items != NULL; i++) {
		if (r->to[i] != NULL)
			items[n++] = (struct item){r->to[i]->name, &r->to[i]};
	}
	report_twice(l, items, n, "the folder");
	if (r->match.max_size > 0 && r->match.min_size > r->match.max_size)
		report_error(&l->report, snapshot_place(l->snap, &r->match.max_size),
		    "\"max_size\" is below \"min_size\": no file could match");
}

static void
check_listens(struct loader *l)
{
	const struct config *c = &l->snap->config;
	struct item *items = load_alloc(l, c->n_listens + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < c->n_listens && items != NULL; i++) {
		const struct config_listen *listen = &c->listens[i];
		if (listen->host == NULL)
			continue;
		char *text = arena_printf(
		    &l->snap->arena, "%s port %u", listen->host, (unsigned)listen->port);
		if (text == NULL)
			l->no_memory = true;
		else
			items[n++] = (struct item){text, &listen->host};
	}
	report_twice(l, items, n, "the address");
}

/*
 * What the places on disk are for. Files come last: among entries of one path they are then looked
 * at when the directory has been.
 */
enum area_kind { AREA_HOME, AREA_FOLDER, AREA_STAGING, AREA_FILE, AREA_N };

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
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];
		for (size_t j = 0; j < a->n_authorized_keys; j++)
			add_area(l, all,
			    (struct area){AREA_FILE, a->authorized_keys[j], a->name,
				"authorized_keys", &a->authorized_keys[j]});
	}
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
	static const char *const CONFLICTS[AREA_N][AREA_N] = {
	    [AREA_FOLDER][AREA_HOME] = SEEN,
	    [AREA_FOLDER][AREA_STAGING] = SEEN,
	    [AREA_FOLDER][AREA_FILE] = SEEN,
	    [AREA_STAGING][AREA_HOME] = SWEPT,
	    [AREA_STAGING][AREA_FOLDER] = SWEPT,
	    [AREA_STAGING][AREA_STAGING] = SWEPT,
	    [AREA_STAGING][AREA_FILE] = SWEPT,
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

static void
check_disk(struct loader *l)
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

void
consistency_check(struct loader *l)
{
	const struct config *c = &l->snap->config;

	check_listens(l);
	for (size_t i = 0; i < c->n_accounts && !l->no_memory; i++)
		check_account(l, &c->accounts[i]);
	for (size_t i = 0; i < c->n_routes && !l->no_memory; i++)
		check_route(l, &c->routes[i]);
	check_disk(l);
}
