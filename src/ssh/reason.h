/* What libssh says of a session's end, read for what happened. Internal to ssh/. */
#ifndef SSH_REASON_H
#define SSH_REASON_H

#include "base/slice.h"

enum reason_kind {
	REASON_OTHER,      /* words: all that libssh says */
	REASON_CLOSED,     /* the peer closed the connection without a word */
	REASON_BROKEN,     /* words: the system's, of a socket that failed */
	REASON_DISCONNECT, /* words: the peer's own (RFC 4253 section 11.1), hostile */
	REASON_REFUSED,    /* a request in the channel, without a word why */
	REASON_VERSION     /* the peer's first line is of another protocol */
};

struct reason {
	enum reason_kind kind;
	struct slice words;  /* borrowed from the error's text */
	bool by_application; /* DISCONNECT: the ordinary goodbye */
};

struct reason reason_of(const char *error);

#endif
