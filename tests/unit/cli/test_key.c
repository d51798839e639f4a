/* dray key: pairs that OpenSSH agrees with, and that are never overwritten. */
#include "harness.h"

static const char CONFIG[] = "home: .\n"
			     "identities:\n"
			     "  at-2026: { private_key: keys/at-2026 }\n"
			     "  spare: { private_key: keys/spare }\n"
			     "remotes:\n"
			     "  acme: { address: acme.example, user: u, identity: at-2026, "
			     "known_hosts: known_hosts }\n"
			     "  bolt: { address: bolt.example, user: u, identity: at-2026, "
			     "known_hosts: known_hosts }\n";

static int
setup(void **state)
{
	if (place_setup(state) != 0)
		return -1;
	write_file("dray.yaml", CONFIG, 0644);
	return 0;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* The private half is one for ssh-keygen, the public half is its, and so is the fingerprint. */
static void
test_new(void **state)
{
	(void)state;
	struct answer a = DRAY("key", "new", "at-2026");

	assert_string_equal(a.err, "");
	assert_int_equal(a.code, CLI_OK);
	assert_int_equal(mode_of("keys/at-2026"), 0600);
	assert_int_equal(mode_of("keys/at-2026.pub"), 0644);
	assert_int_equal(shell("ssh-keygen -y -f keys/at-2026 > derived"), 0);
	char *derived = read_file("derived"), *public = read_file("keys/at-2026.pub");
	assert_int_equal(strncmp(public, "ssh-ed25519 ", 12), 0);
	/* Up to the comment, which ssh-keygen may leave out. */
	assert_int_equal(strncmp(derived, public, 80), 0);
	assert_contains(public, " at-2026\n");
	public[strlen(public) - 1] = '\0';
	assert_contains(a.out, public);
	assert_int_equal(shell("ssh-keygen -lf keys/at-2026.pub | cut -d' ' -f2 > fingerprint"), 0);
	char *fingerprint = read_file("fingerprint");
	assert_contains(a.out, fingerprint);
	free(derived);
	free(public);
	free(fingerprint);
	answer_fini(&a);
}

static void
test_new_twice(void **state)
{
	(void)state;
	struct answer a = DRAY("key", "new", "at-2026");
	char *before = read_file("keys/at-2026");

	answer_fini(&a);
	a = DRAY("key", "new", "at-2026");
	assert_int_equal(a.code, CLI_FAILED);
	assert_string_equal(a.out, "");
	assert_contains(a.err, "keys/at-2026 is there already, and a key is never overwritten");
	assert_file_is("keys/at-2026", before);
	answer_fini(&a);
	/* A public half that stands alone is somebody's too. */
	assert_int_equal(rename("keys/at-2026", "keys/moved"), 0);
	a = DRAY("key", "new", "at-2026");
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "keys/at-2026.pub is there already");
	assert_int_equal(access("keys/at-2026", F_OK), -1);
	answer_fini(&a);
	free(before);
}

static void
test_new_where_it_cannot(void **state)
{
	(void)state;
	write_file("keys", "a file, not a directory", 0644);
	struct answer a = DRAY("key", "new", "spare");

	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "dray: cannot create ");
	answer_fini(&a);
	a = DRAY("key", "new", "nobody\033");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_string_equal(a.err, "dray: no identity is called \"nobody\\x1b\" in dray.yaml\n");
	answer_fini(&a);
}

static void
test_show(void **state)
{
	(void)state;
	struct answer a = DRAY("key", "show", "spare");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_contains(a.err, "(make it with: dray key new spare)\n");
	answer_fini(&a);
	/* A key that ssh-keygen made, of another type. */
	assert_int_equal(mkdir("keys", 0755), 0);
	assert_int_equal(shell("ssh-keygen -q -t ecdsa -N '' -C spare -f keys/spare"), 0);
	a = DRAY("key", "show", "spare");
	assert_int_equal(a.code, CLI_OK);
	char *public = read_file("keys/spare.pub");
	assert_int_equal(strncmp(a.out, public, strlen(public)), 0);
	assert_int_equal(shell("ssh-keygen -lf keys/spare | cut -d' ' -f2 > fingerprint"), 0);
	char *fingerprint = read_file("fingerprint");
	assert_contains(a.out, "\n# fingerprint SHA256:");
	assert_contains(a.out, fingerprint);
	free(public);
	free(fingerprint);
	/* The whole answer may be pasted into authorized_keys. */
	write_file("pasted", a.out, 0644);
	assert_int_equal(shell("ssh-keygen -lf pasted > /dev/null"), 0);
	answer_fini(&a);
}

