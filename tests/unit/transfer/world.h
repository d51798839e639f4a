/*
 * A gateway without processes: a configuration, a ledger and directories below a temporary one, and
 * ports that only remember what they were asked for.
 */
#ifndef TESTS_TRANSFER_WORLD_H
#define TESTS_TRANSFER_WORLD_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transfer/gateway.h"
#include "transfer/outputs.h"
#include "transfer/pipeline.h"

#define WORLD_NOW INT64_C(1767225600000000)

struct world {
	char dir[64];
	struct gateway gateway;
	uint64_t worked[64], removed[64];
	size_t n_worked, n_removed;
};

static void
world_port_work(void *ctx, const struct transfer *t)
{
	struct world *w = ctx;

	assert_true(w->n_worked < 64);
	w->worked[w->n_worked++] = t->id;
}

static void
world_port_remove(void *ctx, const struct transfer *t)
{
	struct world *w = ctx;

	assert_true(w->n_removed < 64);
	/* Whatever asks for a deletion must be durable: nothing may be pending in the ledger. */
	assert_false(ledger_dirty(w->gateway.ledger));
	w->removed[w->n_removed++] = t->id;
}

static const struct gateway_ports WORLD_PORTS = {
    .work = world_port_work, .remove_source = world_port_remove};

static const char WORLD_CONFIG[] =
    "home: home\n"
    "identities: { us: { private_key: keys/us } }\n"
    "remotes: { acme: { address: 'acme.example:22', user: u, identity: us, known_hosts: kh } }\n"
    "folders:\n"
    "  one: { path: folders/one }\n"
    "  two: { path: folders/two }\n"
    "routes:\n"
    "  r:\n"
    "    from: { remote: acme, path: /out, every: 1s }\n"
    "    match: { name: '*.csv', min_age: 10s, max_size: 1MiB }\n"
    "    to: [{ folder: one }, { folder: two }]\n"
    "    after: delete\n"
    "    retry_limit: 3\n"
    "  left:\n"
    "    from: { remote: acme, path: /left, every: 1s }\n"
    "    match: { name: '*' }\n"
    "    to: [{ folder: one }]\n"
    "    after: leave\n"
    "limits: { retry_after: 1s }\n";

static inline char *
world_path(const struct world *w, const char *name, char dst[256])
{
	(void)snprintf(dst, 256, "%s/%s", w->dir, name);
	return dst;
}

static inline void
world_use_config(struct world *w, const char *text)
{
	char path[256];
	struct config *config = NULL;
	struct story story = {.text = ""};
	struct buf errors;

	FILE *f = fopen(world_path(w, "dray.yaml", path), "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	buf_init(&errors, 64 * 1024);
	enum err e = config_load(path, &config, &errors);
	if (e != ERR_OK)
		print_message("%.*s\n", SLICE_ARG(buf_slice(&errors)));
	assert_int_equal(e, ERR_OK);
	e = gateway_use_config(&w->gateway, config, &story);
	if (e != ERR_OK)
		print_message("%s\n", story.text);
	assert_int_equal(e, ERR_OK);
	config_unref(config);
	buf_fini(&errors);
}

static inline void
world_open_ledger(struct world *w)
{
	char path[256];
	struct story story = {.text = ""};

	assert_int_equal(
	    ledger_open(world_path(w, "home/ledger.db", path), &w->gateway.ledger, &story), ERR_OK);
}

/* As a courier's start does it. */
static inline void
world_make_incoming(struct world *w)
{
	int fd;

	assert_int_equal(stores_open_incoming(&w->gateway.stores, "acme", &fd), ERR_OK);
	close(fd);
}

static inline int
world_setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/dray-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	turn_init(&w->gateway.turn);
	w->gateway.ports = &WORLD_PORTS;
	w->gateway.ports_ctx = w;
	world_use_config(w, WORLD_CONFIG);
	world_open_ledger(w);
	world_make_incoming(w);
	*state = w;
	return 0;
}

