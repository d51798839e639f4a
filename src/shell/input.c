#include "shell/input.h"

#include <errno.h>

#include "shell/editor.h"
#include "term/tty.h"

/* A line that has no end is no line. */
enum { LINE_BYTES_MAX = 1024 * 1024 };

struct input {
	FILE *from;
	struct editor *editor; /* NULL: plain lines */
	char *line;
	size_t size;
};

enum err
input_new(struct input **ret_i, struct shell *s, FILE *from)
{
	struct input *i = calloc(1, sizeof *i);
	enum err e = ERR_OK;

	if (i == NULL)
		return ERR_NOMEM;
	i->from = from;
	if (s->interactive)
		e = editor_new(&i->editor, s, from);
	if (e != ERR_OK) {
		free(i);
		return e;
	}
	*ret_i = i;
	return ERR_OK;
}

/* As getline(3), with a bound. -1: the end, or errno. */
static ssize_t
read_line(struct input *i)
{
	size_t len = 0;
	int c;

	errno = 0;
	while ((c = getc(i->from)) != EOF && c != '\n') {
		if (len + 1 >= i->size) {
			size_t size = i->size == 0 ? 256 : i->size * 2;
			char *longer = size > LINE_BYTES_MAX ? NULL : realloc(i->line, size);
			if (longer == NULL) {
				errno = E2BIG;
				return -1;
			}
			i->line = longer;
			i->size = size;
		}
		i->line[len++] = (char)c;
	}
	return c == EOF && (len == 0 || ferror(i->from) != 0) ? -1 : (ssize_t)len;
}

enum err
input_next(struct input *i, struct slice *ret_line, enum input_outcome *ret_outcome)
{
	if (i->editor != NULL)
		return editor_next(i->editor, ret_line, ret_outcome);
	if (tty_interrupts() > 0) {
		*ret_outcome = INPUT_INTERRUPTED;
		return ERR_OK;
	}
	ssize_t len = read_line(i);
	if (len >= 0) {
		*ret_line = slice_of(i->line, (size_t)len);
		*ret_outcome = INPUT_LINE;
		return ERR_OK;
	}
	if (errno != 0 && errno != EINTR)
		return err_last();
	*ret_outcome = errno == EINTR ? INPUT_INTERRUPTED : INPUT_END;
	return ERR_OK;
}

void
input_free(struct input *i)
{
	if (i == NULL)
		return;
	editor_free(i->editor);
	free(i->line);
	free(i);
}
