/* A configuration of any text: what is refused is told, what is accepted keeps its promises. */
#include "base/bug.h"
#include "config/config.h"
#include "rules/glob.h"
#include "rules/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_routes(const struct config *c)
{
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];
		size_t at;
		BUG_ON(r->name == NULL || r->from == NULL || r->from->identity == NULL);
		BUG_ON(r->from_path[0] != '/' || r->every_us <= 0 || r->n_to == 0);
		for (size_t j = 0; j < r->n_to; j++)
			BUG_ON(r->to[j] == NULL || r->to[j]->path[0] != '/');
		for (size_t j = 0; j < r->match.n_include; j++)
			BUG_ON(glob_check(r->match.include[j], NULL) != ERR_OK);
		for (size_t j = 0; j < r->n_steps; j++)
			BUG_ON(template_check(r->steps[j].argument, &at, NULL) != ERR_OK);
		BUG_ON(config_find_route(c, slice_str(r->name)) != r);
	}
}

static void
check_accounts(const struct config *c)
{
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];
		BUG_ON(a->name == NULL || a->n_mounts == 0);
		for (size_t j = 0; j < a->n_authorized_keys; j++)
			BUG_ON(a->authorized_keys[j][0] != '/');
		for (size_t j = 0; j < a->n_mounts; j++)
			BUG_ON(a->mounts[j].at[0] != '/' || a->mounts[j].folder == NULL ||
			       a->mounts[j].allow == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *c = NULL;
	struct buf errors;

	buf_init(&errors, 64 * 1024);
	enum err e = config_parse("/etc/dray.yaml", slice_of(data, len), &c, &errors);
	BUG_ON((e == ERR_OK) != (c != NULL));
	BUG_ON(e != ERR_OK && buf_len(&errors) == 0);
	/* Nothing of the text reaches a terminal unescaped. */
	for (size_t i = 0; i < buf_len(&errors); i++) {
		uint8_t byte = buf_slice(&errors).ptr[i];
		BUG_ON((byte < 0x20 && byte != '\n') || byte == 0x7f);
	}
	if (c != NULL) {
		BUG_ON(c->home == NULL || c->control_socket == NULL);
		check_routes(c);
		check_accounts(c);
	}
	config_unref(c);
	buf_fini(&errors);
	return 0;
}
