/*
 * The protection of the packets of one direction: encryption and authentication under the keys of
 * one key exchange. The contexts of libcrypto are set up once; a packet only changes IV or counter.
 *
 * A packet here is RFC 4253 section 6's: uint32 length, padding length, payload, padding, and then
 * the tag or MAC.
 */
#ifndef WIRE_SEAL_H
#define WIRE_SEAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "wire/cipher.h"

struct seal;

/* Derived by keys.h; wiped by who made them. */
struct seal_keys {
	uint8_t iv[CIPHER_IV_MAX];
	uint8_t key[CIPHER_KEY_MAX];
	uint8_t mac[MAC_LEN_MAX];
};

enum seal_direction { SEAL_SENDS, SEAL_RECEIVES };

/* mac is NULL where the cipher authenticates. keys may be NULL for cipher_plain alone. */
enum err seal_new(struct seal **ret_s, enum seal_direction direction, const struct cipher *cipher,
    const struct mac *mac, const struct seal_keys *keys) must_check;

/* Wipes the keys. NULL-safe. */
void seal_free(struct seal *s);

/* Bytes from the packet's start that must be a multiple of the block: all, or all but the length.
 */
size_t seal_block(const struct seal *s);
bool seal_length_apart(const struct seal *s);

/* Bytes of tag or MAC behind a packet. */
size_t seal_tag_len(const struct seal *s);

/* How many bytes of a packet must be there to learn its length. */
size_t seal_head_len(const struct seal *s);

/*
 * Sending. The first front_len bytes of the packet stand at p, as do its last bytes, the padding;
 * between them the body is taken from where it lies. All len bytes are encrypted and the tag put
 * behind them.
 */
enum err seal_close(struct seal *s, uint32_t seq, uint8_t *p, size_t len, size_t front_len,
    struct slice body) must_check;

/*
 * Receiving, first: the length of the packet at p (of which seal_head_len bytes are there), once
 * for each packet, as its beginning may be decrypted in place. The length is not authentic yet, but
 * for what its use may tell: nothing is done with it but waiting for so many bytes.
 */
enum err seal_length(struct seal *s, uint32_t seq, uint8_t *p, uint32_t *ret_len) must_check;

/* Receiving, then: len bytes (4 and the length) and the tag are at p. Decrypts in place.
 * ERR_ACCESS: not authentic; what is at p then must not be looked at. */
enum err seal_open(struct seal *s, uint32_t seq, uint8_t *p, size_t len) must_check;

#endif
