#include "config/schema.h"

#include <assert.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "vfs/mount.h"

#define AT(type_, member)  .offset = offsetof(type_, member), .size = sizeof(((type_ *)NULL)->member)
#define AND(type_, member) .offset_2 = offsetof(type_, member)
#define RANGE(min_, max_)  .min = (uint64_t)(min_), .max = (uint64_t)(max_)
#define SCHEMA(noun_, type_, keys_, ...)                                 \
	{                                                                \
		.noun = (noun_), .size = sizeof(type_), .keys = (keys_), \
		.n_keys = ARRAY_LEN(keys_), __VA_ARGS__                  \
	}

#define MS     US_PER_MS
#define SECOND US_PER_SEC
#define HOUR   (3600 * US_PER_SEC)
#define DAY    (24 * HOUR)

static const struct key LISTEN_KEYS[] = {
    {"address", KEY_LISTEN_ADDRESS, .required = true, AT(struct config_listen, host),
	AND(struct config_listen, port)},
    {"host_keys", KEY_SCALARS, .item = KEY_PATH, .required = true, .min = 1,
	AT(struct config_listen, host_keys), AND(struct config_listen, n_host_keys)},
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

static const struct key FOLDER_KEYS[] = {
    {"path", KEY_PATH, .required = true, AT(struct config_folder, path)},
    {"staging", KEY_PATH, AT(struct config_folder, staging)},
    {"on_delivered", KEY_UNSUPPORTED},
};
static const struct schema FOLDER = SCHEMA("folder", struct config_folder, FOLDER_KEYS);

static const struct key MOUNT_KEYS[] = {
    {"at", KEY_CLEAN_PATH, .required = true, AT(struct config_mount, at)},
    {"folder", KEY_REFERENCE, .target = "folders", .required = true,
	AT(struct config_mount, folder)},
    {"allow", KEY_BITS, .words = VFS_ALLOW_NAMES, .required = true, .min = 1,
	AT(struct config_mount, allow)},
};
static const struct schema MOUNT = SCHEMA("a mount", struct config_mount, MOUNT_KEYS);

static const struct key ACCOUNT_KEYS[] = {
    {"authorized_keys", KEY_SCALARS, .item = KEY_PATH, .required = true, .min = 1,
	AT(struct config_account, authorized_keys), AND(struct config_account, n_authorized_keys)},
    {"disabled", KEY_FLAG, .fallback = "false", AT(struct config_account, disabled)},
    {"mounts", KEY_LIST, .child = &MOUNT, .required = true, .min = 1,
	AT(struct config_account, mounts), AND(struct config_account, n_mounts)},
};
static const struct schema ACCOUNT = SCHEMA("account", struct config_account, ACCOUNT_KEYS);

static const struct key FROM_KEYS[] = {
    {"remote", KEY_REFERENCE, .target = "remotes", .required = true, AT(struct config_route, from)},
    {"path", KEY_CLEAN_PATH, .required = true, AT(struct config_route, from_path)},
    {"every", KEY_DURATION, .required = true, RANGE(200 * MS, 30 * DAY),
	AT(struct config_route, every_us)},
    {"folder", KEY_UNSUPPORTED},
};
static const struct schema FROM = SCHEMA("\"from\"", struct config_route, FROM_KEYS);

static const struct key MATCH_KEYS[] = {
    {"name", KEY_SCALARS, .item = KEY_GLOB, .min = 1, AT(struct match, include),
	AND(struct match, n_include)},
    {"exclude", KEY_SCALARS, .item = KEY_GLOB, .min = 1, AT(struct match, exclude),
	AND(struct match, n_exclude)},
    {"min_age", KEY_DURATION, .fallback = "0", RANGE(0, 365 * DAY), AT(struct match, min_age_us)},
    {"min_size", KEY_SIZE, .fallback = "0", RANGE(0, INT64_MAX), AT(struct match, min_size)},
    {"max_size", KEY_SIZE, .fallback = "0", RANGE(0, INT64_MAX), AT(struct match, max_size)},
    {"regex", KEY_UNSUPPORTED},
    {"control_file", KEY_UNSUPPORTED},
};
static const struct schema MATCH = SCHEMA("\"match\"", struct match, MATCH_KEYS);

static const struct key STEP_KEYS[] = {
    {"rename", KEY_TEMPLATE, .offset = 0, .size = sizeof(struct step)},
    {"decompress", KEY_UNSUPPORTED},
    {"decrypt", KEY_UNSUPPORTED},
    {"check", KEY_UNSUPPORTED},
};
static const struct schema STEP = SCHEMA("a step", struct step, STEP_KEYS, .exactly_one = true);

static const struct key TO_KEYS[] = {
    {"folder", KEY_REFERENCE, .target = "folders", .required = true, .offset = 0,
	.size = sizeof(const struct config_folder *)},
    {"remote", KEY_UNSUPPORTED},
};
static const struct schema TO = SCHEMA("an entry of \"to\"", const struct config_folder *, TO_KEYS);

static const char *const AFTER_WORDS[] = {
    [CONFIG_AFTER_DELETE] = "delete", [CONFIG_AFTER_LEAVE] = "leave", NULL};
static const char *const AFTER_NO_WORDS[] = {"move", "archive", NULL};

static const struct key ROUTE_KEYS[] = {
    {"from", KEY_MAP, .child = &FROM, .required = true},
    {"match", KEY_MAP, .child = &MATCH, AT(struct config_route, match)},
    {"steps", KEY_LIST, .child = &STEP, .min = 1, AT(struct config_route, steps),
	AND(struct config_route, n_steps)},
    {"to", KEY_LIST, .child = &TO, .required = true, .min = 1, AT(struct config_route, to),
	AND(struct config_route, n_to)},
    {"after", KEY_WORD, .words = AFTER_WORDS, .no_words = AFTER_NO_WORDS, .required = true,
	AT(struct config_route, after)},
    {"retry_limit", KEY_NUMBER, .fallback = "10", RANGE(1, 1000000),
	AT(struct config_route, retry_limit)},
    {"disabled", KEY_FLAG, .fallback = "false", AT(struct config_route, disabled)},
    {"dedupe", KEY_UNSUPPORTED},
};
static const struct schema ROUTE = SCHEMA("route", struct config_route, ROUTE_KEYS);

static const struct key LIMITS_KEYS[] = {
    {"max_sessions", KEY_NUMBER, .fallback = "1000", RANGE(1, 100000),
	AT(struct config_limits, max_sessions)},
    {"max_unauthenticated", KEY_NUMBER, .fallback = "100", RANGE(1, 100000),
	AT(struct config_limits, max_unauthenticated)},
    {"auth_attempts", KEY_NUMBER, .fallback = "6", RANGE(1, 100),
	AT(struct config_limits, auth_attempts)},
    {"login_grace", KEY_DURATION, .fallback = "60s", RANGE(SECOND, HOUR),
	AT(struct config_limits, login_grace_us)},
    {"max_entries", KEY_NUMBER, .fallback = "1000000", RANGE(1, 100000000),
	AT(struct config_limits, max_entries)},
    {"min_free", KEY_SIZE, .fallback = "64MiB", RANGE(0, INT64_MAX),
	AT(struct config_limits, min_free)},
    {"retry_after", KEY_DURATION, .fallback = "10s", RANGE(100 * MS, HOUR),
	AT(struct config_limits, retry_after_us)},
};
static const struct schema LIMITS = SCHEMA("\"limits\"", struct config_limits, LIMITS_KEYS);

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
    {"folders", KEY_NAMED, .child = &FOLDER, AT(struct config, folders),
	AND(struct config, n_folders)},
    {"accounts", KEY_NAMED, .child = &ACCOUNT, AT(struct config, accounts),
	AND(struct config, n_accounts)},
    {"routes", KEY_NAMED, .child = &ROUTE, AT(struct config, routes), AND(struct config, n_routes)},
    {"limits", KEY_MAP, .child = &LIMITS, AT(struct config, limits)},
    {"log", KEY_MAP, .child = &LOG},
};
const struct schema SCHEMA_TOP = SCHEMA("the top level", struct config, TOP_KEYS);

/* What the types in schema.h promise of the members that they are stored in. */
static_assert(LOG_FORMAT_TEXT == 0 && LOG_FORMAT_JSON == 1, "the format is stored as a bool");
static_assert(offsetof(struct config_identity, name) == 0, "a KEY_NAMED begins with its name");
static_assert(offsetof(struct config_remote, name) == 0, "a KEY_NAMED begins with its name");
static_assert(offsetof(struct config_folder, name) == 0, "a KEY_NAMED begins with its name");
static_assert(offsetof(struct config_account, name) == 0, "a KEY_NAMED begins with its name");
static_assert(offsetof(struct config_route, name) == 0, "a KEY_NAMED begins with its name");

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
