/*
 * One YAML file as a tree of nodes, through libyaml. Configuration is a small and plain kind of
 * YAML: one document, no anchors, aliases and tags, at most DOCUMENT_NODES_MAX nodes and
 * DOCUMENT_DEPTH_MAX levels. All of that is known before the tree is built, so a hostile file costs
 * no more than its size.
 */
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <yaml.h>

#include "base/slice.h"
#include "config/report.h"

enum { DOCUMENT_LEN_MAX = 4 * 1024 * 1024, DOCUMENT_DEPTH_MAX = 32, DOCUMENT_NODES_MAX = 100000 };

struct document {
	const struct source *source;
	yaml_document_t yaml;
	yaml_node_t *root; /* NULL: it could not be read, the report says why */
};

/* Reads the text. False without memory alone; the caller frees the document in every case. */
bool document_parse(struct document *d, const struct source *source, struct slice text,
    struct report *report) must_check;

/* Safe on a zeroed struct. */
void document_fini(struct document *d);

/* The node that an item or a pair's side stands for. */
yaml_node_t *document_node(const struct document *d, int id);

/* Where the node begins. */
struct place document_place(const struct document *d, const yaml_node_t *node);

/* A scalar's text, borrowed. */
struct slice document_text(const yaml_node_t *scalar);

/* The value of the top level's key, or NULL; the first of several. */
const yaml_node_t *document_top_value(const struct document *d, const char *key);

/* Pairs of a mapping, items of a list, 0 for anything else. */
size_t document_count(const yaml_node_t *node);

#endif
