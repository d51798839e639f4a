#include "roles/listener_children.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"

#define GOODBYE_TIME (10 * US_PER_SEC)

/* No more children than max_sessions: no choice of addresses can make a chain longer than that. */
static size_t
block_bucket(const struct netaddr *block)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof block->bytes; i++)
		hash = (hash ^ block->bytes[i]) * 16777619u;
	return (hash ^ hash >> 16) % CHILDREN_BUCKETS;
}

void
children_init(struct children *c)
{
	*c = (struct children){.n = 0};
	TAILQ_INIT(&c->over);
}

void
children_add(struct children *c, struct child *child)
{
	LIST_INSERT_HEAD(&c->by_pid[(size_t)child->pid % CHILDREN_BUCKETS], child, of_pid);
	LIST_INSERT_HEAD(&c->by_session[child->session % CHILDREN_BUCKETS], child, of_session);
	if (child->block.len > 0)
		LIST_INSERT_HEAD(&c->by_block[block_bucket(&child->block)], child, of_block);
	child->logged_in = false;
	child->over_us = 0;
	c->n++;
	c->n_unauthenticated++;
}

void
children_remove(struct children *c, struct child *child)
{
	LIST_REMOVE(child, of_pid);
	LIST_REMOVE(child, of_session);
	if (child->block.len > 0)
		LIST_REMOVE(child, of_block);
	if (child->over_us != 0)
		TAILQ_REMOVE(&c->over, child, overdue);
	c->n--;
	c->n_unauthenticated -= child->logged_in ? 0 : 1;
	free(child);
}

struct child *
children_find_pid(const struct children *c, pid_t pid)
{
	struct child *child;

	LIST_FOREACH (child, &c->by_pid[(size_t)pid % CHILDREN_BUCKETS], of_pid) {
		if (child->pid == pid)
			return child;
	}
	return NULL;
}

struct child *
children_find_session(const struct children *c, uint64_t session)
{
	struct child *child;

	LIST_FOREACH (child, &c->by_session[session % CHILDREN_BUCKETS], of_session) {
		if (child->session == session)
			return child;
	}
	return NULL;
}

uint32_t
children_of_block(const struct children *c, const struct netaddr *block)
{
	const struct child *child;
	uint32_t n = 0;

	LIST_FOREACH (child, &c->by_block[block_bucket(block)], of_block)
		n += netaddr_compare(&child->block, block) == 0 ? 1 : 0;
	return n;
}

void
children_logged_in(struct children *c, struct child *child)
{
	c->n_unauthenticated -= child->logged_in ? 0 : 1;
	child->logged_in = true;
}

void
children_over(struct children *c, struct child *child, int64_t now_us)
{
	if (child->over_us != 0)
		return;
	child->over_us = now_us;
	TAILQ_INSERT_TAIL(&c->over, child, overdue);
}

int64_t
children_end_overdue(struct children *c, int64_t now_us)
{
	struct child *child;

	while ((child = TAILQ_FIRST(&c->over)) != NULL) {
		if (child->over_us + GOODBYE_TIME > now_us)
			return child->over_us + GOODBYE_TIME;
		/* It is not buried yet, so the number is still its own. */
		(void)kill(child->pid, SIGKILL);
		TAILQ_REMOVE(&c->over, child, overdue);
		child->over_us = 0;
	}
	return INT64_MAX;
}
