#include "shell/complete.h"

#include "client/glob.h"
#include "shell/commands.h"
#include "shell/shell.h"

/* What is looked for. */
struct search {
	struct completion *completion;
	const char *prefix; /* of a name */
	size_t prefix_len;
};

void
completion_fini(struct completion *c)
{
	for (size_t i = 0; i < c->n_names; i++)
		free(c->names[i]);
	free(c->names);
	c->names = NULL;
	c->n_names = 0;
	buf_fini(&c->insert);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A directory's name has a slash, so that the next part of the path can follow. */
static void
add_candidate(struct completion *c, const char *name, bool is_directory)
{
	char *candidate = NULL;

	if (c->n_names == COMPLETE_CANDIDATES_MAX)
		return;
	if ((c->n_names & (c->n_names + 1)) == 0) {
		/* Full at 0, 1, 3, 7, …: doubled. */
		char **more = reallocarray(c->names, 2 * c->n_names + 1, sizeof *more);
		if (more == NULL)
			shell_no_memory();
		c->names = more;
	}
	if (asprintf(&candidate, "%s%s", name, is_directory ? "/" : "") < 0)
		shell_no_memory();
	c->names[c->n_names++] = candidate;
}

/* Hidden names must be asked for by their dot. */
static void
consider(void *told_ctx, const char *name, bool is_directory)
{
	struct search *s = told_ctx;

	if (strncmp(name, s->prefix, s->prefix_len) == 0 && (name[0] != '.' || s->prefix_len > 0))
		add_candidate(s->completion, name, is_directory);
}

static void
complete_command(struct search *s)
{
	for (size_t i = 0; i < N_SHELL_COMMANDS; i++) {
		const char *name = SHELL_COMMANDS[i].name;
		if (name[0] != '!' && name[0] != '?' &&
		    strncasecmp(name, s->prefix, s->prefix_len) == 0)
			add_candidate(s->completion, name, false);
	}
}

/* How many bytes all names have in common, never ending inside of a UTF-8 sequence. */
static size_t
common_length(const struct completion *c)
{
	size_t len = strlen(c->names[0]);

	for (size_t i = 1; i < c->n_names; i++) {
		size_t same = 0;
		while (same < len && c->names[i][same] == c->names[0][same])
			same++;
		len = same;
	}
	while (len > 0 && len < strlen(c->names[0]) && ((uint8_t)c->names[0][len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* What was typed of the name stays as it is; the rest is written so that it can be read again. A
 * lone name that is no directory is complete: its quote is closed, and a blank follows. */
static void
write_insert(struct completion *c, size_t typed, enum words_quote quote)
{
	size_t len = common_length(c);
	struct slice more = slice_of(c->names[0] + typed, len > typed ? len - typed : 0);
	enum err e = words_quote_name(&c->insert, more, quote);

	if (e == ERR_OK && c->n_names == 1 && (len == 0 || c->names[0][len - 1] != '/')) {
		if (quote != WORDS_BARE)
			e = buf_put_u8(&c->insert, (uint8_t)quote);
		if (e == ERR_OK)
			e = buf_put_u8(&c->insert, ' ');
	}
	if (e != ERR_OK)
		buf_clear(&c->insert);
}

/* The kind of the argument that begins with the given word: flags are passed over. */
static enum argument_kind
kind_of(const struct shell_command *command, const struct words *w, size_t word)
{
	size_t first = 1;

	while (first < word && w->items[first].text[0] == '-' && w->items[first].text[1] != '\0')
		first++;
	size_t argument = word - first;
	return argument < COMMAND_ARGUMENTS_MAX ? command->arguments[argument] : ARG_END;
}

static void
complete_path(
    struct search *s, enum argument_kind kind, char *path, complete_names_fn *names, void *ctx)
{
	bool remote = kind == ARG_REMOTE || kind == ARG_REMOTE_GLOB;
	char *slash;

	glob_unquote(path);
	slash = strrchr(path, '/');
	s->prefix = slash == NULL ? path : slash + 1;
	s->prefix_len = strlen(s->prefix);
	char *directory =
	    shell_keep(slice_dup(slice_of(path, slash == NULL ? 0 : (size_t)(slash + 1 - path))));
	names(ctx, remote ? COMPLETE_REMOTE : COMPLETE_LOCAL, directory, consider, s);
	free(directory);
}

/* The prefixes of a line are no part of its first word. */
static struct slice
without_prefixes(struct slice line)
{
	while (line.len > 0 && strchr(" \t-@", line.ptr[0]) != NULL)
		line = slice_of(line.ptr + 1, line.len - 1);
	return line;
}

static void
complete_words(struct search *s, const struct words *w, complete_names_fn *names, void *ctx)
{
	size_t word = w->ended ? w->n : w->n - 1;
	const struct shell_command *command;
	char *text = shell_keep(strdup(w->ended ? "" : w->items[word].text));

	s->prefix = text;
	s->prefix_len = strlen(text);
	command = word == 0 ? NULL : shell_command_find(slice_str(w->items[0].text));
	if (word == 0) {
		complete_command(s);
	} else if (command != NULL) {
		enum argument_kind kind = kind_of(command, w, word);
		if (kind >= ARG_REMOTE && kind <= ARG_LOCAL_GLOB)
			complete_path(s, kind, text, names, ctx);
	}
	struct completion *c = s->completion;
	if (c->n_names > 0) {
		qsort(c->names, c->n_names, sizeof *c->names, by_text);
		write_insert(c, s->prefix_len, w->open);
	}
	free(text);
}

void
complete_line(struct slice line, complete_names_fn *names, void *ctx, struct completion *ret)
{
	struct search s = {.completion = ret};
	struct words w _cleanup_(words_fini);

	*ret = (struct completion){.names = NULL};
	buf_init(&ret->insert, COMPLETE_INSERT_MAX);
	line = without_prefixes(line);
	if (line.len > 0 && (line.ptr[0] == '!' || line.ptr[0] == '#')) {
		w = (struct words){.n = 0};
		return;
	}
	/* A quote that is still open is no mistake yet. */
	enum err e = words_split(line, &w, NULL);
	if (e == ERR_OK || (e == ERR_FORMAT && w.open != WORDS_BARE))
		complete_words(&s, &w, names, ctx);
}
