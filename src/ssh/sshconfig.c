/* ssh_config(5): files, lines, Include, options. */
#include "ssh/sshconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "ssh/pattern.h"
#include "ssh/sshconfig_parts.h"

void
sshconfig_init(struct sshconfig *c)
{
	*c = (struct sshconfig){
	    .port = -1,
	    .connect_attempts = -1,
	    .alive_max = -1,
	    .password_prompts = -1,
	    .connect_timeout_s = -1,
	    .alive_interval_s = -1,
	    .identities_only = -1,
	    .strict = -1,
	    .family = -1,
	    .batch = -1,
	    .pubkey = -1,
	    .password = -1,
	    .keyboard = -1,
	    .hash_known_hosts = -1,
	    .compression = -1,
	    .keep_alive = -1,
	};
}

static void
list_fini(struct sshconfig_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	list->n = 0;
}

void
sshconfig_fini(struct sshconfig *c)
{
	char *const texts[] = {c->host_name, c->user, c->host_key_alias, c->revoked_host_keys,
	    c->proxy_command, c->proxy_jump, c->ciphers, c->macs, c->kex, c->host_keys, c->pubkeys,
	    c->ca_signatures, c->identity_agent, c->bind_address, c->preferred, c->ignore_unknown};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	list_fini(&c->identities);
	list_fini(&c->certificates);
	list_fini(&c->user_known_hosts);
	list_fini(&c->global_known_hosts);
	sshconfig_init(c);
}

enum err
sshconfig_fail(struct sshconfig_parser *p, enum err e, const char *format, ...)
{
	char words[STORY_MAX], file[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof words, format, args);
	va_end(args);
	(void)text_escape(slice_str(p->file), file, sizeof file);
	if (p->line == 0)
		story_set(p->story, "%s: %s", file, words);
	else
		story_set(p->story, "%s line %zu: %s", file, p->line, words);
	return e;
}

static enum err
fail_unknown(struct sshconfig_parser *p, struct slice keyword)
{
	const char *nearest = sshconfig_keyword_nearest(keyword);
	char text[64];

	if (p->c->ignore_unknown != NULL &&
	    pattern_list_match(slice_str(p->c->ignore_unknown), keyword) == PATTERN_YES)
		return ERR_OK;
	(void)text_escape(keyword, text, sizeof text);
	if (nearest == NULL)
		return sshconfig_fail(p, ERR_FORMAT, "unknown keyword \"%s\"", text);
	return sshconfig_fail(
	    p, ERR_FORMAT, "unknown keyword \"%s\" (did you mean %s?)", text, nearest);
}

enum err
sshconfig_apply(struct sshconfig_parser *p, struct slice keyword, struct slice raw,
    const struct sshconfig_words *words)
{
	const struct sshconfig_keyword *k = sshconfig_keyword_find(keyword);

	if (k == NULL)
		return fail_unknown(p, keyword);
	struct sshconfig_line l = {
	    .parser = p, .keyword = k->name, .words = words, .raw = slice_trim(raw)};
	return k->parse(&l, k);
}

/* "Keyword value", "Keyword=value", "Keyword = value". */
static struct slice
take_keyword(struct slice *line)
{
	size_t n = 0;

	while (n < line->len && strchr(" \t=\r\f", line->ptr[n]) == NULL)
		n++;
	struct slice keyword = slice_of(line->ptr, n);
	bool equals = false;
	for (; n < line->len; n++) {
		uint8_t c = line->ptr[n];
		if (c == '=' && !equals)
			equals = true;
		else if (strchr(" \t\r\f", c) == NULL)
			break;
	}
	*line = slice_of(line->ptr + n, line->len - n);
	return keyword;
}

static enum err
parse_line(struct sshconfig_parser *p, struct slice line)
{
	struct sshconfig_words words;

	if (line.len > SSHCONFIG_LINE_MAX)
		return sshconfig_fail(
		    p, ERR_LIMIT, "the line is longer than %d bytes", SSHCONFIG_LINE_MAX);
	if (slice_has(line, 0))
		return sshconfig_fail(p, ERR_FORMAT, "there is a NUL byte in the line");
	while (line.len > 0 && strchr(" \t\r\f", line.ptr[line.len - 1]) != NULL)
		line.len--;
	line = slice_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return ERR_OK;
	struct slice keyword = take_keyword(&line);
	enum err e = sshconfig_split(line, &words);
	if (e == ERR_FORMAT)
		return sshconfig_fail(p, e, "a quote is opened, but not closed");
	if (e != ERR_OK)
		return sshconfig_fail(p, e, "more than %d words", SSHCONFIG_WORDS_MAX);
	return sshconfig_apply(p, keyword, line, &words);
}

static enum err
parse_text(struct sshconfig_parser *p, struct slice text)
{
	enum err e = ERR_OK;

	p->active = !p->never;
	while (text.len > 0 && e == ERR_OK) {
		struct slice line;
		text = slice_cut(text, '\n', &line);
		p->line++;
		e = parse_line(p, line);
	}
	return e;
}

enum err
sshconfig_text(struct sshconfig *c, const struct sshconfig_who *who, struct slice text,
    const char *name, bool own, struct story *story)
{
	struct sshconfig_parser p = {.c = c, .who = who, .file = name, .own = own, .story = story};

	return parse_text(&p, text);
}

