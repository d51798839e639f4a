#include "os/netaddr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { BLOCK_BYTES = 8 /* of an IPv6 address: /64 */ };

static void
unmap(struct netaddr *a)
{
	static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (a->len != 16 || memcmp(a->bytes, MAPPED, sizeof MAPPED) != 0)
		return;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
	a->len = 4;
}

bool
netaddr_parse(struct slice text, struct netaddr *ret_address)
{
	char copy[INET6_ADDRSTRLEN];
	struct slice address;

	*ret_address = (struct netaddr){.len = 4};
	(void)slice_cut(text, '%', &address);
	if (!slice_copy(address, copy, sizeof copy))
		return false;
	if (inet_pton(AF_INET, copy, ret_address->bytes) == 1)
		return true;
	if (inet_pton(AF_INET6, copy, ret_address->bytes) != 1)
		return false;
	ret_address->len = 16;
	unmap(ret_address);
	return true;
}

bool
netaddr_of_socket(const struct sockaddr_storage *socket, struct netaddr *ret_address)
{
	*ret_address = (struct netaddr){.len = 4};
	if (socket->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)socket;
		memcpy(ret_address->bytes, &in->sin_addr, 4);
		return true;
	}
	if (socket->ss_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)socket;
	ret_address->len = 16;
	memcpy(ret_address->bytes, &in6->sin6_addr, 16);
	unmap(ret_address);
	return true;
}

struct netaddr
netaddr_block(const struct netaddr *address)
{
	struct netaddr block = *address;

	if (block.len == 16)
		memset(block.bytes + BLOCK_BYTES, 0, sizeof block.bytes - BLOCK_BYTES);
	return block;
}

void
netaddr_block_text(const struct netaddr *block, char dst[NETADDR_TEXT_MAX])
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v6 = block->len == 16;

	(void)inet_ntop(v6 ? AF_INET6 : AF_INET, block->bytes, text, sizeof text);
	(void)snprintf(dst, NETADDR_TEXT_MAX, "%s%s", text, v6 ? "/64" : "");
}

bool
netaddr_block_parse(struct slice text, struct netaddr *ret_block)
{
	struct netaddr address;
	struct slice head, bits = slice_cut(text, '/', &head);

	if (!netaddr_parse(head, &address))
		return false;
	*ret_block = netaddr_block(&address);
	return bits.ptr == NULL || (address.len == 16 && slice_is(bits, "64"));
}

int
netaddr_compare(const struct netaddr *a, const struct netaddr *b)
{
	return a->len != b->len ? (int)a->len - (int)b->len
				: memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static bool
bits_equal(const uint8_t *a, const uint8_t *b, size_t n_bits)
{
	size_t whole = n_bits / 8;
	unsigned rest = n_bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* "192.0.2.0/24", or an address, which is a network of one. */
static bool
network_parse(struct slice network, struct netaddr *ret_base, size_t *ret_bits)
{
	struct slice head, bits_text = slice_cut(network, '/', &head);
	uint64_t bits;

	if (!netaddr_parse(head, ret_base))
		return false;
	bits = 8 * (uint64_t)ret_base->len;
	if (bits_text.ptr != NULL && !text_to_u64(bits_text, bits, &bits))
		return false;
	*ret_bits = (size_t)bits;
	return true;
}

bool
netaddr_is_in(const struct netaddr *address, struct slice network)
{
	struct netaddr base;
	size_t bits;

	return network_parse(network, &base, &bits) && base.len == address->len &&
	       bits_equal(base.bytes, address->bytes, bits);
}

bool
netaddr_is_in_list(const struct netaddr *address, struct slice networks)
{
	bool found = false;

	while (networks.len > 0) {
		struct slice network;
		struct netaddr base;
		size_t bits;
		networks = slice_cut(networks, ',', &network);
		if (!network_parse(network, &base, &bits))
			return false;
		found = found || netaddr_is_in(address, network);
	}
	return found;
}
