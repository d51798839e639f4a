#include "base/attr.h"
#include "cli/options.h"

#define AT(member) offsetof(struct options, member)

const struct option_row OPTIONS[] = {
    {OPTION_CONFIG, 'c', "config", "FILE", "the configuration file", OPTION_TEXT, AT(config)},
    {OPTION_JSON, 0, "json", NULL, "answer in JSON", OPTION_FLAG},
    {OPTION_HELP, 'h', "help", NULL, "say how a command is used", OPTION_FLAG},
    {OPTION_VERSION, 'V', "version", NULL, "say which version this is", OPTION_FLAG},

    {OPTION_ROUTE, 0, "route", "ROUTE", "only this route's", OPTION_TEXT, AT(route)},
    {OPTION_STATE, 0, "state", "STATE", "only those in this state", OPTION_TEXT, AT(state)},
    {OPTION_LIMIT, 0, "limit", "N", "at most so many, 0 for all (100 unless said otherwise)",
	OPTION_NUMBER, AT(limit), 0, UINT32_MAX},
    {OPTION_WAIT, 0, "wait", NULL, "answer only when the run has ended", OPTION_FLAG},
    {OPTION_LIFT, 0, "lift", "ADDRESS", "let this address in again, or \"all\"", OPTION_TEXT,
	AT(lift)},

    {OPTION_PORT, 'P', "port", "PORT", "the server's port, where the URL has none", OPTION_NUMBER,
	AT(port), 1, UINT16_MAX},
    {OPTION_USER, 0, "user", "NAME", "log in as this user, where the URL has none", OPTION_TEXT,
	AT(user)},
    {OPTION_IDENTITY, 'i', "identity", "FILE", "log in with this private key", OPTION_TEXTS,
	AT(identities)},
    {OPTION_SSH_CONFIG, 'F', "ssh-config", "FILE", "the ssh_config(5) to read, or \"none\"",
	OPTION_TEXT, AT(ssh_config)},
    {OPTION_SSH_OPTION, 'o', "option", "KEY=VALUE", "a setting as of ssh_config(5)", OPTION_TEXTS,
	AT(ssh_options)},
    {OPTION_JUMP, 'J', "jump", "HOST", "connect by way of this host", OPTION_TEXT, AT(jump)},
    {OPTION_IPV4, '4', "ipv4", NULL, "connect to an IPv4 address only", OPTION_FLAG},
    {OPTION_IPV6, '6', "ipv6", NULL, "connect to an IPv6 address only", OPTION_FLAG},
    {OPTION_PASSPHRASE_FILE, 0, "passphrase-file", "FILE", "its first line opens the private key",
	OPTION_TEXT, AT(passphrase_file)},
    {OPTION_BATCH, 0, "batch", NULL, "never ask anybody anything", OPTION_FLAG},
    {OPTION_TIMEOUT, 0, "timeout", "SPAN", "give up on a server that is silent for so long",
	OPTION_SPAN, AT(timeout_us)},
    {OPTION_STDIO_SERVER, 'D', "stdio-server", "PROGRAM",
	"talk to this SFTP server program instead of a host", OPTION_TEXT, AT(stdio_server)},
    {OPTION_QUIET, 'q', "quiet", NULL, "only complaints: no progress, no summary", OPTION_FLAG},
    {OPTION_VERBOSE, 'v', "verbose", NULL, "say what is done; twice: more", OPTION_COUNT,
	AT(verbose)},

    {OPTION_RECURSIVE, 'r', "recursive", NULL, "directories, with what is in them", OPTION_FLAG},
    {OPTION_PRESERVE, 'p', "preserve", NULL, "keep times and modes", OPTION_FLAG},
    {OPTION_FSYNC, 'f', "fsync", NULL, "flush each file to disk before it gets its name",
	OPTION_FLAG},
    {OPTION_VERIFY, 0, "verify", NULL, "compare hashes after each file", OPTION_FLAG},
    {OPTION_RESUME, 'a', "resume", NULL, "go on where an interrupted run has stopped", OPTION_FLAG},
    {OPTION_APPEND, 0, "append", NULL, "go on with targets that are there in part", OPTION_FLAG},
    {OPTION_PROOF, 0, "proof", "HOW",
	"what proves that a beginning is the same: hash, tail or size", OPTION_TEXT, AT(proof)},
    {OPTION_IN_PLACE, 0, "in-place", NULL, "upload straight to the target's name", OPTION_FLAG},
    {OPTION_UPLOAD_TEMP, 0, "upload-temp", NULL, "upload under a temporary name, or fail",
	OPTION_FLAG},
    {OPTION_READ_ONCE, 0, "read-once", NULL, "open each file at the source only once", OPTION_FLAG},
    {OPTION_NO_CLOBBER, 0, "no-clobber", NULL, "pass over targets that are there", OPTION_FLAG},
    {OPTION_RATE, 0, "limit", "RATE", "at most so many bytes a second, as 10MiB", OPTION_SIZE,
	AT(rate), 1, INT64_MAX},
    {OPTION_CONNECTIONS, 0, "connections", "N", "so many connections at once", OPTION_NUMBER,
	AT(connections), 1, 16},
    {OPTION_BUDGET, 0, "budget", "SIZE", "at most so many bytes under way at once", OPTION_SIZE,
	AT(budget), 4 * 1024 * 1024, UINT32_MAX},
    {OPTION_REQUEST_SIZE, 0, "request-size", "SIZE", "bytes of one read or write", OPTION_SIZE,
	AT(request_size), 1024, 16 * 1024 * 1024},
    {OPTION_RETRIES, 0, "retries", "N", "connect again so often (5 unless said otherwise)",
	OPTION_NUMBER, AT(retries), 0, 1000 * 1000},
    {OPTION_RETRY_DELAY, 0, "retry-delay", "SPAN", "wait before the first time (1s), then longer",
	OPTION_SPAN, AT(retry_delay_us)},
    {OPTION_NO_PROGRESS, 0, "no-progress", NULL, "draw no progress", OPTION_FLAG},

    {OPTION_CHECKSUM, 0, "checksum", NULL, "compare contents, not times", OPTION_FLAG},
    {OPTION_DELETE, 0, "delete", NULL, "remove what the source doesn't have", OPTION_FLAG},
    {OPTION_DRY_RUN, 'n', "dry-run", NULL, "only say what would be done", OPTION_FLAG},
    {OPTION_INCLUDE, 0, "include", "PATTERN", "what fits takes part", OPTION_PATTERN},
    {OPTION_EXCLUDE, 0, "exclude", "PATTERN", "what fits is passed over", OPTION_PATTERN},
    {OPTION_MAX_AGE, 0, "max-age", "SPAN", "pass over older files", OPTION_SPAN, AT(max_age_us)},
    {OPTION_MIN_SIZE, 0, "min-size", "SIZE", "pass over smaller files", OPTION_SIZE, AT(min_size),
	0, INT64_MAX},
    {OPTION_MAX_SIZE, 0, "max-size", "SIZE", "pass over larger files", OPTION_SIZE, AT(max_size), 1,
	INT64_MAX},
    {OPTION_MTIME_SLACK, 0, "mtime-slack", "SPAN", "times this near are equal", OPTION_SPAN,
	AT(mtime_slack_us)},

    {OPTION_LONG, 'l', "long", NULL, "with modes, owners, sizes and times", OPTION_FLAG},
    {OPTION_ALL, 'a', "all", NULL, "names that begin with a dot, too", OPTION_FLAG},
    {OPTION_UNSORTED, 'f', "unsorted", NULL, "as the server tells them, at once", OPTION_FLAG},
    {OPTION_PARENTS, 'p', "parents", NULL, "with the directories above, if they are missing",
	OPTION_FLAG},
    {OPTION_ALGORITHM, 0, "algorithm", "NAME", "sha256, sha1 or md5", OPTION_TEXT, AT(algorithm)},
};
const size_t N_OPTIONS = ARRAY_LEN(OPTIONS);

const struct option_row *
option_by_letter(char letter, uint64_t set)
{
	const struct option_row *any = NULL;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (letter == 0 || OPTIONS[i].letter != letter)
			continue;
		if ((set & OPTION_BIT(OPTIONS[i].id)) != 0)
			return &OPTIONS[i];
		any = any == NULL ? &OPTIONS[i] : any;
	}
	return any;
}

const struct option_row *
option_by_name(struct slice name, uint64_t set)
{
	const struct option_row *any = NULL;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!slice_is(name, OPTIONS[i].name))
			continue;
		if ((set & OPTION_BIT(OPTIONS[i].id)) != 0)
			return &OPTIONS[i];
		any = any == NULL ? &OPTIONS[i] : any;
	}
	return any;
}
