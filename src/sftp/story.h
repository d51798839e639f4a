/* The stories of requests that a server refused, for people. Its own words are escaped. */
#ifndef SFTP_STORY_H
#define SFTP_STORY_H

#include "sftp/client.h"

/* "opening: /out/a.csv: permission denied (the server says "no way")". */
void sftp_story_refused(
    struct story *s, const char *what, struct slice path, const struct sftp_reply *reply);

/* "reading: /out/a.csv: " and why, which is clean text. */
void sftp_story_own(struct story *s, const char *what, struct slice path, const char *why);

#endif
