#include "cli/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/text.h"

enum { SHOWN_MAX = 80, NUMBER_MAX = 64 };

/* Walks over argv: at is the word in hand. */
struct walk {
	int argc;
	char *const *argv;
	int at;
	uint64_t set;
	bool words_only; /* the first time: options are passed over, and words kept; then vice versa
			  */
	struct options *options;
	struct story *story;
};

static enum err
unknown_name(struct slice name, uint64_t set, struct story *story)
{
	const char *names[OPTION_N + 1] = {NULL};
	char shown[SHOWN_MAX];
	size_t n = 0;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((set & OPTION_BIT(OPTIONS[i].id)) != 0)
			names[n++] = OPTIONS[i].name;
	}
	const char *nearest = text_nearest(name, names);
	text_escape(name, shown, sizeof shown);
	if (nearest == NULL)
		return story_fail(story, ERR_INVALID, "unknown option --%s", shown);
	return story_fail(
	    story, ERR_INVALID, "unknown option --%s (did you mean --%s?)", shown, nearest);
}

/* "10M" is what people write for "10MiB", and "10MiB/s" for a rate. */
static bool
read_size(const char *text, uint64_t *ret_size)
{
	struct slice s = slice_str(text);
	char whole[NUMBER_MAX];

	if (s.len > 2 && memcmp(s.ptr + s.len - 2, "/s", 2) == 0)
		s.len -= 2;
	bool is_short = s.len > 1 && strchr("KMGT", toupper(s.ptr[s.len - 1])) != NULL;
	if (!is_short)
		return text_to_size(s, ret_size);
	if (s.len + sizeof "iB" > sizeof whole)
		return false;
	(void)snprintf(whole, sizeof whole, "%.*s%ciB", (int)s.len - 1, (const char *)s.ptr,
	    toupper(s.ptr[s.len - 1]));
	return text_to_size(slice_str(whole), ret_size);
}

static enum err
keep_number(struct walk *w, const struct option_row *row, const char *value, void *to)
{
	uint64_t number;

	if (!text_to_u64(slice_str(value), row->max, &number) || number < row->min) {
		if (row->min == 0)
			return story_fail(w->story, ERR_INVALID,
			    "--%s needs a whole number of at most %" PRIu64, row->name, row->max);
		return story_fail(w->story, ERR_INVALID,
		    "--%s needs a whole number from %" PRIu64 " to %" PRIu64, row->name, row->min,
		    row->max);
	}
	memcpy(to, &number, sizeof number);
	return ERR_OK;
}

static enum err
keep_size(struct walk *w, const struct option_row *row, const char *value, void *to)
{
	char least[16], most[16];
	uint64_t size;

	if (!read_size(value, &size))
		return story_fail(w->story, ERR_INVALID,
		    "--%s needs a size with its unit, as 4096, 64KiB or 10MB", row->name);
	if (size < row->min || size > row->max)
		return story_fail(w->story, ERR_INVALID, "--%s may be from %s to %s", row->name,
		    text_size(row->min, least), text_size(row->max, most));
	memcpy(to, &size, sizeof size);
	return ERR_OK;
}

static enum err
keep_span(struct walk *w, const struct option_row *row, const char *value, void *to)
{
	int64_t span;

	if (!text_to_duration(slice_str(value), &span))
		return story_fail(w->story, ERR_INVALID,
		    "--%s needs a span with its unit, as 500ms, 30s or 1h30m", row->name);
	memcpy(to, &span, sizeof span);
	return ERR_OK;
}

static enum err
keep_texts(struct walk *w, const struct option_row *row, const char *value, void *to)
{
	struct option_texts *texts = to;

	if (texts->n == OPTION_TEXTS_MAX)
		return story_fail(w->story, ERR_INVALID, "--%s %d times is too often", row->name,
		    OPTION_TEXTS_MAX + 1);
	texts->items[texts->n++] = value;
	return ERR_OK;
}

static enum err
keep_pattern(struct walk *w, const struct option_row *row, const char *value)
{
	struct options *o = w->options;

	if (o->n_patterns == OPTION_PATTERNS_MAX)
		return story_fail(
		    w->story, ERR_INVALID, "more than %d patterns", OPTION_PATTERNS_MAX);
	o->patterns[o->n_patterns++] =
	    (struct option_pattern){.include = row->id == OPTION_INCLUDE, .pattern = value};
	return ERR_OK;
}

