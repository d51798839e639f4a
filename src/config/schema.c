#include "config/schema.h"

#include <assert.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/text.h"
#include "config/schema_parts.h"

static const struct key LISTEN_KEYS[] = {
    {"address", KEY_LISTEN_ADDRESS, .required = true, AT(struct config_listen, host),
	AND(struct config_listen, port)},
    {"host_keys", KEY_SCALARS, .item = KEY_PATH, .required = true, .min = 1,
	AT(struct config_listen, host_keys), AND(struct config_listen, n_host_keys)},
    {"proxy_protocol", KEY_SCALARS, .item = KEY_NETWORK, .min = 1,
	AT(struct config_listen, proxies), AND(struct config_listen, n_proxies)},
};
static const struct schema LISTEN =
    SCHEMA("an entry of \"listen\"", struct config_listen, LISTEN_KEYS);

static const struct key IDENTITY_KEYS[] = {
    {"private_key", KEY_PATH, .required = true, AT(struct config_identity, private_key)},
};
static const struct schema IDENTITY = SCHEMA("identity", struct config_identity, IDENTITY_KEYS);

static const struct key REMOTE_KEYS[] = {
    {"address", KEY_REMOTE_ADDRESS, .required = true, AT(struct config_remote, host),
	AND(struct config_remote, port)},
    {"user", KEY_TEXT, .required = true, AT(struct config_remote, user)},
    {"identity", KEY_REFERENCE, .target = "identities", .required = true,
	AT(struct config_remote, identity)},
    {"known_hosts", KEY_PATH, .required = true, AT(struct config_remote, known_hosts)},
    {"timeout", KEY_DURATION, .fallback = "30s", RANGE(100 * MS, HOUR),
	AT(struct config_remote, timeout_us)},
    {"profile", KEY_UNSUPPORTED},
};
static const struct schema REMOTE = SCHEMA("remote", struct config_remote, REMOTE_KEYS);

static const char *const FORMAT_WORDS[] = {
    [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};
static const char *const LEVEL_WORDS[] = {[LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
    NULL};

static const struct key LOG_KEYS[] = {
    {"format", KEY_WORD, .words = FORMAT_WORDS, .fallback = "text", AT(struct config, log_json)},
    {"level", KEY_WORD, .words = LEVEL_WORDS, .fallback = "info", AT(struct config, log_level)},
};
static const struct schema LOG = SCHEMA("\"log\"", struct config, LOG_KEYS);

static const struct key TOP_KEYS[] = {
    {"include", KEY_INCLUDE},
    {"home", KEY_PATH, .required = true, AT(struct config, home)},
    {"control", KEY_PATH, AT(struct config, control_socket)},
    {"listen", KEY_LIST, .child = &LISTEN, .min = 1, AT(struct config, listens),
	AND(struct config, n_listens)},
    {"identities", KEY_NAMED, .child = &IDENTITY, AT(struct config, identities),
	AND(struct config, n_identities)},
    {"remotes", KEY_NAMED, .child = &REMOTE, AT(struct config, remotes),
	AND(struct config, n_remotes)},
    {"folders", KEY_NAMED, .child = &SCHEMA_FOLDER, AT(struct config, folders),
	AND(struct config, n_folders)},
    {"accounts", KEY_NAMED, .child = &SCHEMA_ACCOUNT, AT(struct config, accounts),
	AND(struct config, n_accounts)},
    {"routes", KEY_NAMED, .child = &SCHEMA_ROUTE, AT(struct config, routes),
	AND(struct config, n_routes)},
    {"trusted_user_ca", KEY_PATH, AT(struct config, trusted_user_ca)},
    {"revoked_keys", KEY_PATH, AT(struct config, revoked_keys)},
    {"limits", KEY_MAP, .child = &SCHEMA_LIMITS, AT(struct config, limits)},
    {"log", KEY_MAP, .child = &LOG},
};
const struct schema SCHEMA_TOP = SCHEMA("the top level", struct config, TOP_KEYS);

/* What the types in schema.h promise of the members that they are stored in. */
static_assert(LOG_FORMAT_TEXT == 0 && LOG_FORMAT_JSON == 1, "the format is stored as a bool");
static_assert(offsetof(struct config_identity, name) == 0, "a KEY_NAMED begins with its name");
static_assert(offsetof(struct config_remote, name) == 0, "a KEY_NAMED begins with its name");

const struct key *
schema_find(const struct schema *schema, struct slice name)
{
	for (size_t i = 0; i < schema->n_keys; i++) {
		if (slice_is(name, schema->keys[i].name))
			return &schema->keys[i];
	}
	return NULL;
}

const char *
schema_nearest(const struct schema *schema, struct slice word)
{
	const char *names[SCHEMA_KEYS_MAX + 1] = {NULL};
	size_t n_names = 0;

	BUG_ON(schema->n_keys > SCHEMA_KEYS_MAX);
	for (size_t i = 0; i < schema->n_keys; i++) {
		if (schema->keys[i].type != KEY_UNSUPPORTED)
			names[n_names++] = schema->keys[i].name;
	}
	return text_nearest(word, names);
}
