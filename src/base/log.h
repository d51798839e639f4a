/*
 * Logs are events with typed fields, one line each, on standard error: for people,
 *
 *	2026-03-01T12:34:56.123456Z info  transfer.published route=acme-invoices name="a b.csv"
 *bytes=4096
 *
 * or the same as JSON lines. Field values from outside are escaped here and nowhere else. Secrets
 * are never given to the log. Event names are listed in drayd(8).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_U64, LOG_FIELD_I64 };

struct log_field {
	const char *key;
	enum log_field_type type;
	struct slice text;
	uint64_t u64;
	int64_t i64;
};

#define F_STR(k, s)   ((struct log_field){.key = (k), .type = LOG_FIELD_TEXT, .text = slice_str(s)})
#define F_SLICE(k, s) ((struct log_field){.key = (k), .type = LOG_FIELD_TEXT, .text = (s)})
#define F_U64(k, v)   ((struct log_field){.key = (k), .type = LOG_FIELD_U64, .u64 = (v)})
#define F_I64(k, v)   ((struct log_field){.key = (k), .type = LOG_FIELD_I64, .i64 = (v)})

/* Which role is speaking ("core", "session"); in every line from then on. Borrowed for good. */
void log_set_role(const char *role);
void log_set_format(enum log_format format);
void log_set_level(enum log_level least);

/*
 * Format and level for the processes that this one starts: log_export puts both into the
 * environment, log_import takes them from there. What isn't there (out of memory), or makes no
 * sense, changes nothing.
 */
#define LOG_ENVIRONMENT "DRAY_LOG"
void log_export(void);
void log_import(void);

/* Writes one line with one write(2). A line longer than LOG_LINE_MAX is cut at a field's end. */
enum { LOG_LINE_MAX = 4096 };
void log_emit(
    enum log_level level, const char *event, const struct log_field *fields, size_t n_fields);

#define LOG_EVENT(level, event, ...)                              \
	log_emit(level, event, (struct log_field[]){__VA_ARGS__}, \
	    sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_debug(...) LOG_EVENT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_EVENT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_EVENT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_EVENT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
