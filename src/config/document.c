#include "config/document.h"

#include <string.h>

#include "base/attr.h"
#include "base/bug.h"

static struct place
mark_place(const struct source *source, yaml_mark_t mark)
{
	return (struct place){source, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* The line of a byte, for libyaml's complaints about encoding, which carry an offset alone. */
static struct place
offset_place(const struct source *source, struct slice text, size_t offset)
{
	struct place at = {source, 1, 1};

	for (size_t i = 0; i < text.len && i < offset; i++) {
		at.column++;
		if (text.ptr[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return at;
}

/* What libyaml was in the middle of: its words, and ours for where that begins. */
struct context {
	const char *doing;
	const char *noun;
	const char *advice;
};

static const struct context CONTEXTS[] = {
    {"while parsing a block mapping", "the mapping", ": check the indentation"},
    {"while parsing a block collection", "the list", ": check the indentation"},
    {"while parsing a flow mapping", "the mapping", ""},
    {"while parsing a flow sequence", "the list", ""},
    {"while scanning a quoted scalar", "the text in quotes", ""},
    {"while scanning a simple key", "the key", ""},
};

/* libyaml's words for "a: b: c", and for a key that is indented deeper than the value before it. */
#define COLON_OUT_OF_PLACE "mapping values are not allowed in this context"

/* The byte at the mark; 0 past the end. Lines are told apart by '\n' alone. */
static uint8_t
byte_at(struct slice text, yaml_mark_t mark)
{
	struct slice line = text, rest = text;

	for (size_t i = 0; i <= mark.line; i++)
		rest = slice_cut(rest, '\n', &line);
	for (size_t column = 0; line.len > 0; line = slice_of(line.ptr + 1, line.len - 1)) {
		bool begins = (line.ptr[0] & 0xc0) != 0x80;
		if (begins && column == mark.column)
			return line.ptr[0];
		column += begins ? 1 : 0;
	}
	return 0;
}

static void
report_syntax(
    struct report *report, struct place at, const yaml_parser_t *parser, const char *problem)
{
	const char *doing = parser->context;

	for (size_t i = 0; i < ARRAY_LEN(CONTEXTS); i++) {
		const struct context *c = &CONTEXTS[i];
		if (strcmp(doing, c->doing) != 0)
			continue;
		report_error(report, at, "not YAML: %s, %s (%s that begins in line %zu%s)", doing,
		    problem, c->noun, parser->context_mark.line + 1, c->advice);
		return;
	}
	report_error(report, at, "not YAML: %s, %s", doing, problem);
}

/* Tells why libyaml stopped. False when it had no memory. */
static bool
tell_parser_error(const yaml_parser_t *parser, const struct source *source, struct slice text,
    struct report *report)
{
	const char *problem = parser->problem == NULL ? "it can't be parsed" : parser->problem;
	struct place at = mark_place(source, parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return false;
	if (parser->error == YAML_READER_ERROR)
		report_error(report, offset_place(source, text, parser->problem_offset),
		    "not YAML: %s", problem);
	else if (byte_at(text, parser->problem_mark) == '\t')
		report_error(report, at, "a tab: YAML is indented with spaces");
	else if (parser->context == NULL && strcmp(problem, COLON_OUT_OF_PLACE) == 0)
		report_error(report, at,
		    "not YAML: a key and its value can't stand here (check the indentation; text "
		    "that holds a colon and a space is quoted)");
	else if (parser->context == NULL)
		report_error(report, at, "not YAML: %s", problem);
	else
		report_syntax(report, at, parser, problem);
	return true;
}

struct guard {
	size_t n_documents;
	size_t n_nodes;
	size_t depth;
};

/* The anchor and the tag of an event that has them, else NULL. */
static const yaml_char_t *
event_decoration(const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	return anchor != NULL ? anchor : tag;
}

/* Counts the event in; why the document can't be taken after it, or NULL. */
static const char *
guard_event(struct guard *g, const yaml_event_t *event)
{
	bool opens =
	    event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
	bool closes =
	    event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;

	g->n_documents += event->type == YAML_DOCUMENT_START_EVENT ? 1 : 0;
	g->n_nodes += opens || event->type == YAML_SCALAR_EVENT ? 1 : 0;
	g->depth += opens ? 1 : 0;
	g->depth -= closes ? 1 : 0;
	if (g->n_documents > 1)
		return "a second document in one file";
	if (event->type == YAML_ALIAS_EVENT || event_decoration(event) != NULL)
		return "anchors, aliases and tags can't be used here";
	if (g->depth > DOCUMENT_DEPTH_MAX)
		return "it is nested too deeply";
	return g->n_nodes > DOCUMENT_NODES_MAX ? "the file holds too many values" : NULL;
}

/*
 * Goes through the events without keeping any. *ret_good when a tree may be built; otherwise the
 * report says why not. False without memory.
 */
static bool
guard_text(const struct source *source, struct slice text, struct report *report, bool *ret_good)
{
	struct guard guard = {0};
	yaml_parser_t parser;
	const char *fault = NULL;
	bool parsed = true, at_end = false;

	*ret_good = false;
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, text.ptr, text.len);
	while (parsed && !at_end && fault == NULL) {
		yaml_event_t event;
		parsed = yaml_parser_parse(&parser, &event) != 0;
		if (!parsed)
			break;
		fault = guard_event(&guard, &event);
		if (fault != NULL)
			report_error(report, mark_place(source, event.start_mark), "%s", fault);
		at_end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	bool have_memory = parsed || tell_parser_error(&parser, source, text, report);
	yaml_parser_delete(&parser);
	*ret_good = parsed && fault == NULL;
	if (*ret_good && guard.n_documents == 0) {
		report_error(report, (struct place){source, 1, 1}, "the file is empty");
		*ret_good = false;
	}
	return have_memory;
}

bool
document_parse(
    struct document *d, const struct source *source, struct slice text, struct report *report)
{
	yaml_parser_t parser;
	bool good;

	*d = (struct document){.source = source};
	if (text.len > DOCUMENT_LEN_MAX) {
		report_error(report, (struct place){source, 0, 0}, "the file is larger than 4 MiB");
		return true;
	}
	/* libyaml aborts on a NULL text. */
	if (text.len == 0) {
		report_error(report, (struct place){source, 1, 1}, "the file is empty");
		return true;
	}
	if (!guard_text(source, text, report, &good))
		return false;
	if (!good)
		return true;
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, text.ptr, text.len);
	bool loaded = yaml_parser_load(&parser, &d->yaml) != 0;
	bool have_memory = loaded || tell_parser_error(&parser, source, text, report);
	yaml_parser_delete(&parser);
	if (loaded)
		d->root = yaml_document_get_root_node(&d->yaml);
	return have_memory;
}

void
document_fini(struct document *d)
{
	if (d->root != NULL)
		yaml_document_delete(&d->yaml);
	d->root = NULL;
}

yaml_node_t *
document_node(const struct document *d, int id)
{
	/* As yaml_document_get_node, which wants a document that it may change. */
	BUG_ON(id < 1 || id > d->yaml.nodes.top - d->yaml.nodes.start);
	return d->yaml.nodes.start + id - 1;
}

struct place
document_place(const struct document *d, const yaml_node_t *node)
{
	return mark_place(d->source, node->start_mark);
}

struct slice
document_text(const yaml_node_t *scalar)
{
	return slice_of(scalar->data.scalar.value, scalar->data.scalar.length);
}

size_t
document_count(const yaml_node_t *node)
{
	if (node->type == YAML_MAPPING_NODE)
		return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	if (node->type == YAML_SEQUENCE_NODE)
		return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	return 0;
}

const yaml_node_t *
document_top_value(const struct document *d, const char *key)
{
	if (d->root == NULL || d->root->type != YAML_MAPPING_NODE)
		return NULL;
	for (size_t i = 0; i < document_count(d->root); i++) {
		yaml_node_pair_t pair = d->root->data.mapping.pairs.start[i];
		const yaml_node_t *name = document_node(d, pair.key);
		if (name->type == YAML_SCALAR_NODE && slice_is(document_text(name), key))
			return document_node(d, pair.value);
	}
	return NULL;
}
