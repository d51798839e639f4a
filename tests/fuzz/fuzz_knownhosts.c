/* known_hosts: any bytes as the file. A key that vouches for its host must be spelt in the file. */
#include <stdlib.h>
#include <string.h>

#include "pki/blob.h"
#include "ssh/knownhosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char KEY[] = "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf key _cleanup_(buf_fini);
	struct buf types _cleanup_(buf_fini);
	struct slice file = slice_of(data, len);

	buf_init(&key, BLOB_MAX);
	buf_init(&types, 4096);
	if (blob_from_base64(slice_str(KEY), &key) != ERR_OK)
		abort();
	struct knownhosts_result found =
	    knownhosts_check(file, "h.example", 2222, slice_str("ssh-ed25519"), buf_slice(&key));
	if (found.verdict == KNOWNHOSTS_MATCH && memmem(data, len, KEY, sizeof KEY - 1) == NULL)
		abort();
	if ((found.verdict == KNOWNHOSTS_UNKNOWN) != (found.line == 0))
		abort();
	if (knownhosts_types(file, "h.example", 2222, &types) == ERR_OK && buf_len(&types) > 1000)
		abort();
	return 0;
}
