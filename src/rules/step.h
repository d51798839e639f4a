/* The steps of a route, as the configuration names them. */
#ifndef RULES_STEP_H
#define RULES_STEP_H

#include <stddef.h>

#include "base/err.h"
#include "rules/template.h"

struct step {
	const char *kind;     /* "rename" */
	const char *argument; /* a template */
};

/* ERR_INVALID with a story for an unknown kind (with the nearest known one) or a bad argument;
 * *ret_at is the byte of the argument where it is bad. */
enum err step_check(const struct step *s, size_t *ret_at, struct story *story) must_check;

/* Applies the step to the name in `name` (in and out, of NAME_LEN_MAX + 1 bytes). */
enum err step_rename(const struct step *s, const struct template_input *input, char *name,
    struct story *story) must_check;

#endif
