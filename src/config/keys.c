#include <stdio.h>

#include "config/schema.h"
#include "config/value.h"

/* The schema as a list of keys, for the manual's test and for completion. */

enum { KEY_PATH_MAX = 128 };

static void
tell_keys(const struct schema *schema, const char *prefix, config_key_fn *fn, void *ctx)
{
	static const char *const BEHIND[] = {
	    [KEY_MAP] = ".", [KEY_LIST] = "[].", [KEY_NAMED] = ".NAME."};
	char path[KEY_PATH_MAX];

	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct key *key = &schema->keys[i];
		if (key->type == KEY_UNSUPPORTED)
			continue;
		(void)snprintf(path, sizeof path, "%s%s", prefix, key->name);
		fn(ctx, &(struct config_key){
			    .path = path,
			    .type = value_word(key->type),
			    .fallback = key->fallback,
			    .required = key->required,
			});
		if (key->child == NULL)
			continue;
		(void)snprintf(path, sizeof path, "%s%s%s", prefix, key->name, BEHIND[key->type]);
		tell_keys(key->child, path, fn, ctx);
	}
}

void
config_each_key(config_key_fn *fn, void *ctx)
{
	tell_keys(&SCHEMA_TOP, "", fn, ctx);
}
