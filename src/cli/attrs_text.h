/* A file's attributes, as a server told them, for people and as JSON. */
#ifndef CLI_ATTRS_TEXT_H
#define CLI_ATTRS_TEXT_H

#include "cli/json.h"
#include "sftp/attrs.h"

/* "file", "directory", "link", "other"; "unknown" when the server didn't say. */
const char *attrs_type(const struct sftp_attrs *a);

/* type, size, mode (as "0644"), uid, gid, mtime, atime (seconds): null where it isn't known. */
void attrs_put_json(json_t *object, const struct sftp_attrs *a);

/* The same as lines, each indented. */
void attrs_print(FILE *to, const struct sftp_attrs *a);

#endif
