/*
 * A line of dray sftp, as a batch file may have it: taken apart, checked, completed, and read again
 * when it is quoted as a name; and the same bytes as a destination.
 */
#include "base/bug.h"
#include "client/glob.h"
#include "shell/commands.h"
#include "shell/complete.h"
#include "shell/destination.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
try_words(struct slice line)
{
	struct words w;
	enum err e = words_split(line, &w, NULL);

	BUG_ON(e == ERR_OK && w.open != WORDS_BARE);
	for (size_t i = 0; i < w.n && (e == ERR_OK || w.open != WORDS_BARE); i++) {
		BUG_ON(w.items[i].start >= w.items[i].end || w.items[i].end > line.len);
		BUG_ON(strlen(w.items[i].text) > 2 * (w.items[i].end - w.items[i].start));
	}
	words_fini(&w);
}

static void
try_call(struct slice line)
{
	struct call c;
	struct story story = {.text = ""};

	if (call_parse(line, &c, &story) != ERR_OK) {
		BUG_ON(story.text[0] == '\0');
	} else if (c.command != NULL && !c.command->raw) {
		size_t needed =
		    c.command->arguments[0] == ARG_DECIMAL || c.command->arguments[0] == ARG_OCTAL
			? 1
			: 0;
		for (size_t i = needed; i < c.command->least; i++)
			BUG_ON(c.paths[i - needed] == NULL);
		BUG_ON(c.number > c.command->number_max);
	}
	call_fini(&c);
}

/* The bytes as a name: quoted in each way and read again, it is the same. */
static void
try_quotes(struct slice name)
{
	static const enum words_quote QUOTES[] = {WORDS_BARE, WORDS_SINGLE, WORDS_DOUBLE};

	if (name.len == 0 || name.len > WORDS_LINE_MAX / 4 || slice_has(name, '\0'))
		return;
	for (size_t i = 0; i < ARRAY_LEN(QUOTES); i++) {
		struct words w;
		struct buf b _cleanup_(buf_fini);
		uint8_t mark = (uint8_t)QUOTES[i];
		size_t n_marks = QUOTES[i] == WORDS_BARE ? 0 : 1;
		buf_init(&b, WORDS_LINE_MAX);
		BUG_ON(buf_put(&b, &mark, n_marks) != ERR_OK);
		BUG_ON(words_quote_name(&b, name, QUOTES[i]) != ERR_OK);
		BUG_ON(buf_put(&b, &mark, n_marks) != ERR_OK);
		BUG_ON(words_split(buf_slice(&b), &w, NULL) != ERR_OK || w.n != 1);
		char *text = strdup(w.items[0].text);
		BUG_ON(text == NULL);
		glob_unquote(text);
		BUG_ON(!slice_equal(slice_str(text), name));
		free(text);
		words_fini(&w);
	}
}

static void
names(void *ctx unused_arg, enum complete_side side unused_arg, const char *directory,
    complete_told_fn *told, void *told_ctx)
{
	told(told_ctx, directory, false);
	told(told_ctx, "a b", true);
	told(told_ctx, "a*", false);
}

static void
try_destination(struct slice line)
{
	char *text = slice_dup(line);
	struct destination d;

	BUG_ON(text == NULL);
	if (destination_parse(text, &d, NULL) == ERR_OK)
		BUG_ON(d.host == NULL || d.host[0] == '\0' || d.host[0] == '-');
	destination_fini(&d);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice line = slice_of(data, len);
	struct completion c;

	try_words(line);
	try_call(line);
	try_quotes(line);
	try_destination(line);
	complete_line(line, names, NULL, &c);
	completion_fini(&c);
	return 0;
}
