#include "config/schema_parts.h"

/* Bounds on what others may use up. */

static const struct key DROP_KEYS[] = {
    {"from", KEY_NUMBER, .fallback = "50", RANGE(1, 100000), AT(struct config_limits, drop_from)},
    {"percent", KEY_NUMBER, .fallback = "30", RANGE(0, 100),
	AT(struct config_limits, drop_percent)},
};
static const struct schema DROP = SCHEMA("\"drop\"", struct config_limits, DROP_KEYS);

static const struct key BAN_KEYS[] = {
    {"after", KEY_NUMBER, .fallback = "10", RANGE(0, 100000), AT(struct config_limits, ban_after)},
    {"window", KEY_DURATION, .fallback = "10m", RANGE(SECOND, 30 * DAY),
	AT(struct config_limits, ban_window_us)},
    {"time", KEY_DURATION, .fallback = "1m", RANGE(SECOND, 30 * DAY),
	AT(struct config_limits, ban_time_us)},
    {"max", KEY_DURATION, .fallback = "24h", RANGE(SECOND, 365 * DAY),
	AT(struct config_limits, ban_max_us)},
    {"never", KEY_SCALARS, .item = KEY_NETWORK, .min = 1, AT(struct config_limits, never_ban),
	AND(struct config_limits, n_never_ban)},
};
static const struct schema BAN = SCHEMA("\"ban\"", struct config_limits, BAN_KEYS);

static const struct key LIMITS_KEYS[] = {
    {"max_sessions", KEY_NUMBER, .fallback = "1000", RANGE(1, 100000),
	AT(struct config_limits, max_sessions)},
    {"max_per_address", KEY_NUMBER, .fallback = "100", RANGE(1, 100000),
	AT(struct config_limits, max_per_address)},
    {"max_unauthenticated", KEY_NUMBER, .fallback = "100", RANGE(1, 100000),
	AT(struct config_limits, max_unauthenticated)},
    {"drop", KEY_MAP, .child = &DROP},
    {"ban", KEY_MAP, .child = &BAN},
    {"auth_attempts", KEY_NUMBER, .fallback = "6", RANGE(1, 100),
	AT(struct config_limits, auth_attempts)},
    {"login_grace", KEY_DURATION, .fallback = "60s", RANGE(SECOND, HOUR),
	AT(struct config_limits, login_grace_us)},
    {"idle_timeout", KEY_DURATION, .fallback = "15m", RANGE(0, 30 * DAY),
	AT(struct config_limits, idle_timeout_us)},
    {"drain", KEY_DURATION, .fallback = "30s", RANGE(0, HOUR), AT(struct config_limits, drain_us)},
    {"max_handles", KEY_NUMBER, .fallback = "256", RANGE(1, 65536),
	AT(struct config_limits, max_handles)},
    {"max_requests", KEY_NUMBER, .fallback = "1024", RANGE(1, 65536),
	AT(struct config_limits, max_requests)},
    {"max_entries", KEY_NUMBER, .fallback = "1000000", RANGE(1, 100000000),
	AT(struct config_limits, max_entries)},
    {"min_free", KEY_SIZE, .fallback = "64MiB", AT(struct config_limits, min_free)},
    {"retry_after", KEY_DURATION, .fallback = "10s", RANGE(100 * MS, HOUR),
	AT(struct config_limits, retry_after_us)},
};
const struct schema SCHEMA_LIMITS = SCHEMA("\"limits\"", struct config_limits, LIMITS_KEYS);
