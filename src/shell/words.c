#include "shell/words.h"

/* The line is walked over once; out is where the next byte of the word in hand goes. */
struct walk {
	struct slice line;
	size_t at;
	char *out;
	bool in_word;
	enum words_quote quote; /* open now */
	struct words *words;
};

static bool
is_magic(uint8_t c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool
begin_word(struct walk *w)
{
	struct words *words = w->words;

	if (w->in_word)
		return true;
	if (words->n == WORDS_MAX)
		return false;
	words->items[words->n++] = (struct word){.text = w->out, .start = w->at};
	w->in_word = true;
	return true;
}

static void
end_word(struct walk *w)
{
	if (!w->in_word)
		return;
	w->words->items[w->words->n - 1].end = w->at;
	*w->out++ = '\0';
	w->in_word = false;
}

static void
put(struct walk *w, uint8_t c)
{
	*w->out++ = (char)c;
}

/*
 * A backslash. In quotes it makes the same quote plain, and stays before everything else: the
 * pattern's own backslashes do the rest. Bare, it makes everything plain; the last byte of a line
 * it can't.
 */
static void
take_backslash(struct walk *w)
{
	bool last = w->at + 1 == w->line.len;
	uint8_t next = last ? '\0' : w->line.ptr[w->at + 1];
	bool stays = w->quote == WORDS_BARE ? is_magic(next) : next != (uint8_t)w->quote;

	if (last)
		return;
	if (stays)
		put(w, '\\');
	put(w, next);
	w->at++;
}

/* False: too many words. */
static bool
take_byte(struct walk *w, uint8_t c)
{
	if (w->quote == WORDS_BARE && is_blank(c)) {
		end_word(w);
		return true;
	}
	if (!begin_word(w))
		return false;
	if ((c == '\'' || c == '"') && (w->quote == WORDS_BARE || (uint8_t)w->quote == c)) {
		w->quote = w->quote == WORDS_BARE ? (enum words_quote)c : WORDS_BARE;
	} else if (c == '\\') {
		take_backslash(w);
	} else {
		if (w->quote != WORDS_BARE && is_magic(c))
			put(w, '\\');
		put(w, c);
	}
	return true;
}

enum err
words_split(struct slice line, struct words *ret_w, struct story *story)
{
	struct walk w = {.line = line, .words = ret_w};

	*ret_w = (struct words){.n = 0};
	if (line.len > WORDS_LINE_MAX)
		return story_fail(story, ERR_LIMIT, "Command line too long");
	if (slice_has(line, '\0'))
		return story_fail(story, ERR_FORMAT, "A command line with a zero byte");
	/* Each byte becomes two at most, and each word has a terminator. */
	ret_w->text = malloc(2 * line.len + WORDS_MAX + 1);
	if (ret_w->text == NULL)
		return story_fail(story, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	w.out = ret_w->text;
	for (; w.at < line.len; w.at++) {
		uint8_t c = line.ptr[w.at];
		if (c == '#' && w.quote == WORDS_BARE)
			break;
		if (!take_byte(&w, c))
			return story_fail(story, ERR_LIMIT, "Too many arguments.");
	}
	ret_w->ended = !w.in_word || w.at < line.len;
	ret_w->open = w.quote;
	end_word(&w);
	if (ret_w->open != WORDS_BARE)
		return story_fail(story, ERR_FORMAT, "Unterminated quoted argument");
	return ERR_OK;
}

void
words_fini(struct words *w)
{
	free(w->text);
	*w = (struct words){.n = 0};
}

/* Needs a backslash: what would end the word or the quote, and what a pattern reads. */
static bool
needs_backslash(uint8_t c, enum words_quote quote)
{
	if (quote != WORDS_BARE)
		return c == (uint8_t)quote || c == '\\';
	return is_blank(c) || is_magic(c) || c == '\'' || c == '"' || c == '#' || c == ']';
}

enum err
words_quote_name(struct buf *b, struct slice name, enum words_quote quote)
{
	size_t before = buf_len(b);
	enum err e = ERR_OK;

	for (size_t i = 0; i < name.len && e == ERR_OK; i++) {
		if (needs_backslash(name.ptr[i], quote))
			e = buf_put_u8(b, '\\');
		if (e == ERR_OK)
			e = buf_put_u8(b, name.ptr[i]);
	}
	if (e != ERR_OK)
		buf_unput(b, buf_len(b) - before);
	return e;
}
