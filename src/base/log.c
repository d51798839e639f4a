#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { FIELD_TEXT_MAX = 1024 };

/* The program's only mutable globals, besides signal flags: how and what to log. */
static struct {
	const char *role;
	enum log_format format;
	enum log_level least;
} settings = {"-", LOG_FORMAT_TEXT, LOG_LEVEL_INFO};

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

/* A line under construction. Parts are all or nothing, so that a cut falls between fields. */
struct line {
	char text[LOG_LINE_MAX];
	size_t len;
};

void
log_set_role(const char *role)
{
	settings.role = role;
}

void
log_set_format(enum log_format format)
{
	settings.format = format;
}

void
log_set_level(enum log_level least)
{
	settings.least = least;
}

void
log_export(void)
{
	char text[] = {(char)('0' + settings.format), (char)('0' + settings.least), '\0'};

	(void)setenv(LOG_ENVIRONMENT, text, 1);
}

void
log_import(void)
{
	const char *text = getenv(LOG_ENVIRONMENT);

	if (text == NULL || strlen(text) != 2 || text[0] < '0' || text[0] > '0' + LOG_FORMAT_JSON ||
	    text[1] < '0' || text[1] > '0' + LOG_LEVEL_ERROR)
		return;
	settings.format = (enum log_format)(text[0] - '0');
	settings.least = (enum log_level)(text[1] - '0');
}

/* Two bytes stay free for the end of a JSON line. */
static void
line_add(struct line *l, const char *text)
{
	size_t len = strlen(text);

	if (l->len + len + 2 > sizeof l->text)
		return;
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

/* Needs quotes in a text line: is empty, or holds something that would blur where it ends. */
static bool
needs_quotes(const char *value)
{
	return value[0] == '\0' || strpbrk(value, " \"=") != NULL;
}

/*
 * The value between quotes. text_escape has left only printable text and \xHH; a quote gets a
 * backslash, and in JSON the backslash of \xHH is doubled, so that a reader gets back what the
 * text line shows.
 */
static void
quote(const char *value, bool json, char *dst, size_t dst_len)
{
	size_t out = 0;

	dst[out++] = '"';
	for (; *value != '\0' && out + 4 < dst_len; value++) {
		if (*value == '"' || (*value == '\\' && json))
			dst[out++] = '\\';
		dst[out++] = *value;
	}
	dst[out++] = '"';
	dst[out] = '\0';
}

static void
field_value(const struct log_field *f, bool json, char *dst, size_t dst_len)
{
	char escaped[FIELD_TEXT_MAX];

	switch (f->type) {
	case LOG_FIELD_U64:
		(void)snprintf(dst, dst_len, "%" PRIu64, f->u64);
		break;
	case LOG_FIELD_I64:
		(void)snprintf(dst, dst_len, "%" PRId64, f->i64);
		break;
	case LOG_FIELD_TEXT:
		text_escape(f->text, escaped, sizeof escaped);
		if (json || needs_quotes(escaped))
			quote(escaped, json, dst, dst_len);
		else
			(void)snprintf(dst, dst_len, "%s", escaped);
		break;
	}
}

static void
line_add_field(struct line *l, const struct log_field *f, bool json)
{
	char value[2 * FIELD_TEXT_MAX + 8], part[sizeof value + 64];

	field_value(f, json, value, sizeof value);
	(void)snprintf(part, sizeof part, json ? ",\"%s\":%s" : " %s=%s", f->key, value);
	line_add(l, part);
}

static void
line_add_head(struct line *l, enum log_level level, const char *event, bool json)
{
	char at[TIME_TEXT_MAX], head[256];

	time_text(time_now_us(), at);
	(void)snprintf(head, sizeof head,
	    json ? "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%d,\"event\":\"%s\""
		 : "%s %-5s %s[%d] %s",
	    at, LEVEL_NAMES[level], settings.role, (int)getpid(), event);
	line_add(l, head);
}

void
log_emit(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields)
{
	bool json = settings.format == LOG_FORMAT_JSON;
	struct line l = {.len = 0};

	if (level < settings.least)
		return;
	line_add_head(&l, level, event, json);
	for (size_t i = 0; i < n_fields; i++)
		line_add_field(&l, &fields[i], json);
	if (json)
		l.text[l.len++] = '}';
	l.text[l.len++] = '\n';
	/* A log that can't be written has nobody to complain to. */
	ssize_t ignored = write(STDERR_FILENO, l.text, l.len);
	(void)ignored;
}
