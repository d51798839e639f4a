/* The decoder of the roles' messages: any bytes, no descriptors. */
#include "ipc/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ipc_message m;

	if (ipc_decode(slice_of(data, len), NULL, 0, &m) == ERR_OK)
		ipc_message_fini(&m);
	return 0;
}
