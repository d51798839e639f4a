/* Scalars: text of a file, or a default of the schema, into a member of the snapshot. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/load.h"

struct value {
	const struct key *key;
	enum key_type type; /* the key's own, or that of its items */
	struct slice text;
	struct place at;
	bool plain;      /* not in quotes */
	bool as_written; /* a character of it is a column of the file, from `at` or its quote on */
	bool is_default;
};

/* Reads it into dst, and what belongs to the key's offset_2 into dst_2, or reports why not. */
void value_read(struct loader *l, const struct value *v, void *dst, void *dst_2);

/* Reports that the text isn't what its type asks for. */
void value_fail(struct loader *l, const struct value *v);

/* Readers of single types: the text is neither empty nor nothing. */
typedef void value_fn(struct loader *l, const struct value *v, void *dst, void *dst_2);

/* value_access.c: of who may log in, when, from where, and how fast. */
value_fn value_read_public_key, value_read_password_hash, value_read_network, value_read_moment,
    value_read_hours, value_read_rate;

/* True for what a file writes as one piece of text. */
bool value_is_scalar(enum key_type type);

/* Of one value in an array of them. */
size_t value_size(enum key_type type);

/* "duration": in the manual. "a duration such as 30s or 1h30m": in messages. */
const char *value_word(enum key_type type);
const char *value_phrase(enum key_type type);

/* Reports a word that is none of the key's, with the nearest that is. */
void value_unknown_word(
    struct loader *l, const struct key *key, struct slice word, struct place at);

/* Characters of UTF-8: YAML's columns count them. */
uint32_t value_count_characters(struct slice text);

/* The index of the word, or -1. */
int value_find_word(const char *const *words, struct slice word);

/* Why the text can't be a name of an account, a folder and so on, or NULL. */
const char *value_name_fault(struct slice name);

#endif
