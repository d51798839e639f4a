#include "config/value.h"
#include "config/walk.h"

/* Keys that hold scalars: one, or a list of them. */

void
walk_fail_type(
    struct loader *l, const struct document *d, const struct key *key, const yaml_node_t *node)
{
	static const char *const NODE_WORDS[] = {[YAML_NO_NODE] = "nothing",
	    [YAML_SCALAR_NODE] = "a single value",
	    [YAML_SEQUENCE_NODE] = "a list",
	    [YAML_MAPPING_NODE] = "a mapping"};

	report_error(&l->report, document_place(d, node), "\"%s\" must be %s, not %s", key->name,
	    value_phrase(key->type), NODE_WORDS[node->type]);
}

bool
walk_is_nothing(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/*
 * True when each character of the text is a column of the file: not so with escapes, and with text
 * over several lines.
 */
static bool
is_as_written(const yaml_node_t *node, size_t n_quotes)
{
	struct slice text = document_text(node);

	return node->start_mark.line == node->end_mark.line &&
	       node->end_mark.column - node->start_mark.column ==
		   value_count_characters(text) + n_quotes;
}

static void
read_scalar(struct loader *l, const struct document *d, const struct key *key, enum key_type type,
    const yaml_node_t *node, char *dst, char *dst_2)
{
	bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct value v = {
	    .key = key,
	    .type = type,
	    .text = document_text(node),
	    .at = document_place(d, node),
	    .plain = plain,
	    .as_written = is_as_written(node, plain ? 0 : 2),
	};

	value_read(l, &v, dst, dst_2);
}

void
walk_scalar(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	if (node->type != YAML_SCALAR_NODE)
		walk_fail_type(l, d, key, node);
	else
		read_scalar(l, d, key, key->type, node, base + key->offset, base + key->offset_2);
}

const yaml_node_t *
walk_item_at(const struct document *d, const yaml_node_t *node, size_t i)
{
	if (node->type == YAML_SCALAR_NODE)
		return node;
	return document_node(d, node->data.sequence.items.start[i]);
}

/* Reports what isn't a list of at least key->min scalars, or one scalar; else true. */
static bool
check_scalars(
    struct loader *l, const struct document *d, const struct key *key, const yaml_node_t *node)
{
	if (node->type == YAML_SCALAR_NODE && !walk_is_nothing(node))
		return true;
	if (node->type != YAML_SEQUENCE_NODE) {
		walk_fail_type(l, d, key, node);
		return false;
	}
	if (document_count(node) < key->min) {
		report_error(
		    &l->report, document_place(d, node), "\"%s\" must not be empty", key->name);
		return false;
	}
	for (size_t i = 0; i < document_count(node); i++) {
		if (walk_item_at(d, node, i)->type != YAML_SCALAR_NODE) {
			walk_fail_type(l, d, key, walk_item_at(d, node, i));
			return false;
		}
	}
	return true;
}

static size_t
count_scalars(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? 1 : document_count(node);
}

void
walk_scalars(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	size_t n = count_scalars(node);

	if (!check_scalars(l, d, key, node))
		return;
	size_t size = value_size(key->item);
	char *array = load_alloc(l, n, size);
	if (array == NULL)
		return;
	memcpy(base + key->offset, &array, sizeof array);
	memcpy(base + key->offset_2, &n, sizeof n);
	load_note(l, base + key->offset, document_place(d, node));
	for (size_t i = 0; i < n; i++)
		read_scalar(l, d, key, key->item, walk_item_at(d, node, i), array + i * size, NULL);
}

void
walk_bits(struct loader *l, const struct document *d, const struct key *key,
    const yaml_node_t *node, char *base)
{
	uint32_t bits = 0;

	if (!check_scalars(l, d, key, node))
		return;
	for (size_t i = 0; i < count_scalars(node); i++) {
		const yaml_node_t *item = walk_item_at(d, node, i);
		int bit = value_find_word(key->words, document_text(item));
		if (bit < 0)
			value_unknown_word(l, key, document_text(item), document_place(d, item));
		else if (bits & UINT32_C(1) << bit)
			report_error(&l->report, document_place(d, item),
			    "\"%s\" is twice in \"%s\"", key->words[bit], key->name);
		else
			bits |= UINT32_C(1) << bit;
	}
	memcpy(base + key->offset, &bits, sizeof bits);
}
