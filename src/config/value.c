#include "config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bug.h"
#include "base/clock.h"
#include "os/socket.h"
#include "rules/glob.h"
#include "ssh/authkeys.h"

enum { TEXT_LEN_MAX = 1024, HOST_MAX = 256 };

struct scalar_row {
	const char *word;
	const char *phrase;
	value_fn *read;
};

static const struct scalar_row *scalar_row(enum key_type type);

void
value_fail(struct loader *l, const struct value *v)
{
	report_error(&l->report, v->at, "\"%s\" must be %s, not \"%s\"", v->key->name,
	    scalar_row(v->type)->phrase, SHOWN(v->text));
}

static void
store_text(struct loader *l, struct slice text, void *dst)
{
	char *copy = load_text(l, text);

	memcpy(dst, &copy, sizeof copy);
}

/* Reports what no text of ours may be; false then. */
static bool
text_fits(struct loader *l, const struct value *v)
{
	size_t len_max = v->type == KEY_PUBLIC_KEY ? AUTHKEYS_LINE_MAX : TEXT_LEN_MAX;

	if (v->text.len > len_max) {
		report_error(
		    &l->report, v->at, "\"%s\" has more than %zu bytes", v->key->name, len_max);
		return false;
	}
	for (size_t i = 0; i < v->text.len; i++) {
		if (v->text.ptr[i] >= 0x20 && v->text.ptr[i] != 0x7f)
			continue;
		report_error(&l->report, v->at, "\"%s\" holds a control character", v->key->name);
		return false;
	}
	return true;
}

static void
read_text(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	store_text(l, v->text, dst);
}

static void
read_pending(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	load_pend(l, v->key, dst, v->text, v->at);
}

/* "/", or parts that are neither empty, "." nor "..", each with one slash before it. */
static bool
is_clean_path(struct slice s)
{
	struct slice part, rest;

	if (s.len == 0 || s.ptr[0] != '/')
		return false;
	if (s.len == 1)
		return true;
	rest = slice_of(s.ptr + 1, s.len - 1);
	while (rest.ptr != NULL) {
		rest = slice_cut(rest, '/', &part);
		if (part.len == 0 || slice_is(part, ".") || slice_is(part, ".."))
			return false;
	}
	return true;
}

static void
read_clean_path(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	if (is_clean_path(v->text))
		store_text(l, v->text, dst);
	else
		value_fail(l, v);
}

static void
read_flag(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	bool flag = slice_is(v->text, "true");

	if (v->plain && (flag || slice_is(v->text, "false")))
		memcpy(dst, &flag, sizeof flag);
	else
		value_fail(l, v);
}

static void
read_number(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	uint64_t number;

	if (!text_to_u64(v->text, UINT64_MAX, &number)) {
		value_fail(l, v);
		return;
	}
	if (number < v->key->min || number > v->key->max) {
		report_error(&l->report, v->at,
		    "\"%s\" must be between %" PRIu64 " and %" PRIu64 ", not %" PRIu64,
		    v->key->name, v->key->min, v->key->max, number);
		return;
	}
	uint32_t stored = (uint32_t)number;
	BUG_ON(v->key->size != sizeof stored && v->key->size != sizeof number);
	if (v->key->size == sizeof stored)
		memcpy(dst, &stored, sizeof stored);
	else
		memcpy(dst, &number, sizeof number);
}

static void
read_size(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	uint64_t bytes;

	if (text_to_size(v->text, &bytes))
		memcpy(dst, &bytes, sizeof bytes);
	else
		value_fail(l, v);
}

/* As the file would write it: "200ms", "30d". dst of 24 bytes. */
static const char *
span_text(uint64_t us, char dst[24])
{
	static const struct {
		const char *name;
		uint64_t us;
	} UNITS[] = {{"d", UINT64_C(86400000000)}, {"h", UINT64_C(3600000000)},
	    {"m", UINT64_C(60000000)}, {"s", UINT64_C(1000000)}};

	for (size_t i = 0; i < ARRAY_LEN(UNITS); i++) {
		if (us == 0 || us % UNITS[i].us != 0)
			continue;
		(void)snprintf(dst, 24, "%" PRIu64 "%s", us / UNITS[i].us, UNITS[i].name);
		return dst;
	}
	(void)snprintf(dst, 24, "%" PRIu64 "ms", us / (uint64_t)US_PER_MS);
	return dst;
}

