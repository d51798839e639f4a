/* dray key: our own key pairs, one per identity. The public half is what a partner gets. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/json.h"
#include "cli/out.h"
#include "ssh/userkey.h"

#include <unistd.h>

enum { PRIVATE_KEY_MAX = 64 * 1024, PUBLIC_LINE_MAX = 16 * 1024, FINGERPRINT_MAX = 64 };

/* The public half of a key, and what to call it. */
struct public_half {
	struct buf line; /* as in authorized_keys, with its end */
	char fingerprint[FINGERPRINT_MAX];
};

static void
public_fini(struct public_half *p)
{
	buf_fini(&p->line);
}

static void
public_init(struct public_half *p)
{
	*p = (struct public_half){.fingerprint = ""};
	buf_init(&p->line, PUBLIC_LINE_MAX);
}

/* The line, without its end. */
static struct slice
public_line(const struct public_half *p)
{
	struct slice line;

	(void)slice_cut(buf_slice(&p->line), '\n', &line);
	return line;
}

static enum err
read_public(const struct config_identity *identity, struct public_half *p, struct story *story)
{
	struct buf key _cleanup_(buf_wipe);

	buf_init(&key, PRIVATE_KEY_MAX);
	enum err e = files_read(identity->private_key, &key, story);
	if (e != ERR_OK)
		return e;
	struct story why = {.text = ""};
	e = userkey_public(buf_slice(&key), identity->name, &p->line, p->fingerprint, &why);
	if (e != ERR_OK)
		return story_fail(story, e, "%s is no usable private key: %s",
		    identity->private_key, why.text[0] != '\0' ? why.text : err_text(e));
	return ERR_OK;
}

/* The configuration and the identity that the first argument names. */
static enum cli_exit
find_identity(
    struct cli *cli, struct config **ret_config, const struct config_identity **ret_identity)
{
	enum cli_exit code = cli_load_config(cli, ret_config);

	if (code != CLI_OK)
		return code;
	*ret_identity = config_find_identity(*ret_config, slice_str(cli->arguments[0]));
	return *ret_identity != NULL ? CLI_OK : cli_no_such(cli, "identity", cli->arguments[0]);
}

static json_t *
identity_json(const struct config_identity *identity, const struct public_half *p)
{
	json_t *o = json_new_object();

	json_put(o, "identity", json_new_text(slice_str(identity->name)));
	json_put(o, "private_key", json_new_text(slice_str(identity->private_key)));
	json_put(o, "fingerprint", json_new_text(slice_str(p->fingerprint)));
	json_put(o, "public_key", json_new_text(public_line(p)));
	return o;
}

static void
print_new(struct cli *cli, const struct config_identity *identity, const struct public_half *p)
{
	if (cli->json) {
		json_print_document(identity_json(identity, p), cli->out);
		return;
	}
	fprintf(cli->out, "Made %s (stays here, secret) and %s.pub:\n\n", identity->private_key,
	    identity->private_key);
	out_text(cli->out, public_line(p));
	fprintf(cli->out,
	    "\n\nSend this line to the partner, who adds it to the authorized keys of our user\n"
	    "there. Its fingerprint, to be compared by another way than this, is\n%s\n",
	    p->fingerprint);
}

/* Makes the pair; the private half first: the public one can be had from it again. */
static enum err
make_pair(const struct config_identity *identity, struct public_half *p, struct story *story)
{
	struct buf key _cleanup_(buf_wipe);
	char *public_path _cleanup_(out_freep) = NULL;

	buf_init(&key, PRIVATE_KEY_MAX);
	if (asprintf(&public_path, "%s.pub", identity->private_key) < 0)
		cli_no_memory();
	if (access(public_path, F_OK) == 0)
		return story_fail(story, ERR_EXISTS, "%s is there already", public_path);
	enum err e = userkey_generate(identity->name, &key, &p->line);
	if (e != ERR_OK)
		return story_fail(story, e, "cannot make a key: %s", err_text(e));
	e = userkey_public(buf_slice(&key), identity->name, NULL, p->fingerprint, story);
	if (e == ERR_OK)
		e = files_create(identity->private_key, buf_slice(&key), 0600, story);
	if (e == ERR_OK)
		e = files_create(public_path, buf_slice(&p->line), 0644, story);
	return e;
}

