#include "shell/ls_format.h"

#include <sys/stat.h>
#include <time.h>

#include "base/bug.h"
#include "shell/shell.h"
#include "shell/sizes.h"
#include "term/columns.h"

enum { MODE_LEN = 10, MOMENT_MAX = 32, OWNER_MAX = 12, HALF_A_YEAR = 182 * 24 * 3600, GAP = 2 };

void
ls_entries_add(struct ls_entries *e, char *name, char *longname, const struct sftp_attrs *attrs)
{
	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 64 : e->cap * 2;
		struct ls_entry *more = reallocarray(e->items, cap, sizeof *more);
		if (more == NULL)
			shell_no_memory();
		e->items = more;
		e->cap = cap;
	}
	e->items[e->n++] = (struct ls_entry){.name = name, .longname = longname, .attrs = *attrs};
}

void
ls_entries_fini(struct ls_entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->items[i].name);
		free(e->items[i].longname);
	}
	free(e->items);
	*e = (struct ls_entries){.n = 0};
}

static int
by_name(const void *a, const void *b)
{
	const struct ls_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
larger_first(uint64_t x, uint64_t y)
{
	return x < y ? 1 : x > y ? -1 : 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct ls_entry *x = a, *y = b;
	int order = larger_first(x->attrs.mtime, y->attrs.mtime);

	return order != 0 ? order : by_name(a, b);
}

static int
by_size(const void *a, const void *b)
{
	const struct ls_entry *x = a, *y = b;
	int order = larger_first(x->attrs.size, y->attrs.size);

	return order != 0 ? order : by_name(a, b);
}

/* What a server didn't tell counts as nothing. */
static void
default_missing(struct ls_entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct sftp_attrs *a = &e->items[i].attrs;
		if ((a->flags & SSH_FILEXFER_ATTR_SIZE) == 0)
			a->size = 0;
		if ((a->flags & SSH_FILEXFER_ATTR_ACMODTIME) == 0)
			a->mtime = 0;
	}
}

void
ls_entries_sort(struct ls_entries *e, const struct ls_options *o)
{
	static int (*const ORDERS[])(const void *, const void *) = {
	    [LS_BY_NAME] = by_name, [LS_BY_TIME] = by_time, [LS_BY_SIZE] = by_size};

	default_missing(e);
	if (o->sort != LS_UNSORTED && e->n > 1)
		qsort(e->items, e->n, sizeof *e->items, ORDERS[o->sort]);
	for (size_t i = 0; o->reverse && o->sort != LS_UNSORTED && i < e->n / 2; i++) {
		struct ls_entry other = e->items[i];
		e->items[i] = e->items[e->n - 1 - i];
		e->items[e->n - 1 - i] = other;
	}
}

static void
put_mode(const struct sftp_attrs *a, char dst[MODE_LEN + 1])
{
	static const char BITS[] = "rwxrwxrwx", TYPES[] = "?pc?d?b?-?l?s???";
	static const struct {
		uint32_t bit;
		size_t at;
		char with_x, without_x;
	} SPECIAL[] = {{S_ISUID, 3, 's', 'S'}, {S_ISGID, 6, 's', 'S'}, {S_ISVTX, 9, 't', 'T'}};
	uint32_t mode = a->permissions;

	if ((a->flags & SSH_FILEXFER_ATTR_PERMISSIONS) == 0) {
		snprintf(dst, MODE_LEN + 1, "??????????");
		return;
	}
	dst[0] = TYPES[(mode & S_IFMT) >> 12];
	for (size_t i = 0; i < 9; i++)
		dst[i + 1] = (mode & (0400u >> i)) != 0 ? BITS[i] : '-';
	for (size_t i = 0; i < ARRAY_LEN(SPECIAL); i++) {
		char *x = &dst[SPECIAL[i].at];
		if ((mode & SPECIAL[i].bit) != 0)
			*x = *x == 'x' ? SPECIAL[i].with_x : SPECIAL[i].without_x;
	}
	dst[MODE_LEN] = '\0';
}

