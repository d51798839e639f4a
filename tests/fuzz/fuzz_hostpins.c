/* dray host list: any bytes as a known_hosts file. */
#include "base/bug.h"
#include "cli/hostscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is told is a line that is there, in order, with a fingerprint. */
static void
check_pin(void *ctx, const struct hostscan_pin *pin)
{
	size_t *last_line = ctx;

	BUG_ON(pin->line <= *last_line || strncmp(pin->fingerprint, "SHA256:", 7) != 0);
	*last_line = pin->line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char host[] = "acme.example";
	const struct config_remote remote = {.host = host, .port = 22};
	struct hostscan scan = {.remote = &remote};
	size_t last_line = 0;

	buf_init(&scan.known_hosts, len);
	BUG_ON(buf_put(&scan.known_hosts, data, len) != ERR_OK);
	hostscan_each_pin(&scan, check_pin, &last_line);
	hostscan_fini(&scan);
	return 0;
}
