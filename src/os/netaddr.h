/*
 * Addresses of peers as values: to count by, to compare with networks. IPv4 and IPv6; an IPv4
 * address that came mapped into IPv6 is an IPv4 address.
 */
#ifndef OS_NETADDR_H
#define OS_NETADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

/* len is 4 or 16; unused bytes are 0, so that two can be compared as memory. */
struct netaddr {
	uint8_t len;
	uint8_t bytes[16];
};

/* "192.0.2.7", "2001:db8::1", "fe80::1%eth0" (the interface is dropped). */
bool netaddr_parse(struct slice text, struct netaddr *ret_address) must_check;

/* False for a socket of another family. */
bool netaddr_of_socket(
    const struct sockaddr_storage *socket, struct netaddr *ret_address) must_check;

/*
 * The block that one customer has, by which connections and failures are counted: an IPv4 address
 * alone, an IPv6 address's /64, in which anybody can use another address for each connection.
 */
struct netaddr netaddr_block(const struct netaddr *address);

/* A block's text, "192.0.2.7" or "2001:db8:0:1::/64"; the way back also takes any address in it. */
enum { NETADDR_TEXT_MAX = INET6_ADDRSTRLEN + 4 };
void netaddr_block_text(const struct netaddr *block, char dst[NETADDR_TEXT_MAX]);
bool netaddr_block_parse(struct slice text, struct netaddr *ret_block) must_check;

/* Total order, for trees. */
int netaddr_compare(const struct netaddr *a, const struct netaddr *b);

/* Is it in the network, "192.0.2.0/24", "2001:db8::/32", or a single address? */
bool netaddr_is_in(const struct netaddr *address, struct slice network) must_check;

/*
 * In one of a list of networks, "192.0.2.0/24,2001:db8::/32". A list with anything else in it, as
 * "!192.0.2.7", holds nobody: it may have been there to keep somebody out.
 */
bool netaddr_is_in_list(const struct netaddr *address, struct slice networks) must_check;

#endif
