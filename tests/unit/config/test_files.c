#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/parse.h"
#include "scratch.h"

/* What is said of the files that a configuration names. */

static const char TEXT[] =
    "home: .\n"
    "listen: [{address: '1.1.1.1:1', host_keys: host}]\n"
    "identities: {i: {private_key: key}}\n"
    "remotes: {r: {address: h, user: u, identity: i, known_hosts: known}}\n"
    "folders: {f: {path: data/f}}\n"
    "accounts:\n"
    "  a: {authorized_keys: keys, mounts: [{at: /, folder: f, allow: list}]}\n"
    "  off: {authorized_keys: gone, disabled: true,\n"
    "    mounts: [{at: /, folder: f, allow: list}]}\n";

static const char PUBLIC_KEY[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKsPyOqmBEkEoIP2n4ylX7wLjD2GwO5cOBpI3DVYJiLg a\n";

/* Of nobody: it was made for this test. */
static const char PRIVATE_KEY[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACDILV/vC4lTgsa+L3/8Djh4BFFHXDGxi38blkX92ik0QwAAAIhZ0/OEWdPz\n"
    "hAAAAAtzc2gtZWQyNTUxOQAAACDILV/vC4lTgsa+L3/8Djh4BFFHXDGxi38blkX92ik0Qw\n"
    "AAAEBs6qwr2rTK/RxW3/nyLEXpUOBlSR71JyHoCA5AZs8rgMgtX+8LiVOCxr4vf/wOOHgE\n"
    "UUdcMbGLfxuWRf3aKTRDAAAABHRlc3QB\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static int
setup(void **state)
{
	struct scratch *dir = calloc(1, sizeof *dir);

	if (dir == NULL)
		return -1;
	scratch_init(dir);
	scratch_write(dir, "dray.yaml", TEXT);
	scratch_write(dir, "host", PRIVATE_KEY);
	scratch_write(dir, "key", PRIVATE_KEY);
	scratch_write(dir, "known", "h ssh-ed25519 AAAA\n");
	scratch_write(dir, "keys", PUBLIC_KEY);
	*state = dir;
	return 0;
}

static int
teardown(void **state)
{
	struct scratch *dir = *state;

	scratch_fini(dir);
	free(dir);
	return 0;
}

/* Checks, and compares the errors: "@" stands for the directory. */
static void
expect(const struct scratch *dir, enum err expected_err, const char *expected)
{
	char main_file[300], text[4096];
	struct config *c _cleanup_(config_unrefp) = NULL;
	struct buf errors;
	size_t len = 0;

	for (; *expected != '\0' && len + 1 < sizeof text; expected++) {
		if (*expected == '@')
			len += (size_t)snprintf(text + len, sizeof text - len, "%s", dir->path);
		else
			text[len++] = *expected;
	}
	text[len] = '\0';
	(void)snprintf(main_file, sizeof main_file, "%s/dray.yaml", dir->path);
	buf_init(&errors, ERRORS_MAX);
	assert_int_equal(config_load(main_file, &c, &errors), ERR_OK);
	enum err e = config_check_files(c, &errors);
	assert_int_equal(buf_put_u8(&errors, 0), ERR_OK);
	assert_string_equal(errors_text(&errors), text);
	assert_int_equal(e, expected_err);
	buf_fini(&errors);
}

static void
test_all_is_well(void **state)
{
	struct scratch *dir = *state;

	expect(dir, ERR_OK, "");
	scratch_mkdir(dir, "data");
	scratch_mkdir(dir, "data/f");
	scratch_mkdir(dir, "staging");
	expect(dir, ERR_OK, "");
}

static void
test_all_is_gone(void **state)
{
	struct scratch *dir = *state;
	static const char *const NAMES[] = {"host", "key", "known", "keys"};

	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
		assert_int_equal(unlinkat(dir->fd, NAMES[i], 0), 0);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: host key @/host can't be read: no such file or directory "
	    "(make one: ssh-keygen -t ed25519 -N '' -f FILE)\n"
	    "@/dray.yaml:3:31: private key @/key can't be read: no such file or directory "
	    "(make it with: dray key new i)\n"
	    "@/dray.yaml:4:62: known_hosts @/known can't be read: no such file or directory "
	    "(dray host scan r shows the keys, dray host trust adds them)\n"
	    "@/dray.yaml:7:24: authorized_keys @/keys can't be read: no such file or directory "
	    "(put the account's public keys there)\n");
}

static void
test_modes(void **state)
{
	struct scratch *dir = *state;

	assert_int_equal(fchmodat(dir->fd, "host", 0640, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "key", 0604, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "known", 0664, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "keys", 0646, 0), 0);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: host key @/host has mode 0640: only its owner may read it "
	    "(chmod 600)\n"
	    "@/dray.yaml:3:31: private key @/key has mode 0604: only its owner may read it "
	    "(chmod 600)\n"
	    "@/dray.yaml:4:62: known_hosts @/known has mode 0664: only its owner may write to "
	    "it (chmod 644)\n"
	    "@/dray.yaml:7:24: authorized_keys @/keys has mode 0646: only its owner may write "
	    "to it (chmod 644)\n");
	assert_int_equal(fchmodat(dir->fd, "host", 0400, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "key", 0600, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "known", 0644, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "keys", 0444, 0), 0);
	expect(dir, ERR_OK, "");
}

