#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/consistency.h"
#include "config/load.h"
#include "ipc/messages.h"

/* Rules between values, each of which is good on its own. A value that wasn't is NULL or 0 here. */

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order != 0)
		return order;
	return (uintptr_t)x->slot < (uintptr_t)y->slot ? -1 : 1;
}

void
report_twice(struct loader *l, struct item *items, size_t n_items, const char *what)
{
	char where[PLACE_TEXT_MAX];
	size_t first = 0;

	if (n_items > 0)
		qsort(items, n_items, sizeof *items, compare_items);
	for (size_t i = 1; i < n_items; i++) {
		if (strcmp(items[first].text, items[i].text) != 0) {
			first = i;
			continue;
		}
		report_error(&l->report, snapshot_place(l->snap, items[i].slot),
		    "%s \"%s\" is there twice (first at %s)", what, SHOWN(slice_str(items[i].text)),
		    place_text(snapshot_place(l->snap, items[first].slot), where));
	}
}

static void
check_route(struct loader *l, const struct config_route *r)
{
	struct item *items = load_alloc(l, r->n_to + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < r->n_to && items != NULL; i++) {
		if (r->to[i] != NULL)
			items[n++] = (struct item){r->to[i]->name, &r->to[i]};
	}
	report_twice(l, items, n, "the folder");
	if (r->match.max_size > 0 && r->match.min_size > r->match.max_size)
		report_error(&l->report, snapshot_place(l->snap, &r->match.max_size),
		    "\"max_size\" is below \"min_size\": no file could match");
}

static void
check_listens(struct loader *l)
{
	const struct config *c = &l->snap->config;
	struct item *items = load_alloc(l, c->n_listens + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < c->n_listens && items != NULL; i++) {
		const struct config_listen *listen = &c->listens[i];
		if (listen->host == NULL)
			continue;
		char *text = arena_printf(
		    &l->snap->arena, "%s port %u", listen->host, (unsigned)listen->port);
		if (text == NULL)
			l->no_memory = true;
		else
			items[n++] = (struct item){text, &listen->host};
	}
	report_twice(l, items, n, "the address");
}

/* They travel to the listener in one message. */
static void
check_proxies(struct loader *l, const struct config_listen *listen)
{
	size_t len = 0;

	for (size_t i = 0; i < listen->n_proxies; i++)
		len += listen->proxies[i] == NULL ? 0 : strlen(listen->proxies[i]) + 1;
	if (len > IPC_PATTERNS_MAX)
		report_error(&l->report, snapshot_place(l->snap, &listen->proxies),
		    "the networks of \"proxy_protocol\" have more than %d bytes together",
		    IPC_PATTERNS_MAX);
}

static void
check_limits(struct loader *l, const struct config_limits *limits)
{
	struct place drop = snapshot_place(l->snap, &limits->drop_from);

	/* The default of `drop` gives way: without room for it nothing is dropped at random. */
	if (drop.line > 0 && limits->max_unauthenticated > 0 &&
	    limits->drop_from > limits->max_unauthenticated)
		report_error(&l->report, drop,
		    "\"from\" is above \"max_unauthenticated\" (%" PRIu32
		    "): none would be dropped",
		    limits->max_unauthenticated);
	if (limits->ban_max_us > 0 && limits->ban_time_us > limits->ban_max_us)
		report_error(&l->report,
		    snapshot_place(l->snap, snapshot_place(l->snap, &limits->ban_time_us).line > 0
						? &limits->ban_time_us
						: &limits->ban_max_us),
		    "the first ban (\"time\") is longer than the longest (\"max\")");
}

void
consistency_check(struct loader *l)
{
	const struct config *c = &l->snap->config;

	check_listens(l);
	for (size_t i = 0; i < c->n_listens; i++)
		check_proxies(l, &c->listens[i]);
	check_limits(l, &c->limits);
	for (size_t i = 0; i < c->n_accounts && !l->no_memory; i++)
		consistency_check_account(l, &c->accounts[i]);
	for (size_t i = 0; i < c->n_folders && !l->no_memory; i++)
		consistency_check_folder(l, &c->folders[i]);
	for (size_t i = 0; i < c->n_routes && !l->no_memory; i++)
		check_route(l, &c->routes[i]);
	areas_check(l);
}
