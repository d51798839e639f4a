/* Signatures of others: was this data signed with the private half of this key? */
#ifndef PKI_VERIFY_H
#define PKI_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * What a FIDO key's signature says beside (PROTOCOL.u2f): whether somebody touched the key, and
 * showed who they are to it. Zero for other keys.
 */
enum { PKI_SK_TOUCHED = 0x01, PKI_SK_VERIFIED = 0x04 };
struct pki_sk {
	bool is_sk;
	uint8_t flags;
	uint32_t counter;
};

/* Does a key of this type ("ssh-rsa", "sk-ssh-ed25519@openssh.com") make signatures of this
 * algorithm ("rsa-sha2-256")? ssh-rsa's own SHA-1 signatures are never good. */
bool pki_algorithm_fits(struct slice algorithm, struct slice key_type);

/*
 * ERR_OK: a good signature. ERR_ACCESS: not one. ERR_FORMAT, ERR_UNSUPPORTED: the key or the
 * signature can't be read, or is of a kind that we don't take (blob_refusal). key is a plain
 * public key's blob, never a certificate's.
 */
enum err pki_verify(struct slice key, struct slice algorithm, struct slice data,
    struct slice signature, struct pki_sk *ret_sk) must_check;

#endif
