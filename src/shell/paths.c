#include "shell/paths.h"

#include "shell/shell.h"

char *
path_join(const char *directory, const char *name)
{
	size_t len = strlen(directory);
	bool has_slash = len > 0 && directory[len - 1] == '/';
	char *joined = NULL;

	if (name[0] == '/' || len == 0)
		return shell_keep(strdup(name));
	if (asprintf(&joined, "%s%s%s", directory, has_slash ? "" : "/", name) < 0)
		shell_no_memory();
	return joined;
}

struct slice
path_name(const char *path)
{
	struct slice s = slice_str(path);

	while (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	const uint8_t *slash = s.len == 0 ? NULL : memrchr(s.ptr, '/', s.len);
	if (slash != NULL)
		s = slice_of(slash + 1, s.len - (size_t)(slash + 1 - s.ptr));
	return s.len == 0 ? slice_str(".") : s;
}

const char *
path_beneath(const char *path, const char *directory)
{
	size_t len = directory == NULL ? 0 : strlen(directory);

	if (directory == NULL)
		return path;
	while (len > 0 && directory[len - 1] == '/')
		len--;
	if (strncmp(path, directory, len) != 0 || path[len] != '/' || path[len + 1] == '\0')
		return path;
	return path + len + 1;
}

char *
path_as_pattern(const char *path)
{
	size_t len = strlen(path), at = 0;
	char *pattern = shell_keep(malloc(2 * len + 1));

	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[]\\", path[i]) != NULL)
			pattern[at++] = '\\';
		pattern[at++] = path[i];
	}
	pattern[at] = '\0';
	return pattern;
}
