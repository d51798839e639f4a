/* Which paths take part in a sync. */
#include <fnmatch.h>
#include <limits.h>

#include "client/sync.h"

static bool
pattern_fits(const char *pattern, const char *path, bool is_directory)
{
	char text[PATH_MAX];
	size_t len = strlen(pattern);
	bool for_dirs = len > 0 && pattern[len - 1] == '/';
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	if (for_dirs && !is_directory)
		return false;
	if (!slice_copy(slice_of(pattern, for_dirs ? len - 1 : len), text, sizeof text))
		return false;
	if (strchr(text, '/') == NULL)
		return fnmatch(text, name, 0) == 0;
	return fnmatch(text[0] == '/' ? text + 1 : text, path, FNM_PATHNAME) == 0;
}

bool
sync_pattern_takes(const struct sync_options *o, struct slice path, bool is_directory)
{
	char text[PATH_MAX];

	if (!slice_copy(path, text, sizeof text))
		return false;
	for (size_t i = 0; i < o->n_patterns; i++) {
		if (pattern_fits(o->patterns[i].pattern, text, is_directory))
			return o->patterns[i].include;
	}
	return true;
}
