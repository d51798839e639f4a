/* What dray status is told of folders and accounts: what is private, and how far quotas are used
 * up. */
#include "roles/core_partial.h"

static enum err
send_folder(struct core_peer *peer, const struct config_folder *folder)
{
	struct gateway *g = &peer->core->gateway;
	const struct quota_pot *pot = quota_pot_find(&g->quotas, folder->name, false);
	struct quota_amount used = {0, 0};
	uint64_t n_partials, partial_bytes;

	enum err e = pot == NULL ? ERR_OK : quota_used(g, pot, &used);
	if (e != ERR_OK)
		return e;
	core_partials_count(peer->core, folder->name, &n_partials, &partial_bytes);
	core_peer_send(peer, IPC_CTL_FOLDER,
	    &(struct ipc_ctl_folder){
		.name = slice_str(folder->name),
		.n_partials = n_partials,
		.partial_bytes = partial_bytes,
		.used_bytes = used.bytes,
		.used_files = used.files,
		.quota_bytes = folder->quota.bytes,
		.quota_files = folder->quota.files,
	    });
	return ERR_OK;
}

static enum err
send_account(struct core_peer *peer, const struct config_account *account)
{
	struct gateway *g = &peer->core->gateway;
	const struct quota_pot *pot = quota_pot_find(&g->quotas, account->name, true);
	struct quota_amount used;

	if (pot == NULL)
		return ERR_OK;
	enum err e = quota_used(g, pot, &used);
	if (e != ERR_OK)
		return e;
	core_peer_send(peer, IPC_CTL_ACCOUNT,
	    &(struct ipc_ctl_account){
		.name = slice_str(account->name),
		.used_bytes = used.bytes,
		.used_files = used.files,
		.quota_bytes = account->quota.bytes,
		.quota_files = account->quota.files,
	    });
	return ERR_OK;
}

enum err
core_tell_usage(struct core_peer *peer)
{
	const struct config *config = peer->core->gateway.config;
	enum err e = ERR_OK;

	for (size_t i = 0; i < config->n_folders && e == ERR_OK; i++)
		e = send_folder(peer, &config->folders[i]);
	for (size_t i = 0; i < config->n_accounts && e == ERR_OK; i++)
		e = send_account(peer, &config->accounts[i]);
	return e;
}
