/*
 * Certificates: any bytes, and any bytes that an authority of ours has signed, or nothing behind
 * the signature would ever be reached. What is read must lie in what was given.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "pki/blob.h"
#include "pki/cert.h"
#include "pki/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* For nothing but this: 32 times the same byte. */
static const char AUTHORITY[] = "-----BEGIN PRIVATE KEY-----\n"
				"MC4CAQAwBQYDK2VwBCIEIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC\n"
				"-----END PRIVATE KEY-----\n";

static void
check_within(struct slice whole, struct slice part)
{
	BUG_ON(
	    part.len > 0 && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len));
}

static void
look_at(struct slice blob)
{
	struct story story = {""};
	struct cert c;

	if (cert_parse(blob, &c, &story) != ERR_OK) {
		BUG_ON(story.text[0] == '\0');
		return;
	}
	BUG_ON(blob_refusal(buf_slice(&c.key)) != NULL || blob_refusal(c.ca_key) != NULL);
	BUG_ON(c.n_principals > CERT_PRINCIPALS_MAX);
	BUG_ON(c.type != CERT_USER && c.type != CERT_HOST);
	for (size_t i = 0; i < c.n_principals; i++) {
		BUG_ON(c.principals[i].len == 0 || slice_has(c.principals[i], 0));
		check_within(blob, c.principals[i]);
	}
	check_within(blob, c.key_id);
	check_within(blob, c.source_address);
	check_within(blob, c.ca_key);
	cert_fini(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pki_key *authority;
	struct buf blob _cleanup_(buf_fini);
	struct buf signature _cleanup_(buf_fini);

	if (authority == NULL &&
	    pki_key_parse(slice_str(AUTHORITY), "authority", &authority, NULL) != ERR_OK)
		abort();
	look_at(slice_of(data, len));
	buf_init(&blob, 1 << 20);
	buf_init(&signature, PKI_SIGNATURE_MAX);
	if (len > 1 << 19)
		return 0;
	if (pki_sign(authority, "ssh-ed25519", slice_of(data, len), &signature) != ERR_OK ||
	    buf_put(&blob, data, len) != ERR_OK ||
	    buf_put_string(&blob, buf_slice(&signature)) != ERR_OK)
		abort();
	look_at(buf_slice(&blob));
	return 0;
}
