/*
 * Files of private keys, made into keys of libcrypto's: OpenSSH's own format (PROTOCOL.key) is read
 * here, PEM (PKCS#1, SEC1, PKCS#8) by libcrypto. Neither with a passphrase: nobody is there to type
 * it. Internal to pki/.
 */
#ifndef PKI_KEYFILE_H
#define PKI_KEYFILE_H

#include <openssl/evp.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * ERR_FORMAT, ERR_UNSUPPORTED (a passphrase, another type) with the reason in the story, which
 * calls the key by the name given. That its halves belong together is for the caller to find out.
 */
enum err keyfile_parse(
    struct slice content, const char *name, EVP_PKEY **ret_pkey, struct story *story) must_check;

#endif
