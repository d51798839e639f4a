/*
 * dray host: which host keys prove that a remote is the one it says it is. There is no trust on
 * first use: a key is pinned by its fingerprint, which the operator has from the partner.
 */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/hostscan.h"
#include "cli/json.h"
#include "cli/out.h"
#include "ssh/knownhosts.h"

#include <signal.h>

enum { LINE_MAX_BYTES = 32 * 1024, FINGERPRINT_LEN = 50 };

/* The configuration, the remote that the first argument names, and its known_hosts. */
struct host {
	struct config *config;
	struct hostscan scan;
};

static void
host_fini(struct host *h)
{
	hostscan_fini(&h->scan);
	config_unrefp(&h->config);
}

static enum cli_exit
host_open(struct cli *cli, struct host *h)
{
	struct story story;

	enum cli_exit code = cli_load_config(cli, &h->config);
	if (code != CLI_OK)
		return code;
	const struct config_remote *remote =
	    config_find_remote(h->config, slice_str(cli->arguments[0]));
	if (remote == NULL)
		return cli_no_such(cli, "remote", cli->arguments[0]);
	if (hostscan_init(&h->scan, remote, &story) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", story.text);
	return CLI_OK;
}

/* As host_open, and the keys that the server shows. */
static enum cli_exit
host_scan(struct cli *cli, struct host *h)
{
	struct story story = {.text = ""};

	enum cli_exit code = host_open(cli, h);
	if (code != CLI_OK)
		return code;
	/* A server that hangs up is an error to be told, not the end of this process. */
	(void)signal(SIGPIPE, SIG_IGN);
	enum err e = transport_library_load();
	if (e == ERR_OK)
		e = hostscan_connect(&h->scan, &story);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "remote %s: %s", h->scan.remote->name,
		    story.text[0] != '\0' ? story.text : err_text(e));
	return CLI_OK;
}

static void
print_keys(const struct hostscan *s, FILE *to)
{
	static const struct table_column COLUMNS[] = {
	    {"TYPE", false}, {"FINGERPRINT", false}, {"VERDICT", false}};
	struct table t _cleanup_(table_fini);
	char verdict[64];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	for (size_t i = 0; i < s->n_keys; i++) {
		const struct hostscan_key *key = &s->keys[i];
		const char *name = hostscan_verdict_name(key->verdict);
		if (key->line > 0)
			(void)snprintf(verdict, sizeof verdict, "%s (line %zu)", name, key->line);
		else
			(void)snprintf(verdict, sizeof verdict, "%s", name);
		table_add_text(&t, slice_str(key->type));
		table_add_text(&t, slice_str(key->fingerprint));
		table_add(&t, verdict);
	}
	table_print(&t, to);
}

static json_t *
keys_json(const struct hostscan *s)
{
	json_t *array = json_new_array();

	for (size_t i = 0; i < s->n_keys; i++) {
		const struct hostscan_key *key = &s->keys[i];
		json_t *o = json_new_object();
		json_put(o, "type", json_new_text(slice_str(key->type)));
		json_put(o, "fingerprint", json_new_text(slice_str(key->fingerprint)));
		json_put(
		    o, "verdict", json_new_text(slice_str(hostscan_verdict_name(key->verdict))));
		json_put(o, "line", key->line > 0 ? json_new_u64(key->line) : json_null());
		json_push(array, o);
	}
	return array;
}

static json_t *
remote_json(const struct hostscan *s)
{
	json_t *doc = json_new_object();

	json_put(doc, "remote", json_new_text(slice_str(s->remote->name)));
	json_put(doc, "host", json_new_text(slice_str(s->remote->host)));
	json_put(doc, "port", json_new_u64(s->remote->port));
	json_put(doc, "known_hosts", json_new_text(slice_str(s->remote->known_hosts)));
	return doc;
}

