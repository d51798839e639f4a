#include "cli/options.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/text.h"

enum { SHOWN_MAX = 80 };

const struct option_row OPTIONS[] = {
    {OPTION_CONFIG, 'c', "config", "FILE", "the configuration file", false,
	offsetof(struct options, config)},
    {OPTION_JSON, 0, "json", NULL, "answer in JSON", false, 0},
    {OPTION_HELP, 'h', "help", NULL, "say how a command is used", false, 0},
    {OPTION_VERSION, 'V', "version", NULL, "say which version this is", false, 0},
    {OPTION_ROUTE, 0, "route", "ROUTE", "only this route's", false,
	offsetof(struct options, route)},
    {OPTION_STATE, 0, "state", "STATE", "only those in this state", false,
	offsetof(struct options, state)},
    {OPTION_LIMIT, 0, "limit", "N", "at most so many, 0 for all (100 unless said otherwise)", true,
	offsetof(struct options, limit)},
    {OPTION_WAIT, 0, "wait", NULL, "answer only when the run has ended", false, 0},
    {OPTION_LIFT, 0, "lift", "ADDRESS", "let this address in again, or \"all\"", false,
	offsetof(struct options, lift)},
};
const size_t N_OPTIONS = ARRAY_LEN(OPTIONS);

/* Walks over argv: at is the word in hand. */
struct walk {
	int argc;
	char *const *argv;
	int at;
	struct options *options;
	struct story *story;
};

static const struct option_row *
find_by_name(struct slice name)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (slice_is(name, OPTIONS[i].name))
			return &OPTIONS[i];
	}
	return NULL;
}

static const struct option_row *
find_by_letter(char letter)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (letter != 0 && OPTIONS[i].letter == letter)
			return &OPTIONS[i];
	}
	return NULL;
}

static enum err
unknown_name(struct slice name, struct story *story)
{
	const char *names[ARRAY_LEN(OPTIONS) + 1] = {NULL};
	char shown[SHOWN_MAX];

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = OPTIONS[i].name;
	const char *nearest = text_nearest(name, names);
	text_escape(name, shown, sizeof shown);
	if (nearest == NULL)
		return story_fail(story, ERR_INVALID, "unknown option --%s", shown);
	return story_fail(
	    story, ERR_INVALID, "unknown option --%s (did you mean --%s?)", shown, nearest);
}

/* The option's value: what is attached to it, or else the next word. */
static enum err
take_value(struct walk *w, const struct option_row *row, const char *attached)
{
	uint8_t *to = (uint8_t *)w->options + row->value_at;
	const char *value = attached;
	uint64_t number;

	if (value == NULL && w->at + 1 < w->argc)
		value = w->argv[++w->at];
	if (value == NULL || value[0] == '\0')
		return story_fail(
		    w->story, ERR_INVALID, "--%s needs a value: %s", row->name, row->value);
	if (!row->is_number) {
		memcpy(to, &value, sizeof value);
		return ERR_OK;
	}
	if (!text_to_u64(slice_str(value), UINT32_MAX, &number))
		return story_fail(w->story, ERR_INVALID, "--%s needs a whole number of at most %u",
		    row->name, UINT32_MAX);
	memcpy(to, &number, sizeof number);
	return ERR_OK;
}

/* attached: the text after "=", or after the letter; NULL for none. */
static enum err
take_option(struct walk *w, const struct option_row *row, const char *attached)
{
	w->options->given |= (unsigned)row->bit;
	if (row->value != NULL)
		return take_value(w, row, attached);
	if (attached != NULL)
		return story_fail(w->story, ERR_INVALID, "--%s takes no value", row->name);
	return ERR_OK;
}

static enum err
take_long(struct walk *w, const char *text)
{
	struct slice name, value = slice_cut(slice_str(text), '=', &name);
	const struct option_row *row = find_by_name(name);

	if (row == NULL)
		return unknown_name(name, w->story);
	return take_option(w, row, value.ptr == NULL ? NULL : (const char *)value.ptr);
}

static enum err
take_short(struct walk *w, const char *text)
{
	const struct option_row *row = find_by_letter(text[0]);
	char shown[SHOWN_MAX];

	if (row == NULL)
		return story_fail(w->story, ERR_INVALID, "unknown option -%s",
		    text_escape(slice_str(text), shown, sizeof shown));
	return take_option(w, row, text[1] == '\0' ? NULL : text + 1);
}

static enum err
take_word(struct walk *w, const char *word)
{
	struct options *o = w->options;

	if (o->n_words == OPTIONS_WORDS_MAX)
		return story_fail(w->story, ERR_INVALID, "too many arguments");
	o->words[o->n_words++] = word;
	return ERR_OK;
}

enum err
options_parse(int argc, char *const *argv, struct options *ret_options, struct story *story)
{
	struct walk w = {
	    .argc = argc, .argv = argv, .options = ret_options, .story = story, .at = 1};
	bool ended = false;

	*ret_options = (struct options){.limit = 100};
	for (; w.at < argc; w.at++) {
		const char *arg = argv[w.at];
		enum err e;
		if (!ended && strcmp(arg, "--") == 0) {
			ended = true;
			continue;
		}
		/* A lone "-" is a word, as everywhere. */
		if (ended || arg[0] != '-' || arg[1] == '\0')
			e = take_word(&w, arg);
		else if (arg[1] == '-')
			e = take_long(&w, arg + 2);
		else
			e = take_short(&w, arg + 1);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
