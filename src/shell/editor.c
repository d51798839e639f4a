#include "shell/editor.h"

#include <dirent.h>
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "client/list.h"
#include "os/fd.h"
#include "shell/complete.h"
#include "shell/ls_format.h"
#include "term/tty.h"

enum { HISTORY_LINES = 500 };

struct editor {
	struct shell *shell;
	EditLine *line;
	History *history;
	int in_fd;
	int wait_fd; /* epoll: keys and interrupts, as one descriptor to wait for */
	mbstate_t partial;
	bool interrupted;
};

static char *
prompt(EditLine *el unused_arg)
{
	static char text[] = "sftp> ";

	return text;
}

/* Serves the connection until there is a key. False: Ctrl-C, or the line is lost. */
static bool
wait_for_key(struct editor *e)
{
	struct shell *s = e->shell;
	struct pollfd key = {.fd = e->in_fd, .events = POLLIN};
	bool extra;

	for (;;) {
		while (remote_turn(s->remote))
			continue;
		if (tty_interrupts() > 0 || remote_is_lost(s->remote))
			return false;
		if (poll(&key, 1, 0) > 0)
			return true;
		if (remote_wait(&s->remote, 1, e->wait_fd, -1, &extra) != ERR_OK)
			return false;
	}
}

/* libedit's source of keys: one character, 0 at the end, -1 for an end of the line that is typed.
 */
