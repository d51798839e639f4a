/* The seam: each call goes to the side that the transport is of. */
#include <limits.h>

#include "base/bug.h"
#include "base/clock.h"
#include "ssh/transport_ops.h"

void
transport_next_event(struct transport *t, struct transport_event *ret_event)
{
	t->ops->next_event(t, ret_event);
}

enum err
transport_auth_answer(struct transport *t, enum transport_auth_answer answer, uint32_t methods)
{
	BUG_ON(t->ops->auth_answer == NULL);
	return t->ops->auth_answer(t, answer, methods);
}

struct slice
transport_peek(struct transport *t)
{
	BUG_ON(t->ops->peek == NULL);
	return t->ops->peek(t);
}

void
transport_consume(struct transport *t, size_t len)
{
	BUG_ON(t->ops->consume == NULL);
	t->ops->consume(t, len);
}

enum err
transport_wait(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra)
{
	return t->ops->wait(t, extra_fd, timeout_us, ret_extra);
}

enum err
transport_read(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len)
{
	return t->ops->read(t, dst, len, ret_len);
}

enum err
transport_write(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len)
{
	return t->ops->write(t, bytes, len, ret_len);
}

bool
transport_flushed(const struct transport *t)
{
	return t->ops->flushed(t);
}

void
transport_facts(const struct transport *t, struct transport_facts *ret_facts)
{
	*ret_facts = t->facts;
}

void
transport_trim(struct transport *t)
{
	BUG_ON(t->ops->trim == NULL);
	t->ops->trim(t);
}

void
transport_close(struct transport *t, int64_t timeout_us)
{
	t->ops->close(t, timeout_us);
}

void
transport_free(struct transport *t)
{
	if (t != NULL)
		t->ops->free(t);
}

int
transport_wait_ms(int64_t until_us, int64_t deadline_us)
{
	int64_t end_us = until_us < deadline_us ? until_us : deadline_us;

	if (end_us == INT64_MAX)
		return -1;
	int64_t left_us = end_us - time_mono_us();
	if (left_us <= 0)
		return 0;
	int64_t ms = (left_us + US_PER_MS - 1) / US_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
