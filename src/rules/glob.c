#include "rules/glob.h"

#include <assert.h>
#include <fnmatch.h>

#include "base/text.h"
#include "rules/name.h"

/*
 * The bracket expression that starts at p: the address behind its end, or NULL when it has none. A
 * ']' that comes first stands for itself, and so does one inside of a class as [:digit:].
 */
static const char *
bracket_end(const char *p)
{
	p++;
	if (*p == '!' || *p == '^')
		p++;
	for (const char *first = p; *p != '\0'; p++) {
		if (*p == ']' && p != first)
			return p + 1;
		if (*p == '\\' && p[1] != '\0') {
			p++;
		} else if (*p == '[' && (p[1] == ':' || p[1] == '=' || p[1] == '.')) {
			const char close[] = {p[1], ']', '\0'};
			const char *end = strstr(p + 2, close);
			if (end == NULL)
				return NULL;
			p = end + 1;
		}
	}
	return NULL;
}

/* Why the pattern can't be used, or NULL. */
static const char *
glob_fault(const char *pattern)
{
	unsigned n_stars = 0;

	if (*pattern == '\0')
		return "it is empty";
	if (strlen(pattern) > GLOB_LEN_MAX)
		return "it is longer than any file name";
	if (strchr(pattern, '/') != NULL)
		return "it holds a slash, and a file name never does";
	for (const char *p = pattern; *p != '\0';) {
		if (*p == '[') {
			p = bracket_end(p);
			if (p == NULL)
				return "a \"[\" has no \"]\"";
			continue;
		}
		if (*p == '*' && ++n_stars > GLOB_STARS_MAX)
			return "it has more than 8 stars";
		if (*p == '\\' && *++p == '\0')
			return "it ends in a backslash";
		p++;
	}
	return NULL;
}

static_assert(GLOB_STARS_MAX == 8, "as the message says");

enum err
glob_check(const char *pattern, struct story *story)
{
	char shown[128];
	const char *fault = glob_fault(pattern);

	if (fault == NULL)
		return ERR_OK;
	return story_fail(story, ERR_INVALID, "\"%s\" isn't a pattern: %s",
	    text_escape(slice_str(pattern), shown, sizeof shown), fault);
}

bool
glob_match(const char *pattern, const char *name)
{
	if (strlen(pattern) > GLOB_LEN_MAX || strlen(name) > NAME_LEN_MAX)
		return false;
	return fnmatch(pattern, name, FNM_PERIOD) == 0;
}