/* What to do next: an alarm first, else the commands that pin what isn't pinned. */
static void
print_advice(struct cli *cli, const struct hostscan *s)
{
	bool any = false;

	if (hostscan_is_alarming(s))
		fprintf(cli->out,
		    "\nThis is not the server that %s knows. Either its operator has changed its\n"
		    "keys, or somebody stands in between. Ask its operator, by another way than\n"
		    "this line. drayd does not connect meanwhile.\n",
		    s->remote->known_hosts);
	for (size_t i = 0; i < s->n_keys; i++) {
		if (s->keys[i].verdict == HOSTSCAN_PINNED || s->keys[i].verdict == HOSTSCAN_REVOKED)
			continue;
		if (!any)
			fputs("\nTo pin a key, once its operator has confirmed the fingerprint:\n",
			    cli->out);
		any = true;
		fprintf(cli->out, "  dray host trust %s ", s->remote->name);
		out_text(cli->out, slice_str(s->keys[i].fingerprint));
		fputc('\n', cli->out);
	}
}

enum cli_exit
cmd_host_scan(struct cli *cli)
{
	struct host h _cleanup_(host_fini) = {.config = NULL};

	enum cli_exit code = host_scan(cli, &h);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		json_t *doc = remote_json(&h.scan);
		json_put(doc, "keys", keys_json(&h.scan));
		json_print_document(doc, cli->out);
	} else {
		fprintf(cli->out, "%s, %s port %u, shows:\n\n", h.scan.remote->name,
		    h.scan.remote->host, (unsigned)h.scan.remote->port);
		print_keys(&h.scan, cli->out);
		print_advice(cli, &h.scan);
	}
	return hostscan_is_alarming(&h.scan) ? CLI_HOST_KEY : CLI_OK;
}

/* "SHA256:" and 43 characters of base64: anything else can't be meant. */
static bool
is_fingerprint(const char *text)
{
	struct slice s = slice_str(text);

	if (s.len != FINGERPRINT_LEN || !slice_starts_with(s, slice_str("SHA256:")))
		return false;
	for (size_t i = 7; i < s.len; i++) {
		char c = text[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			c == '+' || c == '/'))
			return false;
	}
	return true;
}

static enum cli_exit
pin(struct cli *cli, const struct host *h, const struct hostscan_key *key)
{
	const struct config_remote *r = h->scan.remote;
	struct buf line _cleanup_(buf_fini);
	struct story story = {.text = "out of memory"};

	buf_init(&line, LINE_MAX_BYTES);
	enum err e =
	    knownhosts_line(r->host, r->port, slice_str(key->type), buf_slice(&key->blob), &line);
	if (e == ERR_OK)
		e = files_act_as_owner(h->config->home, &story);
	if (e == ERR_OK)
		e = files_append_line(r->known_hosts, buf_slice(&line), &story);
	return e == ERR_OK ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s", story.text);
}

/* What uses the new pin, and how to make it do so at once. */
static void
print_routes(struct cli *cli, const struct host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->config->n_routes; i++) {
		const struct config_route *r = &h->config->routes[i];
		if (r->from != h->scan.remote || r->disabled)
			continue;
		if (n++ == 0)
			fputs("drayd sees that at the next run of a route from there. To run it "
			      "now:\n",
			    cli->out);
		fprintf(cli->out, "  dray run %s\n", r->name);
	}
	if (n == 0)
		fputs("No route fetches from there yet.\n", cli->out);
}

static void
print_trusted(struct cli *cli, const struct host *h, const struct hostscan_key *key)
{
	const struct hostscan *s = &h->scan;
	bool added = key->verdict != HOSTSCAN_PINNED;

	if (cli->json) {
		json_t *doc = remote_json(s);
		json_put(doc, "type", json_new_text(slice_str(key->type)));
		json_put(doc, "fingerprint", json_new_text(slice_str(key->fingerprint)));
		json_put(doc, "added", json_boolean(added));
		json_print_document(doc, cli->out);
		return;
	}
	if (!added) {
		fprintf(cli->out, "This key is pinned already: %s line %zu.\n",
		    s->remote->known_hosts, key->line);
		return;
	}
	fprintf(cli->out, "Pinned the %s key of %s in %s.\n", key->type, s->remote->name,
	    s->remote->known_hosts);
	print_routes(cli, h);
	if (key->verdict == HOSTSCAN_CHANGED)
		fprintf(cli->out,
		    "Another key is pinned there too, in line %zu, and still trusted: remove that "
		    "line\nwhen the old key is out of use.\n",
		    key->line);
}

