/* Where the stdio server tells what it does: to syslog, or with -e to standard error. */
#ifndef STDIO_REPORT_H
#define STDIO_REPORT_H

#include <stdbool.h>

#include "base/attr.h"

struct report_settings {
	bool to_stderr;
	int facility; /* LOG_* of syslog(3) */
	int level;    /* LOG_* of syslog(3): what is less urgent isn't told; -1: nothing is */
};

/* The facility or level of the name, as -f and -l take it; false for an unknown one. */
bool report_facility(const char *name, int *ret_facility) must_check;
bool report_level(const char *name, int *ret_level) must_check;

void report_open(const struct report_settings *settings);
void report(const struct report_settings *settings, int level, const char *format, ...)
    printf_like(3, 4);

#endif
