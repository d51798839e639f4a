#include "roles/policy.h"

#include "base/attr.h"
#include "base/clock.h"
#include "config/when.h"
#include "os/netaddr.h"
#include "pki/verify.h"

static bool
is_in_networks(const struct config_account *a, const char *host)
{
	struct netaddr address;

	if (a->n_networks == 0)
		return true;
	if (!netaddr_parse(slice_str(host), &address))
		return false;
	for (size_t i = 0; i < a->n_networks; i++) {
		if (netaddr_is_in(&address, slice_str(a->networks[i])))
			return true;
	}
	return false;
}

static bool
is_in_hours(const struct config_account *a, int64_t now_us)
{
	for (size_t i = 0; i < a->n_hours; i++) {
		if (when_is_within(&a->hours[i], now_us))
			return true;
	}
	return a->n_hours == 0;
}

const char *
policy_account(const struct config_account *a, const char *host, int64_t now_us)
{
	if (a->disabled)
		return "the account is disabled";
	if (a->expires_us > 0 && now_us >= a->expires_us)
		return "the account has expired";
	if (!is_in_networks(a, host))
		return "the account may not log in from this address";
	if (!is_in_hours(a, now_us))
		return "it is outside of the account's hours";
	return NULL;
}

const char *
policy_sessions(const struct config_account *a, uint32_t n_sessions)
{
	return a->max_sessions > 0 && n_sessions >= a->max_sessions
		   ? "the account has as many sessions as it may have"
		   : NULL;
}

static bool
is_valid_now(const struct ipc_auth_cert *cert, int64_t now_us)
{
	/* Before the epoch no certificate was made. */
	uint64_t now = now_us < 0 ? 0 : (uint64_t)now_us / (uint64_t)US_PER_SEC;

	return now >= cert->valid_after && now < cert->valid_before;
}

const char *
policy_cert(const struct ipc_auth_cert *cert, const char *host, int64_t now_us)
{
	struct netaddr address;

	if (cert->is_host)
		return "the certificate is one of a host";
	if (!is_valid_now(cert, now_us))
		return "the certificate is not valid at this time";
	if (cert->principals.len == 0)
		return "the certificate names no principal";
	if (cert->forces_command)
		return "the certificate forces a command";
	if (cert->source_address.len > 0 &&
	    (!netaddr_parse(slice_str(host), &address) ||
		!netaddr_is_in_list(&address, cert->source_address)))
		return "the certificate's source-address does not allow this address";
	return NULL;
}

const char *
policy_principals(const struct ipc_auth_cert *cert, char *const *principals, size_t n_principals)
{
	struct slice rest = cert->principals;

	while (rest.len > 0) {
		struct slice principal;
		rest = slice_cut(rest, 0, &principal);
		for (size_t i = 0; i < n_principals; i++) {
			if (principal.len > 0 && slice_is(principal, principals[i]))
				return NULL;
		}
	}
	return "the certificate names none of the account's principals";
}

const char *
policy_touch(struct slice key_type, uint32_t sk_flags, bool no_touch_required, bool verify_required)
{
	if (!slice_starts_with(key_type, slice_str("sk-")))
		return NULL;
	if (!no_touch_required && (sk_flags & PKI_SK_TOUCHED) == 0)
		return "nobody has touched the key";
	if (verify_required && (sk_flags & PKI_SK_VERIFIED) == 0)
		return "the key has not checked who used it";
	return NULL;
}

static uint32_t
methods_of(const struct config_account *a)
{
	static const uint32_t METHODS[] = {
	    [CONFIG_LOGIN_KEY] = IPC_METHOD_PUBLICKEY,
	    [CONFIG_LOGIN_PASSWORD] = IPC_METHOD_PASSWORD,
	    [CONFIG_LOGIN_BOTH] = IPC_METHOD_PUBLICKEY | IPC_METHOD_PASSWORD,
	};

	return METHODS[a->login];
}

const char *
policy_method(const struct config_account *a, uint32_t method)
{
	if ((methods_of(a) & method) == method)
		return NULL;
	return method == IPC_METHOD_PASSWORD ? "the account does not log in by password"
					     : "the account does not log in by key";
}

enum ipc_verdict
policy_verdict(const struct config_account *a, uint32_t proven, uint32_t *ret_methods)
{
	*ret_methods = methods_of(a) & ~proven;
	return *ret_methods == 0 ? IPC_VERDICT_ACCEPT : IPC_VERDICT_PARTIAL;
}
