#include "shell/arguments.h"

#include <sys/socket.h>

#include "base/text.h"

enum { SHOWN_MAX = 80, KBIT = 1024, BITS = 8 };

const char ARGUMENTS_USAGE[] =
    "usage: dray sftp [-46AaCfNpqrv] [-B buffer_size] [-b batchfile] [-c cipher]\n"
    "          [-D sftp_server_command] [-F ssh_config] [-i identity_file]\n"
    "          [-J destination] [-l limit] [-o ssh_option] [-P port]\n"
    "          [-R num_requests] [-S program] [-s subsystem | sftp_server]\n"
    "          [-X sftp_option] destination [local_path]\n";

struct parse {
	struct arguments *a;
	struct story *story;
};

/* A whole number from 1 on; `what` names it where it isn't. */
static enum err
take_count(struct parse *p, const char *what, const char *value, uint64_t max, uint64_t *ret_n)
{
	char shown[SHOWN_MAX];

	if (text_to_u64(slice_str(value), max, ret_n) && *ret_n > 0)
		return ERR_OK;
	return story_fail(p->story, ERR_FORMAT, "Invalid %s \"%s\"", what,
	    text_escape(slice_str(value), shown, sizeof shown));
}

static enum err
take_buffer(struct parse *p, const char *value)
{
	uint64_t n = 0;
	enum err e = take_count(p, "buffer size", value, INT32_MAX, &n);

	p->a->request_len = (uint32_t)(n < ARGUMENTS_REQUEST_MAX ? n : ARGUMENTS_REQUEST_MAX);
	return e;
}

static enum err
take_requests(struct parse *p, const char *value)
{
	uint64_t n = 0;
	enum err e = take_count(p, "number of requests", value, INT32_MAX, &n);

	p->a->requests = (uint32_t)(n < ARGUMENTS_REQUESTS_MAX ? n : ARGUMENTS_REQUESTS_MAX);
	return e;
}

static enum err
take_limit(struct parse *p, const char *value)
{
	uint64_t n = 0;
	enum err e = take_count(p, "bandwidth limit", value, ARGUMENTS_LIMIT_MAX, &n);

	p->a->bytes_per_second = n * KBIT / BITS;
	return e;
}

static enum err
take_port(struct parse *p, const char *value)
{
	uint64_t n = 0;
	enum err e = take_count(p, "port", value, UINT16_MAX, &n);

	p->a->login.port = (uint16_t)n;
	return e;
}

static enum err
take_option(struct parse *p, const char *value)
{
	struct login_options *o = &p->a->login;

	if (o->n_options == LOGIN_OPTIONS_MAX)
		return story_fail(
		    p->story, ERR_INVALID, "More than %d options -o", LOGIN_OPTIONS_MAX);
	o->options[o->n_options++] = value;
	return ERR_OK;
}

static enum err
take_batch(struct parse *p, const char *value)
{
	if (p->a->batch_file != NULL)
		return story_fail(p->story, ERR_FORMAT, "Batch file already specified.");
	p->a->batch_file = value;
	p->a->quiet = true;
	/* As sftp has it: an earlier -oBatchMode=no is first, and stands. */
	return take_option(p, "BatchMode=yes");
}

static enum err
take_identity(struct parse *p, const char *value)
{
	struct login_options *o = &p->a->login;

	if (o->n_identities == LOGIN_IDENTITIES_MAX)
		return story_fail(
		    p->story, ERR_INVALID, "More than %d options -i", LOGIN_IDENTITIES_MAX);
	o->identities[o->n_identities++] = value;
	return ERR_OK;
}

/* -X nrequests=N, buffer=N: -R and -B by other names. */
static enum err
take_sftp_option(struct parse *p, const char *value)
{
	static const char NREQUESTS[] = "nrequests=", BUFFER[] = "buffer=";

	if (strncasecmp(value, NREQUESTS, sizeof NREQUESTS - 1) == 0)
		return take_requests(p, value + sizeof NREQUESTS - 1);
	if (strncasecmp(value, BUFFER, sizeof BUFFER - 1) == 0)
		return take_buffer(p, value + sizeof BUFFER - 1);
	return story_fail(p->story, ERR_FORMAT, "Invalid -X option");
}

static enum err
take_verbose(struct parse *p, const char *value unused_arg)
{
	p->a->verbose++;
	return ERR_OK;
}

static enum err
take_family4(struct parse *p, const char *value unused_arg)
{
	p->a->login.family = AF_INET;
	return ERR_OK;
}

