/* Lists of what is revoked: any bytes as the file. What it revokes must be spelt in it. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bug.h"
#include "pki/blob.h"
#include "pki/revoked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char KEY[] = "AAAAC3NzaC1lZDI1NTE5AAAAIBERERERERERERERERERERERERERERERERERERERERER";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf key _cleanup_(buf_fini);
	char fingerprint[BLOB_FINGERPRINT_MAX];
	struct story story = {""};
	struct revoked *r;

	buf_init(&key, BLOB_MAX);
	if (blob_from_base64(slice_str(KEY), &key) != ERR_OK ||
	    blob_fingerprint(buf_slice(&key), fingerprint) != ERR_OK)
		abort();
	if (revoked_parse(&r, slice_of(data, len), &story) != ERR_OK) {
		BUG_ON(story.text[0] == '\0');
		return 0;
	}
	bool spelt = memmem(data, len, KEY, sizeof KEY - 1) != NULL ||
		     memmem(data, len, fingerprint, strlen(fingerprint)) != NULL;
	BUG_ON(revoked_key(r, buf_slice(&key)) && !spelt);
	BUG_ON(revoked_cert(r, 0, slice_str("")));
	BUG_ON(revoked_cert(r, 0, slice_str("hans")) && memmem(data, len, "hans", 4) == NULL);
	(void)revoked_cert(r, 5, slice_str("greta"));
	revoked_free(r);
	return 0;
}
