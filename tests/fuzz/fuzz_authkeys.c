/* authorized_keys: any bytes as the file. A key that may log in must be spelt in the file. */
#include <stdlib.h>
#include <string.h>

#include "pki/blob.h"
#include "ssh/authkeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char KEY[] = "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER";

static void
look_at_warning(void *ctx, size_t line, const char *why)
{
	(void)ctx;
	if (line == 0 || why[0] == '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf key _cleanup_(buf_fini);
	struct authkeys *keys;

	buf_init(&key, BLOB_MAX);
	if (blob_from_base64(slice_str(KEY), &key) != ERR_OK)
		abort();
	if (authkeys_parse(&keys, slice_of(data, len), look_at_warning, NULL) != ERR_OK)
		return 0;
	struct authkeys_result result =
	    authkeys_check(keys, buf_slice(&key), "192.0.2.7", INT64_C(1780000000000000));
	if (result.verdict == AUTHKEYS_ALLOWED && memmem(data, len, KEY, sizeof KEY - 1) == NULL)
		abort();
	if (result.verdict != AUTHKEYS_NO_SUCH_KEY &&
	    (authkeys_count(keys) == 0 || result.line == 0))
		abort();
	authkeys_free(keys);
	return 0;
}
