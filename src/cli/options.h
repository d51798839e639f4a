/*
 * The options of the dray command, as one table: the parser, the help and the manual's test are
 * made from it. Options may stand before, between and after the words of a command; "--" ends them.
 *
 * Commands have option sets of their own, and two of them may mean different things by one letter
 * or name (-a of ls and of get): so the words are looked for first, and the options are read when
 * the command is known. Options of one letter or name take a value all, or none of them does; the
 * table's test sees to it.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum option_id {
	OPTION_CONFIG,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	/* of the operator's commands */
	OPTION_ROUTE,
	OPTION_STATE,
	OPTION_LIMIT,
	OPTION_WAIT,
	OPTION_LIFT,
	/* of a connection */
	OPTION_PORT,
	OPTION_USER,
	OPTION_IDENTITY,
	OPTION_SSH_CONFIG,
	OPTION_SSH_OPTION,
	OPTION_JUMP,
	OPTION_IPV4,
	OPTION_IPV6,
	OPTION_PASSPHRASE_FILE,
	OPTION_BATCH,
	OPTION_TIMEOUT,
	OPTION_STDIO_SERVER,
	OPTION_QUIET,
	OPTION_VERBOSE,
	/* of files that are moved */
	OPTION_RECURSIVE,
	OPTION_PRESERVE,
	OPTION_FSYNC,
	OPTION_VERIFY,
	OPTION_RESUME,
	OPTION_APPEND,
	OPTION_PROOF,
	OPTION_IN_PLACE,
	OPTION_UPLOAD_TEMP,
	OPTION_READ_ONCE,
	OPTION_NO_CLOBBER,
	OPTION_RATE,
	OPTION_CONNECTIONS,
	OPTION_BUDGET,
	OPTION_REQUEST_SIZE,
	OPTION_RETRIES,
	OPTION_RETRY_DELAY,
	OPTION_NO_PROGRESS,
	/* of trees that are compared */
	OPTION_CHECKSUM,
	OPTION_DELETE,
	OPTION_DRY_RUN,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_MAX_AGE,
	OPTION_MIN_SIZE,
	OPTION_MAX_SIZE,
	OPTION_MTIME_SLACK,
	/* of single commands */
	OPTION_LONG,
	OPTION_ALL,
	OPTION_UNSORTED,
	OPTION_PARENTS,
	OPTION_ALGORITHM,
	OPTION_N
};

/* Sets of options: which were given, and which ones a command takes. */
#define OPTION_BIT(id) (UINT64_C(1) << (id))
_Static_assert(OPTION_N <= 64, "a set of options has 64 bits");

/* Every command takes these. */
#define OPTIONS_GENERAL \
	(OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))
/* All from the first to the last of a group above. */
#define OPTIONS_FROM_TO(first, last) \
	((OPTION_BIT(last) | (OPTION_BIT(last) - 1)) & ~(OPTION_BIT(first) - 1))
#define OPTIONS_ALL        OPTIONS_FROM_TO(OPTION_CONFIG, OPTION_N - 1)
#define OPTIONS_CONNECTION OPTIONS_FROM_TO(OPTION_PORT, OPTION_VERBOSE)
#define OPTIONS_TRANSFER   OPTIONS_FROM_TO(OPTION_RECURSIVE, OPTION_NO_PROGRESS)
#define OPTIONS_SYNC       OPTIONS_FROM_TO(OPTION_CHECKSUM, OPTION_MTIME_SLACK)

/* An option that may be given several times; what is too much is an error. */
enum { OPTION_TEXTS_MAX = 64, OPTION_PATTERNS_MAX = 256 };

struct option_texts {
	const char *items[OPTION_TEXTS_MAX];
	size_t n;
};

struct option_pattern {
	bool include;
	const char *pattern;
};

/* What was found on a command line. Text is borrowed from argv. Numbers that weren't given are 0,
 * but limit. */
struct options {
	uint64_t given; /* bits of enum option_id */
	const char *config;
	const char *route;
	const char *state;
	uint64_t limit; /* 100 */
	const char *lift;

	uint64_t port;
	const char *user;
	struct option_texts identities, ssh_options;
	const char *ssh_config, *jump, *passphrase_file, *stdio_server;
	int64_t timeout_us;
	uint64_t verbose; /* how often -v was given */

	const char *proof;
	uint64_t rate, connections, budget, request_size, retries;
	int64_t retry_delay_us;

	struct option_pattern patterns[OPTION_PATTERNS_MAX]; /* in the order given */
	size_t n_patterns;
	int64_t max_age_us, mtime_slack_us;
	uint64_t min_size, max_size;

	const char *algorithm;

	const char **words; /* the list is ours; as many as the system lets argv have */
	size_t n_words;
};

static inline bool
option_given(const struct options *o, enum option_id id)
{
	return (o->given & OPTION_BIT(id)) != 0;
}

enum option_kind {
	OPTION_FLAG,
	OPTION_COUNT,  /* a flag that may be repeated: into a uint64_t */
	OPTION_TEXT,   /* into a const char * */
	OPTION_TEXTS,  /* into a struct option_texts */
	OPTION_NUMBER, /* from min to max, into a uint64_t */
	OPTION_SIZE,   /* bytes with a unit, from min to max, into a uint64_t */
	OPTION_SPAN,   /* of time, into an int64_t of microseconds */
	OPTION_PATTERN /* into patterns */
};

struct option_row {
	enum option_id id;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* what its value is called; NULL for a flag */
	const char *summary;
	enum option_kind kind;
	size_t value_at; /* offset of the value in struct options */
	uint64_t min, max;
};

extern const struct option_row OPTIONS[];
extern const size_t N_OPTIONS;

/* The option of that letter or name that is in the set; without one, any; NULL: there is none. */
const struct option_row *option_by_letter(char letter, uint64_t set);
const struct option_row *option_by_name(struct slice name, uint64_t set);

/*
 * The words of the command line, to find the command by: argv[0] and everything that is an option
 * or its value is passed over. ERR_INVALID with a story; ERR_NOMEM. options_fini in every case.
 */
enum err options_words(
    int argc, char *const *argv, struct options *ret_options, struct story *story) must_check;

/*
 * The options, where `set` are those that the command takes: another one that exists is read all
 * the same, and is found in given.
 */
enum err options_parse(int argc, char *const *argv, uint64_t set, struct options *io_options,
    struct story *story) must_check;

/* The whole line at once: words, and options of the set. */
enum err options_read(int argc, char *const *argv, uint64_t set, struct options *ret_options,
    struct story *story) must_check;

void options_fini(struct options *o);

#endif
