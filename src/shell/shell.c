#include "shell/shell.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/text.h"
#include "sftp/status.h"
#include "shell/paths.h"
#include "shell/session.h"
#include "term/tty.h"

enum { REMOTE_PATH_MAX = 64 * 1024, ESCAPED_MAX = 4 };

void
shell_no_memory(void)
{
	dprintf(STDERR_FILENO, "dray: out of memory\n");
	_exit(SHELL_FAILED);
}

char *
shell_keep(char *text)
{
	if (text == NULL)
		shell_no_memory();
	return text;
}

void
shell_freep(char **text)
{
	free(*text);
	*text = NULL;
}

bool
shell_fail(struct shell *s, const char *format, ...)
{
	va_list args;

	fflush(s->out);
	va_start(args, format);
	vfprintf(s->err, format, args);
	va_end(args);
	fputc('\n', s->err);
	return false;
}

void
shell_say(struct shell *s, const char *format, ...)
{
	va_list args;

	if (s->quiet)
		return;
	va_start(args, format);
	vfprintf(s->out, format, args);
	va_end(args);
	fputc('\n', s->out);
}

char *
shell_safe(const char *name)
{
	size_t size = strlen(name) * ESCAPED_MAX + 1, len = 0;
	struct slice rest = slice_str(name), piece;
	char *safe = shell_keep(malloc(size));

	/* text_escape would escape the backslash, too: it gets what stands between. */
	for (;;) {
		rest = slice_cut(rest, '\\', &piece);
		text_escape(piece, safe + len, size - len);
		len += strlen(safe + len);
		if (rest.ptr == NULL)
			return safe;
		safe[len++] = '\\';
		safe[len] = '\0';
	}
}

/* The words of OpenSSH's sftp, which people's scripts look for. */
static const char *
status_words(uint32_t status)
{
	static const char *const WORDS[] = {
	    [SSH_FX_OK] = "No error",
	    [SSH_FX_EOF] = "End of file",
	    [SSH_FX_NO_SUCH_FILE] = "No such file or directory",
	    [SSH_FX_PERMISSION_DENIED] = "Permission denied",
	    [SSH_FX_FAILURE] = "Failure",
	    [SSH_FX_BAD_MESSAGE] = "Bad message",
	    [SSH_FX_NO_CONNECTION] = "No connection",
	    [SSH_FX_CONNECTION_LOST] = "Connection lost",
	    [SSH_FX_OP_UNSUPPORTED] = "Operation unsupported",
	};

	return status < ARRAY_LEN(WORDS) ? WORDS[status] : sftp_status_text(status);
}

/* What the server said beside its status, ready to be put behind the status's words: "" when it
 * said no more than these. */
static const char *
said_beside(const struct ask_answer *a, const char *words)
{
	static const char BEFORE[] = " (the server says \"";
	const char *said = strstr(a->story.text, BEFORE);

	if (said == NULL)
		return "";
	const char *text = said + sizeof BEFORE - 1;
	return strncasecmp(text, words, strcspn(text, "\"")) == 0 ? "" : said;
}

const char *
shell_reason(const struct ask_answer *a, char dst[SHELL_REASON_MAX])
{
	const char *words = status_words(a->status);

	if (a->unsupported)
		snprintf(dst, SHELL_REASON_MAX, "%s", status_words(SSH_FX_OP_UNSUPPORTED));
	else if (a->status != SSH_FX_OK)
		snprintf(dst, SHELL_REASON_MAX, "%s%s", words, said_beside(a, words));
	else if (a->error == ERR_NOENT)
		snprintf(dst, SHELL_REASON_MAX, "%s", status_words(SSH_FX_NO_SUCH_FILE));
	else
		snprintf(dst, SHELL_REASON_MAX, "%s",
		    a->story.text[0] != '\0' ? a->story.text : err_text(a->error));
	return dst;
}

bool
shell_refused(struct shell *s, const char *before, const char *path, const char *after,
    const struct ask_answer *a)
{
	char *shown _cleanup_(shell_freep) = shell_safe(path);
	char reason[SHELL_REASON_MAX];

	return shell_fail(s, "%s%s%s: %s", before, shown, after, shell_reason(a, reason));
}

bool
shell_stops(const struct shell *s)
{
	return tty_interrupts() > 0 || s->remote == NULL || remote_is_lost(s->remote);
}

/* "~" or "~user" off the front, as the server expands it. NULL: it doesn't, or it is no such. */
static char *
expand_home(struct shell *s, const char *text, const char **ret_rest)
{
	size_t len = strcspn(text, "/");
	struct buf path _cleanup_(buf_fini);
	struct ask_answer a;

	buf_init(&path, REMOTE_PATH_MAX);
	if (text[0] != '~' || !remote_habits(s->remote)->expand_path)
		return NULL;
	if (!ask_expand_path(s->remote, slice_of(text, len), &path, &a))
		return NULL;
	*ret_rest = text[len] == '/' ? text + len + 1 : text + len;
	return shell_keep(slice_dup(buf_slice(&path)));
}

char *
shell_remote_path(struct shell *s, const char *text)
{
	const char *rest;
	char *home _cleanup_(shell_freep) = expand_home(s, text, &rest);

	if (home == NULL)
		return path_join(s->cwd, text);
	return rest[0] == '\0' ? shell_keep(strdup(home)) : path_join(home, rest);
}

char *
shell_remote_pattern(struct shell *s, const char *text)
{
	const char *rest = text;
	char *home _cleanup_(shell_freep) = expand_home(s, text, &rest);
	char *plain _cleanup_(shell_freep) = path_as_pattern(home != NULL ? home : s->cwd);

	if (home != NULL && rest[0] == '\0')
		return shell_keep(strdup(plain));
	return path_join(plain, rest);
}

char *
shell_local_path(const char *text)
{
	const char *home = getenv("HOME");

	if (text[0] != '~' || (text[1] != '\0' && text[1] != '/') || home == NULL)
		return shell_keep(strdup(text));
	return text[1] == '\0' ? shell_keep(strdup(home)) : path_join(home, text + 2);
}

bool
shell_for_each(struct shell *s, const char *pattern,
    bool (*act)(struct shell *s, const char *path, const void *ctx), const void *ctx)
{
	char *absolute _cleanup_(shell_freep) = shell_remote_pattern(s, pattern);
	struct glob_matches m _cleanup_(glob_matches_fini) = {.n = 0};
	struct ask_answer a;
	bool good = true;

	if (!glob_remote(s->remote, absolute, false, &m, &a)) {
		if (a.error == ERR_NOENT) {
			glob_unquote(absolute);
			return act(s, absolute, ctx);
		}
		return shell_refused(s, "Can't look for \"", absolute, "\"", &a);
	}
	for (size_t i = 0; i < m.n && !shell_stops(s); i++)
		good &= act(s, m.items[i].path, ctx);
	return good && !shell_stops(s);
}