static enum err
keep_value(struct walk *w, const struct option_row *row, const char *value)
{
	void *to = (uint8_t *)w->options + row->value_at;

	switch (row->kind) {
	case OPTION_TEXT:
		memcpy(to, &value, sizeof value);
		return ERR_OK;
	case OPTION_TEXTS:
		return keep_texts(w, row, value, to);
	case OPTION_NUMBER:
		return keep_number(w, row, value, to);
	case OPTION_SIZE:
		return keep_size(w, row, value, to);
	case OPTION_SPAN:
		return keep_span(w, row, value, to);
	case OPTION_PATTERN:
		return keep_pattern(w, row, value);
	case OPTION_FLAG:
	case OPTION_COUNT:
		break;
	}
	BUG("a flag has no value");
}

/* The option's value: what is attached to it, or else the next word. */
static enum err
take_value(struct walk *w, const struct option_row *row, const char *attached)
{
	const char *value = attached;

	if (value == NULL && w->at + 1 < w->argc)
		value = w->argv[++w->at];
	if (value == NULL || value[0] == '\0')
		return story_fail(
		    w->story, ERR_INVALID, "--%s needs a value: %s", row->name, row->value);
	return w->words_only ? ERR_OK : keep_value(w, row, value);
}

static void
take_flag(struct walk *w, const struct option_row *row)
{
	uint64_t count;
	uint8_t *to = (uint8_t *)w->options + row->value_at;

	if (w->words_only || row->kind != OPTION_COUNT)
		return;
	memcpy(&count, to, sizeof count);
	count++;
	memcpy(to, &count, sizeof count);
}

/* attached: the text after "=", or after the letter; NULL for none. */
static enum err
take_option(struct walk *w, const struct option_row *row, const char *attached)
{
	w->options->given |= OPTION_BIT(row->id);
	if (row->value != NULL)
		return take_value(w, row, attached);
	if (attached != NULL)
		return story_fail(w->story, ERR_INVALID, "--%s takes no value", row->name);
	take_flag(w, row);
	return ERR_OK;
}

static enum err
take_long(struct walk *w, const char *text)
{
	struct slice name, value = slice_cut(slice_str(text), '=', &name);
	const struct option_row *row = option_by_name(name, w->set);

	if (row == NULL)
		return unknown_name(name, w->set, w->story);
	return take_option(w, row, value.ptr == NULL ? NULL : (const char *)value.ptr);
}

/* Letters of flags may stand together, as -rp, and before one that takes a value: -rP22. */
static enum err
take_short(struct walk *w, const char *text)
{
	char shown[SHOWN_MAX];
	enum err e = ERR_OK;

	for (; e == ERR_OK && *text != '\0'; text++) {
		const struct option_row *row = option_by_letter(*text, w->set);
		if (row == NULL)
			return story_fail(w->story, ERR_INVALID, "unknown option -%s",
			    text_escape(slice_str(text), shown, sizeof shown));
		if (row->value != NULL)
			return take_option(w, row, text[1] == '\0' ? NULL : text + 1);
		e = take_option(w, row, NULL);
	}
	return e;
}

static enum err
take_argument(struct walk *w, const char *arg, bool *io_ended)
{
	if (!*io_ended && strcmp(arg, "--") == 0) {
		*io_ended = true;
		return ERR_OK;
	}
	/* A lone "-" is a word, as everywhere. */
	if (*io_ended || arg[0] != '-' || arg[1] == '\0') {
		if (w->words_only)
			w->options->words[w->options->n_words++] = arg;
		return ERR_OK;
	}
	return arg[1] == '-' ? take_long(w, arg + 2) : take_short(w, arg + 1);
}

static enum err
walk_over(struct walk *w)
{
	bool ended = false;
	enum err e = ERR_OK;

	w->options->given = 0;
	for (w->at = 1; w->at < w->argc && e == ERR_OK; w->at++)
		e = take_argument(w, w->argv[w->at], &ended);
	return e;
}

enum err
options_words(int argc, char *const *argv, struct options *ret_options, struct story *story)
{
	struct walk w = {.argc = argc,
	    .argv = argv,
	    .set = OPTIONS_ALL,
	    .words_only = true,
	    .options = ret_options,
	    .story = story};

	BUG_ON(argc < 0);
	*ret_options = (struct options){.limit = 100};
	ret_options->words = calloc((size_t)argc + 1, sizeof *ret_options->words);
	if (ret_options->words == NULL)
		return story_fail(story, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	return walk_over(&w);
}

enum err
options_parse(
    int argc, char *const *argv, uint64_t set, struct options *io_options, struct story *story)
{
	struct walk w = {
	    .argc = argc, .argv = argv, .set = set, .options = io_options, .story = story};

	return walk_over(&w);
}

enum err
options_read(
    int argc, char *const *argv, uint64_t set, struct options *ret_options, struct story *story)
{
	enum err e = options_words(argc, argv, ret_options, story);

	return e == ERR_OK ? options_parse(argc, argv, set, ret_options, story) : e;
}

void
options_fini(struct options *o)
{
	free(o->words);
	o->words = NULL;
	o->n_words = 0;
}
