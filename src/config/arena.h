/* Memory that is given back all at once: everything that a snapshot is made of. */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct arena_piece;

struct arena {
	struct arena_piece *last;
};

/* len zeroed bytes, aligned for any object, or NULL without memory. */
void *arena_alloc(struct arena *a, size_t len) must_check;

/* As arena_alloc for n objects of the size; NULL also when their product is past any memory. */
void *arena_array(struct arena *a, size_t n, size_t size) must_check;

/* A terminated copy. */
char *arena_text(struct arena *a, struct slice s) must_check;

/* printf into memory of its own. */
char *arena_printf(struct arena *a, const char *format, ...) printf_like(2, 3) must_check;

/* Frees every piece. Safe on a zeroed struct. */
void arena_fini(struct arena *a);

#endif
