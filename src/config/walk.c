#include <stdio.h>

#include "config/value.h"
#include "config/walk.h"

/*
 * Fills the snapshot from the trees, by the schema. Depth is the schema's: a node that the schema
 * doesn't expect is reported and not entered.
 */

/* Which keys of a mapping were there, and where. */
struct seen {
	struct place at[SCHEMA_KEYS_MAX]; /* source NULL: not yet */
	bool refused; /* what is missing may be in what was refused, unsupported or unreadable */
};

enum { SCOPE_MAX = 160 };

static void walk_value(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base);

/* Defaults for what wasn't there, errors for what had to be. */
static void
complete_map(struct loader *l, const struct schema *schema, const char *scope, struct place at,
    const struct seen *seen, char *base)
{
	static const struct seen NONE_SEEN;

	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct key *key = &schema->keys[i];
		if (seen->at[i].source != NULL)
			continue;
		if (key->required && !seen->refused)
			report_error(&l->report, at, "missing key \"%s\" in %s", key->name, scope);
		if (key->type == KEY_MAP && !key->required)
			complete_map(
			    l, key->child, key->child->noun, at, &NONE_SEEN, base + key->offset);
		if (key->fallback == NULL)
			continue;
		struct value v = {.key = key,
		    .type = key->type,
		    .text = slice_str(key->fallback),
		    .at = at,
		    .plain = true,
		    .is_default = true};
		value_read(l, &v, base + key->offset, base + key->offset_2);
	}
}

static void
fail_unknown_key(struct loader *l, const struct schema *schema, const char *scope,
    struct slice name, struct place at)
{
	const char *nearest = schema_nearest(schema, name);

	if (nearest == NULL)
		report_error(&l->report, at, "unknown key \"%s\" in %s", SHOWN(name), scope);
	else
		report_error(&l->report, at, "unknown key \"%s\" in %s (did you mean \"%s\"?)",
		    SHOWN(name), scope, nearest);
}

/*
 * True when the key may be read, and marks it seen. A list and a mapping of names may go on in
 * another file; an `include` there has an error of its own (walk_include).
 */
static bool
admit_key(struct loader *l, const struct schema *schema, const struct key *key, const char *scope,
    struct place at, struct seen *seen)
{
	struct place *before = &seen->at[key - schema->keys];
	char where[PLACE_TEXT_MAX];

	if (key->type == KEY_UNSUPPORTED) {
		seen->refused = true;
		report_error(&l->report, at, "\"%s\" in %s is not supported by this version",
		    key->name, scope);
		return false;
	}
	bool goes_on =
	    before->source != at.source &&
	    (key->type == KEY_LIST || key->type == KEY_NAMED || key->type == KEY_INCLUDE);
	if (before->source != NULL && !goes_on) {
		report_error(&l->report, at, "key \"%s\" is twice in %s (first at %s)", key->name,
		    scope, place_text(*before, where));
		return false;
	}
	*before = at;
	return true;
}

static void
walk_pairs(struct loader *l, const struct document *d, const struct schema *schema,
    const char *scope, const yaml_node_t *node, struct seen *seen, char *base)
{
	for (size_t i = 0; i < document_count(node); i++) {
		yaml_node_pair_t pair = node->data.mapping.pairs.start[i];
		const yaml_node_t *name = document_node(d, pair.key);
		struct place at = document_place(d, name);
		if (name->type != YAML_SCALAR_NODE) {
			report_error(&l->report, at, "a key must be a word");
			continue;
		}
		const struct key *key = schema_find(schema, document_text(name));
		if (key == NULL)
			fail_unknown_key(l, schema, scope, document_text(name), at);
		else if (admit_key(l, schema, key, scope, at, seen))
			walk_value(l, d, key, document_node(d, pair.value), base);
	}
}

/* A mapping that fills one struct. */
static void
walk_struct(struct loader *l, const struct document *d, const struct schema *schema,
    const char *scope, const yaml_node_t *node, struct place at, char *base)
{
	struct seen seen = {0};
	size_t n_seen = 0;

	if (node->type != YAML_MAPPING_NODE) {
		report_error(&l->report, document_place(d, node),
		    "%s must be a mapping of keys to values", scope);
		return;
	}
	walk_pairs(l, d, schema, scope, node, &seen, base);
	for (size_t i = 0; i < schema->n_keys; i++)
		n_seen += seen.at[i].source != NULL ? 1 : 0;
	if (schema->exactly_one && n_seen != 1 && !seen.refused)
		report_error(&l->report, at, "%s must have exactly one key", scope);
	complete_map(l, schema, scope, at, &seen, base);
}

static void
walk_map(struct loader *l, const struct document *d, const struct key *key, const yaml_node_t *node,
    char *base)
{
	walk_struct(
	    l, d, key->child, key->child->noun, node, document_place(d, node), base + key->offset);
}

struct section
section_of(const struct config *c, const struct key *key)
{
	struct section s = {.size = key->child->size};
	const char *base = (const char *)c;

	memcpy(&s.array, base + key->offset, sizeof s.array);
	memcpy(&s.n, base + key->offset_2, sizeof s.n);
	return s;
}

/* An array for n more structs, unless there is one already (allocate_sections). */
static char *
ensure_array(struct loader *l, const struct key *key, size_t n, char *base)
{
	char *array;

	memcpy(&array, base + key->offset, sizeof array);
	if (array != NULL)
		return array;
	array = load_alloc(l, n, key->child->size);
	memcpy(base + key->offset, &array, sizeof array);
	return array;
}

