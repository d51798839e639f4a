#include "os/proxyhdr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/rd.h"
#include "base/text.h"

enum {
	V2_FIXED_LEN = 16,
	V2_VERSION = 2,
	V2_LOCAL = 0,
	V2_PROXY = 1,
	V2_UNSPEC = 0x00,
	V2_TCP4 = 0x11,
	V2_UDP4 = 0x12,
	V2_TCP6 = 0x21,
	V2_UDP6 = 0x22,
	V2_UNIX_STREAM = 0x31,
	V2_UNIX_DATAGRAM = 0x32
};

static const uint8_t V1_START[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t V2_START[] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 'Q', 'U', 'I', 'T', 0x0a};

static void
put_source4(struct proxyhdr *h, const void *address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&h->source;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, address, 4);
	h->relayed = true;
}

static void
put_source6(struct proxyhdr *h, const void *address, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&h->source;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, address, 16);
	h->relayed = true;
}

/* Section 2.1. */

static bool
port_of(struct slice text, uint16_t *ret_port)
{
	uint64_t port;

	if (!text_to_u64(text, UINT16_MAX, &port) || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool
address_of(int family, struct slice text, uint8_t ret_address[16])
{
	char copy[INET6_ADDRSTRLEN];

	return slice_copy(text, copy, sizeof copy) && inet_pton(family, copy, ret_address) == 1;
}

/* "TCP4 SOURCE DESTINATION PORT PORT": the destination is checked, and not used. */
static bool
decode_line(struct slice line, struct proxyhdr *h)
{
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
	struct slice word[4], protocol;

	struct slice rest = slice_cut(line, ' ', &protocol);
	if (slice_is(protocol, "UNKNOWN"))
		return true;
	int family = slice_is(protocol, "TCP4") ? AF_INET : AF_INET6;
	if (family == AF_INET6 && !slice_is(protocol, "TCP6"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		rest = slice_cut(rest, ' ', &word[i]);
	if (rest.ptr != NULL || !address_of(family, word[0], source) ||
	    !address_of(family, word[1], destination) || !port_of(word[2], &source_port) ||
	    !port_of(word[3], &destination_port))
		return false;
	if (family == AF_INET)
		put_source4(h, source, source_port);
	else
		put_source6(h, source, source_port);
	return true;
}

static enum proxyhdr_result
decode_v1(struct slice bytes, struct proxyhdr *h)
{
	size_t most = bytes.len < PROXYHDR_V1_MAX ? bytes.len : PROXYHDR_V1_MAX;
	const uint8_t *end = memchr(bytes.ptr, '\n', most);

	if (end == NULL)
		return most < PROXYHDR_V1_MAX ? PROXYHDR_MORE : PROXYHDR_BAD;
	h->len = (size_t)(end - bytes.ptr) + 1;
	size_t start = sizeof V1_START;
	if (h->len < start + 2 || end[-1] != '\r' || memchr(bytes.ptr, '\r', h->len - 2) != NULL)
		return PROXYHDR_BAD;
	return decode_line(slice_of(bytes.ptr + start, h->len - start - 2), h) ? PROXYHDR_DONE
									       : PROXYHDR_BAD;
}

/* Section 2.2. */

/* Type, length, value, up to the end (section 2.2.1-7); we need none of them. */
static bool
skip_tlvs(struct rd *r)
{
	while (r->left > 0 && !r->failed) {
		(void)rd_u8(r);
		(void)rd_bytes(r, rd_u16(r));
	}
	return rd_done(r) == ERR_OK;
}

/* The addresses of a TCP connection, each of address_len bytes, and its ports. */
static bool
decode_addresses(struct rd *r, size_t address_len, struct proxyhdr *h)
{
	struct slice source = rd_bytes(r, address_len);

	(void)rd_bytes(r, address_len);
	uint16_t port = rd_u16(r);
	(void)rd_u16(r);
	if (!skip_tlvs(r))
		return false;
	if (address_len == 4)
		put_source4(h, source.ptr, port);
	else
		put_source6(h, source.ptr, port);
	return true;
}

static bool
decode_block(uint8_t command, uint8_t family, struct rd *r, struct proxyhdr *h)
{
	/* Its own connection: whatever else stands there is to be skipped. */
	if (command == V2_LOCAL)
		return true;
	switch (family) {
	case V2_TCP4:
		return decode_addresses(r, 4, h);
	case V2_TCP6:
		return decode_addresses(r, 16, h);
	case V2_UNSPEC:
	case V2_UDP4:
	case V2_UDP6:
	case V2_UNIX_STREAM:
	case V2_UNIX_DATAGRAM:
		return true;
	default:
		return false;
	}
}

static enum proxyhdr_result
decode_v2(struct slice bytes, struct proxyhdr *h)
{
	struct rd r = rd_of(slice_of(bytes.ptr, bytes.len));

	if (bytes.len < V2_FIXED_LEN)
		return PROXYHDR_MORE;
	(void)rd_bytes(&r, sizeof V2_START);
	uint8_t version_command = rd_u8(&r), family = rd_u8(&r);
	uint16_t len = rd_u16(&r);
	h->len = V2_FIXED_LEN + (size_t)len;
	if (version_command >> 4 != V2_VERSION || (version_command & 0x0f) > V2_PROXY ||
	    h->len > PROXYHDR_V2_MAX)
		return PROXYHDR_BAD;
	if (r.left < len)
		return PROXYHDR_MORE;
	struct rd block = rd_of(rd_bytes(&r, len));
	return decode_block(version_command & 0x0f, family, &block, h) ? PROXYHDR_DONE
								       : PROXYHDR_BAD;
}

static bool
starts_like(struct slice bytes, const uint8_t *start, size_t start_len)
{
	size_t n = bytes.len < start_len ? bytes.len : start_len;

	return memcmp(bytes.ptr, start, n) == 0;
}

enum proxyhdr_result
proxyhdr_decode(struct slice bytes, struct proxyhdr *ret_header)
{
	*ret_header = (struct proxyhdr){.relayed = false};
	if (bytes.len == 0)
		return PROXYHDR_MORE;
	if (starts_like(bytes, V1_START, sizeof V1_START))
		return decode_v1(bytes, ret_header);
	if (starts_like(bytes, V2_START, sizeof V2_START))
		return decode_v2(bytes, ret_header);
	return PROXYHDR_BAD;
}
