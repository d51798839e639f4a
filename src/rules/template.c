#include "rules/template.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "rules/name.h"

enum { DATE_FORMAT_MAX = 64, DATE_TEXT_MAX = 256 };

enum part_kind {
	PART_LITERAL,
	PART_NAME,
	PART_STEM,
	PART_EXT,
	PART_DATE,
	PART_REMOTE,
	PART_ROUTE,
	PART_N
};

/* NULL ends the list for text_nearest; literal text has no name. */
static const char *const PART_NAMES[PART_N + 1] = {
    [PART_LITERAL] = "",
    [PART_NAME] = "name",
    [PART_STEM] = "stem",
    [PART_EXT] = "ext",
    [PART_DATE] = "date",
    [PART_REMOTE] = "remote",
    [PART_ROUTE] = "route",
};

struct part {
	enum part_kind kind;
	struct slice text; /* of a literal: itself; of a date: its format */
	size_t at;         /* where it starts in the template */
};

/* The moment that a template is tried with. */
static const int64_t SAMPLE_AT_US = INT64_C(1700000000) * US_PER_SEC;

static enum part_kind
part_find(struct slice name)
{
	for (enum part_kind kind = PART_NAME; kind < PART_N; kind++) {
		if (slice_is(name, PART_NAMES[kind]))
			return kind;
	}
	return PART_N;
}

static enum err
fail_unknown(struct slice name, struct story *story)
{
	char shown[64];
	const char *nearest = text_nearest(name, PART_NAMES + PART_NAME);

	(void)text_escape(name, shown, sizeof shown);
	if (nearest == NULL)
		return story_fail(story, ERR_INVALID,
		    "unknown part {%s}: there are {name}, {stem}, {ext}, {date:FORMAT}, "
		    "{remote} and {route}",
		    shown);
	return story_fail(
	    story, ERR_INVALID, "unknown part {%s} (did you mean {%s}?)", shown, nearest);
}

/* What stands between braces: a part's name, and behind a colon its argument. */
static enum err
parse_braces(struct slice inside, struct part *ret_part, struct story *story)
{
	struct slice name;

	ret_part->text = slice_cut(inside, ':', &name);
	ret_part->kind = part_find(name);
	if (ret_part->kind == PART_N)
		return fail_unknown(name, story);
	if (ret_part->kind == PART_DATE && ret_part->text.len == 0)
		return story_fail(
		    story, ERR_INVALID, "{date} needs a format, as in {date:%%Y%%m%%d}");
	if (ret_part->kind != PART_DATE && ret_part->text.ptr != NULL)
		return story_fail(
		    story, ERR_INVALID, "{%s} takes no format", PART_NAMES[ret_part->kind]);
	return ERR_OK;
}

/*
 * Takes the part that *rest starts with and moves *rest behind it. A literal ends before the next
 * brace; a doubled brace is a literal of one byte.
 */
static enum err
next_part(struct slice *rest, struct part *ret_part, struct story *story)
{
	const uint8_t *p = rest->ptr;
	size_t n = 0;

	if (rest->len >= 2 && (p[0] == '{' || p[0] == '}') && p[1] == p[0]) {
		ret_part->kind = PART_LITERAL;
		ret_part->text = slice_of(p, 1);
		*rest = slice_of(p + 2, rest->len - 2);
		return ERR_OK;
	}
	if (p[0] == '}')
		return story_fail(story, ERR_INVALID,
		    "a \"}\" without \"{\" before it (write \"}}\" for the character)");
	if (p[0] == '{') {
		struct slice inside;
		struct slice behind = slice_cut(slice_of(p + 1, rest->len - 1), '}', &inside);
		if (behind.ptr == NULL)
			return story_fail(story, ERR_INVALID,
			    "a \"{\" without \"}\" behind it (write \"{{\" for the character)");
		*rest = behind;
		return parse_braces(inside, ret_part, story);
	}
	while (n < rest->len && p[n] != '{' && p[n] != '}')
		n++;
	ret_part->kind = PART_LITERAL;
	ret_part->text = slice_of(p, n);
	*rest = slice_of(p + n, rest->len - n);
	return ERR_OK;
}

/*
 * The conversions of strftime(3) that give text fit for a name. %D and %x hold slashes, %n and %t
 * control characters, %c blanks and colons in an order that nobody sorts by.
 */
static enum err
date_format_check(struct slice format, struct story *story)
{
	static const char ALLOWED[] = "aAbBCdeFgGHIjklmMpPRsSTuUVwWyYzZ%";

	if (format.len > DATE_FORMAT_MAX)
		return story_fail(story, ERR_INVALID, "the date's format has more than %d bytes",
		    DATE_FORMAT_MAX);
	for (size_t i = 0; i < format.len; i++) {
		if (format.ptr[i] != '%')
			continue;
		if (++i == format.len)
			return story_fail(story, ERR_INVALID, "the date's format ends in \"%%\"");
		if (memchr(ALLOWED, format.ptr[i], sizeof ALLOWED - 1) == NULL) {
			char shown[8];
			(void)text_escape(slice_of(format.ptr + i, 1), shown, sizeof shown);
			return story_fail(
			    story, ERR_INVALID, "\"%%%s\" can't stand in a date's format", shown);
		}
	}
	return ERR_OK;
}