/* The next struct of the array, zeroed; there is room for it. */
static char *
next_struct(const struct key *key, char *array, char *base)
{
	size_t n;

	memcpy(&n, base + key->offset_2, sizeof n);
	char *item = array + n * key->child->size;
	n++;
	memcpy(base + key->offset_2, &n, sizeof n);
	return item;
}

static void
walk_list(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	size_t n = document_count(node);

	if (node->type != YAML_SEQUENCE_NODE) {
		walk_fail_type(l, d, key, node);
		return;
	}
	if (n < key->min) {
		report_error(
		    &l->report, document_place(d, node), "\"%s\" must not be empty", key->name);
		return;
	}
	char *array = ensure_array(l, key, n, base);
	for (size_t i = 0; i < n && array != NULL; i++) {
		const yaml_node_t *item = walk_item_at(d, node, i);
		char *to = next_struct(key, array, base);
		walk_struct(l, d, key->child, key->child->noun, item, document_place(d, item), to);
	}
}

/* One entry of a KEY_NAMED. A bad name is reported and kept: references to it are not bad too. */
static void
walk_entry(struct loader *l, const struct document *d, const struct key *key, yaml_node_pair_t pair,
    char *to)
{
	const yaml_node_t *name_node = document_node(d, pair.key);
	struct place at = document_place(d, name_node);
	char scope[SCOPE_MAX];

	if (name_node->type != YAML_SCALAR_NODE) {
		report_error(&l->report, at, "the name of a %s must be text", key->child->noun);
		return;
	}
	struct slice name = document_text(name_node);
	const char *fault = value_name_fault(name);
	if (fault != NULL)
		report_error(&l->report, at, "\"%s\" can't be the name of a %s: %s", SHOWN(name),
		    key->child->noun, fault);
	char *copy = load_text(l, name);
	memcpy(to, &copy, sizeof copy);
	load_note(l, to, at);
	(void)snprintf(scope, sizeof scope, "%s \"%s\"", key->child->noun, SHOWN(name));
	walk_struct(l, d, key->child, scope, document_node(d, pair.value), at, to);
}

static void
walk_named(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	size_t n = document_count(node);

	/* A section whose entries are all commented out. */
	if (walk_is_nothing(node))
		return;
	if (node->type != YAML_MAPPING_NODE) {
		walk_fail_type(l, d, key, node);
		return;
	}
	char *array = ensure_array(l, key, n, base);
	for (size_t i = 0; i < n && array != NULL; i++)
		walk_entry(
		    l, d, key, node->data.mapping.pairs.start[i], next_struct(key, array, base));
}

/* Read already (sources.c); here it is only refused where it can't be. */
static void
walk_include(struct loader *l, const struct document *d, unused_arg const struct key *key,
    const yaml_node_t *node, unused_arg char *base)
{
	if (d->source->index > 0)
		report_error(
		    &l->report, document_place(d, node), "an included file can't include others");
}

static void
walk_value(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	static walk_fn *const WALKERS[] = {
	    [KEY_SCALARS] = walk_scalars,
	    [KEY_BITS] = walk_bits,
	    [KEY_MAP] = walk_map,
	    [KEY_LIST] = walk_list,
	    [KEY_NAMED] = walk_named,
	    [KEY_INCLUDE] = walk_include,
	};

	if (value_is_scalar(key->type))
		walk_scalar(l, d, key, node, base);
	else
		WALKERS[key->type](l, d, key, node, base);
}

/*
 * The sections' arrays, each long enough for what all files hold, so that no struct moves once it
 * is filled: notes and pending references point into them.
 */
static void
allocate_sections(struct loader *l)
{
	for (size_t i = 0; i < SCHEMA_TOP.n_keys; i++) {
		const struct key *key = &SCHEMA_TOP.keys[i];
		size_t n = 0;
		if (key->type != KEY_LIST && key->type != KEY_NAMED)
			continue;
		for (size_t j = 0; j < l->n_documents; j++) {
			const yaml_node_t *node = document_top_value(&l->documents[j], key->name);
			n += node == NULL ? 0 : document_count(node);
		}
		if (n > 0)
			(void)ensure_array(l, key, n, (char *)&l->snap->config);
	}
}

void
walk_documents(struct loader *l)
{
	char *base = (char *)&l->snap->config;
	struct seen seen = {0};

	allocate_sections(l);
	for (size_t i = 0; i < l->n_documents && !l->no_memory; i++) {
		const struct document *d = &l->documents[i];
		if (d->root == NULL)
			continue;
		seen.refused = seen.refused || d->root->type != YAML_MAPPING_NODE;
		if (d->root->type != YAML_MAPPING_NODE)
			report_error(&l->report, document_place(d, d->root),
			    "the file must be a mapping of keys to values");
		else
			walk_pairs(l, d, &SCHEMA_TOP, SCHEMA_TOP.noun, d->root, &seen, base);
	}
	seen.refused = seen.refused || l->incomplete;
	complete_map(
	    l, &SCHEMA_TOP, SCHEMA_TOP.noun, (struct place){l->snap->main, 1, 1}, &seen, base);
	snapshot_sort_notes(l->snap);
}
