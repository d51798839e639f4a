/*
 * Borrowed bytes, by value: text that is not terminated, or a piece of somebody's buffer. A slice
 * owns nothing and is valid as long as what it was made from.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct slice {
	const uint8_t *ptr;
	size_t len;
};

/* For printf("%.*s", SLICE_ARG(s)). For text that is known to be clean; others go through
 * text_escape. */
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).ptr

static inline struct slice
slice_of(const void *ptr, size_t len)
{
	return (struct slice){.ptr = ptr, .len = len};
}

/* The string without its terminator; NULL is the empty slice. */
static inline struct slice
slice_str(const char *s)
{
	return slice_of(s, s == NULL ? 0 : strlen(s));
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
slice_is(struct slice s, const char *text)
{
	return slice_equal(s, slice_str(text));
}

bool slice_starts_with(struct slice s, struct slice prefix);

/* True when s holds the byte c. */
bool slice_has(struct slice s, uint8_t c);

/*
 * Splits at the first separator: *ret_head is what stands before it, and the return value what
 * stands after it. Without a separator the head is all of s and the rest is empty, with a NULL ptr.
 */
struct slice slice_cut(struct slice s, uint8_t separator, struct slice *ret_head);

/* s without blanks and tabs at either end. */
struct slice slice_trim(struct slice s);

/* Takes the next word, between blanks and tabs, off the front of s; empty when there is none. */
struct slice slice_take_word(struct slice *s);

/* A terminated copy on the heap, or NULL without memory. Caller frees. Bytes of value 0 end it
 * early. */
char *slice_dup(struct slice s) must_check;

/* A terminated copy into dst of size dst_len; false, and dst empty, when it doesn't fit or holds a
 * 0. */
bool slice_copy(struct slice s, char *dst, size_t dst_len) must_check;

#endif