static void
test_what_is_no_file(void **state)
{
	struct scratch *dir = *state;

	assert_int_equal(unlinkat(dir->fd, "key", 0), 0);
	assert_int_equal(mkfifoat(dir->fd, "key", 0600), 0);
	scratch_write(dir, "host", "");
	scratch_write(dir, "known", "");
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: @/host can't be used: the private key is not a private key in "
	    "OpenSSH or PEM format\n"
	    "@/dray.yaml:3:31: private key @/key is not a regular file\n"
	    "@/dray.yaml:4:62: known_hosts @/known is empty (dray host scan r shows the keys, "
	    "dray host trust adds them)\n");
	assert_int_equal(unlinkat(dir->fd, "known", 0), 0);
	scratch_mkdir(dir, "known");
	scratch_mkdir(dir, "data");
	scratch_write(dir, "data/f", "");
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: @/host can't be used: the private key is not a private key in "
	    "OpenSSH or PEM format\n"
	    "@/dray.yaml:3:31: private key @/key is not a regular file\n"
	    "@/dray.yaml:4:62: known_hosts @/known is not a regular file\n"
	    "@/dray.yaml:5:21: folder \"f\": @/data/f is not a directory\n");
}

static void
test_too_large(void **state)
{
	struct scratch *dir = *state;
	char key[300];

	(void)snprintf(key, sizeof key, "%s/key", dir->path);
	assert_int_equal(truncate(key, 64 * 1024 + 1), 0);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:3:31: private key @/key can't be read: it is too large\n");
}

static void
test_keys_that_cannot_be_used(void **state)
{
	struct scratch *dir = *state;

	scratch_write(dir, "host", "key\n");
	scratch_write(dir, "key", PUBLIC_KEY);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: @/host can't be used: the private key is not a private key in "
	    "OpenSSH or PEM format\n"
	    "@/dray.yaml:3:31: @/key can't be used: the private key is a public key: the private "
	    "one is in the file without .pub\n");
}

static void
test_authorized_keys(void **state)
{
	struct scratch *dir = *state;

	/* Warnings: such a file is usable, if not useful. */
	scratch_write(dir, "keys", "# nobody\n");
	expect(dir, ERR_OK,
	    "@/dray.yaml:7:24: warning: @/keys holds no usable key: nobody can log in with it\n");
}

/* A line that can't be used is told with its number, and the others still count. */
static void
test_authorized_keys_line(void **state)
{
	struct scratch *dir = *state;
	char path[300], text[1024];
	struct config *c _cleanup_(config_unrefp) = NULL;
	struct buf errors;

	(void)snprintf(text, sizeof text, "%snonsense\n", PUBLIC_KEY);
	scratch_write(dir, "keys", text);
	(void)snprintf(path, sizeof path, "%s/dray.yaml", dir->path);
	buf_init(&errors, ERRORS_MAX);
	assert_int_equal(config_load(path, &c, &errors), ERR_OK);
	assert_int_equal(config_check_files(c, &errors), ERR_OK);
	assert_int_equal(buf_put_u8(&errors, 0), ERR_OK);
	assert_non_null(strstr(errors_text(&errors), "/keys:2: "));
	assert_null(strstr(errors_text(&errors), "no usable key"));
	buf_fini(&errors);
}