/* OpenSSH's rule: it names programs to run, so it must be its reader's own, or root's. */
static enum err
check_owner(struct sshconfig_parser *p, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return sshconfig_fail(p, err_last(), "cannot be looked at: %s", strerror(errno));
	if (!p->own)
		return ERR_OK;
	if ((st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 022) != 0)
		return sshconfig_fail(p, ERR_ACCESS,
		    "bad owner or permissions: only you or root may be able to write it "
		    "(chmod go-w)");
	return ERR_OK;
}

static enum err
read_file(struct sshconfig_parser *p)
{
	struct buf content _cleanup_(buf_fini);
	int fd _cleanup_(fd_closep) = -1;

	buf_init(&content, SSHCONFIG_FILE_MAX);
	enum err e = file_open_trusted(p->file, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
	if (e == ERR_NOENT || e == ERR_NOTDIR)
		return ERR_NOENT;
	if (e != ERR_OK)
		return sshconfig_fail(p, e, "cannot be opened: %s", err_text(e));
	e = check_owner(p, fd);
	if (e != ERR_OK)
		return e;
	e = file_read_all(fd, &content);
	if (e != ERR_OK)
		return sshconfig_fail(p, e, "cannot be read: %s",
		    e == ERR_NOMEM ? "it is larger than 1 MiB" : err_text(e));
	return parse_text(p, buf_slice(&content));
}

enum err
sshconfig_file(struct sshconfig *c, const struct sshconfig_who *who, const char *path, bool own,
    struct story *story)
{
	struct sshconfig_parser p = {.c = c, .who = who, .file = path, .own = own, .story = story};

	return read_file(&p);
}

enum err
sshconfig_option(
    struct sshconfig *c, const struct sshconfig_who *who, const char *text, struct story *story)
{
	struct sshconfig_parser p = {
	    .c = c, .who = who, .file = "command line option", .active = true, .story = story};

	return parse_line(&p, slice_str(text));
}

enum err
sshconfig_set(struct sshconfig *c, const char *keyword, const char *value, struct story *story)
{
	struct sshconfig_parser p = {
	    .c = c, .file = "command line option", .active = true, .story = story};
	struct sshconfig_words words = {.word = {value}, .n = 1};

	return sshconfig_apply(&p, slice_str(keyword), slice_str(value), &words);
}

/* Include's pattern as a path: relative ones are where the including file's kind lies. */
static enum err
include_path(struct sshconfig_parser *p, const char *word, char dst[SSHCONFIG_VALUE_MAX])
{
	char expanded[SSHCONFIG_VALUE_MAX];

	if (!p->own && word[0] == '~')
		return sshconfig_fail(p, ERR_FORMAT, "bad include path %s", word);
	enum err e = sshconfig_expand(p->c, p->who, word, "", SSHCONFIG_TILDE, expanded, p->story);
	if (e != ERR_OK)
		return sshconfig_fail(p, e, "Include: %s can't be expanded", word);
	int n = expanded[0] == '/' ? snprintf(dst, SSHCONFIG_VALUE_MAX, "%s", expanded)
		: p->own ? snprintf(dst, SSHCONFIG_VALUE_MAX, "%s/.ssh/%s", p->who->home, expanded)
			 : snprintf(dst, SSHCONFIG_VALUE_MAX, "/etc/ssh/%s", expanded);
	return n < SSHCONFIG_VALUE_MAX ? ERR_OK
				       : sshconfig_fail(p, ERR_LIMIT, "the path is too long");
}

static enum err
include_file(struct sshconfig_parser *p, const char *path)
{
	struct sshconfig_parser inner = {
	    .c = p->c,
	    .who = p->who,
	    .file = path,
	    .depth = p->depth + 1,
	    .own = p->own,
	    .never = !p->active,
	    .story = p->story,
	};

	if (p->c->n_files++ >= SSHCONFIG_FILES_MAX)
		return sshconfig_fail(
		    p, ERR_LIMIT, "more than %d files are included", SSHCONFIG_FILES_MAX);
	enum err e = read_file(&inner);
	return e == ERR_NOENT ? ERR_OK : e;
}

static enum err
include_word(struct sshconfig_parser *p, const char *word)
{
	char path[SSHCONFIG_VALUE_MAX];
	glob_t found = {0};

	enum err e = include_path(p, word, path);
	if (e != ERR_OK)
		return e;
	if (glob(path, 0, NULL, &found) == GLOB_NOSPACE)
		e = ERR_NOMEM;
	for (size_t i = 0; i < found.gl_pathc && e == ERR_OK; i++)
		e = include_file(p, found.gl_pathv[i]);
	globfree(&found);
	return e;
}

enum err
sshconfig_parse_include(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig_parser *p = l->parser;
	enum err e = ERR_OK;

	if (l->words->n == 0)
		return sshconfig_fail(p, ERR_FORMAT, "%s needs a file", k->name);
	if (p->who == NULL || p->who->home == NULL)
		return sshconfig_fail(p, ERR_FORMAT, "%s can't be used here", k->name);
	if (p->depth >= SSHCONFIG_DEPTH_MAX)
		return sshconfig_fail(p, ERR_LIMIT,
		    "files include each other more than %d levels deep", SSHCONFIG_DEPTH_MAX);
	for (size_t i = 0; i < l->words->n && e == ERR_OK; i++)
		e = include_word(p, l->words->word[i]);
	return e;
}
