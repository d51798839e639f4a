/* Base64 (RFC 4648 section 4), as keys are written in known_hosts. */
#ifndef CLI_BASE64_H
#define CLI_BASE64_H

#include "base/buf.h"

/*
 * Appends what the text stands for. ERR_FORMAT, and nothing appended, unless it is whole: groups of
 * four, padding only at the end, no stray bits.
 */
enum err base64_decode(struct slice text, struct buf *b) must_check;

#endif
