#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "config/parse.h"
#include "sweep.h"
#include "vfs/mount.h"

/* Good configurations, and what their values become. */

static struct config *
load_good(const char *path)
{
	struct config *c = NULL;
	struct buf errors;

	buf_init(&errors, ERRORS_MAX);
	enum err e = config_load(path, &c, &errors);
	if (e != ERR_OK)
		print_message("%.*s", SLICE_ARG(buf_slice(&errors)));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(buf_len(&errors), 0);
	buf_fini(&errors);
	return c;
}

static struct config *
parse_good(const char *text)
{
	struct buf errors;
	struct config *c = parse(text, &errors);

	if (c == NULL)
		print_message("%s", errors_text(&errors));
	assert_non_null(c);
	buf_fini(&errors);
	return c;
}

static void
check_example_server(const struct config *c)
{
	assert_string_equal(c->home, "/var/lib/dray");
	assert_string_equal(c->control_socket, "/var/lib/dray/control.sock");
	assert_int_equal(c->n_listens, 1);
	assert_string_equal(c->listens[0].host, "0.0.0.0");
	assert_int_equal(c->listens[0].port, 2222);
	assert_int_equal(c->listens[0].n_host_keys, 1);
	assert_string_equal(c->listens[0].host_keys[0], "/var/lib/dray/keys/host_ed25519");
	assert_int_equal(c->n_folders, 1);
	assert_string_equal(c->folders[0].name, "invoices");
	assert_string_equal(c->folders[0].path, "/var/lib/dray/folders/invoices");
	assert_string_equal(c->folders[0].staging, "/var/lib/dray/staging/invoices");
	const struct config_account *erp = config_find_account(c, slice_str("erp"));
	assert_non_null(erp);
	assert_false(erp->disabled);
	assert_int_equal(erp->n_authorized_keys, 1);
	assert_string_equal(erp->authorized_keys[0], "/var/lib/dray/accounts/erp.pub");
	assert_int_equal(erp->n_mounts, 1);
	assert_string_equal(erp->mounts[0].at, "/inbox");
	assert_ptr_equal(erp->mounts[0].folder, &c->folders[0]);
	assert_int_equal(erp->mounts[0].allow, VFS_LIST | VFS_DOWNLOAD | VFS_DELETE);
}

static void
check_example_route(const struct config *c)
{
	const struct config_remote *acme = config_find_remote(c, slice_str("acme"));
	const struct config_route *r = config_find_route(c, slice_str("acme-invoices"));

	assert_non_null(acme);
	assert_string_equal(acme->host, "sftp.acme.example");
	assert_int_equal(acme->port, 22);
	assert_string_equal(acme->user, "active-transfer");
	assert_ptr_equal(acme->identity, config_find_identity(c, slice_str("at-2026")));
	assert_string_equal(acme->identity->private_key, "/var/lib/dray/keys/at-2026");
	assert_string_equal(acme->known_hosts, "/var/lib/dray/known_hosts");
	assert_int_equal(acme->timeout_us, 30 * US_PER_SEC);
	assert_non_null(r);
	assert_ptr_equal(r->from, acme);
	assert_string_equal(r->from_path, "/outbox");
	assert_int_equal(r->every_us, 30 * US_PER_SEC);
	assert_int_equal(r->match.n_include, 1);
	assert_string_equal(r->match.include[0], "*.csv");
	assert_int_equal(r->match.n_exclude, 0);
	assert_int_equal(r->match.min_age_us, 10 * US_PER_SEC);
	assert_int_equal(r->match.min_size, 0);
	assert_int_equal(r->match.max_size, UINT64_C(2) << 30);
	assert_int_equal(r->n_steps, 1);
	assert_string_equal(r->steps[0].kind, "rename");
	assert_string_equal(r->steps[0].argument, "{date:%Y%m%d}-{name}");
	assert_int_equal(r->n_to, 1);
	assert_ptr_equal(r->to[0], config_find_folder(c, slice_str("invoices")));
	assert_int_equal(r->after, CONFIG_AFTER_DELETE);
	assert_int_equal(r->retry_limit, 10);
	assert_false(r->disabled);
}

