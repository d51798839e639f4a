#include "base/slice.h"

#include <stdlib.h>

bool
slice_starts_with(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal(slice_of(s.ptr, prefix.len), prefix);
}

bool
slice_has(struct slice s, uint8_t c)
{
	return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

struct slice
slice_cut(struct slice s, uint8_t separator, struct slice *ret_head)
{
	const uint8_t *at = s.len == 0 ? NULL : memchr(s.ptr, separator, s.len);

	if (at == NULL) {
		*ret_head = s;
		return slice_of(NULL, 0);
	}
	size_t head_len = (size_t)(at - s.ptr);
	*ret_head = slice_of(s.ptr, head_len);
	return slice_of(at + 1, s.len - head_len - 1);
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice
slice_take_word(struct slice *s)
{
	size_t n = 0;

	*s = slice_trim(*s);
	while (n < s->len && !is_blank(s->ptr[n]))
		n++;
	struct slice word = slice_of(s->ptr, n);
	if (n > 0)
		*s = slice_trim(slice_of(s->ptr + n, s->len - n));
	return word;
}

char *
slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

bool
slice_copy(struct slice s, char *dst, size_t dst_len)
{
	if (dst_len == 0)
		return false;
	dst[0] = '\0';
	if (s.len >= dst_len || slice_has(s, 0))
		return false;
	if (s.len > 0)
		memcpy(dst, s.ptr, s.len);
	dst[s.len] = '\0';
	return true;
}
