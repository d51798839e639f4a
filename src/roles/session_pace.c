#include <stdio.h>

#include "roles/session_internal.h"

enum err
session_pace_begin(struct session *s, const struct session_start *start unused_arg)
{
	s->pace = (struct session_pace){0};
	return ERR_OK;
}

int64_t
session_pace_wait_us(struct session *s unused_arg)
{
	return -1;
}

size_t
session_pace_may_read(struct session *s unused_arg)
{
	return SIZE_MAX;
}

size_t
session_pace_may_write(struct session *s unused_arg)
{
	return SIZE_MAX;
}

void
session_pace_moved(struct session *s unused_arg, size_t in unused_arg, size_t out unused_arg)
{
}

enum err
session_on_account(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;

	s->pace.rate_in = m->auth_account.rate_in;
	s->pace.rate_out = m->auth_account.rate_out;
	return ERR_OK;
}

enum err
session_on_rate(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;

	s->pace.rate_in = m->session_rate.rate_in;
	s->pace.rate_out = m->session_rate.rate_out;
	return ERR_OK;
}

enum err
session_on_stop(void *ctx, struct ipc_message *m)
{
	char why[STORY_MAX];

	(void)snprintf(
	    why, sizeof why, "ended by the gateway: %.*s", SLICE_ARG(m->session_stop.story));
	session_end(ctx, ERR_CLOSED, why);
	return ERR_OK;
}
