/* ls: a directory's entries, or the names that fit a pattern. */
#include "shell/commands.h"

#include <unistd.h>

#include "base/clock.h"
#include "client/list.h"
#include "shell/ls_format.h"
#include "shell/paths.h"
#include "shell/shell.h"
#include "term/tty.h"

/* A listing under way. */
struct listing {
	struct shell *shell;
	const struct ls_options *options;
	const char *prefix; /* what stands before each name; NULL: nothing */
	bool hidden;        /* names with a dot, too */
	struct ls_entries entries;
};

/* Nothing is known of more than one entry: it can be shown when it comes, however many follow. */
static bool
is_streamed(const struct ls_options *o)
{
	return o->sort == LS_UNSORTED && o->view != LS_COLUMNS;
}

/* The server's line without the name at its end, so that another can stand there; NULL when it
 * doesn't end in it. */
static char *
line_before_name(const struct sftp_name *name)
{
	struct slice line = name->longname;

	if (line.len <= name->filename.len ||
	    !slice_equal(slice_of(line.ptr + line.len - name->filename.len, name->filename.len),
		name->filename))
		return NULL;
	return shell_keep(slice_dup(slice_of(line.ptr, line.len - name->filename.len)));
}

static bool
on_entry(void *ctx, const struct sftp_name *name)
{
	struct listing *l = ctx;

	if (name->filename.len > 0 && name->filename.ptr[0] == '.' && !l->hidden)
		return true;
	char *bare _cleanup_(shell_freep) = shell_keep(slice_dup(name->filename));
	char *shown = l->prefix == NULL ? shell_keep(strdup(bare)) : path_join(l->prefix, bare);
	ls_entries_add(&l->entries, shown, line_before_name(name), &name->attrs);
	if (is_streamed(l->options)) {
		ls_entries_print(&l->entries, l->options, l->shell->out);
		ls_entries_fini(&l->entries);
	}
	return ferror(l->shell->out) == 0;
}

static bool
list_directory(struct shell *s, const char *path, const char *prefix, bool hidden,
    const struct ls_options *options)
{
	struct listing l = {.shell = s, .options = options, .prefix = prefix, .hidden = hidden};
	struct ask_answer a;
	bool done = ask_list(s->remote, slice_str(path), on_entry, &l, &a);

	if (done) {
		ls_entries_sort(&l.entries, options);
		ls_entries_print(&l.entries, options, s->out);
	}
	ls_entries_fini(&l.entries);
	return done || shell_refused(s, "remote readdir(\"", path, "\")", &a);
}

static bool
is_type(const struct sftp_attrs *a, uint32_t type)
{
	return (a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 && (a->permissions & S_IFMT) == type;
}

/* A lone match that is a directory, or a link to one, is looked into. */
static bool
is_directory(struct shell *s, struct glob_match *m)
{
	struct sftp_attrs attrs;
	struct ask_answer a;

	if (is_type(&m->attrs, S_IFLNK) && ask_stat(s->remote, slice_str(m->path), &attrs, &a))
		return is_type(&attrs, S_IFDIR);
	return is_type(&m->attrs, S_IFDIR);
}

/* Directories have a slash behind them, as sftp marks what a pattern found. */
static bool
list_matches(struct shell *s, const struct glob_matches *m, const char *strip,
    const struct ls_options *options)
{
	struct ls_entries entries _cleanup_(ls_entries_fini) = {.n = 0};

	for (size_t i = 0; i < m->n; i++) {
		const struct glob_match *match = &m->items[i];
		const char *path = path_beneath(match->path, strip);
		size_t len = strlen(path);
		bool mark = is_type(&match->attrs, S_IFDIR) && len > 0 && path[len - 1] != '/';
		char *name = NULL;
		if (asprintf(&name, "%s%s", path, mark ? "/" : "") < 0)
			shell_no_memory();
		ls_entries_add(&entries, name, NULL, &match->attrs);
	}
	ls_entries_sort(&entries, options);
	ls_entries_print(&entries, options, s->out);
	return true;
}

static bool
list_pattern(struct shell *s, const struct call *c, const struct ls_options *options)
{
	const char *wanted = c->paths[0];
	char *pattern _cleanup_(shell_freep) = shell_remote_pattern(s, wanted);
	struct glob_matches m _cleanup_(glob_matches_fini) = {.n = 0};
	const char *strip = wanted[0] == '/' || wanted[0] == '~' ? NULL : s->cwd;
	struct ask_answer a;

	if (!glob_remote(s->remote, pattern, true, &m, &a)) {
		char *shown _cleanup_(shell_freep) = shell_safe(pattern);
		return a.error == ERR_NOENT ? shell_fail(s, "Can't ls: \"%s\" not found", shown)
					    : shell_refused(s, "Can't ls: \"", pattern, "\"", &a);
	}
	if (m.n == 1 && is_directory(s, &m.items[0]))
		return list_directory(s, m.items[0].path, path_beneath(m.items[0].path, strip),
		    call_has(c, 'a'), options);
	return list_matches(s, &m, strip, options);
}

/* Of the flags that exclude each other, the last one wins, as with sftp. */
static struct ls_options
options_of(const struct shell *s, const struct call *c)
{
	struct ls_options o = {
	    .reverse = call_has(c, 'r'),
	    .human = call_has(c, 'h'),
	    .width = tty_width(fileno(s->out)),
	    .now = time_now_us() / US_PER_SEC,
	};
	char sort = call_last_of(c, "ftS"), view = call_last_of(c, "1ln");

	o.sort = sort == 'f'   ? LS_UNSORTED
		 : sort == 't' ? LS_BY_TIME
		 : sort == 'S' ? LS_BY_SIZE
			       : LS_BY_NAME;
	o.view = view == '1'   ? LS_ONE_A_LINE
		 : view == 'l' ? LS_LONG
		 : view == 'n' ? LS_LONG_NUMERIC
			       : LS_COLUMNS;
	return o;
}

bool
shell_cmd_ls(struct shell *s, const struct call *c)
{
	const struct ls_options options = options_of(s, c);

	if (c->paths[0] == NULL || c->paths[0][0] == '\0')
		return list_directory(s, s->cwd, NULL, call_has(c, 'a'), &options);
	return list_pattern(s, c, &options);
}
