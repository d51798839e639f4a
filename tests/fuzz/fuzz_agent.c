/* What an agent answers: any bytes. */
#include <stdlib.h>

#include "ssh/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice message = slice_of(data, len), signature;
	struct agent_keys keys;

	if ((agent_decode_identities(message, &keys) != ERR_OK && keys.n != 0) ||
	    keys.n > AGENT_KEYS_MAX)
		abort();
	for (size_t i = 0; i < keys.n; i++) {
		if (keys.key[i].blob.len > AGENT_BLOB_MAX)
			abort();
	}
	if (agent_decode_signature(message, &signature) == ERR_OK &&
	    signature.len > AGENT_SIGNATURE_MAX)
		abort();
	return 0;
}