static void
read_duration(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	char least[24], most[24];
	int64_t us;

	if (!text_to_duration(v->text, &us)) {
		value_fail(l, v);
		return;
	}
	if ((uint64_t)us < v->key->min || (uint64_t)us > v->key->max) {
		report_error(&l->report, v->at, "\"%s\" must be between %s and %s, not %s",
		    v->key->name, span_text(v->key->min, least), span_text(v->key->max, most),
		    SHOWN(v->text));
		return;
	}
	memcpy(dst, &us, sizeof us);
}

static void
read_word(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	int i = value_find_word(v->key->words, v->text);
	uint8_t small = (uint8_t)i;

	if (i < 0) {
		value_unknown_word(l, v->key, v->text, v->at);
		return;
	}
	/* A bool for two words, an int or an enum for more. */
	BUG_ON(v->key->size != sizeof small && v->key->size != sizeof i);
	if (v->key->size == sizeof small)
		memcpy(dst, &small, sizeof small);
	else
		memcpy(dst, &i, sizeof i);
}

static void
read_glob(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	char *pattern = load_text(l, v->text);
	struct story story;

	if (pattern == NULL)
		return;
	if (glob_check(pattern, &story) == ERR_OK)
		memcpy(dst, &pattern, sizeof pattern);
	else
		report_error(&l->report, v->at, "\"%s\": %s", v->key->name, story.text);
}

uint32_t
value_count_characters(struct slice text)
{
	uint32_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += (text.ptr[i] & 0xc0) == 0x80 ? 0 : 1;
	return count;
}

static void
read_template(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	struct step step = {.kind = v->key->name, .argument = load_text(l, v->text)};
	struct place at = v->at;
	struct story story;
	size_t bad_at;

	if (step.argument == NULL)
		return;
	if (step_check(&step, &bad_at, &story) == ERR_OK) {
		memcpy(dst, &step, sizeof step);
		return;
	}
	if (v->as_written)
		at.column +=
		    (v->plain ? 0 : 1) + value_count_characters(slice_of(v->text.ptr, bad_at));
	report_error(&l->report, at, "\"%s\": %s", v->key->name, story.text);
}

