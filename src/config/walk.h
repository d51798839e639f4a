/* The parts of the walker: from nodes of a tree into members of the snapshot, by the schema. */
#ifndef CONFIG_WALK_H
#define CONFIG_WALK_H

#include "config/load.h"

/* Reads the node into the struct at base, at the key's offsets; reports what it can't take. */
typedef void walk_fn(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base);

walk_fn walk_scalar;  /* every type that value_is_scalar */
walk_fn walk_scalars; /* KEY_SCALARS */
walk_fn walk_bits;    /* KEY_BITS */

/* Reports that the node isn't what the key's type asks for. */
void walk_fail_type(
    struct loader *l, const struct document *d, const struct key *key, const yaml_node_t *node);

/* Nothing at all behind the colon. */
bool walk_is_nothing(const yaml_node_t *node);

/* The i-th of a list, or the one value that stands for a list of one. */
const yaml_node_t *walk_item_at(const struct document *d, const yaml_node_t *node, size_t i);

#endif
