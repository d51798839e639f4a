#include "config/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One allocation each, so that a read past the end of one is seen by AddressSanitizer. */
struct arena_piece {
	struct arena_piece *before;
	alignas(max_align_t) uint8_t bytes[];
};

void *
arena_alloc(struct arena *a, size_t len)
{
	if (len > SIZE_MAX - sizeof(struct arena_piece))
		return NULL;
	struct arena_piece *piece = calloc(1, sizeof *piece + len);
	if (piece == NULL)
		return NULL;
	piece->before = a->last;
	a->last = piece;
	return piece->bytes;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t len;

	return __builtin_mul_overflow(n, size, &len) ? NULL : arena_alloc(a, len);
}

char *
arena_text(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (copy != NULL && s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (text == NULL)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

void
arena_fini(struct arena *a)
{
	while (a->last != NULL) {
		struct arena_piece *piece = a->last;
		a->last = piece->before;
		free(piece);
	}
}
