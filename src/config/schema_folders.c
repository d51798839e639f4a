#include <assert.h>

#include "config/schema_parts.h"

/* Where files are kept, and how. */

static const struct key QUOTA_KEYS[] = {
    {"bytes", KEY_SIZE, .fallback = "0", AT(struct config_quota, bytes)},
    {"files", KEY_NUMBER, .fallback = "0", RANGE(0, UINT64_C(1000000000000)),
	AT(struct config_quota, files)},
};
const struct schema SCHEMA_QUOTA = SCHEMA("\"quota\"", struct config_quota, QUOTA_KEYS);

static const char *const UPLOADS_WORDS[] = {
    [CONFIG_UPLOADS_PRIVATE] = "private", [CONFIG_UPLOADS_DIRECT] = "direct", NULL};
static const char *const DURABILITY_WORDS[] = {
    [CONFIG_DURABILITY_FULL] = "full", [CONFIG_DURABILITY_RELAXED] = "relaxed", NULL};
static const char *const DELIVERED_WORDS[] = {
    [CONFIG_DELIVERED_KEEP] = "keep",
    [CONFIG_DELIVERED_DELETE] = "delete",
    [CONFIG_DELIVERED_ARCHIVE] = "archive",
    NULL,
};

static const struct key FOLDER_KEYS[] = {
    {"path", KEY_PATH, .required = true, AT(struct config_folder, path)},
    {"staging", KEY_PATH, AT(struct config_folder, staging)},
    {"uploads", KEY_WORD, .words = UPLOADS_WORDS, .fallback = "private",
	AT(struct config_folder, uploads)},
    {"durability", KEY_WORD, .words = DURABILITY_WORDS, .fallback = "full",
	AT(struct config_folder, durability)},
    {"keep_partial", KEY_DURATION, .fallback = "24h", RANGE(0, 365 * DAY),
	AT(struct config_folder, keep_partial_us)},
    {"on_delivered", KEY_WORD, .words = DELIVERED_WORDS, .fallback = "keep",
	AT(struct config_folder, on_delivered)},
    {"archive", KEY_PATH, AT(struct config_folder, archive)},
    {"consumers", KEY_SCALARS, .item = KEY_TEXT, .min = 1, AT(struct config_folder, consumers),
	AND(struct config_folder, n_consumers)},
    {"quota", KEY_MAP, .child = &SCHEMA_QUOTA, AT(struct config_folder, quota)},
};
const struct schema SCHEMA_FOLDER = SCHEMA("folder", struct config_folder, FOLDER_KEYS);

static_assert(offsetof(struct config_folder, name) == 0, "a KEY_NAMED begins with its name");
