/*
 * The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): what a proxy says,
 * before the first byte of its client, of where that client is. A pure decoder of bytes that may
 * come in any pieces.
 */
#ifndef OS_PROXYHDR_H
#define OS_PROXYHDR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/slice.h"

enum {
	PROXYHDR_V1_MAX = 107, /* section 2.1 */
	PROXYHDR_V2_MAX = 536, /* the fixed 16 bytes, and 520 of addresses and TLVs: our bound */
	PROXYHDR_MAX = PROXYHDR_V2_MAX
};

enum proxyhdr_result {
	PROXYHDR_MORE, /* the beginning of a header: all of the bytes are its own */
	PROXYHDR_DONE,
	PROXYHDR_BAD /* not a header, or not one of a TCP connection */
};

struct proxyhdr {
	size_t len;   /* of the header; what follows is the client's */
	bool relayed; /* else the connection is the proxy's own (a health check), or it doesn't
			 know for whom it is: then the proxy's address is all there is */
	struct sockaddr_storage source; /* of the client, when relayed */
};

enum proxyhdr_result proxyhdr_decode(struct slice bytes, struct proxyhdr *ret_header) must_check;

#endif
