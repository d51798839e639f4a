#include "cli/out.h"

#include <inttypes.h>

#include "base/bug.h"
#include "base/text.h"
#include "cli/cli.h"

enum { COLUMN_GAP = 2 };

char *
out_safe(struct slice s)
{
	/* Each byte becomes at most \xHH. */
	size_t size = s.len * 4 + 1;
	char *text = malloc(size);

	if (text == NULL)
		cli_no_memory();
	(void)text_escape(s, text, size);
	return text;
}

char *
out_safe_story(struct slice s)
{
	static const char BACKSLASH[] = "\\x5c";
	char *text = out_safe(s), *to = text;

	/* Each backslash of safe text begins an escape; the one of the backslash is taken back. */
	for (const char *from = text; *from != '\0'; to++) {
		bool is_backslash = strncmp(from, BACKSLASH, sizeof BACKSLASH - 1) == 0;
		*to = *from;
		from += is_backslash ? sizeof BACKSLASH - 1 : 1;
	}
	*to = '\0';
	return text;
}

void
out_freep(char **text)
{
	free(*text);
	*text = NULL;
}

void
out_text(FILE *to, struct slice s)
{
	char *text _cleanup_(out_freep) = out_safe(s);

	fputs(text, to);
}

void
out_story(FILE *to, struct slice s)
{
	char *text _cleanup_(out_freep) = out_safe_story(s);

	fputs(text, to);
}

const char *
out_moment(int64_t at_us, char dst[TIME_TEXT_MAX])
{
	if (at_us == 0) {
		(void)snprintf(dst, TIME_TEXT_MAX, "never");
		return dst;
	}
	time_text(at_us, dst);
	char *fraction = strchr(dst, '.');
	if (fraction != NULL)
		(void)snprintf(fraction, 2, "Z");
	return dst;
}

const char *
out_distance(int64_t at_us, int64_t now_us, char dst[TIME_TEXT_MAX])
{
	char span[24];
	/* Clocks of either side may be anything: the difference is taken without overflow. */
	bool past = at_us <= now_us;
	uint64_t distance =
	    past ? (uint64_t)now_us - (uint64_t)at_us : (uint64_t)at_us - (uint64_t)now_us;

	if (at_us == 0)
		(void)snprintf(dst, TIME_TEXT_MAX, "never");
	else if (distance < (uint64_t)US_PER_SEC)
		(void)snprintf(dst, TIME_TEXT_MAX, "now");
	else if (distance > INT64_MAX)
		(void)snprintf(dst, TIME_TEXT_MAX, "(no such time)");
	else
		(void)snprintf(dst, TIME_TEXT_MAX, past ? "%s ago" : "in %s",
		    text_duration((int64_t)distance, span));
	return dst;
}

void
table_init(struct table *t, const struct table_column *columns, size_t n_columns)
{
	BUG_ON(n_columns == 0 || n_columns > TABLE_COLUMNS_MAX);
	*t = (struct table){.columns = columns, .n_columns = n_columns};
}

void
table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){.cells = NULL};
}

/* Takes the text over. */
static void
add_cell(struct table *t, char *text)
{
	if (text == NULL)
		cli_no_memory();
	if (t->n_cells == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = reallocarray(t->cells, t->cap, sizeof *t->cells);
		if (t->cells == NULL)
			cli_no_memory();
	}
	t->cells[t->n_cells++] = text;
}

void
table_add(struct table *t, const char *safe_text)
{
	add_cell(t, strdup(safe_text));
}

void
table_add_text(struct table *t, struct slice unsafe_text)
{
	add_cell(t, out_safe(unsafe_text));
}

/* Text is valid UTF-8 here: a character is a byte that isn't a continuation, and those after it. */
static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t
text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += is_continuation(*text) ? 0 : 1;
	return width;
}

/* The bytes of the first n characters; there are at least as many. */
static size_t
bytes_of(const char *text, size_t n)
{
	size_t len = 0;

	for (; n > 0; n--) {
		len++;
		while (is_continuation(text[len]))
			len++;
	}
	return len;
}

void
table_add_cut(struct table *t, struct slice story, size_t width)
{
	char *text _cleanup_(out_freep) = out_safe_story(story);
	char *cut = NULL;

	BUG_ON(width == 0);
	if (text_width(text) <= width) {
		table_add(t, text);
		return;
	}
	if (asprintf(&cut, "%.*s…", (int)bytes_of(text, width - 1), text) < 0)
		cli_no_memory();
	add_cell(t, cut);
}

void
table_add_u64(struct table *t, uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, number);
	table_add(t, text);
}

size_t
table_rows(const struct table *t)
{
	return t->n_cells / t->n_columns;
}

static void
measure(const struct table *t, size_t widths[TABLE_COLUMNS_MAX])
{
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = text_width(t->columns[c].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t width = text_width(t->cells[i]), c = i % t->n_columns;
		if (width > widths[c])
			widths[c] = width;
	}
}

/*
 * cells: n_columns of them, NULL for the titles. Blanks are written only before text, so that no
 * line ends with one.
 */
static void
print_row(const struct table *t, const size_t *widths, char *const *cells, FILE *to)
{
	size_t blanks = 0;

	for (size_t c = 0; c < t->n_columns; c++) {
		const char *text = cells == NULL ? t->columns[c].title : cells[c];
		size_t padding = widths[c] - text_width(text);
		bool right = t->columns[c].right;
		if (text[0] != '\0') {
			fprintf(to, "%*s%s", (int)(blanks + (right ? padding : 0)), "", text);
			blanks = right ? 0 : padding;
		} else {
			blanks += padding;
		}
		blanks += COLUMN_GAP;
	}
	fputc('\n', to);
}

void
table_print(const struct table *t, FILE *to)
{
	size_t widths[TABLE_COLUMNS_MAX];

	BUG_ON(t->n_cells % t->n_columns != 0);
	measure(t, widths);
	print_row(t, widths, NULL, to);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		print_row(t, widths, &t->cells[i], to);
}
