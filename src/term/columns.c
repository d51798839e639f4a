#include "term/columns.h"

#include <stdint.h>
#include <string.h>

#include "base/attr.h"

static const char ELLIPSIS[] = "…";

/* What doesn't take one column, in ascending order. */
static const struct {
	uint32_t first, last;
	size_t columns;
} UNUSUAL[] = {
    {0x0300, 0x036f, 0},   /* combining accents */
    {0x1100, 0x115f, 2},   /* Hangul's leading letters */
    {0x1ab0, 0x1aff, 0},   /* combining */
    {0x1dc0, 0x1dff, 0},   /* combining */
    {0x200b, 0x200f, 0},   /* joiners, direction marks */
    {0x20d0, 0x20ff, 0},   /* combining, for symbols */
    {0x2e80, 0x303e, 2},   /* CJK radicals and punctuation */
    {0x3041, 0xa4cf, 2},   /* Kana, CJK, Yi */
    {0xac00, 0xd7a3, 2},   /* Hangul */
    {0xf900, 0xfaff, 2},   /* CJK compatibility */
    {0xfe00, 0xfe0f, 0},   /* variation selectors */
    {0xfe20, 0xfe2f, 0},   /* combining halves */
    {0xfe30, 0xfe6f, 2},   /* CJK compatibility forms */
    {0xff00, 0xff60, 2},   /* full width */
    {0xffe0, 0xffe6, 2},   /* full width signs */
    {0x1f300, 0x1f64f, 2}, /* pictures */
    {0x1f900, 0x1f9ff, 2}, /* pictures */
    {0x20000, 0x3fffd, 2}, /* CJK extensions */
};

static size_t
columns_of_char(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(UNUSUAL) && UNUSUAL[i].first <= c; i++) {
		if (c <= UNUSUAL[i].last)
			return UNUSUAL[i].columns;
	}
	return 1;
}

/* The character that text begins with, and in *ret_len its bytes; text isn't empty. */
static uint32_t
char_at(const char *text, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t c = p[0] < 0x80   ? p[0]
		     : p[0] < 0xe0 ? p[0] & 0x1f
		     : p[0] < 0xf0 ? p[0] & 0xf
				   : p[0] & 7;
	size_t len = 1;

	for (; (p[len] & 0xc0) == 0x80; len++)
		c = c << 6 | (p[len] & 0x3f);
	*ret_len = len;
	return c;
}

size_t
columns_of(const char *text)
{
	size_t columns = 0, len;

	for (; *text != '\0'; text += len)
		columns += columns_of_char(char_at(text, &len));
	return columns;
}

/* How many bytes of text fit into so many columns and bytes. */
static size_t
fitting(const char *text, size_t columns, size_t bytes)
{
	size_t at = 0, used = 0, len;

	while (text[at] != '\0') {
		used += columns_of_char(char_at(text + at, &len));
		if (used > columns || at + len > bytes)
			break;
		at += len;
	}
	return at;
}

const char *
columns_cut(const char *text, size_t columns, char *dst, size_t dst_len)
{
	size_t whole = strlen(text), mark = sizeof ELLIPSIS - 1;
	size_t n = fitting(text, columns, dst_len - 1);

	if (n == whole || columns == 0 || dst_len <= mark) {
		memcpy(dst, text, n);
		dst[n] = '\0';
		return dst;
	}
	n = fitting(text, columns - 1, dst_len - 1 - mark);
	memcpy(dst, text, n);
	memcpy(dst + n, ELLIPSIS, mark + 1);
	return dst;
}
