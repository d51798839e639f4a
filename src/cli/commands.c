#include "cli/commands.h"

#include "base/text.h"
#include "cli/cmd_sftp.h"

/* What sync says by itself, or can't have. */
#define SYNC_IMPLIED                                                                        \
	(ONLY(RECURSIVE) | ONLY(PRESERVE) | ONLY(RESUME) | ONLY(APPEND) | ONLY(READ_ONCE) | \
	    ONLY(NO_CLOBBER))
#define GATEWAY OPTION_BIT(OPTION_CONFIG)
#define ONLY(o) OPTION_BIT(OPTION_##o)

const struct command COMMANDS[] = {
    {"get", "URL… [LOCAL]", "fetch files from a server", OPTIONS_CONNECTION | OPTIONS_TRANSFER,
	cmd_get},
    {"put", "LOCAL… URL", "send files to a server", OPTIONS_CONNECTION | OPTIONS_TRANSFER, cmd_put},
    {"sync", "SOURCE TARGET", "make a tree like another; one of them is a URL",
	OPTIONS_CONNECTION | (OPTIONS_TRANSFER & ~SYNC_IMPLIED) | OPTIONS_SYNC, cmd_sync},
    {"ls", "URL", "list a directory of a server",
	OPTIONS_CONNECTION | ONLY(LONG) | ONLY(ALL) | ONLY(UNSORTED), cmd_ls},
    {"stat", "URL…", "say what a server knows of files", OPTIONS_CONNECTION, cmd_stat},
    {"sum", "URL…", "say the hash of files on a server", OPTIONS_CONNECTION | ONLY(ALGORITHM),
	cmd_sum},
    {"rm", "URL…", "remove files from a server", OPTIONS_CONNECTION | ONLY(RECURSIVE), cmd_rm},
    {"mv", "URL NAME", "rename a file on a server", OPTIONS_CONNECTION | ONLY(NO_CLOBBER), cmd_mv},
    {"mkdir", "URL…", "make directories on a server", OPTIONS_CONNECTION | ONLY(PARENTS),
	cmd_mkdir},
    {"sftp", "[OPTIONS] DESTINATION", "open a session, as sftp(1) does", 0, NULL, cmd_sftp},
    {"check", "", "check the configuration and the files that it names", GATEWAY, cmd_check},
    {"status", "[ROUTE]", "routes, remotes and sessions; what is stuck, and why", GATEWAY,
	cmd_status},
    {"transfers", "", "list transfers, the newest first",
	GATEWAY | ONLY(ROUTE) | ONLY(STATE) | ONLY(LIMIT), cmd_transfers},
    {"trace", "ID|PATH", "tell one file's way", GATEWAY, cmd_trace},
    {"run", "ROUTE", "run a route now", GATEWAY | ONLY(WAIT), cmd_run},
    {"retry", "ID", "try a transfer again that was given up, skipped or gone", GATEWAY, cmd_retry},
    {"bans", "", "list the addresses that are turned away, or let one in again",
	GATEWAY | ONLY(LIFT), cmd_bans},
    {"key new", "NAME", "make the key pair of an identity", GATEWAY, cmd_key_new},
    {"key show", "NAME", "show the public half, to be sent to a partner", GATEWAY, cmd_key_show},
    {"key list", "", "list the identities and their keys", GATEWAY, cmd_key_list},
    {"key password", "", "make the hash of an account's password", GATEWAY, cmd_key_password},
    {"host scan", "REMOTE", "ask a remote for its host keys and compare them", GATEWAY,
	cmd_host_scan},
    {"host trust", "REMOTE FINGERPRINT", "pin the host key that has this fingerprint", GATEWAY,
	cmd_host_trust},
    {"host list", "REMOTE", "list the host keys that are pinned for a remote", GATEWAY,
	cmd_host_list},
    {"version", "", "say which version this is", 0, cmd_version},
    {"help", "[COMMAND] [WORD]", "say how dray, or one command, is used", 0, cmd_help},
};
const size_t N_COMMANDS = ARRAY_LEN(COMMANDS);

enum { SHOWN_MAX = 80 };

/* A command's first word, and its second or an empty slice. */
static void
split_words(const struct command *c, struct slice *ret_first, struct slice *ret_second)
{
	*ret_second = slice_cut(slice_str(c->words), ' ', ret_first);
}

