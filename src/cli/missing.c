#include "cli/missing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "ledger/state.h"

enum { SHOWN_MAX = 160 };

/* The name of the route that was probably meant, or NULL. */
static const char *
nearest_route(const struct config *config, const char *name)
{
	const char **names = calloc(config->n_routes + 1, sizeof *names);

	if (names == NULL)
		cli_no_memory();
	for (size_t i = 0; i < config->n_routes; i++)
		names[i] = config->routes[i].name;
	const char *nearest = text_nearest(slice_str(name), names);
	free(names);
	return nearest;
}

void
missing_route(const struct config *config, const char *name, struct story *ret_story)
{
	char shown[SHOWN_MAX];

	text_escape(slice_str(name), shown, sizeof shown);
	if (config == NULL) {
		story_set(ret_story, "there is no route \"%s\"", shown);
		return;
	}
	if (config_find_route(config, slice_str(name)) != NULL) {
		story_set(ret_story, "drayd doesn't know the route \"%s\" yet: reload it", shown);
		return;
	}
	const char *nearest = nearest_route(config, name);
	if (nearest == NULL)
		story_set(ret_story, "there is no route \"%s\"", shown);
	else
		story_set(
		    ret_story, "there is no route \"%s\" (did you mean \"%s\"?)", shown, nearest);
}

void
missing_state(const char *name, struct story *ret_story)
{
	const char *nearest = text_nearest(slice_str(name), TRANSFER_STATE_NAMES);
	char shown[SHOWN_MAX], meant[SHOWN_MAX] = "", list[SHOWN_MAX] = "";
	size_t len = 0;

	if (nearest != NULL)
		(void)snprintf(meant, sizeof meant, " (did you mean \"%s\"?)", nearest);
	for (size_t i = 0; i < TRANSFER_N_STATES && len < sizeof list; i++)
		len += (size_t)snprintf(
		    list + len, sizeof list - len, i == 0 ? "%s" : ", %s", TRANSFER_STATE_NAMES[i]);
	story_set(ret_story, "there is no state \"%s\"%s; the states are %s",
	    text_escape(slice_str(name), shown, sizeof shown), meant, list);
}

void
missing_transfer(const char *what, struct story *ret_story)
{
	char shown[SHOWN_MAX];

	story_set(ret_story,
	    "no transfer has the number, path or name \"%s\": no route takes it, it is too young, "
	    "or it was never there",
	    text_escape(slice_str(what), shown, sizeof shown));
}