static int
next_key(EditLine *el, wchar_t *ret_key)
{
	struct editor *e;
	char byte;

	el_get(el, EL_CLIENTDATA, &e);
	for (;;) {
		if (!wait_for_key(e)) {
			e->interrupted = true;
			return -1;
		}
		ssize_t n = read(e->in_fd, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		/* What a Ctrl-D has become that came before the terminal was ours. */
		if (byte == '\0')
			continue;
		size_t len = mbrtowc(ret_key, &byte, 1, &e->partial);
		if (len == (size_t)-2)
			continue;
		if (len != (size_t)-1)
			return 1;
		/* Not in our encoding: dropped, for it could not be shown. */
		memset(&e->partial, 0, sizeof e->partial);
	}
}

/* Completion's names. */
struct names {
	complete_told_fn *told;
	void *told_ctx;
};

static bool
on_remote_name(void *ctx, const struct sftp_name *name)
{
	struct names *n = ctx;
	bool is_directory = (name->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 &&
			    S_ISDIR(name->attrs.permissions);

	if (!list_name_is_safe(name->filename))
		return true;
	char *text _cleanup_(shell_freep) = shell_keep(slice_dup(name->filename));
	n->told(n->told_ctx, text, is_directory);
	return true;
}

static void
local_names(const char *directory, struct names *n)
{
	char *path _cleanup_(shell_freep) =
	    shell_local_path(directory[0] == '\0' ? "." : directory);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct stat st;
		bool known = fstatat(dirfd(dir), entry->d_name, &st, 0) == 0;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n->told(n->told_ctx, entry->d_name, known && S_ISDIR(st.st_mode));
	}
	if (dir != NULL)
		closedir(dir);
}

static void
names_of(void *ctx, enum complete_side side, const char *directory, complete_told_fn *told,
    void *told_ctx)
{
	struct editor *e = ctx;
	struct names n = {.told = told, .told_ctx = told_ctx};
	struct ask_answer a;

	if (side == COMPLETE_LOCAL) {
		local_names(directory, &n);
		return;
	}
	/* One that can't be listed has no names: a person who types is not to be disturbed. */
	char *path _cleanup_(shell_freep) =
	    shell_remote_path(e->shell, directory[0] == '\0' ? "." : directory);
	(void)ask_list(e->shell->remote, slice_str(path), on_remote_name, &n, &a);
}

static void
show_candidates(struct editor *e, const struct completion *c)
{
	struct ls_entries entries _cleanup_(ls_entries_fini) = {.n = 0};
	const struct ls_options options = {.width = tty_width(fileno(e->shell->out))};
	const struct sftp_attrs none = {.flags = 0};

	for (size_t i = 0; i < c->n_names; i++)
		ls_entries_add(&entries, shell_keep(strdup(c->names[i])), NULL, &none);
	fputc('\n', e->shell->out);
	ls_entries_print(&entries, &options, e->shell->out);
	fflush(e->shell->out);
}

static unsigned char
on_tab(EditLine *el, int ch unused_arg)
{
	struct editor *e;
	struct completion c _cleanup_(completion_fini);
	const LineInfo *info = el_line(el);
	unsigned char result = CC_ERROR;

	el_get(el, EL_CLIENTDATA, &e);
	complete_line(
	    slice_of(info->buffer, (size_t)(info->cursor - info->buffer)), names_of, e, &c);
	if (buf_len(&c.insert) > 0) {
		char *text _cleanup_(shell_freep) = shell_keep(slice_dup(buf_slice(&c.insert)));
		result = el_insertstr(el, text) == 0 ? CC_REFRESH : CC_ERROR;
	} else if (c.n_names > 1) {
		show_candidates(e, &c);
		result = CC_REDISPLAY;
	}
	return result;
}

/* Names are UTF-8 here as everywhere, also where the environment says nothing of it. */
static void
use_utf8(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

static bool
watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
set_up(struct editor *e, FILE *from)
{
	HistEvent event;

	e->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	e->history = history_init();
	e->line = el_init("dray", from, e->shell->out, e->shell->err);
	if (e->wait_fd < 0 || e->history == NULL || e->line == NULL ||
	    !watch(e->wait_fd, e->in_fd) || !watch(e->wait_fd, tty_interrupt_fd()))
		return false;
	history(e->history, &event, H_SETSIZE, HISTORY_LINES);
	history(e->history, &event, H_SETUNIQUE, 1);
	el_set(e->line, EL_CLIENTDATA, e);
	el_set(e->line, EL_HIST, history, e->history);
	el_set(e->line, EL_PROMPT, prompt);
	el_set(e->line, EL_EDITOR, "emacs");
	el_set(e->line, EL_TERMINAL, NULL);
	el_set(e->line, EL_SIGNAL, 1);
	el_set(e->line, EL_GETCFN, next_key);
	el_set(e->line, EL_ADDFN, "dray-complete", "Complete a command or a name", on_tab);
	el_set(e->line, EL_BIND, "^I", "dray-complete", NULL);
	el_source(e->line, NULL);
	return true;
}

enum err
editor_new(struct editor **ret_e, struct shell *s, FILE *from)
{
	struct editor *e = calloc(1, sizeof *e);

	if (e == NULL)
		return ERR_NOMEM;
	e->shell = s;
	e->in_fd = fileno(from);
	e->wait_fd = -1;
	use_utf8();
	if (!set_up(e, from)) {
		editor_free(e);
		return ERR_IO;
	}
	*ret_e = e;
	return ERR_OK;
}

enum err
editor_next(struct editor *e, struct slice *ret_line, enum input_outcome *ret_outcome)
{
	HistEvent event;
	int len = 0;

	e->interrupted = false;
	memset(&e->partial, 0, sizeof e->partial);
	const char *text = el_gets(e->line, &len);
	if (text == NULL || len <= 0) {
		*ret_outcome = e->interrupted ? INPUT_INTERRUPTED : INPUT_END;
		fputc('\n', e->shell->out);
		return ERR_OK;
	}
	if (slice_trim(slice_of(text, (size_t)len - 1)).len > 0)
		history(e->history, &event, H_ENTER, text);
	*ret_line = slice_of(text, (size_t)len - (text[len - 1] == '\n' ? 1 : 0));
	*ret_outcome = INPUT_LINE;
	return ERR_OK;
}

void
editor_free(struct editor *e)
{
	if (e == NULL)
		return;
	if (e->line != NULL)
		el_end(e->line);
	if (e->history != NULL)
		history_end(e->history);
	fd_closep(&e->wait_fd);
	free(e);
}
