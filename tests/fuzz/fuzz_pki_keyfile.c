/* Private keys: any bytes as the file, and as what is in OpenSSH's armor. What is read can sign. */
#include <stdlib.h>

#include "base/bug.h"
#include "pki/blob.h"
#include "pki/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
look_at(struct slice file)
{
	struct buf signature _cleanup_(buf_fini);
	struct story story = {""};
	struct pki_key *key;

	buf_init(&signature, PKI_SIGNATURE_MAX);
	if (pki_key_parse(file, "the key", &key, &story) != ERR_OK) {
		BUG_ON(story.text[0] == '\0');
		return;
	}
	BUG_ON(blob_refusal(pki_key_blob(key)) != NULL);
	BUG_ON(pki_sign(key, pki_key_algorithm(key, 0), slice_str("x"), &signature) != ERR_OK);
	pki_key_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text _cleanup_(buf_fini);

	look_at(slice_of(data, len));
	buf_init(&text, 1 << 20);
	if (len == 0 || len > 1 << 16)
		return 0;
	if (buf_printf(&text, "-----BEGIN OPENSSH PRIVATE KEY-----\n") != ERR_OK ||
	    blob_to_base64(slice_of(data, len), &text) != ERR_OK ||
	    buf_printf(&text, "\n-----END OPENSSH PRIVATE KEY-----\n") != ERR_OK)
		abort();
	look_at(buf_slice(&text));
	return 0;
}
