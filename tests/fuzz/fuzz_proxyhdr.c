/* The PROXY header: any bytes, in any pieces. */
#include "base/bug.h"
#include "os/proxyhdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum proxyhdr_result result = PROXYHDR_MORE;
	struct proxyhdr h, whole;

	/* As a session reads it: what is the beginning of a header is never more than fits. */
	for (size_t n = 0; n <= len && result == PROXYHDR_MORE; n++) {
		result = proxyhdr_decode(slice_of(data, n), &h);
		BUG_ON(result == PROXYHDR_MORE && n >= PROXYHDR_MAX);
		BUG_ON(result == PROXYHDR_DONE && h.len != n);
	}
	/* All at once it is the same header; what follows it doesn't matter. */
	BUG_ON(proxyhdr_decode(slice_of(data, len), &whole) != result);
	if (result == PROXYHDR_DONE) {
		BUG_ON(whole.len != h.len || whole.relayed != h.relayed);
		BUG_ON(h.relayed != (h.source.ss_family != 0));
	}
	return 0;
}
