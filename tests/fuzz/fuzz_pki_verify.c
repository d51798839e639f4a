/*
 * Public keys and signatures: key, algorithm and signature as strings, then the data. What verifies
 * is of an algorithm of the key's, and over nothing else than this data.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/rd.h"
#include "pki/blob.h"
#include "pki/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rd r = rd_of(slice_of(data, len));
	struct slice key = rd_string(&r, len), algorithm = rd_string(&r, len);
	struct slice signature = rd_string(&r, len), rest = rd_rest(&r);
	struct buf more _cleanup_(buf_fini);
	struct pki_sk sk;

	buf_init(&more, 1 << 20);
	if (r.failed)
		return 0;
	enum err e = pki_verify(key, algorithm, rest, signature, &sk);
	if (e != ERR_OK) {
		BUG_ON(sk.is_sk || sk.flags != 0 || sk.counter != 0);
		return 0;
	}
	BUG_ON(blob_refusal(key) != NULL || !pki_algorithm_fits(algorithm, blob_type(key)));
	if (buf_put(&more, rest.ptr, rest.len) != ERR_OK || buf_put_u8(&more, 0) != ERR_OK)
		return 0;
	/* An Ed25519 point of small order verifies anything: who calls it his key opens his own
	 * door. */
	e = pki_verify(key, algorithm, buf_slice(&more), signature, &sk);
	BUG_ON(e == ERR_OK && !slice_is(blob_type(key), "ssh-ed25519") &&
	       !slice_is(blob_type(key), "sk-ssh-ed25519@openssh.com"));
	return 0;
}
