#include "transfer/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum err
gateway_use_config(struct gateway *g, struct config *config, struct story *story)
{
	struct stores stores;

	enum err e = stores_open(config, &stores, story);
	if (e != ERR_OK)
		return e;
	if (g->config != NULL) {
		stores_close(&g->stores);
		config_unref(g->config);
	}
	g->config = config_ref(config);
	g->stores = stores;
	return ERR_OK;
}

void
gateway_fini(struct gateway *g)
{
	turn_fini(&g->turn);
	free(g->disposals.ids);
	quotas_fini(&g->quotas);
	if (g->config != NULL) {
		stores_close(&g->stores);
		config_unref(g->config);
	}
	if (g->ledger != NULL)
		ledger_close(g->ledger);
	*g = (struct gateway){.ledger = NULL};
}

void
staging_name(uint64_t transfer, char dst[STAGING_NAME_MAX])
{
	(void)snprintf(dst, STAGING_NAME_MAX, "t%" PRIu64, transfer);
}

void
staging_path(const char *remote, uint64_t transfer, char dst[STAGING_PATH_MAX])
{
	(void)snprintf(dst, STAGING_PATH_MAX, "%s/t%" PRIu64, remote, transfer);
}

void
staging_output_name(
    uint64_t transfer, uint32_t n, uint64_t staging_inode, char dst[STAGING_NAME_MAX])
{
	(void)snprintf(
	    dst, STAGING_NAME_MAX, "t%" PRIu64 ".%" PRIu32 "-%" PRIx64, transfer, n, staging_inode);
}

bool
staging_parse(const char *name, uint64_t *ret_transfer, bool *ret_output)
{
	struct slice number, rest, n;
	uint64_t ignored;

	if (name[0] != 't')
		return false;
	rest = slice_cut(slice_str(name + 1), '.', &number);
	*ret_output = rest.ptr != NULL;
	if (*ret_output) {
		struct slice inode = slice_cut(rest, '-', &n);
		if (inode.len == 0 || !text_to_u64(n, UINT32_MAX, &ignored))
			return false;
	}
	return text_to_u64(number, INT64_MAX, ret_transfer);
}
