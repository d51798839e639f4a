#include "rules/step.h"

#include "base/bug.h"
#include "base/text.h"
#include "rules/name.h"

/* What a step may be, and the check of its argument; text_nearest takes the names. */
struct step_row {
	const char *kind;
	enum err (*check)(const char *argument, size_t *ret_at, struct story *story);
};

static const struct step_row STEPS[] = {
    {"rename", template_check},
};

static const struct step_row *
step_find(const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
		if (strcmp(STEPS[i].kind, kind) == 0)
			return &STEPS[i];
	}
	return NULL;
}

static enum err
fail_unknown(const char *kind, struct story *story)
{
	const char *kinds[ARRAY_LEN(STEPS) + 1] = {NULL};
	char shown[64];

	for (size_t i = 0; i < ARRAY_LEN(STEPS); i++)
		kinds[i] = STEPS[i].kind;
	const char *nearest = text_nearest(slice_str(kind), kinds);
	(void)text_escape(slice_str(kind), shown, sizeof shown);
	if (nearest == NULL)
		return story_fail(story, ERR_INVALID, "unknown step \"%s\"", shown);
	return story_fail(
	    story, ERR_INVALID, "unknown step \"%s\" (did you mean \"%s\"?)", shown, nearest);
}

enum err
step_check(const struct step *s, size_t *ret_at, struct story *story)
{
	const struct step_row *row = step_find(s->kind);

	*ret_at = 0;
	if (row == NULL)
		return fail_unknown(s->kind, story);
	return row->check(s->argument, ret_at, story);
}

enum err
step_rename(
    const struct step *s, const struct template_input *input, char *name, struct story *story)
{
	struct template_input now = *input;
	char result[NAME_LEN_MAX + 1];

	BUG_ON(strcmp(s->kind, "rename") != 0);
	/* The name as the steps before this one left it. */
	now.name = name;
	enum err e = template_evaluate(s->argument, &now, result, sizeof result, story);
	if (e == ERR_OK)
		memcpy(name, result, strlen(result) + 1);
	return e;
}
