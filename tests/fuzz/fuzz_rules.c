/* A pattern or a template, and on the next line a name: neither is to be trusted. */
#include "base/bug.h"
#include "rules/glob.h"
#include "rules/match.h"
#include "rules/name.h"
#include "rules/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
try_glob(const char *text, const char *name)
{
	const char *const patterns[] = {text};
	struct match m = {.include = patterns, .n_include = 1};
	struct match_file file = {.name = name};
	struct story story;

	bool matches = glob_match(text, name);
	if (glob_check(text, &story) == ERR_OK)
		BUG_ON((match_evaluate(&m, &file, 0, &story) == MATCH_TAKE) != matches);
}

static void
try_template(const char *text, const char *name)
{
	struct template_input input = {.name = name, .remote = "r", .route = "q"};
	char dst[NAME_LEN_MAX + 1];
	struct story story;
	size_t at;

	bool good = template_check(text, &at, &story) == ERR_OK;
	BUG_ON(at > strlen(text));
	if (template_evaluate(text, &input, dst, sizeof dst, &story) == ERR_OK)
		BUG_ON(name_check(slice_str(dst), NULL) != ERR_OK);
	else
		BUG_ON(dst[0] != '\0' || (good && strlen(text) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice line, rest = slice_cut(slice_of(data, len), '\n', &line);
	char numbered[NAME_LEN_MAX + 1];
	char *text = slice_dup(line), *name = slice_dup(rest);

	BUG_ON(text == NULL || name == NULL);
	try_glob(text, name);
	try_template(text, name);
	if (name_check(slice_str(name), NULL) == ERR_OK) {
		name_numbered(name, (unsigned)len, numbered);
		BUG_ON(name_check(slice_str(numbered), NULL) != ERR_OK);
	}
	free(text);
	free(name);
	return 0;
}
