#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"

enum { BUF_CAP_MIN = 256 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){.max = b->max};
}

void
buf_wipe(struct buf *b)
{
	if (b->mem != NULL)
		explicit_bzero(b->mem, b->cap);
	buf_fini(b);
}

size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

size_t
buf_room(const struct buf *b)
{
	return b->max - buf_len(b);
}

struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->mem == NULL ? NULL : b->mem + b->start, buf_len(b));
}

/* Moves the unread bytes to the front of the memory. */
static void
buf_compact(struct buf *b)
{
	size_t len = buf_len(b);

	if (b->start == 0)
		return;
	memmove(b->mem, b->mem + b->start, len);
	b->start = 0;
	b->end = len;
}

/* More memory, at least want bytes and twice of what there was; want is at most b->max. */
static enum err
buf_grow(struct buf *b, size_t want)
{
	if (want > SIZE_MAX / 2)
		return ERR_NOMEM;
	size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap * 2;
	while (cap < want)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	/*
	 * A fresh block rather than realloc: the old one may hold secrets, and realloc would leave
	 * a copy of them behind where nobody can wipe it.
	 */
	uint8_t *mem = malloc(cap + 1); /* one for the terminator that buf_printf writes */
	if (mem == NULL)
		return ERR_NOMEM;
	size_t len = buf_len(b);
	if (len > 0)
		memcpy(mem, b->mem + b->start, len);
	if (b->mem != NULL)
		explicit_bzero(b->mem, b->cap);
	free(b->mem);
	b->mem = mem;
	b->start = 0;
	b->end = len;
	b->cap = cap;
	return ERR_OK;
}

enum err
buf_reserve(struct buf *b, size_t len, uint8_t **ret_ptr)
{
	if (len > buf_room(b))
		return ERR_NOMEM;
	if (b->cap - b->end < len) {
		size_t want = buf_len(b) + len;
		/* Moving costs a copy: do it only where it frees at least half of the memory. */
		if (want <= b->cap && b->start >= b->cap / 2)
			buf_compact(b);
		else if (want <= b->cap && b->cap == b->max)
			buf_compact(b);
		else if (buf_grow(b, want) != ERR_OK)
			return ERR_NOMEM;
	}
	*ret_ptr = b->mem == NULL ? NULL : b->mem + b->end;
	return ERR_OK;
}

void
buf_commit(struct buf *b, size_t len)
{
	BUG_ON(len > b->cap - b->end);
	b->end += len;
}

void
buf_consume(struct buf *b, size_t len)
{
	BUG_ON(len > buf_len(b));
	b->start += len;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void
buf_unput(struct buf *b, size_t len)
{
	BUG_ON(len > buf_len(b));
	b->end -= len;
}

void
buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

enum err
buf_put(struct buf *b, const void *bytes, size_t len)
{
	uint8_t *p;
	enum err e = buf_reserve(b, len, &p);

	if (e != ERR_OK)
		return e;
	if (len > 0)
		memcpy(p, bytes, len);
	buf_commit(b, len);
	return ERR_OK;
}

void
be32_store(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void
be64_store(uint8_t *p, uint64_t v)
{
	be32_store(p, (uint32_t)(v >> 32));
	be32_store(p + 4, (uint32_t)v);
}

enum err
buf_put_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, &v, 1);
}

enum err
buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	return buf_put(b, bytes, sizeof bytes);
}

enum err
buf_put_u32(struct buf *b, uint32_t v)
{
	uint8_t bytes[4];

	be32_store(bytes, v);
	return buf_put(b, bytes, sizeof bytes);
}

enum err
buf_put_u64(struct buf *b, uint64_t v)
{
	uint8_t bytes[8];

	be64_store(bytes, v);
	return buf_put(b, bytes, sizeof bytes);
}

enum err
buf_put_string(struct buf *b, struct slice s)
{
	uint8_t *p;

	if (s.len > UINT32_MAX || buf_reserve(b, 4 + s.len, &p) != ERR_OK)
		return ERR_NOMEM;
	be32_store(p, (uint32_t)s.len);
	if (s.len > 0)
		memcpy(p + 4, s.ptr, s.len);
	buf_commit(b, 4 + s.len);
	return ERR_OK;
}

enum err
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	uint8_t *p;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || buf_reserve(b, (size_t)len, &p) != ERR_OK)
		return ERR_NOMEM;
	if (len == 0)
		return ERR_OK;
	/* vsnprintf insists on a terminator: buf_grow keeps a byte for it behind the memory. */
	va_start(args, format);
	(void)vsnprintf((char *)p, (size_t)len + 1, format, args);
	va_end(args);
	buf_commit(b, (size_t)len);
	return ERR_OK;
}

void
buf_patch_u32(struct buf *b, size_t offset, uint32_t v)
{
	BUG_ON(offset + 4 > buf_len(b));
	be32_store(b->mem + b->start + offset, v);
}
