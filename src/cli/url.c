#include "cli/url.h"

#include <stdlib.h>

#include "base/text.h"

#define SCHEME "sftp://"

enum { SHOWN_MAX = 120 };

static enum err
no_memory(struct story *story)
{
	return story_fail(story, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

/* Parts are in brackets, or end at one of the bytes in ends; the rest stays in *s. */
static bool
take_host(struct slice *s, uint8_t end, struct slice *ret_host)
{
	if (s->len > 0 && s->ptr[0] == '[') {
		*s = slice_cut(slice_of(s->ptr + 1, s->len - 1), ']', ret_host);
		if (s->ptr == NULL || (s->len > 0 && s->ptr[0] != end))
			return false;
		/* What follows the bracket begins with the separator, as without brackets. */
		*s = s->len == 0 ? *s : slice_of(s->ptr + 1, s->len - 1);
		return true;
	}
	*s = slice_cut(*s, end, ret_host);
	return true;
}

/* The first ":" before any "/" that isn't within brackets, or NULL: what makes a word remote. */
static const uint8_t *
find_colon(struct slice s)
{
	bool inside = false;

	for (size_t i = 0; i < s.len && s.ptr[i] != '/'; i++) {
		/* An address begins the word, or stands behind the user. */
		if (s.ptr[i] == '[' && (i == 0 || s.ptr[i - 1] == '@'))
			inside = true;
		else if (s.ptr[i] == ']' && inside)
			inside = false;
		else if (s.ptr[i] == ':' && !inside)
			return i == 0 ? NULL : s.ptr + i;
	}
	return NULL;
}

bool
url_is_remote(const char *text)
{
	struct slice s = slice_str(text);

	return slice_starts_with(s, slice_str(SCHEME)) || find_colon(s) != NULL;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/*
 * Decodes s into dst, which has room for twice its length and one more. quoted: what wildcards are
 * made of gets a backslash when it was encoded. False for a "%" without two digits, and for "%00".
 */
static bool
decode(struct slice s, bool quoted, char *dst)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '%') {
			*dst++ = (char)s.ptr[i];
			continue;
		}
		int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
		int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0)
			return false;
		char c = (char)(high * 16 + low);
		if (quoted && strchr("*?[\\", c) != NULL)
			*dst++ = '\\';
		*dst++ = c;
		i += 2;
	}
	*dst = '\0';
	return true;
}

/* A decoded copy of s, or a plain one, of at most max bytes. */
static enum err
keep(struct slice s, bool encoded, bool quoted, size_t max, char **ret_text, struct story *story)
{
	if (s.len > max)
		return story_fail(story, ERR_INVALID, "it is too long");
	*ret_text = malloc(2 * s.len + 1);
	if (*ret_text == NULL)
		return no_memory(story);
	if (!encoded) {
		memcpy(*ret_text, s.ptr, s.len);
		(*ret_text)[s.len] = '\0';
	} else if (!decode(s, quoted, *ret_text)) {
		return story_fail(
		    story, ERR_INVALID, "a \"%%\" needs two hexadecimal digits behind it");
	}
	return ERR_OK;
}

/*
 * Names are handed on to programs (ProxyCommand, Match exec): what a shell or an option parser
 * would take for something else is no host and no user.
 */
static bool
is_harmless(const char *text)
{
	static const char BAD[] = "'`\"$\\;&<>|(){}";

	if (text[0] == '\0' || text[0] == '-')
		return false;
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;
		if (c <= ' ' || c == 0x7f || strchr(BAD, c) != NULL)
			return false;
	}
	return true;
}

/* "user@" off the front of s. The last "@" ends it: a user's name may have one, a host's not. */
static enum err
take_user(struct slice *s, bool encoded, struct url *u, struct story *story)
{
	const uint8_t *at = s->len == 0 ? NULL : memrchr(s->ptr, '@', s->len);

	if (at == NULL)
		return ERR_OK;
	struct slice user = slice_of(s->ptr, (size_t)(at - s->ptr));
	*s = slice_of(at + 1, s->len - user.len - 1);
	if (encoded && slice_has(user, ':'))
		return story_fail(story, ERR_INVALID,
		    "a password doesn't belong there: whoever lists processes would see it");
	enum err e = keep(user, encoded, false, URL_USER_MAX, &u->user, story);
	if (e == ERR_OK && !is_harmless(u->user))
		return story_fail(story, ERR_INVALID, "that is no user's name");
	return e;
}

