/* Reading a configuration from text, for the tests of this folder. */
#ifndef TESTS_CONFIG_PARSE_H
#define TESTS_CONFIG_PARSE_H

#include "config/config.h"

enum { ERRORS_MAX = 64 * 1024 };

/* The configuration, or NULL and the errors, terminated, in ret_errors (buf_fini by the caller). */
static inline struct config *
parse_text(struct slice text, struct buf *ret_errors)
{
	struct config *c = NULL;

	buf_init(ret_errors, ERRORS_MAX);
	enum err e = config_parse("/etc/dray/dray.yaml", text, &c, ret_errors);
	if ((e == ERR_OK) != (c != NULL) || buf_put_u8(ret_errors, 0) != ERR_OK)
		abort();
	return c;
}

static inline struct config *
parse(const char *text, struct buf *ret_errors)
{
	return parse_text(slice_str(text), ret_errors);
}

static inline const char *
errors_text(const struct buf *errors)
{
	return (const char *)buf_slice(errors).ptr;
}

#endif
