/*
 * The keys of the configuration as a table: what each is called, what it holds, whether it must be
 * there, what it is when it isn't, and where in the snapshot it goes. The walker (walk.h) reads
 * files by this table, and the manual is checked against it; nothing else knows the keys' names.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum key_type {
	/* Scalars: read by value.c. */
	KEY_TEXT,           /* char *: printable, not empty */
	KEY_PATH,           /* char *: made absolute when all is read */
	KEY_CLEAN_PATH,     /* char *: "/" or "/a/b", not of our file system */
	KEY_FLAG,           /* bool: true or false */
	KEY_NUMBER,         /* uint32_t or uint64_t, from min to max */
	KEY_SIZE,           /* uint64_t, from min to max */
	KEY_DURATION,       /* int64_t of microseconds, from min to max */
	KEY_WORD,           /* index in words, as an int, an enum or a bool */
	KEY_GLOB,           /* char *: rules/glob.h */
	KEY_TEMPLATE,       /* struct step: rules/step.h, the key's name is its kind */
	KEY_LISTEN_ADDRESS, /* char *, and uint16_t at offset_2: numeric, port given */
	KEY_REMOTE_ADDRESS, /* the same: port 22 when none is given */
	KEY_PUBLIC_KEY,     /* char *: a line of authorized_keys, ssh/authkeys.h */
	KEY_PASSWORD_HASH,  /* char *: os/password.h; never shown */
	KEY_NETWORK,        /* char *: os/network.h */
	KEY_MOMENT,         /* int64_t of microseconds since the epoch */
	KEY_HOURS,          /* struct config_hours */
	KEY_RATE,           /* uint64_t of bytes per second */
	KEY_REFERENCE,      /* const struct of the section `target`, found when all is read */
	/* What has structure: read by walk.c. */
	KEY_SCALARS, /* one, or a list, of `item`: array at offset, its length at offset_2 */
	KEY_BITS,    /* one, or a list, of words: uint32_t, a bit each */
	KEY_MAP,     /* keys of `child`, stored relative to offset in the same struct */
	KEY_LIST,    /* list of `child` structs: array at offset, its length at offset_2 */
	KEY_NAMED,   /* the same with names: char *name is each struct's first member */
	/* What is not stored. */
	KEY_INCLUDE,    /* patterns of files, read before everything else */
	KEY_UNSUPPORTED /* planned, and refused by name until it works */
};

struct schema;

struct key {
	const char *name;
	enum key_type type;
	bool required;
	const char *fallback; /* the default, as it would be written */
	size_t offset;
	size_t size; /* of the member at offset */
	size_t offset_2;
	uint64_t min, max;           /* numbers: the range; lists: min is the least length */
	const char *const *words;    /* ends with NULL */
	const char *const *no_words; /* words that a later version may know; or NULL */
	enum key_type item;
	const struct schema *child;
	const char *target; /* a KEY_NAMED of the top level */
};

struct schema {
	const char *noun; /* for messages: "a step"; of a KEY_NAMED without article: "remote" */
	size_t size;      /* of the struct */
	const struct key *keys;
	size_t n_keys;
	bool exactly_one; /* of the keys */
};

/* What the walker has room for. */
enum { SCHEMA_KEYS_MAX = 24 };

/* The top level; its keys are stored in struct config. */
extern const struct schema SCHEMA_TOP;

/* By name; NULL when there is none. */
const struct key *schema_find(const struct schema *schema, struct slice name);

/* The key of the schema that word was meant to be, or NULL. */
const char *schema_nearest(const struct schema *schema, struct slice word);

#endif
