/* The libraries' start. */
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ssh/transport.h"
#include "wire/library.h"
#include "wire/link.h"

enum err
transport_library_load(void)
{
	return wire_library_load();
}

enum err
transport_library_init(void)
{
	uint8_t seed[32];

	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1 ||
	    RAND_bytes(seed, sizeof seed) != 1)
		return ERR_NOMEM;
	return wire_library_init();
}