/* The date as text in dst; the empty slice when the format isn't a good one. */
static struct slice
date_evaluate(struct slice format, int64_t at_us, char dst[DATE_TEXT_MAX])
{
	char closed[DATE_FORMAT_MAX + 2];
	int64_t below = at_us % US_PER_SEC < 0 ? 1 : 0;
	time_t at = (time_t)(at_us / US_PER_SEC - below);
	struct tm tm;

	if (date_format_check(format, NULL) != ERR_OK || localtime_r(&at, &tm) == NULL)
		return slice_of(NULL, 0);
	/* strftime gives 0 for a text that doesn't fit and for one that is empty, as %p can be: a
	 * byte at its end, taken away again, tells them apart. */
	(void)snprintf(closed, sizeof closed, "%.*s.", SLICE_ARG(format));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	size_t len = strftime(dst, DATE_TEXT_MAX, closed, &tm);
#pragma GCC diagnostic pop
	return slice_of(dst, len == 0 ? 0 : len - 1);
}

static struct slice
part_evaluate(
    const struct part *part, const struct template_input *input, char scratch[DATE_TEXT_MAX])
{
	struct slice stem, ext = name_extension(slice_str(input->name), &stem);

	switch (part->kind) {
	case PART_LITERAL:
		return part->text;
	case PART_NAME:
		return slice_str(input->name);
	case PART_STEM:
		return stem;
	case PART_EXT:
		return ext;
	case PART_DATE:
		return date_evaluate(part->text, input->at_us, scratch);
	case PART_REMOTE:
		return slice_str(input->remote);
	case PART_ROUTE:
		return slice_str(input->route);
	case PART_N:
		break;
	}
	BUG("no such part");
}

/* The faults of one part on its own. */
static enum err
part_check(const struct part *part, struct story *story)
{
	if (part->kind == PART_DATE) {
		enum err e = date_format_check(part->text, story);
		if (e != ERR_OK)
			return e;
	}
	for (size_t i = 0; i < part->text.len; i++) {
		uint8_t c = part->text.ptr[i];
		if (c == '/' || c < 0x20 || c == 0x7f)
			return story_fail(story, ERR_INVALID,
			    c == '/' ? "a file name can't hold a slash"
				     : "a file name can't hold a control character");
	}
	return ERR_OK;
}

enum err
template_check(const char *text, size_t *ret_at, struct story *story)
{
	static const struct template_input SAMPLE = {
	    .name = "a.b", .remote = "r", .route = "r", .at_us = SAMPLE_AT_US};
	struct slice rest = slice_str(text);
	char result[NAME_LEN_MAX + 1];

	*ret_at = 0;
	if (rest.len > TEMPLATE_LEN_MAX)
		return story_fail(
		    story, ERR_INVALID, "a template has at most %d bytes", TEMPLATE_LEN_MAX);
	while (rest.len > 0) {
		struct part part;
		*ret_at = (size_t)(rest.ptr - (const uint8_t *)text);
		enum err e = next_part(&rest, &part, story);
		if (e == ERR_OK)
			e = part_check(&part, story);
		if (e != ERR_OK)
			return e;
	}
	/* What can't even name this file ("", ".", 300 bytes of literal text) names none. */
	*ret_at = 0;
	enum err e = template_evaluate(text, &SAMPLE, result, sizeof result, story);
	return e == ERR_OK ? ERR_OK : ERR_INVALID;
}

/* As template_evaluate; what dst holds after an error is half of a name. */
static enum err
evaluate_parts(const char *text, const struct template_input *input, char *dst, size_t dst_len,
    struct story *story)
{
	struct slice rest = slice_str(text);
	char scratch[DATE_TEXT_MAX];
	size_t len = 0;

	dst[0] = '\0';
	while (rest.len > 0) {
		struct part part;
		enum err e = next_part(&rest, &part, story);
		if (e != ERR_OK)
			return e;
		struct slice piece = part_evaluate(&part, input, scratch);
		if (piece.len >= dst_len - len || len + piece.len > NAME_LEN_MAX)
			return story_fail(story, ERR_NAMETOOLONG,
			    "the template makes a name of more than %d bytes", NAME_LEN_MAX);
		if (piece.len > 0)
			memcpy(dst + len, piece.ptr, piece.len);
		len += piece.len;
		dst[len] = '\0';
	}
	return name_check(slice_of(dst, len), story);
}

enum err
template_evaluate(const char *text, const struct template_input *input, char *dst, size_t dst_len,
    struct story *story)
{
	BUG_ON(dst_len == 0);
	enum err e = evaluate_parts(text, input, dst, dst_len, story);
	if (e != ERR_OK)
		dst[0] = '\0';
	return e;
}