enum cli_exit
cmd_host_trust(struct cli *cli)
{
	struct host h _cleanup_(host_fini) = {.config = NULL};

	if (!is_fingerprint(cli->arguments[1]))
		return cli_fail(cli, CLI_USAGE,
		    "that is no fingerprint: SHA256: and 43 characters are needed, as dray host "
		    "scan shows them");
	enum cli_exit code = host_scan(cli, &h);
	if (code != CLI_OK)
		return code;
	const struct hostscan_key *key = hostscan_find(&h.scan, cli->arguments[1]);
	if (key == NULL) {
		cli_fail(cli, CLI_HOST_KEY,
		    "%s does not show a key with that fingerprint; nothing was trusted. It shows:",
		    h.scan.remote->name);
		print_keys(&h.scan, cli->err);
		return CLI_HOST_KEY;
	}
	if (key->verdict == HOSTSCAN_REVOKED)
		return cli_fail(cli, CLI_HOST_KEY,
		    "that key is revoked in %s line %zu; nothing was trusted",
		    h.scan.remote->known_hosts, key->line);
	if (key->verdict != HOSTSCAN_PINNED)
		code = pin(cli, &h, key);
	if (code == CLI_OK)
		print_trusted(cli, &h, key);
	return code;
}

/* Where pins are listed: in a table, or in an array. */
struct pin_list {
	struct table table;
	json_t *array;
};

static void
list_pin(void *ctx, const struct hostscan_pin *pin)
{
	struct pin_list *l = ctx;

	if (l->array != NULL) {
		json_t *o = json_new_object();
		json_put(o, "type", json_new_text(pin->type));
		json_put(o, "fingerprint", json_new_text(slice_str(pin->fingerprint)));
		json_put(o, "revoked", json_boolean(pin->revoked));
		json_put(o, "line", json_new_u64(pin->line));
		json_push(l->array, o);
		return;
	}
	table_add_text(&l->table, pin->type);
	table_add_text(&l->table, slice_str(pin->fingerprint));
	table_add(&l->table, pin->revoked ? "REVOKED" : "pinned");
	table_add_u64(&l->table, pin->line);
}

static void
print_pins(struct cli *cli, const struct hostscan *s, const struct table *t)
{
	const struct config_remote *r = s->remote;

	if (table_rows(t) > 0) {
		fprintf(cli->out, "%s, %s port %u, in %s:\n\n", r->name, r->host, (unsigned)r->port,
		    r->known_hosts);
		table_print(t, cli->out);
		return;
	}
	fprintf(cli->out,
	    "No host key is pinned for %s: drayd does not connect to it. To see its keys:\n"
	    "  dray host scan %s\n",
	    r->name, r->name);
}

enum cli_exit
cmd_host_list(struct cli *cli)
{
	static const struct table_column COLUMNS[] = {
	    {"TYPE", false}, {"FINGERPRINT", false}, {"VERDICT", false}, {"LINE", true}};
	struct host h _cleanup_(host_fini) = {.config = NULL};
	struct pin_list l = {.array = NULL};

	enum cli_exit code = host_open(cli, &h);
	if (code != CLI_OK)
		return code;
	table_init(&l.table, COLUMNS, ARRAY_LEN(COLUMNS));
	l.array = cli->json ? json_new_array() : NULL;
	hostscan_each_pin(&h.scan, list_pin, &l);
	if (cli->json) {
		json_t *doc = remote_json(&h.scan);
		json_put(doc, "keys", l.array);
		json_print_document(doc, cli->out);
	} else {
		print_pins(cli, &h.scan, &l.table);
	}
	table_fini(&l.table);
	return CLI_OK;
}
