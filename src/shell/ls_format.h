/* How ls shows what it found: sorted, in columns, one a line, or long. */
#ifndef SHELL_LS_FORMAT_H
#define SHELL_LS_FORMAT_H

#include <stdio.h>

#include "sftp/attrs.h"

struct ls_entry {
	char *name;     /* as it is shown, unescaped: with its directory, where one was named */
	char *longname; /* the server's own line about it, up to its name; NULL: none */
	struct sftp_attrs attrs;
};

struct ls_entries {
	struct ls_entry *items;
	size_t n, cap;
};

enum ls_sort { LS_BY_NAME, LS_BY_TIME, LS_BY_SIZE, LS_UNSORTED };
enum ls_view { LS_COLUMNS, LS_ONE_A_LINE, LS_LONG, LS_LONG_NUMERIC };

struct ls_options {
	enum ls_sort sort;
	bool reverse;
	enum ls_view view;
	bool human;     /* sizes with units in long views */
	unsigned width; /* of the terminal */
	int64_t now;    /* seconds since the epoch */
};

/* name and longname (may be NULL) are taken over. */
void ls_entries_add(
    struct ls_entries *e, char *name, char *longname, const struct sftp_attrs *attrs);
void ls_entries_fini(struct ls_entries *e);

void ls_entries_sort(struct ls_entries *e, const struct ls_options *o);
void ls_entries_print(const struct ls_entries *e, const struct ls_options *o, FILE *to);

/* One line, for views that have one for each. */
void ls_entry_print(const struct ls_entry *entry, const struct ls_options *o, FILE *to);

#endif
