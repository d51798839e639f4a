#include "ssh/authkeys_options.h"

#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"
#include "ssh/authkeys.h"

typedef const char *option_fn(struct authkeys_options *options, struct slice value);

static const char *
set_from(struct authkeys_options *options, struct slice value)
{
	if (options->from.len > 0)
		return "it has more than one from= option";
	options->from = value;
	return authkeys_from_refusal(value);
}

static const char *
set_expiry(struct authkeys_options *options, struct slice value)
{
	int64_t at_us;

	if (!authkeys_expiry_parse(value, &at_us))
		return "its expiry-time= is not a date";
	if (at_us < options->expires_us)
		options->expires_us = at_us;
	return NULL;
}

static const char *
set_principals(struct authkeys_options *options, struct slice value)
{
	if (options->principals.len > 0)
		return "it has more than one principals= option";
	options->principals = value;
	/* A comma too much is a name that was forgotten. */
	for (size_t i = 0; i < value.len; i++) {
		bool at_end = i == 0 || i + 1 == value.len;
		if (value.ptr[i] == ',' && (at_end || value.ptr[i + 1] == ','))
			return "its principals= has an empty name";
	}
	return NULL;
}

static const char *
set_cert_authority(struct authkeys_options *options, struct slice value)
{
	(void)value;
	options->cert_authority = true;
	return NULL;
}

static const char *
set_no_touch_required(struct authkeys_options *options, struct slice value)
{
	(void)value;
	options->no_touch_required = true;
	return NULL;
}

static const char *
set_verify_required(struct authkeys_options *options, struct slice value)
{
	(void)value;
	options->verify_required = true;
	return NULL;
}

struct option {
	const char *name;
	bool has_value;
	option_fn *apply; /* NULL: it asks for what is the case here anyway */
};

/* What sshd knows and we can honour. */
static const struct option OPTIONS[] = {
    {"from", true, set_from},
    {"expiry-time", true, set_expiry},
    {"cert-authority", false, set_cert_authority},
    {"principals", true, set_principals},
    {"no-touch-required", false, set_no_touch_required},
    {"verify-required", false, set_verify_required},
    {"restrict", false, NULL},
    {"no-pty", false, NULL},
    {"no-port-forwarding", false, NULL},
    {"no-agent-forwarding", false, NULL},
    {"no-X11-forwarding", false, NULL},
    {"no-user-rc", false, NULL},
};

/* What sshd knows and we can't honour. Words of ours: a line's own may be anybody's secret. */
struct unsupported {
	const char *name;
	const char *why;
};

#define UNSUPPORTED_ROW(name)                                         \
	{                                                             \
		name, "the option \"" name "\" is not supported here" \
	}
static const struct unsupported UNSUPPORTED[] = {
    UNSUPPORTED_ROW("agent-forwarding"),
    UNSUPPORTED_ROW("command"),
    UNSUPPORTED_ROW("environment"),
    UNSUPPORTED_ROW("permitlisten"),
    UNSUPPORTED_ROW("permitopen"),
    UNSUPPORTED_ROW("port-forwarding"),
    UNSUPPORTED_ROW("pty"),
    UNSUPPORTED_ROW("tunnel"),
    UNSUPPORTED_ROW("user-rc"),
    UNSUPPORTED_ROW("X11-forwarding"),
};

/* The length of the option's name that s starts with. */
static size_t
name_len(struct slice s)
{
	size_t n = 0;

	while (
	    n < s.len && s.ptr[n] != ',' && s.ptr[n] != '=' && s.ptr[n] != ' ' && s.ptr[n] != '\t')
		n++;
	return n;
}

/*
 * The text between the quotes that s starts with; moves s past them. sshd lets a backslash quote a
 * quotation mark; neither an address nor a date has one in it, so here it ends the key's use.
 */
static const char *
take_quoted(struct slice *s, struct slice *ret_value)
{
	if (s->len == 0 || s->ptr[0] != '"')
		return "an option's value is not in quotation marks";
	size_t end = 1;
	while (end < s->len && s->ptr[end] != '"') {
		if (s->ptr[end] == '\\')
			return "an option's value has a backslash in it";
		end++;
	}
	if (end == s->len)
		return "an option's quotation mark is never closed";
	*ret_value = slice_of(s->ptr + 1, end - 1);
	*s = slice_of(s->ptr + end + 1, s->len - end - 1);
	return ret_value->len == 0 ? "an option's value is empty" : NULL;
}