/* The time of day for what is near, the year for what is more than half of one away. Local time. */
static void
put_moment(const struct sftp_attrs *a, int64_t now, char dst[MOMENT_MAX])
{
	time_t at = (time_t)a->mtime;
	bool is_far = now - at > HALF_A_YEAR || at - now > HALF_A_YEAR;
	struct tm tm;

	if ((a->flags & SSH_FILEXFER_ATTR_ACMODTIME) == 0 || localtime_r(&at, &tm) == NULL ||
	    strftime(dst, MOMENT_MAX, is_far ? "%b %e  %Y" : "%b %e %H:%M", &tm) == 0)
		snprintf(dst, MOMENT_MAX, "%12s", "?");
}

static void
put_size(const struct sftp_attrs *a, bool human, char dst[SIZE_SCALED_MAX])
{
	if ((a->flags & SSH_FILEXFER_ATTR_SIZE) == 0)
		snprintf(dst, SIZE_SCALED_MAX, "?");
	else if (human)
		size_scaled(a->size, dst);
	else
		snprintf(dst, SIZE_SCALED_MAX, "%ju", (uintmax_t)a->size);
}

static void
print_long(const struct ls_entry *entry, const char *shown, const struct ls_options *o, FILE *to)
{
	const struct sftp_attrs *a = &entry->attrs;
	bool owned = (a->flags & SSH_FILEXFER_ATTR_UIDGID) != 0;
	char mode[MODE_LEN + 1], moment[MOMENT_MAX], size[SIZE_SCALED_MAX];
	char owner[OWNER_MAX] = "?", group[OWNER_MAX] = "?";

	put_mode(a, mode);
	put_moment(a, o->now, moment);
	put_size(a, o->human, size);
	if (owned) {
		snprintf(owner, sizeof owner, "%u", a->uid);
		snprintf(group, sizeof group, "%u", a->gid);
	}
	fprintf(to, "%s    ? %-8s %-8s %8s %s %s\n", mode, owner, group, size, moment, shown);
}

void
ls_entry_print(const struct ls_entry *entry, const struct ls_options *o, FILE *to)
{
	char *shown _cleanup_(shell_freep) = shell_safe(entry->name);

	if (o->view == LS_ONE_A_LINE || o->view == LS_COLUMNS) {
		fprintf(to, "%s\n", shown);
	} else if (o->view == LS_LONG && !o->human && entry->longname != NULL) {
		char *line _cleanup_(shell_freep) = shell_safe(entry->longname);
		fprintf(to, "%s%s\n", line, shown);
	} else {
		print_long(entry, shown, o, to);
	}
}

/* Every column is as wide as the widest name needs, and what is left of the line is shared out. */
static void
print_columns(const struct ls_entries *e, unsigned width, FILE *to)
{
	size_t widest = 1, column = 0;

	for (size_t i = 0; i < e->n; i++) {
		char *shown _cleanup_(shell_freep) = shell_safe(e->items[i].name);
		size_t len = columns_of(shown);
		widest = len > widest ? len : widest;
	}
	size_t n_columns = width / (widest + GAP);
	n_columns = n_columns == 0 ? 1 : n_columns;
	size_t space = width / n_columns;
	for (size_t i = 0; i < e->n; i++) {
		char *shown _cleanup_(shell_freep) = shell_safe(e->items[i].name);
		size_t len = columns_of(shown);
		fprintf(to, "%s%*s", shown, len < space ? (int)(space - len) : 0, "");
		if (++column == n_columns || i + 1 == e->n) {
			fputc('\n', to);
			column = 0;
		}
	}
}

void
ls_entries_print(const struct ls_entries *e, const struct ls_options *o, FILE *to)
{
	if (o->view == LS_COLUMNS) {
		print_columns(e, o->width, to);
		return;
	}
	for (size_t i = 0; i < e->n && ferror(to) == 0; i++)
		ls_entry_print(&e->items[i], o, to);
}
