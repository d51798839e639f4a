/*
 * Names made from parts: "{date:%Y%m%d}-{stem}.{ext}". Parts: {name}, {stem} (name without its last
 * extension), {ext} (without the dot, may be empty), {date:FORMAT} (strftime, local time, of the
 * moment given), {remote}, {route}. "{{" and "}}" are braces.
 */
#ifndef RULES_TEMPLATE_H
#define RULES_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TEMPLATE_LEN_MAX = 512 };

struct template_input {
	const char *name;
	const char *remote;
	const char *route;
	int64_t at_us;
};

/* ERR_INVALID with a story, and the byte where it is in *ret_at,
 * for a template that can't be used. */
enum err template_check(const char *text, size_t *ret_at, struct story *story) must_check;

/*
 * Evaluates into dst. The result must be a file name of ours (rules/name.h): ERR_INVALID or
 * ERR_NAMETOOLONG with a story when it isn't, and dst is empty then.
 */
enum err template_evaluate(const char *text, const struct template_input *input, char *dst,
    size_t dst_len, struct story *story) must_check;

#endif