static bool
names_equal(struct slice name, const char *known)
{
	return name.len == strlen(known) &&
	       strncasecmp((const char *)name.ptr, known, name.len) == 0;
}

static const struct option *
option_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++) {
		if (names_equal(name, OPTIONS[i].name))
			return &OPTIONS[i];
	}
	return NULL;
}

/* Why a word before the key that is no option of ours makes it unusable. */
static const char *
explain_unknown(struct slice name)
{
	static const char *const TYPES[] = {"ssh-", "ecdsa-", "sk-"};

	for (size_t i = 0; i < ARRAY_LEN(UNSUPPORTED); i++) {
		if (names_equal(name, UNSUPPORTED[i].name))
			return UNSUPPORTED[i].why;
	}
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (slice_starts_with(name, slice_str(TYPES[i])))
			return "its key is of a type that is not supported here";
	}
	return "it begins neither with a type of key nor with an option that is known here";
}

static const char *
take_option(struct slice *s, struct authkeys_options *ret)
{
	struct slice value = {0};
	size_t len = name_len(*s);
	const struct option *option = option_find(slice_of(s->ptr, len));
	const char *why = NULL;

	if (option == NULL)
		return explain_unknown(slice_of(s->ptr, len));
	*s = slice_of(s->ptr + len, s->len - len);
	bool has_value = s->len > 0 && s->ptr[0] == '=';
	if (has_value != option->has_value)
		return "an option lacks its value, or has one that it should not have";
	if (has_value) {
		*s = slice_of(s->ptr + 1, s->len - 1);
		why = take_quoted(s, &value);
	}
	return why != NULL || option->apply == NULL ? why : option->apply(ret, value);
}

const char *
authkeys_options_parse(struct slice line, struct authkeys_options *ret, struct slice *ret_rest)
{
	*ret = (struct authkeys_options){.expires_us = INT64_MAX};
	for (;;) {
		const char *why = take_option(&line, ret);
		if (why != NULL)
			return why;
		if (line.len == 0)
			return "there is no key after its options";
		uint8_t c = line.ptr[0];
		line = slice_of(line.ptr + 1, line.len - 1);
		if (c == ' ' || c == '\t')
			break;
		if (c != ',')
			return "its options are not separated by commas";
	}
	*ret_rest = slice_trim(line);
	if (ret->principals.len > 0 && !ret->cert_authority)
		return "its principals= has no cert-authority beside it";
	return NULL;
}

bool
authkeys_principals_allow(struct slice list, struct slice principals)
{
	while (list.len > 0) {
		struct slice name;
		list = slice_cut(list, ',', &name);
		if (authkeys_principals_have(principals, name))
			return true;
	}
	return false;
}

/* Two digits at text[at] within the bounds. */
static bool
take_pair(struct slice text, size_t at, uint64_t max, int *ret)
{
	uint64_t value;

	if (!text_to_u64(slice_of(text.ptr + at, 2), max, &value))
		return false;
	*ret = (int)value;
	return true;
}

bool
authkeys_expiry_parse(struct slice text, int64_t *ret_us)
{
	struct tm tm = {.tm_isdst = -1}, wanted;
	uint64_t year;
	bool utc = text.len > 0 && (text.ptr[text.len - 1] | 0x20) == 'z';

	if (utc)
		text.len--;
	if ((text.len != 8 && text.len != 12 && text.len != 14) ||
	    !text_to_u64(slice_of(text.ptr, 4), 9999, &year) || year < 1970 ||
	    !take_pair(text, 4, 12, &tm.tm_mon) || !take_pair(text, 6, 31, &tm.tm_mday))
		return false;
	if (text.len >= 12 &&
	    (!take_pair(text, 8, 23, &tm.tm_hour) || !take_pair(text, 10, 59, &tm.tm_min)))
		return false;
	if (text.len == 14 && !take_pair(text, 12, 59, &tm.tm_sec))
		return false;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon--;
	wanted = tm;
	time_t at = utc ? timegm(&tm) : mktime(&tm);
	/* The C library makes March of the 30th of February; we make a mistake of it. */
	if (tm.tm_mday != wanted.tm_mday || tm.tm_mon != wanted.tm_mon || wanted.tm_mon < 0)
		return false;
	*ret_us = (int64_t)at * US_PER_SEC;
	return true;
}
