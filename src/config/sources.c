#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/load.h"
#include "os/fd.h"
#include "os/file.h"

/* The files of a configuration: the main one, and those that its `include` names. */

static const char INCLUDE[] = "include";

enum { SOURCES_MAX = 1000, SOURCES_BYTES_MAX = 4 * DOCUMENT_LEN_MAX };

/* One file of a directory may be named by several patterns; it is read once. */
struct file_id {
	dev_t dev;
	ino_t ino;
};

struct includes {
	struct file_id ids[SOURCES_MAX];
	size_t n_ids;
	size_t n_bytes; /* of all files so far */
};

/* The content of a regular file, and who it is. ERR_LIMIT when it is longer than a document. */
static enum err
read_regular(const char *path, struct buf *b, struct file_id *ret_id)
{
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	/* O_NONBLOCK: a pipe by that name must not hold us up. */
	enum err e = file_open_trusted(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd);
	if (e != ERR_OK)
		return e;
	if (fstat(fd, &st) < 0)
		return err_last();
	if (S_ISDIR(st.st_mode))
		return ERR_ISDIR;
	if (!S_ISREG(st.st_mode))
		return ERR_UNSUPPORTED;
	*ret_id = (struct file_id){st.st_dev, st.st_ino};
	e = file_read_all(fd, b);
	return e == ERR_NOMEM && buf_len(b) > DOCUMENT_LEN_MAX ? ERR_LIMIT : e;
}

static const struct source *
add_source(struct loader *l, const char *path)
{
	struct source *source = load_alloc(l, 1, sizeof *source);
	struct slice shown = slice_str(path);
	char *text = load_alloc(l, 4 * shown.len + 1, 1);

	if (source == NULL || text == NULL)
		return NULL;
	/* A byte is at most four when it is escaped. */
	source->shown = text_escape(shown, text, 4 * shown.len + 1);
	source->index = (unsigned)l->n_documents;
	return source;
}

static bool
add_document(struct loader *l, const struct source *source, struct slice text)
{
	if (!load_grow(l, &l->documents, l->n_documents, &l->documents_cap, sizeof *l->documents))
		return false;
	struct document *d = &l->documents[l->n_documents++];
	if (!document_parse(d, source, text, &l->report)) {
		l->no_memory = true;
		return false;
	}
	l->incomplete = l->incomplete || d->root == NULL;
	return true;
}

/* Reads one included file; what is wrong is told at its name in the main file. */
static void
include_file(struct loader *l, const char *path, struct place at, struct includes *in)
{
	struct buf text _cleanup_(buf_fini);
	struct file_id id = {0};

	buf_init(&text, DOCUMENT_LEN_MAX + 1);
	enum err e = read_regular(path, &text, &id);
	for (size_t i = 0; i < in->n_ids; i++) {
		if (in->ids[i].dev == id.dev && in->ids[i].ino == id.ino)
			return;
	}
	if (e == ERR_NOMEM) {
		l->no_memory = true;
		return;
	}
	if (e != ERR_OK) {
		l->incomplete = true;
		report_error(&l->report, at, "\"include\": %s: %s", SHOWN(slice_str(path)),
		    e == ERR_LIMIT ? "the file is larger than 4 MiB" : err_text(e));
		return;
	}
	in->n_bytes += buf_len(&text);
	if (in->n_ids == SOURCES_MAX || in->n_bytes > SOURCES_BYTES_MAX) {
		report_error(&l->report, at, "\"include\": more than %d files or %d MiB of text",
		    SOURCES_MAX, SOURCES_BYTES_MAX / (1024 * 1024));
		return;
	}
	in->ids[in->n_ids++] = id;
	const struct source *source = add_source(l, path);
	if (source != NULL)
		(void)add_document(l, source, buf_slice(&text));
}

/*
 * The pattern beside the main file, as its user would write it. `shown_dir` is "" for the working
 * directory, else it ends in a slash.
 */
static char *
include_path(struct loader *l, const char *shown_dir, struct slice pattern)
{
	bool absolute = pattern.len > 0 && pattern.ptr[0] == '/';
	char *path =
	    arena_printf(&l->snap->arena, "%s%.*s", absolute ? "" : shown_dir, SLICE_ARG(pattern));

	if (path == NULL)
		l->no_memory = true;
	return path;
}

static void
include_pattern(struct loader *l, const char *shown_dir, struct slice pattern, struct place at,
    struct includes *in)
{
	glob_t found = {0};
	char *path;