/* A numeric address, in brackets when it is one of IPv6: a name could mean anything tomorrow. */
static bool
is_numeric(const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* True when what is behind the host's colon is a number past all ports, which is told. */
static bool
port_is_too_high(struct loader *l, const struct value *v)
{
	size_t host_len = v->text.len;
	uint64_t number;

	while (host_len > 0 && v->text.ptr[host_len - 1] != ':')
		host_len--;
	struct slice port = slice_of(v->text.ptr + host_len, v->text.len - host_len);
	if (host_len < 2 || !text_to_u64(port, UINT64_MAX, &number) || number <= UINT16_MAX)
		return false;
	/* "fe80::99999" is wrong in another way. */
	struct slice host = slice_of(v->text.ptr, host_len - 1);
	if (slice_has(host, ':') && host.ptr[host.len - 1] != ']')
		return false;
	report_error(&l->report, v->at, "\"%s\": port %" PRIu64 " is above %d", v->key->name,
	    number, UINT16_MAX);
	return true;
}

static void
read_address(struct loader *l, const struct value *v, void *dst, void *dst_2)
{
	bool listen = v->type == KEY_LISTEN_ADDRESS;
	char host[HOST_MAX], text[TEXT_LEN_MAX + 1];
	uint16_t port;

	if (!slice_copy(v->text, text, sizeof text) ||
	    !socket_split_address(text, listen ? 0 : 22, host, sizeof host, &port) ||
	    (listen && !is_numeric(host))) {
		if (!port_is_too_high(l, v))
			value_fail(l, v);
		return;
	}
	store_text(l, slice_str(host), dst);
	memcpy(dst_2, &port, sizeof port);
}

static const struct scalar_row SCALARS[] = {
    [KEY_TEXT] = {"text", "text", read_text},
    [KEY_PATH] = {"path", "a path", read_pending},
    [KEY_CLEAN_PATH] = {"path", "an absolute path without \".\", \"..\" and slashes to spare",
	read_clean_path},
    [KEY_FLAG] = {"flag", "true or false", read_flag},
    [KEY_NUMBER] = {"number", "a whole number", read_number},
    [KEY_SIZE] = {"size", "a size such as 4096, 64KiB or 2GiB", read_size},
    [KEY_DURATION] = {"duration", "a duration such as 500ms, 30s or 1h30m", read_duration},
    [KEY_WORD] = {"word", "a word", read_word},
    [KEY_GLOB] = {"pattern", "a pattern", read_glob},
    [KEY_TEMPLATE] = {"template", "a template", read_template},
    [KEY_LISTEN_ADDRESS] = {"address",
	"a numeric address and a port such as 0.0.0.0:2222 or [::]:2222", read_address},
    [KEY_REMOTE_ADDRESS] = {"address", "a host such as sftp.example or sftp.example:2222",
	read_address},
    [KEY_PUBLIC_KEY] = {"key", "a line as in authorized_keys", value_read_public_key},
    [KEY_PASSWORD_HASH] = {"hash", "the hash of a password", value_read_password_hash},
    [KEY_NETWORK] = {"network", "an address or a network such as 192.0.2.0/24 or 2001:db8::/32",
	value_read_network},
    [KEY_MOMENT] = {"moment",
	"a date such as 2026-12-31, or a date and time such as 2026-12-31 18:00",
	value_read_moment},
    [KEY_HOURS] = {"hours", "days and hours such as mon-fri 06:00-22:00", value_read_hours},
    [KEY_RATE] = {"rate", "a rate such as 512KiB/s or 10MiB/s", value_read_rate},
    [KEY_REFERENCE] = {"name", "a name", read_pending},
};

/* Words of what has structure, for the manual and for "must be …". */
static const struct scalar_row STRUCTURED[] = {
    [KEY_SCALARS] = {"list", "text or a list of texts", NULL},
    [KEY_BITS] = {"words", "a word or a list of words", NULL},
    [KEY_MAP] = {"mapping", "a mapping of keys to values", NULL},
    [KEY_LIST] = {"list", "a list", NULL},
    [KEY_NAMED] = {"mapping", "a mapping of names to entries", NULL},
    [KEY_INCLUDE] = {"list", "a path or a list of paths", NULL},
    [KEY_UNSUPPORTED] = {"", "", NULL},
};

bool
value_is_scalar(enum key_type type)
{
	return type < ARRAY_LEN(SCALARS);
}

static const struct scalar_row *
scalar_row(enum key_type type)
{
	BUG_ON(type >= ARRAY_LEN(STRUCTURED));
	return value_is_scalar(type) ? &SCALARS[type] : &STRUCTURED[type];
}

size_t
value_size(enum key_type type)
{
	return type == KEY_HOURS ? sizeof(struct config_hours) : sizeof(char *);
}

const char *
value_word(enum key_type type)
{
	return scalar_row(type)->word;
}

const char *
value_phrase(enum key_type type)
{
	return scalar_row(type)->phrase;
}

void
value_read(struct loader *l, const struct value *v, void *dst, void *dst_2)
{
	static const char *const NOTHING[] = {"", "~", "null", "Null", "NULL", NULL};

	if (v->plain && value_find_word(NOTHING, v->text) >= 0) {
		report_error(&l->report, v->at, "\"%s\" has no value", v->key->name);
		return;
	}
	if (v->text.len == 0) {
		report_error(&l->report, v->at, "\"%s\" must not be empty", v->key->name);
		return;
	}
	if (!text_fits(l, v))
		return;
	if (!v->is_default)
		load_note(l, dst, v->at);
	scalar_row(v->type)->read(l, v, dst, dst_2);
}