enum cli_exit
cmd_key_new(struct cli *cli)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	const struct config_identity *identity;
	struct public_half public _cleanup_(public_fini);
	struct story story;

	public_init(&public);
	enum cli_exit code = find_identity(cli, &config, &identity);
	if (code != CLI_OK)
		return code;
	enum err e = files_act_as_owner(config->home, &story);
	if (e == ERR_OK && access(identity->private_key, F_OK) == 0)
		return cli_fail(cli, CLI_FAILED,
		    "%s is there already, and a key is never overwritten (for a new key make a new "
		    "identity, so that both work while the partner changes over)",
		    identity->private_key);
	if (e == ERR_OK)
		e = make_pair(identity, &public, &story);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", story.text);
	print_new(cli, identity, &public);
	return CLI_OK;
}

enum cli_exit
cmd_key_show(struct cli *cli)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	const struct config_identity *identity;
	struct public_half public _cleanup_(public_fini);
	struct story story;

	public_init(&public);
	enum cli_exit code = find_identity(cli, &config, &identity);
	if (code != CLI_OK)
		return code;
	enum err e = read_public(identity, &public, &story);
	if (e == ERR_NOENT)
		return cli_fail(cli, CLI_NOT_FOUND, "%s (make it with: dray key new %s)",
		    story.text, identity->name);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", story.text);
	if (cli->json) {
		json_print_document(identity_json(identity, &public), cli->out);
		return CLI_OK;
	}
	/* The second line is a comment in authorized_keys,
	 * so that the whole may be pasted there. */
	out_text(cli->out, public_line(&public));
	fprintf(cli->out, "\n# fingerprint %s\n", public.fingerprint);
	return CLI_OK;
}

/* The remotes that log in with this identity, "acme, bolt". Caller frees. */
static char *
users_of(const struct config *c, const struct config_identity *identity)
{
	char *list = strdup("");

	for (size_t i = 0; i < c->n_remotes && list != NULL; i++) {
		char *longer = NULL;
		if (c->remotes[i].identity != identity)
			continue;
		if (asprintf(&longer, "%s%s%s", list, list[0] == '\0' ? "" : ", ",
			c->remotes[i].name) < 0)
			longer = NULL;
		free(list);
		list = longer;
	}
	if (list == NULL)
		cli_no_memory();
	return list;
}

static json_t *
listed_json(const struct config *c, const struct config_identity *identity,
    const struct public_half *p, const char *trouble)
{
	json_t *o = identity_json(identity, p), *remotes = json_new_array();

	for (size_t i = 0; i < c->n_remotes; i++) {
		if (c->remotes[i].identity == identity)
			json_push(remotes, json_new_text(slice_str(c->remotes[i].name)));
	}
	json_put(o, "remotes", remotes);
	json_put(o, "trouble", json_new_text(slice_str(trouble)));
	return o;
}

/* One identity, into the table or the array. */
static void
list_identity(
    const struct config *c, const struct config_identity *identity, struct table *t, json_t *array)
{
	struct public_half public _cleanup_(public_fini);
	char *users _cleanup_(out_freep) = users_of(c, identity);
	struct story story = {.text = ""};

	public_init(&public);
	enum err e = read_public(identity, &public, &story);
	if (array != NULL) {
		json_push(array, listed_json(c, identity, &public, e == ERR_OK ? "" : story.text));
		return;
	}
	table_add_text(t, slice_str(identity->name));
	table_add_text(t, slice_str(e == ERR_OK ? public.fingerprint : "-"));
	table_add_text(t, slice_str(users[0] == '\0' ? "-" : users));
	table_add_text(t, slice_str(e == ERR_OK ? identity->private_key : story.text));
}

enum cli_exit
cmd_key_list(struct cli *cli)
{
	static const struct table_column COLUMNS[] = {
	    {"IDENTITY", false}, {"FINGERPRINT", false}, {"REMOTES", false}, {"KEY", false}};
	struct config *config _cleanup_(config_unrefp) = NULL;
	struct table t _cleanup_(table_fini);

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	enum cli_exit code = cli_load_config(cli, &config);
	if (code != CLI_OK)
		return code;
	json_t *array = cli->json ? json_new_array() : NULL;
	for (size_t i = 0; i < config->n_identities; i++)
		list_identity(config, &config->identities[i], &t, array);
	if (cli->json) {
		json_t *doc = json_new_object();
		json_put(doc, "identities", array);
		json_print_document(doc, cli->out);
	} else if (table_rows(&t) > 0) {
		table_print(&t, cli->out);
	} else {
		fputs("No identities.\n", cli->out);
	}
	return CLI_OK;
}
