/*
 * Files that the operator's commands make or extend: keys and known_hosts. What a function here
 * reports as done is durable; what fails leaves the file as it was.
 */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * When root runs a command, what it makes must belong to whom drayd runs as: from here on this
 * process is the owner of home. Nothing changes for others, or while home doesn't exist.
 */
enum err files_act_as_owner(const char *home, struct story *story) must_check;

/* Everything in the file, of at most b's maximum; ERR_NOENT when there is none. */
enum err files_read(const char *path, struct buf *b, struct story *story) must_check;

/*
 * A new file with this content: complete under its name, or not there at all. Makes its directory
 * if that is missing. ERR_EXISTS, and nothing touched, when the name is taken.
 */
enum err files_create(
    const char *path, struct slice content, mode_t mode, struct story *story) must_check;

/*
 * Appends a line, with its end, to a file of lines; makes the file (0644) and its directory if they
 * are missing. Owner, mode and all other lines stay. Two commands at once take turns.
 */
enum err files_append_line(const char *path, struct slice line, struct story *story) must_check;

#endif