static void
test_show_broken(void **state)
{
	static const char *const CONTENTS[] = {"", "no key at all\n",
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"};

	(void)state;
	assert_int_equal(mkdir("keys", 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(CONTENTS); i++) {
		write_file("keys/spare", CONTENTS[i], 0600);
		struct answer a = DRAY("key", "show", "spare");
		assert_int_equal(a.code, CLI_FAILED);
		assert_string_equal(a.out, "");
		assert_contains(a.err, "keys/spare is no usable private key: ");
		answer_fini(&a);
	}
	/* One with a passphrase: nobody is there at night to type it. */
	assert_int_equal(
	    shell("rm keys/spare; ssh-keygen -q -t ed25519 -N secret -f keys/spare"), 0);
	struct answer a = DRAY("key", "show", "spare");
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "keys/spare is no usable private key: ");
	answer_fini(&a);
}

static void
test_list(void **state)
{
	(void)state;
	struct answer a = DRAY("key", "new", "at-2026");
	answer_fini(&a);
	a = DRAY("key", "list");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "IDENTITY  FINGERPRINT");
	assert_contains(a.out, "at-2026   SHA256:");
	assert_contains(a.out, "  acme, bolt  ");
	assert_contains(a.out, "spare     -");
	assert_contains(a.out, "keys/spare: no such file or directory\n");
	answer_fini(&a);
	a = DRAY("key", "list", "--json");
	assert_int_equal(a.code, CLI_OK);
	write_file("list.json", a.out, 0644);
	assert_int_equal(
	    shell("python3 -c 'import json; i = json.load(open(\"list.json\"))"
		  "[\"identities\"]; assert i[0][\"remotes\"] == [\"acme\", \"bolt\"]; "
		  "assert i[0][\"trouble\"] == \"\" and i[1][\"trouble\"]; "
		  "assert i[0][\"public_key\"].startswith(\"ssh-ed25519 \")'"),
	    0);
	answer_fini(&a);
	write_file("dray.yaml", "home: .\n", 0644);
	a = DRAY("key", "list");
	assert_string_equal(a.out, "No identities.\n");
	answer_fini(&a);
}

static void
test_json(void **state)
{
	(void)state;
	struct answer made = DRAY("key", "new", "spare", "--json");
	struct answer shown = DRAY("--json", "key", "show", "spare");

	assert_int_equal(made.code, CLI_OK);
	assert_string_equal(made.out, shown.out);
	assert_contains(made.out, "\"identity\": \"spare\"");
	assert_contains(made.out, "\"public_key\": \"ssh-ed25519 ");
	assert_null(strstr(made.out, "PRIVATE KEY"));
	answer_fini(&made);
	answer_fini(&shown);
}

/* The check knows what is missing, and is content when it is there. */
static void
test_check(void **state)
{
	(void)state;
	write_file("dray.yaml", "home: .\nidentities: { a: { private_key: k } }\n", 0644);
	struct answer a = DRAY("check");
	assert_int_equal(a.code, CLI_CONFIG);
	assert_string_equal(a.out, "");
	assert_contains(a.err, "dray.yaml:2:");
	answer_fini(&a);
	a = DRAY("key", "new", "a");
	answer_fini(&a);
	a = DRAY("check");
	assert_string_equal(a.err, "");
	assert_int_equal(a.code, CLI_OK);
	assert_string_equal(
	    a.out, "dray.yaml is right: 0 routes, 0 remotes, 0 folders, 0 accounts, 1 identity.\n");
	answer_fini(&a);
	a = DRAY("check", "--json");
	assert_string_equal(
	    a.out, "{\n  \"config\": \"dray.yaml\",\n  \"ok\": true,\n  \"messages\": []\n}\n");
	answer_fini(&a);
	write_file("dray.yaml", "home: .\nrouts: {}\nhome: x\n", 0644);
	a = DRAY("check", "--json");
	assert_int_equal(a.code, CLI_CONFIG);
	assert_string_equal(a.err, "");
	assert_contains(a.out, "\"ok\": false");
	assert_contains(a.out, "dray.yaml:2:1: ");
	answer_fini(&a);
}

int
main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(test_new),
	    IN_PLACE(test_new_twice),
	    IN_PLACE(test_new_where_it_cannot),
	    IN_PLACE(test_show),
	    IN_PLACE(test_show_broken),
	    IN_PLACE(test_list),
	    IN_PLACE(test_json),
	    IN_PLACE(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
