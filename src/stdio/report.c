#include "stdio/report.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>
#include <syslog.h>

struct name_row {
	const char *name;
	int value;
};

/* The names that OpenSSH takes, and what it makes of them. */
static const struct name_row FACILITIES[] = {
    {"DAEMON", LOG_DAEMON},
    {"USER", LOG_USER},
    {"AUTH", LOG_AUTH},
    {"AUTHPRIV", LOG_AUTHPRIV},
    {"LOCAL0", LOG_LOCAL0},
    {"LOCAL1", LOG_LOCAL1},
    {"LOCAL2", LOG_LOCAL2},
    {"LOCAL3", LOG_LOCAL3},
    {"LOCAL4", LOG_LOCAL4},
    {"LOCAL5", LOG_LOCAL5},
    {"LOCAL6", LOG_LOCAL6},
    {"LOCAL7", LOG_LOCAL7},
};

static const struct name_row LEVELS[] = {
    {"QUIET", -1},
    {"FATAL", LOG_CRIT},
    {"ERROR", LOG_ERR},
    {"INFO", LOG_INFO},
    {"VERBOSE", LOG_INFO},
    {"DEBUG", LOG_DEBUG},
    {"DEBUG1", LOG_DEBUG},
    {"DEBUG2", LOG_DEBUG},
    {"DEBUG3", LOG_DEBUG},
};

static bool
find_name(const struct name_row *rows, size_t n_rows, const char *name, int *ret_value)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (strcasecmp(rows[i].name, name) == 0) {
			*ret_value = rows[i].value;
			return true;
		}
	}
	return false;
}

bool
report_facility(const char *name, int *ret_facility)
{
	return find_name(FACILITIES, ARRAY_LEN(FACILITIES), name, ret_facility);
}

bool
report_level(const char *name, int *ret_level)
{
	return find_name(LEVELS, ARRAY_LEN(LEVELS), name, ret_level);
}

void
report_open(const struct report_settings *settings)
{
	if (!settings->to_stderr && settings->level >= 0)
		openlog("dray-sftp-server", LOG_PID, settings->facility);
}

void
report(const struct report_settings *settings, int level, const char *format, ...)
{
	va_list args;

	if (level > settings->level)
		return;
	va_start(args, format);
	if (settings->to_stderr) {
		(void)vfprintf(stderr, format, args);
		(void)fputc('\n', stderr);
	} else {
		vsyslog(level, format, args);
	}
	va_end(args);
}