static enum err
keep_host(struct slice host, bool encoded, struct url *u, struct story *story)
{
	enum err e = keep(host, encoded, false, URL_HOST_MAX, &u->host, story);

	if (e == ERR_OK && !is_harmless(u->host))
		return story_fail(story, ERR_INVALID, "that is no host's name");
	return e;
}

static enum err
keep_port(struct slice port, struct url *u, struct story *story)
{
	uint64_t number;

	if (!text_to_u64(port, UINT16_MAX, &number) || number == 0)
		return story_fail(story, ERR_INVALID, "a port is a number from 1 to 65535");
	u->port = (uint16_t)number;
	return ERR_OK;
}

/* What stands behind the "/": absolute, or "~" and relative to the home. */
static enum err
keep_url_path(struct slice rest, struct url *u, struct story *story)
{
	bool is_home = rest.len == 0 || slice_is(rest, "/~");

	if (slice_starts_with(rest, slice_str("/~/")))
		rest = slice_of(rest.ptr + 3, rest.len - 3);
	else if (is_home)
		rest = slice_str("");
	return keep(rest, true, true, URL_PATH_MAX, &u->pattern, story);
}

static enum err
parse_url(struct slice s, struct url *u, struct story *story)
{
	const uint8_t *slash = s.len == 0 ? NULL : memchr(s.ptr, '/', s.len);
	struct slice authority = slice_of(s.ptr, slash == NULL ? s.len : (size_t)(slash - s.ptr));
	struct slice path = slice_of(s.ptr + authority.len, s.len - authority.len), host;

	enum err e = take_user(&authority, true, u, story);
	if (e != ERR_OK)
		return e;
	if (!take_host(&authority, ':', &host))
		return story_fail(story, ERR_INVALID, "that is no host's name");
	e = keep_host(host, true, u, story);
	if (e == ERR_OK && authority.ptr != NULL && authority.len > 0)
		e = keep_port(authority, u, story);
	return e == ERR_OK ? keep_url_path(path, u, story) : e;
}

static enum err
parse_scp(struct slice s, struct url *u, struct story *story)
{
	const uint8_t *colon = find_colon(s);

	if (colon == NULL)
		return story_fail(story, ERR_INVALID, "it names no server");
	struct slice before = slice_of(s.ptr, (size_t)(colon - s.ptr)), host;
	struct slice path = slice_of(colon + 1, s.len - before.len - 1);
	enum err e = take_user(&before, false, u, story);
	if (e != ERR_OK)
		return e;
	if (!take_host(&before, ':', &host) || (before.ptr != NULL && before.len > 0))
		return story_fail(story, ERR_INVALID, "that is no host's name");
	e = keep_host(host, false, u, story);
	return e == ERR_OK ? keep(path, false, false, URL_PATH_MAX, &u->pattern, story) : e;
}

enum err
url_parse(const char *text, struct url *ret_url, struct story *story)
{
	struct slice s = slice_str(text), scheme = slice_str(SCHEME);
	struct story why = {.text = ""};
	char shown[SHOWN_MAX];
	enum err e;

	*ret_url = (struct url){.user = NULL};
	if (s.len > URL_MAX)
		e = story_fail(&why, ERR_INVALID, "it is too long");
	else if (slice_starts_with(s, scheme))
		e = parse_url(slice_of(s.ptr + scheme.len, s.len - scheme.len), ret_url, &why);
	else
		e = parse_scp(s, ret_url, &why);
	if (e != ERR_OK)
		story_set(story, "%s: %s", text_escape(s, shown, sizeof shown), why.text);
	return e;
}

static bool
text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
url_same_server(const struct url *a, const struct url *b)
{
	return text_same(a->user, b->user) && text_same(a->host, b->host) && a->port == b->port;
}

void
url_fini(struct url *u)
{
	free(u->user);
	free(u->host);
	free(u->pattern);
	*u = (struct url){.user = NULL};
}
