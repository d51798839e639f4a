#include "wire/keys.h"

#include <openssl/crypto.h>

static bool
digest_string(EVP_MD_CTX *ctx, struct slice s)
{
	uint8_t len[4];

	be32_store(len, (uint32_t)s.len);
	return EVP_DigestUpdate(ctx, len, sizeof len) == 1 &&
	       EVP_DigestUpdate(ctx, s.ptr, s.len) == 1;
}

static bool
hash_all(EVP_MD_CTX *ctx, const struct slice transcript[KEYS_TRANSCRIPT], struct slice secret)
{
	for (size_t i = 0; i < KEYS_TRANSCRIPT; i++) {
		if (!digest_string(ctx, transcript[i]))
			return false;
	}
	return EVP_DigestUpdate(ctx, secret.ptr, secret.len) == 1;
}

enum err
keys_exchange_hash(enum library_digest digest, const struct slice transcript[KEYS_TRANSCRIPT],
    struct slice secret, struct keys_hash *ret_hash)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;

	if (ctx == NULL)
		return ERR_NOMEM;
	bool done = EVP_DigestInit_ex2(ctx, library_digest(digest), NULL) == 1 &&
		    hash_all(ctx, transcript, secret) &&
		    EVP_DigestFinal_ex(ctx, ret_hash->bytes, &len) == 1;
	ret_hash->len = len;
	EVP_MD_CTX_free(ctx);
	return done ? ERR_OK : ERR_IO;
}

/*
 * K1 = HASH(K || H || letter || session_id), Kn = HASH(K || H || K1 || ... || Kn-1); the key is
 * K1 || K2 || ... as far as it goes (section 7.2). `before` is what of it is there already.
 */
static bool
derive_block(EVP_MD_CTX *ctx, const struct keys_source *source, char letter, struct slice before,
    uint8_t ret_block[EVP_MAX_MD_SIZE], unsigned *ret_len)
{
	if (EVP_DigestInit_ex2(ctx, library_digest(source->digest), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, source->secret.ptr, source->secret.len) != 1 ||
	    EVP_DigestUpdate(ctx, source->hash.ptr, source->hash.len) != 1)
		return false;
	if (before.len == 0 &&
	    (EVP_DigestUpdate(ctx, &letter, 1) != 1 ||
		EVP_DigestUpdate(ctx, source->session_id.ptr, source->session_id.len) != 1))
		return false;
	if (before.len > 0 && EVP_DigestUpdate(ctx, before.ptr, before.len) != 1)
		return false;
	return EVP_DigestFinal_ex(ctx, ret_block, ret_len) == 1;
}

enum err
keys_derive(const struct keys_source *source, char letter, uint8_t *dst, size_t len)
{
	uint8_t block[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new(); /* freeing it wipes what it held */
	enum err e = ctx == NULL ? ERR_NOMEM : ERR_OK;
	unsigned block_len = 0;

	for (size_t done = 0; e == ERR_OK && done < len;) {
		if (!derive_block(ctx, source, letter, slice_of(dst, done), block, &block_len)) {
			e = ERR_IO;
			break;
		}
		size_t take = len - done < block_len ? len - done : block_len;
		memcpy(dst + done, block, take);
		done += take;
	}
	OPENSSL_cleanse(block, sizeof block);
	EVP_MD_CTX_free(ctx);
	return e;
}

/* Letters of section 7.2: IVs A and B, keys C and D, MAC keys E and F; the client's come first. */
enum err
keys_derive_seal(const struct keys_source *source, enum keys_way way, const struct cipher *cipher,
    const struct mac *mac, struct seal_keys *ret_keys)
{
	bool back = way == KEYS_TO_CLIENT;
	enum err e = keys_derive(source, back ? 'B' : 'A', ret_keys->iv, cipher->iv_len);

	if (e == ERR_OK)
		e = keys_derive(source, back ? 'D' : 'C', ret_keys->key, cipher->key_len);
	if (e == ERR_OK && mac != NULL)
		e = keys_derive(source, back ? 'F' : 'E', ret_keys->mac, mac->len);
	return e;
}