static inline int
world_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
world_teardown(void **state)
{
	struct world *w = *state;

	gateway_fini(&w->gateway);
	(void)nftw(w->dir, world_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* What a crash leaves: the ledger as it was last committed, the files as they are. */
static inline void
world_crash(struct world *w)
{
	ledger_rollback(w->gateway.ledger);
	turn_fini(&w->gateway.turn);
	ledger_close(w->gateway.ledger);
	w->n_worked = w->n_removed = 0;
	world_open_ledger(w);
}

static inline void
world_end_turn(struct world *w)
{
	assert_int_equal(turn_end(&w->gateway.turn, w->gateway.ledger), ERR_OK);
}

static inline void
world_write(const struct world *w, const char *name, const char *content)
{
	char path[256];
	FILE *f = fopen(world_path(w, name, path), "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The file's content, "(none)" without one; static storage. */
static inline const char *
world_read(const struct world *w, const char *name)
{
	static char content[256];
	char path[256];
	FILE *f = fopen(world_path(w, name, path), "r");

	if (f == NULL)
		return "(none)";
	size_t len = fread(content, 1, sizeof content - 1, f);
	content[len] = '\0';
	fclose(f);
	return content;
}

static inline size_t
world_count(const struct world *w, const char *name)
{
	char path[256];
	DIR *dir = opendir(world_path(w, name, path));
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] == '.' ? 0 : 1;
	closedir(dir);
	return n;
}

static inline enum transfer_state
world_state(const struct world *w, uint64_t id)
{
	struct transfer t;

	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	return t.state;
}

/* A transfer of the route in state ready, committed. */
static inline uint64_t
world_ready(struct world *w, const char *route, const char *path, uint64_t size)
{
	struct transfer t = {.size = size, .mtime = 1000};
	uint64_t id;

	(void)snprintf(t.route, sizeof t.route, "%s", route);
	(void)snprintf(t.source, sizeof t.source, "acme");
	(void)snprintf(t.path, sizeof t.path, "%s", path);
	assert_int_equal(ledger_see(w->gateway.ledger, &t, WORLD_NOW, &id), ERR_OK);
	assert_int_equal(
	    ledger_move(w->gateway.ledger, id, TRANSFER_MATCHED, NULL, "", WORLD_NOW), ERR_OK);
	world_end_turn(w);
	return id;
}

/* As a courier has it: fetching, its bytes in incoming. */
static inline uint64_t
world_fetching(struct world *w, const char *route, const char *path, const char *content)
{
	char name[STAGING_NAME_MAX], file[128];
	uint64_t id = world_ready(w, route, path, strlen(content));

	staging_name(id, name);
	(void)snprintf(file, sizeof file, "home/staging/incoming/acme/%s", name);
	world_write(w, file, content);
	assert_int_equal(pipeline_fetch_began(&w->gateway, id, WORLD_NOW), ERR_OK);
	world_end_turn(w);
	return id;
}

/* The courier's answer. */
static inline enum err
world_fetched(struct world *w, const char *route, uint64_t id, enum ipc_file_outcome outcome)
{
	static const uint8_t SHA256[32] = {1, 2, 3};
	struct pipeline_report report = {
	    .route = route, .transfer = id, .outcome = outcome, .story = slice_str("so it is")};
	struct transfer t;

	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	return pipeline_fetch_ended(
	    &w->gateway, &report, t.size, slice_of(SHA256, sizeof SHA256), WORLD_NOW);
}

static inline uint64_t
world_staged(struct world *w, const char *route, const char *path, const char *content)
{
	uint64_t id = world_fetching(w, route, path, content);

	assert_int_equal(world_fetched(w, route, id, IPC_OUTCOME_DONE), ERR_OK);
	world_end_turn(w);
	return id;
}

/* What a worker does for an output that isn't a link. */
static inline void
world_fill(const struct world *w, uint64_t id, int fd)
{
	char name[64];

	(void)snprintf(name, sizeof name, "home/staging/incoming/acme/t%d", (int)id);
	const char *content = world_read(w, name);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* Core's and the worker's part: outputs for every destination, and the answer.
 * The turn stays open. */
static inline void
world_work(struct world *w, const char *route_name, uint64_t id, const char *file_name)
{
	const struct config_route *route =
	    config_find_route(w->gateway.config, slice_str(route_name));
	struct transfer_output *outputs = calloc(route->n_to, sizeof *outputs);
	struct story story = {.text = ""};
	struct transfer t;
	int fd;

	assert_non_null(outputs);
	assert_int_equal(ledger_get(w->gateway.ledger, id, &t), ERR_OK);
	for (size_t i = 0; i < route->n_to; i++) {
		const struct store *store = stores_find(&w->gateway.stores, route->to[i]->name);
		assert_int_equal(
		    outputs_prepare(&w->gateway, &t, (uint32_t)i, store, &outputs[i], &fd, &story),
		    ERR_OK);
		assert_int_equal(fd < 0, i == 0);
		if (fd >= 0)
			world_fill(w, id, fd);
	}
	assert_int_equal(
	    pipeline_worked(&w->gateway, id, outputs, route->n_to, file_name, WORLD_NOW), ERR_OK);
	free(outputs);
}

#endif
