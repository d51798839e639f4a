#include "config/config.h"

#include <stdlib.h>

#include "base/bug.h"
#include "config/load.h"
#include "config/walk.h"

static struct snapshot *
snapshot_of(struct config *c)
{
	return (struct snapshot *)c;
}

static void
snapshot_free(struct snapshot *snap)
{
	if (snap == NULL)
		return;
	arena_fini(&snap->arena);
	free(snap->notes);
	free(snap);
}

struct config *
config_ref(struct config *c)
{
	c->n_refs++;
	return c;
}

void
config_unref(struct config *c)
{
	if (c == NULL)
		return;
	BUG_ON(c->n_refs == 0);
	if (--c->n_refs == 0)
		snapshot_free(snapshot_of(c));
}

void
config_unrefp(struct config **c)
{
	config_unref(*c);
	*c = NULL;
}

static void
loader_free(struct loader *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_documents; i++)
		document_fini(&l->documents[i]);
	free(l->documents);
	free(l->pendings);
	report_fini(&l->report);
	snapshot_free(l->snap);
	free(l);
}

static void
loader_freep(struct loader **l)
{
	loader_free(*l);
}

static struct loader *
loader_new(void)
{
	struct loader *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	report_init(&l->report);
	l->snap = calloc(1, sizeof *l->snap);
	if (l->snap == NULL) {
		loader_free(l);
		return NULL;
	}
	return l;
}

/* The stages after the files are trees. */
static enum err
build(struct loader *l, struct buf *ret_errors)
{
	walk_documents(l);
	if (!l->no_memory)
		settle(l);
	if (!l->no_memory)
		consistency_check(l);
	if (l->no_memory)
		return ERR_NOMEM;
	report_write(&l->report, ret_errors);
	return l->report.n_errors == 0 ? ERR_OK : ERR_INVALID;
}

/* text NULL: from the file. */
static enum err
load(const char *path, const struct slice *text, struct config **ret_config, struct buf *ret_errors)
{
	struct loader *l _cleanup_(loader_freep) = loader_new();
	struct story story = {""};

	*ret_config = NULL;
	if (l == NULL)
		return ERR_NOMEM;
	enum err e = text == NULL ? sources_read_file(l, path, &story)
				  : sources_read_text(l, path, *text, &story);
	if (e == ERR_OK)
		e = build(l, ret_errors);
	else if (buf_printf(ret_errors, "%s: %s\n", SHOWN(slice_str(path)),
		     story.text[0] == '\0' ? err_text(e) : story.text) != ERR_OK)
		e = ERR_NOMEM;
	if (e == ERR_OK) {
		*ret_config = config_ref(&l->snap->config);
		l->snap = NULL;
	}
	return e;
}

enum err
config_load(const char *path, struct config **ret_config, struct buf *ret_errors)
{
	return load(path, NULL, ret_config, ret_errors);
}

enum err
config_parse(
    const char *path, struct slice text, struct config **ret_config, struct buf *ret_errors)
{
	return load(path, &text, ret_config, ret_errors);
}

/* Reads one key of the main file's top level, if it is there and good. */
static void
peek_key(struct loader *l, const char *name)
{
	const struct document *d = &l->documents[0];
	const struct key *key = schema_find(&SCHEMA_TOP, slice_str(name));
	const yaml_node_t *node = document_top_value(d, name);

	BUG_ON(key == NULL);
	if (node != NULL)
		walk_scalar(l, d, key, node, (char *)&l->snap->config);
}

/* Without a home a relative path leads nowhere. */
static bool
control_can_be_told(const struct loader *l)
{
	for (size_t i = 0; i < l->n_pendings; i++) {
		const struct pending *p = &l->pendings[i];
		if (p->slot == &l->snap->config.home || p->text[0] == '/')
			return true;
	}
	return false;
}

enum err
config_peek_control(const char *path, char *ret_path, size_t len)
{
	struct loader *l _cleanup_(loader_freep) = loader_new();

	if (l == NULL)
		return ERR_NOMEM;
	enum err e = sources_read_main(l, path, NULL);
	if (e != ERR_OK)
		return e;
	peek_key(l, "home");
	peek_key(l, "control");
	if (!l->no_memory && !control_can_be_told(l))
		return ERR_FORMAT;
	if (!l->no_memory)
		settle(l);
	if (l->no_memory)
		return ERR_NOMEM;
	return slice_copy(slice_str(l->snap->config.control_socket), ret_path, len)
		   ? ERR_OK
		   : ERR_NAMETOOLONG;
}

#define FINDER(thing, array, n_array)                                       \
	const struct config_##thing *config_find_##thing(                   \
	    const struct config *c, struct slice name)                      \
	{                                                                   \
		for (size_t i = 0; i < c->n_array; i++) {                   \
			if (slice_equal(slice_str(c->array[i].name), name)) \
				return &c->array[i];                        \
		}                                                           \
		return NULL;                                                \
	}
FINDER(account, accounts, n_accounts)
FINDER(route, routes, n_routes)
FINDER(remote, remotes, n_remotes)
FINDER(identity, identities, n_identities)
FINDER(folder, folders, n_folders)
