/* What the files sshconfig_*.c share. Internal to them. */
#ifndef SSH_SSHCONFIG_PARTS_H
#define SSH_SSHCONFIG_PARTS_H

#include "ssh/sshconfig.h"

/* A line's words, without their quotes. */
struct sshconfig_words {
	char mem[SSHCONFIG_LINE_MAX + SSHCONFIG_WORDS_MAX + 1];
	const char *word[SSHCONFIG_WORDS_MAX];
	size_t n;
};

/* ERR_FORMAT: a quote without its end. ERR_LIMIT: too many words. "#" before a word ends them. */
enum err sshconfig_split(struct slice text, struct sshconfig_words *ret) must_check;

/* Where we are. */
struct sshconfig_parser {
	struct sshconfig *c;
	const struct sshconfig_who *who; /* NULL: for a single keyword */
	const char *file;
	size_t line; /* 0: not in a file */
	unsigned depth;
	bool own;    /* a person's file */
	bool active; /* the last Host or Match is for us */
	bool never;  /* included where it wasn't: nothing in here is for us */
	struct story *story;
};

/* What a line gives its keyword's function. */
struct sshconfig_line {
	struct sshconfig_parser *parser;
	const char *keyword; /* as it was written, clean */
	const struct sshconfig_words *words;
	struct slice raw; /* everything behind the keyword */
};

struct sshconfig_word {
	const char *name;
	int value;
};

struct sshconfig_keyword {
	const char *name; /* as manuals write it */
	enum err (*parse)(const struct sshconfig_line *l, const struct sshconfig_keyword *k);
	size_t offset;                     /* of the member in struct sshconfig */
	const struct sshconfig_word *list; /* the words that it takes */
	int64_t max;                       /* of a number */
};

const struct sshconfig_keyword *sshconfig_keyword_find(struct slice name);

/* The nearest keyword to one that there isn't, or NULL. */
const char *sshconfig_keyword_nearest(struct slice name);

/* "file line N: …", or "option Keyword: …" */
enum err sshconfig_fail(struct sshconfig_parser *p, enum err e, const char *format, ...)
    printf_like(3, 4) must_check;

/* One keyword with its words. */
enum err sshconfig_apply(struct sshconfig_parser *p, struct slice keyword, struct slice raw,
    const struct sshconfig_words *words) must_check;

/* Host, Match and Include: sshconfig_match.c and sshconfig.c */
enum err sshconfig_parse_host(
    const struct sshconfig_line *l, const struct sshconfig_keyword *k) must_check;
enum err sshconfig_parse_match(
    const struct sshconfig_line *l, const struct sshconfig_keyword *k) must_check;
enum err sshconfig_parse_include(
    const struct sshconfig_line *l, const struct sshconfig_keyword *k) must_check;

#endif
