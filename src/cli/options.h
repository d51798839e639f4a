/*
 * The options of the dray command, as one table: the parser, the help and the manual's test are
 * made from it. Options may stand before, between and after the words of a command; "--" ends them.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The most words on a command line that are not options: a command's own and its arguments. */
enum { OPTIONS_WORDS_MAX = 8 };

/* Bits: which options were given, and which ones a command takes. */
enum option_bit {
	OPTION_CONFIG = 1 << 0,
	OPTION_JSON = 1 << 1,
	OPTION_HELP = 1 << 2,
	OPTION_VERSION = 1 << 3,
	OPTION_ROUTE = 1 << 4,
	OPTION_STATE = 1 << 5,
	OPTION_LIMIT = 1 << 6,
	OPTION_WAIT = 1 << 7,
	OPTION_LIFT = 1 << 8
};
/* Every command takes these. */
#define OPTIONS_GENERAL (OPTION_CONFIG | OPTION_JSON | OPTION_HELP | OPTION_VERSION)

/* What was found on a command line. Text is borrowed from argv. */
struct options {
	unsigned given; /* bits of enum option_bit */
	const char *config;
	const char *route;
	const char *state;
	uint64_t limit;
	const char *lift;
	const char *words[OPTIONS_WORDS_MAX];
	size_t n_words;
};

struct option_row {
	enum option_bit bit;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* what its value is called; NULL for a flag */
	const char *summary;
	bool is_number;  /* at most UINT32_MAX, into a uint64_t; else text */
	size_t value_at; /* offset of the value in struct options */
};

extern const struct option_row OPTIONS[];
extern const size_t N_OPTIONS;

/* ERR_INVALID, with a story, for what makes no sense. argv[0] is passed over. */
enum err options_parse(
    int argc, char *const *argv, struct options *ret_options, struct story *story) must_check;

#endif
