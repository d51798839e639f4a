#include <assert.h>

#include "config/schema_parts.h"
#include "vfs/mount.h"

/* Who may log in: accounts, and what they see. */

static const struct key MOUNT_KEYS[] = {
    {"at", KEY_CLEAN_PATH, .required = true, AT(struct config_mount, at)},
    {"folder", KEY_REFERENCE, .target = "folders", .required = true,
	AT(struct config_mount, folder)},
    {"allow", KEY_BITS, .words = VFS_ALLOW_NAMES, .required = true, .min = 1,
	AT(struct config_mount, allow)},
    {"names", KEY_SCALARS, .item = KEY_GLOB, .min = 1, AT(struct config_mount, names),
	AND(struct config_mount, n_names)},
    {"no_names", KEY_SCALARS, .item = KEY_GLOB, .min = 1, AT(struct config_mount, no_names),
	AND(struct config_mount, n_no_names)},
};
static const struct schema MOUNT = SCHEMA("a mount", struct config_mount, MOUNT_KEYS);

static const char *const LOGIN_WORDS[] = {
    [CONFIG_LOGIN_KEY] = "key",
    [CONFIG_LOGIN_PASSWORD] = "password",
    [CONFIG_LOGIN_BOTH] = "key+password",
    NULL,
};

/* From the account's side: what it uploads comes in. */
static const struct key BANDWIDTH_KEYS[] = {
    {"upload", KEY_RATE, .fallback = "0", AT(struct config_account, rate_in)},
    {"download", KEY_RATE, .fallback = "0", AT(struct config_account, rate_out)},
};
static const struct schema BANDWIDTH =
    SCHEMA("\"bandwidth\"", struct config_account, BANDWIDTH_KEYS);

static const struct key ACCOUNT_KEYS[] = {
    {"authorized_keys", KEY_SCALARS, .item = KEY_PATH, .min = 1,
	AT(struct config_account, authorized_keys), AND(struct config_account, n_authorized_keys)},
    {"keys", KEY_SCALARS, .item = KEY_PUBLIC_KEY, .min = 1, AT(struct config_account, keys),
	AND(struct config_account, n_keys)},
    {"login", KEY_WORD, .words = LOGIN_WORDS, .fallback = "key", AT(struct config_account, login)},
    {"password", KEY_PASSWORD_HASH, AT(struct config_account, password)},
    {"trusted_user_ca", KEY_PATH, AT(struct config_account, trusted_user_ca)},
    {"principals", KEY_SCALARS, .item = KEY_TEXT, .min = 1, AT(struct config_account, principals),
	AND(struct config_account, n_principals)},
    {"disabled", KEY_FLAG, .fallback = "false", AT(struct config_account, disabled)},
    {"expires", KEY_MOMENT, AT(struct config_account, expires_us)},
    {"networks", KEY_SCALARS, .item = KEY_NETWORK, .min = 1, AT(struct config_account, networks),
	AND(struct config_account, n_networks)},
    {"hours", KEY_SCALARS, .item = KEY_HOURS, .min = 1, AT(struct config_account, hours),
	AND(struct config_account, n_hours)},
    {"max_sessions", KEY_NUMBER, .fallback = "0", RANGE(0, 100000),
	AT(struct config_account, max_sessions)},
    {"idle_timeout", KEY_DURATION, RANGE(SECOND, 30 * DAY),
	AT(struct config_account, idle_timeout_us)},
    {"quota", KEY_MAP, .child = &SCHEMA_QUOTA, AT(struct config_account, quota)},
    {"bandwidth", KEY_MAP, .child = &BANDWIDTH},
    {"mounts", KEY_LIST, .child = &MOUNT, .required = true, .min = 1,
	AT(struct config_account, mounts), AND(struct config_account, n_mounts)},
};
const struct schema SCHEMA_ACCOUNT = SCHEMA("account", struct config_account, ACCOUNT_KEYS);

static_assert(offsetof(struct config_account, name) == 0, "a KEY_NAMED begins with its name");
