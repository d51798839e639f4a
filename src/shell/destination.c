#include "shell/destination.h"

#include "base/slice.h"
#include "base/text.h"

#define SCHEME "sftp://"

static enum err
keep(char **ret_text, struct slice s, struct story *story)
{
	*ret_text = slice_dup(s);
	return *ret_text != NULL ? ERR_OK : story_fail(story, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

/* The last "@" ends the user: a user may have one in its name, a host may not. */
static enum err
take_user(struct slice *s, struct destination *d, struct story *story)
{
	const uint8_t *at = memrchr(s->ptr, '@', s->len);

	if (at == NULL)
		return ERR_OK;
	struct slice user = slice_of(s->ptr, (size_t)(at - s->ptr));
	*s = slice_of(at + 1, s->len - user.len - 1);
	if (user.len == 0)
		return story_fail(story, ERR_INVALID, "Missing username");
	return keep(&d->user, user, story);
}

/* A leading "-" would be an option to a program that gets it (ProxyCommand, -S). */
static enum err
keep_host(struct destination *d, struct slice host, struct story *story)
{
	if (host.len == 0)
		return story_fail(story, ERR_INVALID, "Missing hostname");
	for (size_t i = 0; i < host.len; i++) {
		if (host.ptr[i] <= ' ' || host.ptr[i] == 0x7f)
			return story_fail(
			    story, ERR_INVALID, "A hostname with blanks or control characters");
	}
	if (host.ptr[0] == '-')
		return story_fail(story, ERR_INVALID, "A hostname that begins with \"-\"");
	return keep(&d->host, host, story);
}

/* "host" or "[address]" off the front of s, up to one of the bytes in `ends`. */
static enum err
take_host(struct slice *s, const char *ends, struct destination *d, struct story *story)
{
	size_t len = 0;

	if (s->len > 0 && s->ptr[0] == '[') {
		const uint8_t *close = memchr(s->ptr, ']', s->len);
		if (close == NULL)
			return story_fail(story, ERR_INVALID, "A \"[\" without \"]\"");
		struct slice inside = slice_of(s->ptr + 1, (size_t)(close - s->ptr) - 1);
		*s = slice_of(close + 1, s->len - inside.len - 2);
		if (s->len > 0 && strchr(ends, s->ptr[0]) == NULL)
			return story_fail(story, ERR_INVALID, "Text right behind a \"]\"");
		return keep_host(d, inside, story);
	}
	while (len < s->len && strchr(ends, s->ptr[len]) == NULL)
		len++;
	struct slice host = slice_of(s->ptr, len);
	*s = slice_of(s->ptr + len, s->len - len);
	return keep_host(d, host, story);
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* RFC 3986 section 2.1, in place. A zero byte can't be meant. */
static bool
decode_percent(char *text)
{
	char *to = text;

	if (text == NULL)
		return true;
	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = hex_value((uint8_t)from[1]);
		int low = high < 0 ? -1 : hex_value((uint8_t)from[2]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

static enum err
parse_uri(struct slice s, struct destination *d, struct story *story)
{
	struct slice authority, path = slice_cut(s, '/', &authority);
	uint64_t port = 0;
	enum err e = take_user(&authority, d, story);

	if (e == ERR_OK)
		e = take_host(&authority, ":", d, story);
	if (e != ERR_OK)
		return e;
	if (authority.len > 0 &&
	    (!text_to_u64(slice_of(authority.ptr + 1, authority.len - 1), UINT16_MAX, &port) ||
		port == 0))
		return story_fail(story, ERR_INVALID, "Bad port in the URI");
	d->port = (uint16_t)port;
	if (path.len > 0)
		e = keep(&d->path, path, story);
	if (e == ERR_OK && d->user != NULL)
		*strchrnul(d->user, ';') = '\0'; /* parameters of the connection: none is known */
	if (e == ERR_OK && (!decode_percent(d->user) || !decode_percent(d->path)))
		return story_fail(story, ERR_INVALID, "A \"%%\" without two digits in the URI");
	return e;
}

/* The first ":" outside of brackets ends the host; an "@" behind it is the path's. */
static enum err
parse_plain(struct slice s, struct destination *d, struct story *story)
{
	size_t colon = 0;
	bool inside = false;

	while (colon < s.len && (inside || s.ptr[colon] != ':')) {
		if (s.ptr[colon] == '[' && (colon == 0 || s.ptr[colon - 1] == '@'))
			inside = memchr(s.ptr + colon, ']', s.len - colon) != NULL;
		else if (s.ptr[colon] == ']')
			inside = false;
		colon++;
	}
	struct slice where = slice_of(s.ptr, colon);
	enum err e = take_user(&where, d, story);
	if (e == ERR_OK)
		e = take_host(&where, ":", d, story);
	if (e == ERR_OK && colon + 1 < s.len)
		e = keep(&d->path, slice_of(s.ptr + colon + 1, s.len - colon - 1), story);
	return e;
}

enum err
destination_parse(const char *text, struct destination *ret_d, struct story *story)
{
	struct slice s = slice_str(text), scheme = slice_str(SCHEME);

	*ret_d = (struct destination){.user = NULL};
	if (s.len > DESTINATION_MAX)
		return story_fail(story, ERR_INVALID, "The destination is too long");
	if (s.len >= scheme.len && strncasecmp(text, SCHEME, scheme.len) == 0)
		return parse_uri(slice_of(s.ptr + scheme.len, s.len - scheme.len), ret_d, story);
	return parse_plain(s, ret_d, story);
}

void
destination_fini(struct destination *d)
{
	free(d->user);
	free(d->host);
	free(d->path);
	*d = (struct destination){.user = NULL};
}
