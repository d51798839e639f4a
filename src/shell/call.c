/* From a line to a checked call. */
#include "base/bug.h"
#include "base/text.h"
#include "client/glob.h"
#include "shell/commands.h"

enum { SHOWN_MAX = 64 };

bool
call_has(const struct call *c, char letter)
{
	return strchr(c->flags, letter) != NULL;
}

char
call_last_of(const struct call *c, const char *letters)
{
	char last = '\0';

	for (const char *f = c->flags; *f != '\0'; f++) {
		if (strchr(letters, *f) != NULL)
			last = *f;
	}
	return last;
}

/* Behind the others, once: what is said last wins. Only letters of the command's come here, so
 * that there is room. */
static void
add_flag(struct call *c, char letter)
{
	char *earlier = strchr(c->flags, letter);
	size_t len = strlen(c->flags);

	if (earlier != NULL) {
		memmove(earlier, earlier + 1, strlen(earlier));
		len--;
	}
	BUG_ON(len + 1 >= sizeof c->flags);
	c->flags[len] = letter;
	c->flags[len + 1] = '\0';
}

/* The flags stand before everything else; "--" ends them. Gives the first word behind them. */
static enum err
take_flags(struct call *c, size_t *ret_next, struct story *story)
{
	const char *allowed = c->command->flags == NULL ? "" : c->command->flags;
	size_t i = 1;

	for (const char *f = c->command->implied; f != NULL && *f != '\0'; f++)
		add_flag(c, *f);
	for (; i < c->words.n; i++) {
		const char *text = c->words.items[i].text;
		if (text[0] != '-' || text[1] == '\0')
			break;
		if (strcmp(text, "--") == 0) {
			i++;
			break;
		}
		for (const char *f = text + 1; *f != '\0'; f++) {
			char shown[SHOWN_MAX];
			if (strchr(allowed, *f) == NULL)
				return story_fail(story, ERR_INVALID, "%s: Invalid flag -%s",
				    c->command->name,
				    text_escape(slice_of(f, 1), shown, sizeof shown));
			add_flag(c, *f);
		}
	}
	*ret_next = i;
	return ERR_OK;
}

static bool
read_number(struct slice text, unsigned base, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)text.ptr[i] - '0';
		if (digit >= base)
			return false;
		number = number * base + digit;
		if (number > max)
			return false;
	}
	*ret_number = (uint32_t)number;
	return text.len > 0;
}

static enum err
take_number(struct call *c, enum argument_kind kind, const char *text, struct story *story)
{
	unsigned base = kind == ARG_OCTAL ? 8 : 10;

	if (text != NULL && read_number(slice_str(text), base, c->command->number_max, &c->number))
		return ERR_OK;
	return story_fail(story, ERR_INVALID,
	    "You must supply a numeric argument to the %s command.", c->command->name);
}

/* A plain name loses what the lexer put before quoted wildcards; the words are ours to change. */
static const char *
plain_or_pattern(struct call *c, enum argument_kind kind, size_t word)
{
	char *text = c->words.text + (c->words.items[word].text - c->words.text);

	if (kind == ARG_REMOTE || kind == ARG_LOCAL)
		glob_unquote(text);
	return text;
}

/* Words beyond what the command takes are passed over, as sftp does. */
static enum err
take_arguments(struct call *c, size_t next, struct story *story)
{
	const struct shell_command *command = c->command;
	size_t n_paths = 0;

	for (size_t i = 0; i < COMMAND_ARGUMENTS_MAX && command->arguments[i] != ARG_END; i++) {
		enum argument_kind kind = command->arguments[i];
		bool there = next + i < c->words.n;
		if (kind == ARG_OCTAL || kind == ARG_DECIMAL) {
			const char *text = there ? c->words.items[next + i].text : NULL;
			enum err e = take_number(c, kind, text, story);
			if (e != ERR_OK)
				return e;
		} else if (there) {
			c->paths[n_paths++] = plain_or_pattern(c, kind, next + i);
		} else if (i < command->least) {
			return story_fail(story, ERR_INVALID, "%s after a %s command.",
			    command->missing, command->name);
		}
	}
	return ERR_OK;
}

/* "-" and "@", in any order and number, before the command. */
static struct slice
take_prefixes(struct call *c, struct slice line)
{
	line = slice_trim(line);
	while (line.len > 0 && (line.ptr[0] == '-' || line.ptr[0] == '@')) {
		if (line.ptr[0] == '-')
			c->go_on = true;
		else
			c->silent = true;
		line = slice_of(line.ptr + 1, line.len - 1);
	}
	return slice_trim(line);
}

static enum err
parse_words(struct call *c, struct slice line, struct story *story)
{
	size_t next;
	enum err e = words_split(line, &c->words, story);

	/* What lls gets is for another shell to read: its quotes may be others. */
	bool named = c->words.n > 0 && c->words.text != NULL;
	if (named)
		c->command = shell_command_find(slice_str(c->words.items[0].text));
	if (c->command != NULL && c->command->raw) {
		size_t end = c->words.items[0].end;
		c->rest = slice_trim(slice_of(line.ptr + end, line.len - end));
		return ERR_OK;
	}
	if (e != ERR_OK || c->words.n == 0)
		return e;
	if (c->command == NULL)
		return story_fail(story, ERR_INVALID, "Invalid command.");
	e = take_flags(c, &next, story);
	return e == ERR_OK ? take_arguments(c, next, story) : e;
}

enum err
call_parse(struct slice line, struct call *ret_c, struct story *story)
{
	*ret_c = (struct call){.command = NULL};
	line = take_prefixes(ret_c, line);
	if (line.len == 0 || line.ptr[0] == '#')
		return ERR_OK;
	if (line.ptr[0] == '!') {
		ret_c->command = shell_command_find(slice_str("!"));
		ret_c->rest = slice_trim(slice_of(line.ptr + 1, line.len - 1));
		return ERR_OK;
	}
	return parse_words(ret_c, line, story);
}

void
call_fini(struct call *c)
{
	words_fini(&c->words);
	*c = (struct call){.command = NULL};
}