	if (pattern.len == 0 || slice_has(pattern, 0)) {
		report_error(&l->report, at, "\"include\" must name files");
		return;
	}
	path = include_path(l, shown_dir, pattern);
	if (path == NULL)
		return;
	/* A pattern may match nothing, a plain name is a file that must be there. */
	bool plain = strpbrk(path, "*?[") == NULL;
	int rc = plain ? GLOB_NOMATCH : glob(path, 0, NULL, &found);
	if (plain)
		include_file(l, path, at, in);
	else if (rc == GLOB_NOSPACE)
		l->no_memory = true;
	else if (rc == GLOB_ABORTED)
		report_error(&l->report, at, "\"include\": %s can't be searched", SHOWN(pattern));
	for (size_t i = 0; rc == 0 && i < found.gl_pathc && !l->no_memory; i++)
		include_file(l, found.gl_pathv[i], at, in);
	globfree(&found);
}

/* An item of the list, by value: l->documents moves as it grows, libyaml's nodes don't. */
static void
include_node(struct loader *l, const char *shown_dir, const yaml_node_t *node, struct includes *in)
{
	struct place at = document_place(&l->documents[0], node);

	if (node->type == YAML_SCALAR_NODE)
		include_pattern(l, shown_dir, document_text(node), at, in);
	else
		report_error(&l->report, at, "\"include\" must be a path or a list of paths");
}

static void
include_all(struct loader *l, const char *shown_dir, struct includes *in)
{
	const yaml_node_t *node = document_top_value(&l->documents[0], INCLUDE);

	if (node == NULL)
		return;
	if (node->type != YAML_SEQUENCE_NODE) {
		include_node(l, shown_dir, node, in);
		return;
	}
	for (size_t i = 0; i < document_count(node) && !l->no_memory; i++)
		include_node(l, shown_dir,
		    document_node(&l->documents[0], node->data.sequence.items.start[i]), in);
}

/* The directory part of path, "" or with its slash. */
static char *
shown_dir_of(struct loader *l, const char *path)
{
	const char *slash = strrchr(path, '/');

	return load_text(l, slice_of(path, slash == NULL ? 0 : (size_t)(slash - path) + 1));
}

/* The main file's place in the snapshot: its path, and the directory that `home` is relative to. */
static enum err
begin_main(struct loader *l, const char *path, struct story *story)
{
	char cwd[PATH_MAX];
	char *shown_dir = shown_dir_of(l, path);

	if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return story_fail(story, err_last(), "the working directory can't be told: %s",
		    err_text(err_last()));
	l->snap->main = add_source(l, path);
	l->snap->config.path = load_text(l, slice_str(path));
	if (l->no_memory)
		return ERR_NOMEM;
	l->dir =
	    path[0] == '/' ? shown_dir : arena_printf(&l->snap->arena, "%s/%s", cwd, shown_dir);
	return l->dir == NULL ? ERR_NOMEM : ERR_OK;
}

enum err
sources_read_text(struct loader *l, const char *path, struct slice text, struct story *story)
{
	enum err e = begin_main(l, path, story);

	if (e != ERR_OK)
		return e;
	if (!add_document(l, l->snap->main, text))
		return ERR_NOMEM;
	const yaml_node_t *node = document_top_value(&l->documents[0], INCLUDE);
	if (node != NULL)
		report_error(&l->report, document_place(&l->documents[0], node),
		    "\"include\" can't be used in a text without a file");
	return ERR_OK;
}

/* The main file, which becomes the first of `in`. */
static enum err
read_main(struct loader *l, const char *path, struct includes *in, struct story *story)
{
	struct buf text _cleanup_(buf_fini);

	buf_init(&text, DOCUMENT_LEN_MAX + 1);
	enum err e = read_regular(path, &text, &in->ids[0]);
	if (e == ERR_NOMEM)
		return e;
	if (e != ERR_OK && e != ERR_LIMIT)
		return story_fail(story, e, "the configuration can't be read: %s", err_text(e));
	in->n_ids = 1;
	in->n_bytes = buf_len(&text);
	e = begin_main(l, path, story);
	if (e != ERR_OK)
		return e;
	/* A text longer than DOCUMENT_LEN_MAX is refused there, with its reason. */
	return add_document(l, l->snap->main, buf_slice(&text)) ? ERR_OK : ERR_NOMEM;
}

enum err
sources_read_main(struct loader *l, const char *path, struct story *story)
{
	struct includes *in = load_alloc(l, 1, sizeof *in);

	return in == NULL ? ERR_NOMEM : read_main(l, path, in, story);
}

enum err
sources_read_file(struct loader *l, const char *path, struct story *story)
{
	struct includes *in = load_alloc(l, 1, sizeof *in);
	enum err e = in == NULL ? ERR_NOMEM : read_main(l, path, in, story);

	if (e != ERR_OK)
		return e;
	include_all(l, shown_dir_of(l, path), in);
	return l->no_memory ? ERR_NOMEM : ERR_OK;
}
