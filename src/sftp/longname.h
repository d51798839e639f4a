/*
 * The longname of a NAME entry: a line as of `ls -l`, for people (draft-ietf-secsh-filexfer-02
 * section 7: its format is not specified, and nobody should parse it; everybody did).
 */
#ifndef SFTP_LONGNAME_H
#define SFTP_LONGNAME_H

#include "base/buf.h"
#include "sftp/attrs.h"

/*
 * Appends the line. Owner and group are numbers, times are UTC, and no locale has a say. now (in
 * seconds) decides between the time of day and the year: the latter for what is more than half a
 * year away. What attrs doesn't know is a 0 or "?".
 */
enum err sftp_longname_put(
    struct buf *b, struct slice name, const struct sftp_attrs *attrs, int64_t now) must_check;

#endif
