/*
 * from= lists: addresses with wildcards, networks as address/bits, "!" before either to exclude.
 * We don't resolve names: a host name in a list never matches, and one that is to be excluded makes
 * the key unusable, because we couldn't keep it out.
 */
#include <arpa/inet.h>

#include "base/attr.h"
#include "base/text.h"
#include "ssh/authkeys_options.h"
#include "ssh/pattern.h"

enum { ADDRESS_MAX = 64 };

struct address {
	int family;
	size_t len; /* 4 or 16 */
	uint8_t bytes[16];
};

static bool
address_parse(struct slice text, struct address *ret)
{
	char copy[ADDRESS_MAX];
	static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	*ret = (struct address){0};
	if (!slice_copy(text, copy, sizeof copy))
		return false;
	if (inet_pton(AF_INET, copy, ret->bytes) == 1) {
		ret->family = AF_INET;
		ret->len = 4;
		return true;
	}
	if (inet_pton(AF_INET6, copy, ret->bytes) != 1)
		return false;
	ret->family = AF_INET6;
	ret->len = 16;
	/* An IPv4 peer on an IPv6 socket is an IPv4 peer. */
	if (memcmp(ret->bytes, MAPPED, sizeof MAPPED) == 0) {
		memmove(ret->bytes, ret->bytes + 12, 4);
		ret->family = AF_INET;
		ret->len = 4;
	}
	return true;
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

/* "address/bits". A network with bits set behind its mask is a mistake that sshd refuses too. */
static bool
network_parse(struct slice text, struct address *ret, size_t *ret_bits)
{
	static const uint8_t ZERO[16];
	struct slice head, bits_text = slice_cut(text, '/', &head);
	uint64_t bits;

	if (bits_text.ptr == NULL || !address_parse(head, ret) ||
	    !text_to_u64(bits_text, ret->len * 8, &bits))
		return false;
	*ret_bits = (size_t)bits;
	for (size_t i = *ret_bits; i < ret->len * 8; i++) {
		if ((ret->bytes[i / 8] & (0x80u >> (i % 8))) != 0)
			return false;
	}
	return bits > 0 || memcmp(ret->bytes, ZERO, ret->len) == 0;
}

/* True for what can be an address with wildcards; a host name has other letters in it. */
static bool
is_address_pattern(struct slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++) {
		if (strchr("0123456789abcdefABCDEF:.*?", pattern.ptr[i]) == NULL ||
		    pattern.ptr[i] == '\0')
			return false;
	}
	return pattern.len > 0;
}

/* The next pattern of the list without its "!"; moves list past it. */
static struct slice
take_pattern(struct slice *list, bool *ret_negated)
{
	struct slice pattern;

	*list = slice_cut(*list, ',', &pattern);
	*ret_negated = pattern.len > 0 && pattern.ptr[0] == '!';
	return *ret_negated ? slice_of(pattern.ptr + 1, pattern.len - 1) : pattern;
}

const char *
authkeys_from_refusal(struct slice from)
{
	size_t n_positive = 0;

	while (from.len > 0) {
		struct address network;
		size_t bits;
		bool negated;
		struct slice pattern = take_pattern(&from, &negated);
		if (slice_has(pattern, '/')) {
			if (!network_parse(pattern, &network, &bits))
				return "its from= has a network that is none";
		} else if (!is_address_pattern(pattern)) {
			if (negated || pattern.len == 0)
				return "its from= excludes a host by name: names are not looked up";
			continue;
		}
		n_positive += negated ? 0 : 1;
	}
	return n_positive > 0 ? NULL : "its from= allows no address: names are not looked up";
}

static bool
pattern_allows(struct slice pattern, struct slice peer_text, const struct address *peer)
{
	struct address network;
	size_t bits;

	/* An address has many spellings: an exclusion must hit the peer's in whichever. */
	if (address_parse(pattern, &network))
		return network.family == peer->family &&
		       bits_equal(network.bytes, peer->bytes, 8 * peer->len);
	if (!slice_has(pattern, '/'))
		return is_address_pattern(pattern) && pattern_match(pattern, peer_text);
	return network_parse(pattern, &network, &bits) && network.family == peer->family &&
	       bits_equal(network.bytes, peer->bytes, bits);
}

bool
authkeys_from_allows(struct slice from, const char *peer_host)
{
	struct address peer;
	struct slice peer_text;
	char canonical[INET6_ADDRSTRLEN];
	bool allowed = false;

	(void)slice_cut(slice_str(peer_host), '%', &peer_text); /* without an interface's name */
	if (!address_parse(peer_text, &peer) ||
	    inet_ntop(peer.family, peer.bytes, canonical, sizeof canonical) == NULL)
		return false;
	while (from.len > 0) {
		bool negated;
		struct slice pattern = take_pattern(&from, &negated);
		if (!pattern_allows(pattern, slice_str(canonical), &peer))
			continue;
		if (negated)
			return false;
		allowed = true;
	}
	return allowed;
}