static enum err
take_family6(struct parse *p, const char *value unused_arg)
{
	p->a->login.family = AF_INET6;
	return ERR_OK;
}

#define FLAG(letter, member)                                            \
	{                                                               \
		letter, false, offsetof(struct arguments, member), NULL \
	}
#define TEXT(letter, member)                                           \
	{                                                              \
		letter, true, offsetof(struct arguments, member), NULL \
	}

/* A flag becomes a bool, a text a pointer; what is more than that has a function. */
static const struct letter {
	char letter;
	bool has_value;
	size_t at;
	enum err (*take)(struct parse *p, const char *value);
} LETTERS[] = {
    {'4', false, 0, take_family4},
    {'6', false, 0, take_family6},
    FLAG('A', forward_agent),
    FLAG('a', resume),
    {'B', true, 0, take_buffer},
    {'b', true, 0, take_batch},
    FLAG('C', compress),
    TEXT('c', login.ciphers),
    TEXT('D', server_command),
    TEXT('F', login.config_file),
    FLAG('f', fsync),
    {'i', true, 0, take_identity},
    TEXT('J', login.jump),
    {'l', true, 0, take_limit},
    FLAG('N', not_quiet),
    {'o', true, 0, take_option},
    {'P', true, 0, take_port},
    FLAG('p', preserve),
    FLAG('q', quiet),
    {'R', true, 0, take_requests},
    FLAG('r', recursive),
    TEXT('S', program),
    TEXT('s', login.subsystem),
    {'v', false, 0, take_verbose},
    {'X', true, 0, take_sftp_option},
};

static enum err
take(struct parse *p, const struct letter *l, const char *value)
{
	const bool yes = true;

	if (l->take != NULL)
		return l->take(p, value);
	if (l->has_value)
		memcpy((uint8_t *)p->a + l->at, &value, sizeof value);
	else
		memcpy((uint8_t *)p->a + l->at, &yes, sizeof yes);
	return ERR_OK;
}

static const struct letter *
find_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(LETTERS); i++) {
		if (LETTERS[i].letter == letter)
			return &LETTERS[i];
	}
	return NULL;
}

/* One word of letters, "-rP2222"; *at moves over a value that is a word of its own. */
static enum err
take_letters(struct parse *p, int argc, char *const *argv, int *at)
{
	for (const char *text = argv[*at] + 1; *text != '\0'; text++) {
		const struct letter *l = find_letter(*text);
		char shown[SHOWN_MAX];
		enum err e;
		if (l == NULL)
			return story_fail(p->story, ERR_INVALID, "unknown option -- %s",
			    text_escape(slice_of(text, 1), shown, sizeof shown));
		if (!l->has_value) {
			e = take(p, l, NULL);
			if (e != ERR_OK)
				return e;
			continue;
		}
		if (text[1] != '\0')
			return take(p, l, text + 1);
		if (*at + 1 == argc)
			return story_fail(
			    p->story, ERR_INVALID, "option requires an argument -- %c", l->letter);
		return take(p, l, argv[++*at]);
	}
	return ERR_OK;
}

/* What is left on the line: where to, and where a fetched file goes. */
static enum err
take_operands(struct arguments *a, int n, char *const *operands, struct story *story)
{
	enum { OPERANDS_MAX = 2 };

	if (a->server_command != NULL)
		return ERR_OK; /* sftp passes over them */
	if (n == 0)
		return story_fail(story, ERR_INVALID, "a destination is missing");
	if (n > OPERANDS_MAX)
		return story_fail(story, ERR_INVALID, "more than a destination and a local path");
	enum err e = destination_parse(operands[0], &a->destination, story);
	if (e != ERR_OK)
		return e;
	a->local_path = n == OPERANDS_MAX ? operands[1] : NULL;
	a->login.host = a->destination.host;
	a->login.user = a->destination.user;
	if (a->destination.port != 0)
		a->login.port = a->destination.port;
	return ERR_OK;
}

enum err
arguments_parse(int argc, char *const *argv, struct arguments *ret_a, struct story *story)
{
	struct parse p = {.a = ret_a, .story = story};
	int at = 1;

	*ret_a = (struct arguments){.login = {.family = AF_UNSPEC}};
	for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		enum err e = take_letters(&p, argc, argv, &at);
		if (e != ERR_OK)
			return e;
	}
	if (ret_a->not_quiet)
		ret_a->quiet = false;
	ret_a->login.verbose = ret_a->verbose;
	return take_operands(ret_a, argc - at, argv + at, story);
}

void
arguments_fini(struct arguments *a)
{
	destination_fini(&a->destination);
}
