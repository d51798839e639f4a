#include <assert.h>

#include "config/schema_parts.h"

/* The ways of files. */

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
const struct schema SCHEMA_ROUTE = SCHEMA("route", struct config_route, ROUTE_KEYS);

static_assert(offsetof(struct config_route, name) == 0, "a KEY_NAMED begins with its name");
