/* dray ls: what is in a directory of a server, or what fits a pattern. */
#include "base/text.h"
#include "cli/attrs_text.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/remote_session.h"
#include "cli/tally.h"
#include "client/glob.h"
#include "client/list.h"
#include "sftp/longname.h"

enum { LINE_MAX_LEN = 8 * 1024 };

struct entry {
	char *name;
	struct sftp_attrs attrs;
};

/* One listing: printed as it comes, or kept until it can be sorted. */
struct listing {
	struct cli *cli;
	struct entry *entries;
	size_t n, cap;
};

static void
print_json(struct cli *cli, const char *name, const struct sftp_attrs *a)
{
	json_t *o = json_new_object();

	json_put(o, "name", json_new_text(slice_str(name)));
	attrs_put_json(o, a);
	json_print_line(o, cli->out);
}

static void
print_long(struct cli *cli, const char *name, const struct sftp_attrs *a)
{
	char *safe _cleanup_(out_freep) = out_safe(slice_str(name));
	struct buf line _cleanup_(buf_fini);

	buf_init(&line, LINE_MAX_LEN + strlen(safe));
	if (sftp_longname_put(&line, slice_str(safe), a, cli->now_us / US_PER_SEC) != ERR_OK)
		cli_no_memory();
	fprintf(cli->out, "%.*s\n", SLICE_ARG(buf_slice(&line)));
}

static void
print_entry(struct cli *cli, const char *name, const struct sftp_attrs *a)
{
	if (cli->json) {
		print_json(cli, name, a);
	} else if (option_given(&cli->options, OPTION_LONG)) {
		print_long(cli, name, a);
	} else {
		out_text(cli->out, slice_str(name));
		fputc('\n', cli->out);
	}
}

static void
keep_entry(struct listing *l, char *name, const struct sftp_attrs *a)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 256 : l->cap * 2;
		l->entries = reallocarray(l->entries, l->cap, sizeof *l->entries);
		if (l->entries == NULL)
			cli_no_memory();
	}
	l->entries[l->n++] = (struct entry){.name = name, .attrs = *a};
}

/* "." and ".." are shown by nobody, names with a dot on request. */
static bool
is_wanted(const struct cli *cli, struct slice name)
{
	if (slice_is(name, ".") || slice_is(name, ".."))
		return false;
	return option_given(&cli->options, OPTION_ALL) || name.len == 0 || name.ptr[0] != '.';
}

/* A reader that is gone (a closed pipe) ends the listing. */
static bool
take_entry(void *ctx, const struct sftp_name *entry)
{
	struct listing *l = ctx;

	if (!is_wanted(l->cli, entry->filename))
		return true;
	char *name = slice_dup(entry->filename);
	if (name == NULL)
		cli_no_memory();
	if (!option_given(&l->cli->options, OPTION_UNSORTED)) {
		keep_entry(l, name, &entry->attrs);
		return true;
	}
	print_entry(l->cli, name, &entry->attrs);
	free(name);
	return ferror(l->cli->out) == 0;
}

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void
print_sorted(struct listing *l)
{
	if (l->n > 0)
		qsort(l->entries, l->n, sizeof *l->entries, compare_entries);
	for (size_t i = 0; i < l->n && ferror(l->cli->out) == 0; i++)
		print_entry(l->cli, l->entries[i].name, &l->entries[i].attrs);
}

static void
listing_fini(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entries[i].name);
	free(l->entries);
}

static bool
list_directory(struct remote_session *s, const char *path, struct ask_answer *a)
{
	struct listing l _cleanup_(listing_fini) = {.cli = s->cli};
	bool done = ask_list(s->remote, slice_str(path), take_entry, &l, a);

	/* What came before a failure is shown: it may be what is looked for. */
	print_sorted(&l);
	return done;
}

static bool
is_directory(const struct glob_match *match)
{
	return (match->attrs.flags & SSH_FILEXFER_ATTR_PERMISSIONS) != 0 &&
	       S_ISDIR(match->attrs.permissions);
}

/* A single directory is shown from inside; several matches are shown as they are. */
static bool
list_pattern(struct remote_session *s, const char *pattern, struct ask_answer *a)
{
	struct glob_matches found = {.items = NULL};
	bool done = glob_remote(s->remote, pattern, true, &found, a);

	if (done && found.n == 1 && is_directory(&found.items[0])) {
		done = list_directory(s, found.items[0].path, a);
	} else if (done) {
		for (size_t i = 0; i < found.n && ferror(s->cli->out) == 0; i++)
			print_entry(s->cli, found.items[i].path, &found.items[i].attrs);
	}
	glob_matches_fini(&found);
	return done;
}

enum cli_exit
cmd_ls(struct cli *cli)
{
	struct remote_session s _cleanup_(session_close) = {.cli = cli};
	struct url_list urls _cleanup_(url_list_fini) = {.items = NULL};
	struct tally tally = {.n_done = 0};
	struct ask_answer a;

	enum cli_exit code = url_list_parse(cli, cli->arguments, 1, &urls);
	if (code == CLI_OK)
		code = session_open(&s, cli, &urls.items[0]);
	if (code != CLI_OK)
		return code;
	const char *pattern = urls.items[0].pattern;
	if (list_pattern(&s, pattern[0] == '\0' ? "." : pattern, &a))
		return CLI_OK;
	code = session_over(&s);
	if (code != CLI_OK)
		return code;
	tally_answer(&tally, &a);
	return cli_fail(cli, tally_exit(&tally), "%s", a.story.text);
}