static void
test_the_example_loads(unused_arg void **state)
{
	struct config *c = load_good(SOURCE_ROOT "/examples/dray.yaml");

	assert_string_equal(c->path, SOURCE_ROOT "/examples/dray.yaml");
	check_example_server(c);
	check_example_route(c);
	assert_null(config_find_route(c, slice_str("acme")));
	assert_null(config_find_account(c, slice_str("er")));
	assert_null(config_find_folder(c, slice_str("")));
	config_unref(c);
}

/* Its settings that are commented out: "#" without a space, or with more than one, behind it. */
static char *
uncomment(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		bool begins = to == text || to[-1] == '\n';
		bool prose = from[1] == '\n' || (from[1] == ' ' && from[2] != ' ');
		if (!begins || *from != '#' || prose)
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

static void
test_what_the_example_has_commented_out_loads_too(unused_arg void **state)
{
	char text[16 * 1024];
	FILE *f = fopen(SOURCE_ROOT "/examples/dray.yaml", "re");

	assert_non_null(f);
	size_t len = fread(text, 1, sizeof text - 1, f);
	assert_int_equal(fclose(f), 0);
	assert_in_range(len, 1, sizeof text - 2);
	text[len] = '\0';
	struct config *c = parse_good(uncomment(text));
	assert_int_equal(c->n_listens, 2);
	assert_int_equal(c->n_folders, 4);
	assert_int_equal(c->n_accounts, 4);
	assert_non_null(c->revoked_keys);
	assert_int_equal(c->limits.ban_after, 5);
	config_unref(c);
}

static void
test_defaults(unused_arg void **state)
{
	struct config *c = parse_good("home: .\n");

	assert_string_equal(c->home, "/etc/dray");
	assert_int_equal(c->n_listens + c->n_routes + c->n_accounts + c->n_folders, 0);
	assert_int_equal(c->limits.max_sessions, 1000);
	assert_int_equal(c->limits.max_unauthenticated, 100);
	assert_int_equal(c->limits.auth_attempts, 6);
	assert_int_equal(c->limits.login_grace_us, 60 * US_PER_SEC);
	assert_int_equal(c->limits.max_per_address, 100);
	assert_int_equal(c->limits.drop_from, 50);
	assert_int_equal(c->limits.drop_percent, 30);
	assert_int_equal(c->limits.ban_after, 10);
	assert_int_equal(c->limits.ban_window_us, 600 * US_PER_SEC);
	assert_int_equal(c->limits.ban_time_us, 60 * US_PER_SEC);
	assert_int_equal(c->limits.ban_max_us, 86400 * US_PER_SEC);
	assert_int_equal(c->limits.n_never_ban, 0);
	assert_int_equal(c->limits.idle_timeout_us, 900 * US_PER_SEC);
	assert_int_equal(c->limits.drain_us, 30 * US_PER_SEC);
	assert_int_equal(c->limits.max_handles, 256);
	assert_int_equal(c->limits.max_requests, 1024);
	assert_null(c->trusted_user_ca);
	assert_null(c->revoked_keys);
	assert_int_equal(c->limits.max_entries, 1000000);
	assert_int_equal(c->limits.min_free, 64 << 20);
	assert_int_equal(c->limits.retry_after_us, 10 * US_PER_SEC);
	assert_false(c->log_json);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	config_unref(c);
}

static const char EVERYTHING[] =
    "# every key once, in another order than the schema's\n"
    "log: {level: error, format: json}\n"
    "limits:\n"
    "  max_sessions: 7\n"
    "  max_unauthenticated: 8\n"
    "  auth_attempts: 9\n"
    "  login_grace: 1m30s\n"
    "  max_per_address: 5\n"
    "  drop: {from: 6, percent: 100}\n"
    "  ban: {never: [10.0.0.0/8, '::1'], max: 7d, time: 2m, window: 1h, after: 3}\n"
    "  idle_timeout: 0\n"
    "  drain: 1m\n"
    "  max_handles: 11\n"
    "  max_requests: 12\n"
    "  max_entries: 10\n"
    "  min_free: 0\n"
    "  retry_after: 100ms\n"
    "routes:\n"
    "  r.1:\n"
    "    disabled: true\n"
    "    retry_limit: 3\n"
    "    after: leave\n"
    "    to:\n"
    "      - folder: b\n"
    "      - folder: a\n"
    "    steps:\n"
    "      - rename: '{stem}.{ext}'\n"
    "      - rename: \"x-{name}\"\n"
    "    match:\n"
    "      name: ['*.a', '*.b']\n"
    "      exclude: [tmp*, \"?x\", '[!a]y']\n"
    "      min_age: 0\n"
    "      min_size: 1\n"
    "      max_size: 1KiB\n"
    "    from: {path: /, every: 200ms, remote: far}\n"
    "accounts:\n"
    "  in:\n"
    "    disabled: true\n"
    "    authorized_keys: [/abs/keys, more]\n"
    "    keys:\n"
    "      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKsPyOqmBEkEoIP2n4ylX7wLjD2GwO5cOBpI3DVYJiLg a\n"
    "    login: key+password\n"
    "    password: $y$j75$iTAN3jPJMQsOYwuiXxcc.1$L6FmHjK39ohzNypUn3M5VwkxWAaG5ZFtEwOPbkcQWs2\n"
    "    trusted_user_ca: ca\n"
    "    principals: [one, other]\n"
    "    expires: 2026-12-31T18:00Z\n"
    "    networks: [192.0.2.0/24, '2001:db8::/32', 198.51.100.7]\n"
    "    hours: [mon-fri 06:00-22:00, 'sun 22:00-06:00']\n"
    "    max_sessions: 2\n"
    "    idle_timeout: 5m\n"
    "    quota: {bytes: 1GiB, files: 5000000000}\n"
    "    bandwidth: {upload: 10MiB/s, download: 500KB}\n"
    "    mounts:\n"
    "      - {folder: a, at: /, allow: list}\n"
    "      - {folder: b, at: /b/c, allow: [link, setstat, rmdir, mkdir, rename, delete,\n"
    "          overwrite, upload, download, list], names: ['*.csv', '*.xml'], no_names: .*}\n"
    "folders:\n"
    "  a: {path: ../files/./a/, staging: ../files/.a, uploads: direct, durability: relaxed,\n"
    "    keep_partial: 0, on_delivered: archive, archive: old, quota: {files: 9}}\n"
    "  b: {path: /srv//b, consumers: in}\n"
    "remotes:\n"
    "  far: {address: '[2001:db8::1]', user: Ünal, identity: me, known_hosts: kh,\n"
    "    timeout: 1h}\n"
    "  near: {address: localhost:2200, user: u, identity: me, known_hosts: kh}\n"
    "identities: {me: {private_key: me.key}}\n"
    "listen:\n"
    "  - address: '[::]:22'\n"
    "    host_keys: one\n"
    "  - {address: 127.0.0.1:65535, host_keys: [one, two], proxy_protocol: 10.1.0.0/16}\n"
    "trusted_user_ca: all.ca\n"
    "revoked_keys: gone\n"
    "control: run/c.sock\n"
    "home: ../lib/dray\n";

static void
check_everything_of_the_account(const struct config_account *a)
{
	assert_int_equal(a->n_authorized_keys, 2);
	assert_string_equal(a->authorized_keys[0], "/abs/keys");
	assert_string_equal(a->authorized_keys[1], "/etc/lib/dray/more");
	assert_int_equal(a->n_keys, 1);
	assert_int_equal(a->login, CONFIG_LOGIN_BOTH);
	assert_memory_equal(a->password, "$y$", 3);
	assert_string_equal(a->trusted_user_ca, "/etc/lib/dray/ca");
	assert_int_equal(a->n_principals, 2);
	assert_string_equal(a->principals[1], "other");
	assert_int_equal(a->expires_us, INT64_C(1798740000) * US_PER_SEC);
	assert_int_equal(a->n_networks, 3);
	assert_string_equal(a->networks[2], "198.51.100.7");
	assert_int_equal(a->n_hours, 2);
	assert_int_equal(a->hours[0].days, 0x3e);
	assert_int_equal(a->hours[1].days, 0x01);
	assert_int_equal(a->hours[1].from_min, 22 * 60);
	assert_int_equal(a->hours[1].until_min, 6 * 60);
	assert_int_equal(a->max_sessions, 2);
	assert_int_equal(a->idle_timeout_us, 300 * US_PER_SEC);
	assert_int_equal(a->quota.bytes, 1 << 30);
	assert_int_equal(a->quota.files, INT64_C(5000000000));
	assert_int_equal(a->rate_in, 10 << 20);
	assert_int_equal(a->rate_out, 500000);
}

static void
check_everything_of_the_folder(const struct config_folder *f)
{
	assert_int_equal(f->uploads, CONFIG_UPLOADS_DIRECT);
	assert_int_equal(f->durability, CONFIG_DURABILITY_RELAXED);
	assert_int_equal(f->keep_partial_us, 0);
	assert_int_equal(f->on_delivered, CONFIG_DELIVERED_ARCHIVE);
	assert_string_equal(f->archive, "/etc/lib/dray/old");
	assert_int_equal(f->quota.bytes, 0);
	assert_int_equal(f->quota.files, 9);
	assert_int_equal(f[1].uploads, CONFIG_UPLOADS_PRIVATE);
	assert_int_equal(f[1].durability, CONFIG_DURABILITY_FULL);
	assert_int_equal(f[1].keep_partial_us, 24 * 3600 * US_PER_SEC);
	assert_int_equal(f[1].on_delivered, CONFIG_DELIVERED_KEEP);
	assert_string_equal(f[1].archive, "/etc/lib/dray/archive/b");
	assert_int_equal(f[1].n_consumers, 1);
	assert_string_equal(f[1].consumers[0], "in");
}

static void
check_everything_of_the_limits(const struct config_limits *l)
{
	assert_int_equal(l->max_per_address, 5);
	assert_int_equal(l->drop_from, 6);
	assert_int_equal(l->drop_percent, 100);
	assert_int_equal(l->ban_after, 3);
	assert_int_equal(l->ban_window_us, 3600 * US_PER_SEC);
	assert_int_equal(l->ban_time_us, 120 * US_PER_SEC);
	assert_int_equal(l->ban_max_us, 7 * 86400 * US_PER_SEC);
	assert_int_equal(l->n_never_ban, 2);
	assert_string_equal(l->never_ban[1], "::1");
	assert_int_equal(l->idle_timeout_us, 0);
	assert_int_equal(l->drain_us, 60 * US_PER_SEC);
	assert_int_equal(l->max_handles, 11);
	assert_int_equal(l->max_requests, 12);
}

static void
check_everything_plain(const struct config *c)
{
	assert_string_equal(c->home, "/etc/lib/dray");
	assert_string_equal(c->control_socket, "/etc/lib/dray/run/c.sock");
	assert_true(c->log_json);
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	assert_int_equal(c->limits.max_sessions, 7);
	assert_int_equal(c->limits.max_unauthenticated, 8);
	assert_int_equal(c->limits.auth_attempts, 9);
	assert_int_equal(c->limits.login_grace_us, 90 * US_PER_SEC);
	check_everything_of_the_limits(&c->limits);
	assert_string_equal(c->trusted_user_ca, "/etc/lib/dray/all.ca");
	assert_string_equal(c->revoked_keys, "/etc/lib/dray/gone");
	assert_int_equal(c->listens[0].n_proxies, 0);
	assert_int_equal(c->listens[1].n_proxies, 1);
	assert_string_equal(c->listens[1].proxies[0], "10.1.0.0/16");
	assert_int_equal(c->limits.max_entries, 10);
	assert_int_equal(c->limits.min_free, 0);
	assert_int_equal(c->limits.retry_after_us, 100 * US_PER_MS);
	assert_int_equal(c->n_listens, 2);
	assert_string_equal(c->listens[0].host, "::");
	assert_int_equal(c->listens[0].n_host_keys, 1);
	assert_string_equal(c->listens[1].host_keys[1], "/etc/lib/dray/two");
	assert_string_equal(c->remotes[0].host, "2001:db8::1");
	assert_int_equal(c->remotes[0].port, 22);
	assert_string_equal(c->remotes[0].user, "Ünal");
	assert_int_equal(c->remotes[0].timeout_us, 3600 * US_PER_SEC);
	assert_int_equal(c->remotes[1].port, 2200);
	assert_string_equal(c->folders[0].path, "/etc/lib/files/a");
	assert_string_equal(c->folders[0].staging, "/etc/lib/files/.a");
	assert_string_equal(c->folders[1].path, "/srv/b");
}

static void
test_every_key(unused_arg void **state)
{
	struct config *c = parse_good(EVERYTHING);
	const struct config_route *r = &c->routes[0];
	const struct config_account *a = &c->accounts[0];

	check_everything_plain(c);
	assert_string_equal(r->name, "r.1");
	assert_true(r->disabled);
	assert_int_equal(r->retry_limit, 3);
	assert_int_equal(r->after, CONFIG_AFTER_LEAVE);
	assert_int_equal(r->n_to, 2);
	assert_ptr_equal(r->to[0], &c->folders[1]);
	assert_ptr_equal(r->to[1], &c->folders[0]);
	assert_int_equal(r->n_steps, 2);
	assert_string_equal(r->steps[1].argument, "x-{name}");
	assert_int_equal(r->match.n_include, 2);
	assert_int_equal(r->match.n_exclude, 3);
	assert_string_equal(r->match.exclude[2], "[!a]y");
	assert_int_equal(r->match.min_size, 1);
	assert_int_equal(r->match.max_size, 1024);
	assert_string_equal(r->from_path, "/");
	assert_int_equal(r->every_us, 200 * US_PER_MS);
	assert_true(a->disabled);
	check_everything_of_the_account(a);
	check_everything_of_the_folder(&c->folders[0]);
	assert_int_equal(a->mounts[0].allow, VFS_LIST);
	assert_int_equal(a->mounts[1].allow, (VFS_LINK << 1) - 1);
	assert_int_equal(a->mounts[0].n_names + a->mounts[0].n_no_names, 0);
	assert_int_equal(a->mounts[1].n_names, 2);
	assert_string_equal(a->mounts[1].names[1], "*.xml");
	assert_int_equal(a->mounts[1].n_no_names, 1);
	assert_string_equal(a->mounts[1].no_names[0], ".*");
	config_unref(c);
}

static void
test_empty_sections_are_fine(unused_arg void **state)
{
	struct config *c = parse_good("home: /x\nroutes:\n#  all commented out\naccounts: {}\n");

	assert_int_equal(c->n_routes + c->n_accounts, 0);
	config_unref(c);
}

static void
test_references_count(unused_arg void **state)
{
	struct config *c = parse_good("home: /x\n");
	struct config *other _cleanup_(config_unrefp) = config_ref(c);

	config_unref(c);
	assert_string_equal(other->home, "/x");
	config_unref(NULL);
}

static void
test_no_text_at_all(unused_arg void **state)
{
	struct buf errors;

	assert_null(parse_text(slice_of(NULL, 0), &errors));
	assert_string_equal(errors_text(&errors), "/etc/dray/dray.yaml:1:1: the file is empty\n");
	buf_fini(&errors);
}

static bool
accepts(const uint8_t *data, size_t len, unused_arg void *ctx)
{
	struct buf errors;
	struct config *c = parse_text(slice_of(data, len), &errors);
	bool accepted = c != NULL;

	/* What is refused is never refused without a word. */
	assert_true(accepted || buf_len(&errors) > 1);
	config_unref(c);
	buf_fini(&errors);
	return accepted;
}

static void
test_truncations_and_bit_flips(unused_arg void **state)
{
	const uint8_t *text = (const uint8_t *)EVERYTHING;
	size_t len = sizeof EVERYTHING - 1;

	/* Without its last line `home` is missing; a part of that line still is a path. */
	size_t last_line = len - strlen("home: ../lib/dray\n") + strlen("home:");
	assert_int_equal(sweep_truncations(accepts, text, last_line, NULL), 0);
	(void)sweep_truncations(accepts, text, len, NULL);
	sweep_bit_flips(accepts, text, len, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_example_loads),
	    cmocka_unit_test(test_what_the_example_has_commented_out_loads_too),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_empty_sections_are_fine),
	    cmocka_unit_test(test_references_count),
	    cmocka_unit_test(test_no_text_at_all),
	    cmocka_unit_test(test_truncations_and_bit_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
