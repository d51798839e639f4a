/* authorized_keys: any bytes as the file. A key that may log in must be spelt in the file. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* The option's name, in whatever case. */
static bool
mentions_authority(const uint8_t *data, size_t len)
{
	static const char NAME[] = "cert-authority";

	for (size_t i = 0; i + sizeof NAME - 1 <= len; i++) {
		if (strncasecmp((const char *)data + i, NAME, sizeof NAME - 1) == 0)
			return true;
	}
	return false;
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
	/* As an authority: for a principal that the file names, or for the account. */
	struct slice principals = slice_of("ops\0hans", 9);
	result = authkeys_check_cert(
	    keys, buf_slice(&key), principals, "hans", "192.0.2.7", INT64_C(1780000000000000));
	if (result.verdict == AUTHKEYS_ALLOWED &&
	    (memmem(data, len, KEY, sizeof KEY - 1) == NULL || !mentions_authority(data, len)))
		abort();
	authkeys_free(keys);
	return 0;
}