static void
test_authorized_keys_that_are_private(void **state)
{
	struct scratch *dir = *state;

	scratch_write(dir, "keys", PRIVATE_KEY);
	expect(dir, ERR_OK,
	    "@/dray.yaml:7:24: warning: @/keys holds no usable key: nobody can log in with it\n"
	    "@/dray.yaml:7:24: warning: @/keys:1: this is a private key; the public half (.pub) "
	    "belongs here\n");
}

/* The user that home belongs to runs the daemon, and reads what root reads here. */
static void
test_owners(void **state)
{
	struct scratch *dir = *state;
	const uid_t daemon = 54321;

	if (geteuid() != 0)
		return;
	assert_int_equal(fchown(dir->fd, daemon, daemon), 0);
	assert_int_equal(fchmodat(dir->fd, "known", 0600, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "keys", 0600, 0), 0);
	assert_int_equal(fchownat(dir->fd, "key", daemon + 1, 0, 0), 0);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:44: host key @/host belongs to root, but home to 54321, as whom drayd "
	    "runs (chown 54321 @/host)\n"
	    "@/dray.yaml:3:31: private key @/key belongs to 54322, but home to 54321, as whom "
	    "drayd runs (chown 54321 @/key)\n"
	    "@/dray.yaml:4:62: known_hosts @/known belongs to root, but home to 54321, as whom "
	    "drayd runs (chown 54321 @/known)\n"
	    "@/dray.yaml:7:24: authorized_keys @/keys belongs to root, but home to 54321, as whom "
	    "drayd runs (chown 54321 @/keys)\n");
	assert_int_equal(fchownat(dir->fd, "host", daemon, 0, 0), 0);
	assert_int_equal(fchownat(dir->fd, "key", daemon, 0, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "known", 0640, 0), 0);
	assert_int_equal(fchmodat(dir->fd, "keys", 0604, 0), 0);
	expect(dir, ERR_OK, "");
}

/* Root's home, or none yet: then nothing tells who the daemon will be. */
static void
test_owners_unknown(void **state)
{
	struct scratch *dir = *state;

	if (geteuid() != 0)
		return;
	assert_int_equal(fchownat(dir->fd, "host", 54321, 0, 0), 0);
	expect(dir, ERR_OK, "");
	scratch_write(dir, "dray.yaml", "home: gone\nidentities: {i: {private_key: ../key}}\n");
	assert_int_equal(fchownat(dir->fd, "key", 54321, 0, 0), 0);
	expect(dir, ERR_OK, "");
}

#define ROUTE(name, match) \
	"  " name          \
	": {from: {remote: r, path: /, every: 1s}, to: [{folder: f}], after: leave" match "}\n"

static void
test_routes(void **state)
{
	struct scratch *dir = *state;
	char text[2048];

	(void)snprintf(text, sizeof text, "%sroutes:\n%s", TEXT,
	    ROUTE("bare", "") ROUTE("rests", ", match: {min_age: 1s}")
		ROUTE("whole", ", match: {min_age: 0s}") ROUTE("off", ", disabled: true")
		    ROUTE("filtered", ", match: {name: '*.csv'}"));
	scratch_write(dir, "dray.yaml", text);
	expect(dir, ERR_OK,
	    "@/dray.yaml:11:3: warning: route \"bare\" has no min_age: a file that its source is "
	    "still writing may be taken (min_age: 10s waits until it has rested; min_age: 0s if "
	    "files appear there whole)\n"
	    "@/dray.yaml:15:3: warning: route \"filtered\" has no min_age: a file that its source "
	    "is still writing may be taken (min_age: 10s waits until it has rested; min_age: 0s "
	    "if files appear there whole)\n");
}

