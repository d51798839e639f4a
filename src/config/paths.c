#include "config/paths.h"

#include <stdint.h>

/* Appends the parts of text to the path of *len bytes in dst, without its last slash. */
static void
append_parts(char *dst, size_t *len, struct slice text)
{
	struct slice part, rest = text;

	do {
		rest = slice_cut(rest, '/', &part);
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (slice_is(part, "..")) {
			while (*len > 0 && dst[--*len] != '/')
				;
			continue;
		}
		dst[(*len)++] = '/';
		memcpy(dst + *len, part.ptr, part.len);
		*len += part.len;
	} while (rest.ptr != NULL);
}

char *
path_resolve(struct arena *a, const char *base, const char *path)
{
	size_t len = 0;
	/* A slash before each of the two, and the terminator. */
	char *dst = arena_alloc(a, strlen(base) + strlen(path) + 3);

	if (dst == NULL)
		return NULL;
	if (path[0] != '/')
		append_parts(dst, &len, slice_str(base));
	append_parts(dst, &len, slice_str(path));
	if (len == 0)
		dst[len++] = '/';
	dst[len] = '\0';
	return dst;
}

bool
path_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

int
path_compare(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	/* The slash sorts before every other byte, so that "/a/b" comes before "/a.b". */
	int x = *a == '\0' ? -2 : *a == '/' ? -1 : (uint8_t)*a;
	int y = *b == '\0' ? -2 : *b == '/' ? -1 : (uint8_t)*b;
	return x < y ? -1 : x > y ? 1 : 0;
}
