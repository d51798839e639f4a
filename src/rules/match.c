#include "rules/match.h"

#include "base/clock.h"
#include "base/text.h"
#include "rules/glob.h"

/* The first pattern that the name matches, or NULL. */
static const char *
first_match(const char *const *patterns, size_t n_patterns, const char *name)
{
	for (size_t i = 0; i < n_patterns; i++) {
		if (glob_match(patterns[i], name))
			return patterns[i];
	}
	return NULL;
}

/*
 * Microseconds since the file was changed, by the source's clock; negative when that is in our
 * future. A time that no clock can hold is the oldest or the newest there is.
 */
static int64_t
file_age_us(const struct match_file *file, int64_t now_us)
{
	int64_t mtime_us, age_us;

	if (__builtin_mul_overflow(file->mtime, US_PER_SEC, &mtime_us) ||
	    __builtin_sub_overflow(now_us, mtime_us, &age_us))
		return file->mtime < 0 ? INT64_MAX : INT64_MIN;
	return age_us;
}

static enum match_verdict
match_name(const struct match *m, const char *name, struct story *story)
{
	const char *included = first_match(m->include, m->n_include, name);
	const char *excluded = first_match(m->exclude, m->n_exclude, name);

	if (m->n_include > 0 && included == NULL) {
		story_set(
		    story, "its name matches none of the %zu patterns of \"name\"", m->n_include);
		return MATCH_NOT_NAMED;
	}
	if (excluded != NULL) {
		story_set(story, "its name matches \"%s\" of \"exclude\"", excluded);
		return MATCH_NOT_NAMED;
	}
	if (included != NULL)
		story_set(story, "its name matches \"%s\", its size and age fit", included);
	else
		story_set(story, "every name is taken, its size and age fit");
	return MATCH_TAKE;
}

static enum match_verdict
match_size(const struct match *m, uint64_t size, struct story *story)
{
	char is[16], limit[16];

	if (m->min_size > 0 && size < m->min_size) {
		story_set(story, "its size of %s is below \"min_size\", %s", text_size(size, is),
		    text_size(m->min_size, limit));
		return MATCH_TOO_SMALL;
	}
	if (m->max_size > 0 && size > m->max_size) {
		story_set(story, "its size of %s is above \"max_size\", %s", text_size(size, is),
		    text_size(m->max_size, limit));
		return MATCH_TOO_LARGE;
	}
	return MATCH_TAKE;
}

static enum match_verdict
match_age(const struct match *m, int64_t age_us, struct story *story)
{
	char is[24], limit[24];

	if (m->min_age_us <= 0 || age_us >= m->min_age_us)
		return MATCH_TAKE;
	(void)text_duration(m->min_age_us, limit);
	if (age_us < 0)
		story_set(story,
		    "by its source's clock it was changed in our future; \"min_age\" is %s", limit);
	else
		story_set(story, "it was changed %s ago, \"min_age\" is %s",
		    text_duration(age_us, is), limit);
	return MATCH_TOO_YOUNG;
}

/*
 * Age is asked before size: a young file may still be growing, and what is said of its size would
 * be said too early.
 */
enum match_verdict
match_evaluate(
    const struct match *m, const struct match_file *file, int64_t now_us, struct story *story)
{
	enum match_verdict v = match_name(m, file->name, story);

	if (v == MATCH_TAKE)
		v = match_age(m, file_age_us(file, now_us), story);
	if (v == MATCH_TAKE)
		v = match_size(m, file->size, story);
	return v;
}