/* /proc is never on the scratch directory's file system. */
static void
test_file_systems(void **state)
{
	struct scratch *dir = *state;

	scratch_write(
	    dir, "dray.yaml", "home: .\nfolders: {f: {path: data, staging: /proc/self/x/y}}\n");
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:2:21: folder \"f\": its staging /proc/self/x/y is on another file system: "
	    "set \"staging\" to a directory beside @/data\n");
}

/* Whom to trust, and whom no longer. */
static void
test_authorities(void **state)
{
	struct scratch *dir = *state;
	char text[2048];

	(void)snprintf(text, sizeof text,
	    "%s  b: {trusted_user_ca: own_ca, expires: 2000-01-01,\n"
	    "    mounts: [{at: /, folder: f, allow: list}]}\n"
	    "trusted_user_ca: ca\nrevoked_keys: revoked\n",
	    TEXT);
	scratch_write(dir, "dray.yaml", text);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:10:24: trusted_user_ca @/own_ca can't be read: no such file or directory "
	    "(put the authorities' public keys there)\n"
	    "@/dray.yaml:10:41: warning: account \"b\" has expired\n"
	    "@/dray.yaml:12:18: trusted_user_ca @/ca can't be read: no such file or directory "
	    "(put the authorities' public keys there)\n"
	    "@/dray.yaml:13:15: revoked_keys @/revoked can't be read: no such file or directory "
	    "(make an empty one where nothing is revoked)\n");
	scratch_write(dir, "own_ca", PUBLIC_KEY);
	scratch_write(dir, "ca", "no key\n");
	scratch_write(dir, "revoked", "serial: 1\nseriell: 2\n");
	assert_int_equal(fchmodat(dir->fd, "own_ca", 0666, 0), 0);
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:10:24: trusted_user_ca @/own_ca has mode 0666: only its owner may write "
	    "to it (chmod 644)\n"
	    "@/dray.yaml:10:41: warning: account \"b\" has expired\n"
	    "@/dray.yaml:12:18: warning: @/ca holds no usable key: nobody can log in with it\n"
	    "@/dray.yaml:12:18: warning: @/ca:1: it begins neither with a type of key nor with an "
	    "option that is known here\n"
	    "@/dray.yaml:13:15: revoked_keys @/revoked can't be used: line 2 can't be used: "
	    "it holds no public key of a type that is known, and is no serial:, id: or sha256:\n");
}

/* What happens to what was delivered must be possible. */
static void
test_deliveries(void **state)
{
	struct scratch *dir = *state;

	scratch_write(dir, "dray.yaml",
	    "home: .\nfolders:\n  f: {path: data, on_delivered: delete}\n"
	    "  g: {path: more, on_delivered: archive, archive: /proc/self/x}\n"
	    "accounts:\n  a: {authorized_keys: keys, mounts: [{at: /, folder: f, allow: list},\n"
	    "    {at: /g, folder: g, allow: download}]}\n");
	expect(dir, ERR_INVALID,
	    "@/dray.yaml:3:33: warning: folder \"f\": no account may download from it, so nothing "
	    "is ever delivered\n"
	    "@/dray.yaml:4:13: folder \"g\": its archive /proc/self/x is on another file system: "
	    "set \"archive\" to a directory beside @/more\n");
	scratch_mkdir(dir, "archive");
	scratch_write(dir, "archive/g", "");
	scratch_write(dir, "dray.yaml",
	    "home: .\nfolders:\n  g: {path: more, on_delivered: archive}\n"
	    "accounts:\n  a: {authorized_keys: keys, mounts: [{at: /, folder: g, allow: "
	    "download}]}\n");
	expect(
	    dir, ERR_INVALID, "@/dray.yaml:3:13: folder \"g\": @/archive/g is not a directory\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_all_is_well),
	    TEST(test_all_is_gone),
	    TEST(test_modes),
	    TEST(test_what_is_no_file),
	    TEST(test_too_large),
	    TEST(test_keys_that_cannot_be_used),
	    TEST(test_authorized_keys),
	    TEST(test_authorized_keys_line),
	    TEST(test_authorized_keys_that_are_private),
	    TEST(test_owners),
	    TEST(test_owners_unknown),
	    TEST(test_routes),
	    TEST(test_file_systems),
	    TEST(test_authorities),
	    TEST(test_deliveries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