/* "dray key" without a second word, or with one that there isn't. */
static void
tell_second_words(const char *first, const char *second, struct story *story)
{
	const char *seconds[ARRAY_LEN(COMMANDS) + 1] = {NULL};
	char list[SHOWN_MAX] = "", shown[SHOWN_MAX];
	size_t n = 0, len = 0;

	for (size_t i = 0; i < N_COMMANDS && len < sizeof list; i++) {
		struct slice a, b;
		split_words(&COMMANDS[i], &a, &b);
		if (!slice_is(a, first))
			continue;
		seconds[n++] = (const char *)b.ptr;
		len += (size_t)snprintf(
		    list + len, sizeof list - len, n == 1 ? "%s" : ", %s", (const char *)b.ptr);
	}
	if (second == NULL) {
		story_set(story, "%s needs a second word: %s", first, list);
		return;
	}
	const char *nearest = text_nearest(slice_str(second), seconds);
	text_escape(slice_str(second), shown, sizeof shown);
	if (nearest != NULL)
		story_set(story, "unknown command \"%s %s\" (did you mean \"%s %s\"?)", first,
		    shown, first, nearest);
	else
		story_set(
		    story, "unknown command \"%s %s\" (%s knows: %s)", first, shown, first, list);
}

static void
tell_unknown(const char *word, struct story *story)
{
	char firsts[ARRAY_LEN(COMMANDS)][SHOWN_MAX], shown[SHOWN_MAX];
	const char *candidates[ARRAY_LEN(COMMANDS) + 1] = {NULL};

	for (size_t i = 0; i < N_COMMANDS; i++) {
		struct slice a, b;
		split_words(&COMMANDS[i], &a, &b);
		candidates[i] = text_escape(a, firsts[i], sizeof firsts[i]);
	}
	const char *nearest = text_nearest(slice_str(word), candidates);
	text_escape(slice_str(word), shown, sizeof shown);
	if (nearest != NULL)
		story_set(story, "unknown command \"%s\" (did you mean \"%s\"?)", shown, nearest);
	else
		story_set(story, "unknown command \"%s\" (dray help lists them)", shown);
}

const struct command *
command_find(const char *const *words, size_t n_words, size_t *ret_n_words, struct story *story)
{
	const char *second = n_words > 1 ? words[1] : NULL;
	bool is_group = false;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		struct slice a, b;
		split_words(&COMMANDS[i], &a, &b);
		if (!slice_is(a, words[0]))
			continue;
		is_group = b.len > 0;
		if (is_group && (second == NULL || !slice_is(b, second)))
			continue;
		*ret_n_words = is_group ? 2 : 1;
		return &COMMANDS[i];
	}
	if (is_group)
		tell_second_words(words[0], second, story);
	else
		tell_unknown(words[0], story);
	return NULL;
}

/* How many of them there may be. An argument's name ends in "…" where it may be repeated. */
static void
count_arguments(const struct command *c, size_t *ret_least, size_t *ret_most)
{
	static const char MANY[] = "…";
	struct slice rest = slice_str(c->arguments), name;

	*ret_least = *ret_most = 0;
	while (rest.len > 0) {
		rest = slice_cut(rest, ' ', &name);
		*ret_least += name.ptr[0] == '[' ? 0 : 1;
		bool many = memmem(name.ptr, name.len, MANY, sizeof MANY - 1) != NULL;
		*ret_most = many || *ret_most == SIZE_MAX ? SIZE_MAX : *ret_most + 1;
	}
}

bool
command_takes(const struct command *c, size_t n_arguments, struct story *story)
{
	size_t least, most;

	count_arguments(c, &least, &most);
	if (n_arguments >= least && n_arguments <= most)
		return true;
	if (most == 0)
		story_set(story, "%s takes no arguments", c->words);
	else
		story_set(story, "%s needs%s: %s", c->words, n_arguments > most ? " only" : "",
		    c->arguments);
	return false;
}

static void
usage_options(const struct command *c, char *dst, size_t dst_len)
{
	size_t len = 0;

	for (size_t i = 0; i < N_OPTIONS && len < dst_len; i++) {
		const struct option_row *o = &OPTIONS[i];
		if ((c->options & OPTION_BIT(o->id)) == 0 || o->id == OPTION_CONFIG)
			continue;
		len += (size_t)snprintf(dst + len, dst_len - len, " [--%s%s%s]", o->name,
		    o->value == NULL ? "" : " ", o->value == NULL ? "" : o->value);
	}
}

const char *
command_usage(const struct command *c, char dst[COMMAND_USAGE_MAX])
{
	bool many = __builtin_popcountll(c->options) > COMMAND_OPTIONS_SHOWN;
	size_t len = (size_t)snprintf(dst, COMMAND_USAGE_MAX, "%s%s%s%s%s",
	    (c->options & GATEWAY) != 0 ? "[-c FILE] " : "", c->words, many ? " [OPTIONS]" : "",
	    c->arguments[0] == '\0' ? "" : " ", c->arguments);

	if (!many && len < COMMAND_USAGE_MAX)
		usage_options(c, dst + len, COMMAND_USAGE_MAX - len);
	return dst;
}
