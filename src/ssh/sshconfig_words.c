/* Lines of ssh_config(5) into words: quotes, backslashes, comments. */
#include "ssh/sshconfig_parts.h"

/* A word being taken off the front of a line. */
struct taker {
	struct slice rest;
	char *out;
	uint8_t quote; /* the one that is open, or 0 */
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* What a backslash makes literal; before anything else it stands for itself. */
static bool
is_escaped(const struct taker *t)
{
	if (t->rest.ptr[0] != '\\' || t->rest.len < 2)
		return false;
	uint8_t next = t->rest.ptr[1];
	return next == '\'' || next == '"' || next == '\\' || (t->quote == 0 && next == ' ');
}

static void
skip(struct taker *t, size_t n)
{
	t->rest = slice_of(t->rest.ptr + n, t->rest.len - n);
}

static void
take_byte(struct taker *t)
{
	uint8_t c = t->rest.ptr[0];

	if (is_escaped(t)) {
		*t->out++ = (char)t->rest.ptr[1];
		skip(t, 2);
		return;
	}
	if (t->quote == 0 && (c == '"' || c == '\''))
		t->quote = c;
	else if (t->quote == c)
		t->quote = 0;
	else
		*t->out++ = (char)c;
	skip(t, 1);
}

enum err
sshconfig_split(struct slice text, struct sshconfig_words *ret)
{
	struct taker t = {.rest = text, .out = ret->mem};

	ret->n = 0;
	/* Each word has one terminator, and no byte becomes two: so mem holds them all. */
	if (text.len > SSHCONFIG_LINE_MAX)
		return ERR_LIMIT;
	for (;;) {
		while (t.rest.len > 0 && is_blank(t.rest.ptr[0]))
			skip(&t, 1);
		if (t.rest.len == 0 || t.rest.ptr[0] == '#')
			return ERR_OK;
		if (ret->n == SSHCONFIG_WORDS_MAX)
			return ERR_LIMIT;
		ret->word[ret->n++] = t.out;
		while (t.rest.len > 0 && (t.quote != 0 || !is_blank(t.rest.ptr[0])))
			take_byte(&t);
		*t.out++ = '\0';
		if (t.quote != 0)
			return ERR_FORMAT;
	}
}
