/* Our transport and key files against OpenSSH's programs: the peer that everybody has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server.h"

enum { COMMAND_MAX = 4096, DATA_LEN = 3 * 1024 * 1024 };

struct world {
	char dir[64];
	struct pair host, user;
	struct hostkeys *keys;
	int listener;
	uint16_t port;
};

static struct world world;

static void
put_file(const char *name, struct slice bytes)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", world.dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, bytes.ptr, bytes.len), ERR_OK);
	(void)close(fd);
}

static void
get_file(const char *name, struct buf *ret)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", world.dir, name);
	buf_init(ret, 16 * 1024 * 1024);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, ret), ERR_OK);
	(void)close(fd);
}

/* Runs a shell command in the test's directory; its exit status. */
static int printf_like(1, 2) run(const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list args;

	int n = snprintf(command, sizeof command, "cd %s && ", world.dir);
	va_start(args, format);
	(void)vsnprintf(command + n, sizeof command - (size_t)n, format, args);
	va_end(args);
	int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void
put_known_hosts(void)
{
	struct buf line _cleanup_(buf_fini);

	buf_init(&line, 4096);
	assert_int_equal(knownhosts_line("127.0.0.1", world.port, slice_str("ssh-ed25519"),
			     buf_slice(&world.host.blob), &line),
	    ERR_OK);
	put_file("known_hosts", buf_slice(&line));
}

static int
world_up(void **state)
{
	static uint8_t data[DATA_LEN];
	struct story story;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(transport_library_init(), ERR_OK);
	(void)snprintf(world.dir, sizeof world.dir, "/tmp/dray-ssh-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	pair_init(&world.host);
	pair_init(&world.user);
	assert_int_equal(hostkeys_new(&world.keys), ERR_OK);
	assert_int_equal(
	    hostkeys_add(world.keys, buf_slice(&world.host.private_key), &story), ERR_OK);
	world.listener = listen_loopback(&world.port);
	put_file("key", buf_slice(&world.user.private_key));
	put_known_hosts();
	pattern_fill(data, sizeof data, 0);
	put_file("data", slice_of(data, sizeof data));
	return 0;
}

static int
world_down(void **state)
{
	(void)state;
	(void)run("rm -f * .[a-z]*");
	(void)rmdir(world.dir);
	pair_fini(&world.host);
	pair_fini(&world.user);
	hostkeys_free(world.keys);
	(void)close(world.listener);
	return 0;
}

static struct serve
usual(enum serve_mode mode)
{
	return (struct serve){
	    .mode = mode, .user = "erp", .key = buf_slice(&world.user.blob), .sandbox = true};
}

/* OpenSSH's client with these options and this tail, against a server of ours; its exit status. */
static int
run_ssh(const struct serve *how, const char *options, const char *tail, int *ret_server)
{
	pid_t pid = serve_one(world.listener, world.keys, how);
	int status = run("ssh -F none -i key -o IdentitiesOnly=yes -o IdentityAgent=none "
			 "-o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null "
			 "-o StrictHostKeyChecking=yes -o BatchMode=yes -p %u %s erp@127.0.0.1 %s",
	    (unsigned)world.port, options, tail);

	*ret_server = child_status(pid);
	return status;
}

static bool
file_has(const char *name, const char *words)
{
	return run("grep -q -e '%s' %s", words, name) == 0;
}

/* Every algorithm that we offer works, on a server that can open no file any more. */
static void
speaks_every_algorithm(void **state)
{
	static const char *const OPTIONS[] = {
	    "-o KexAlgorithms=curve25519-sha256",
	    "-o KexAlgorithms=curve25519-sha256@libssh.org",
	    "-o KexAlgorithms=ecdh-sha2-nistp256",
	    "-o KexAlgorithms=ecdh-sha2-nistp384",
	    "-o KexAlgorithms=ecdh-sha2-nistp521",
	    "-o KexAlgorithms=diffie-hellman-group14-sha256",
	    "-o KexAlgorithms=diffie-hellman-group16-sha512",
	    "-o KexAlgorithms=diffie-hellman-group18-sha512",
	    "-c aes256-gcm@openssh.com",
	    "-c aes128-gcm@openssh.com",
	    "-c chacha20-poly1305@openssh.com",
	    "-c aes256-ctr -m hmac-sha2-256-etm@openssh.com",
	    "-c aes192-ctr -m hmac-sha2-512-etm@openssh.com",
	    "-c aes128-ctr -m hmac-sha2-256",
	    "-c aes128-ctr -m hmac-sha2-512",
	    "-C", /* we have no compression: it goes without */
	    "-o RekeyLimit=256K",
	    "-c chacha20-poly1305@openssh.com -o RekeyLimit=100K",
	    "-c aes256-ctr -m hmac-sha2-256 -o RekeyLimit=100K",
	};
	struct serve how = usual(SERVE_ECHO);
	int server;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++) {
		int status = run_ssh(&how, OPTIONS[i], "-s sftp <data >back 2>err", &server);
		if (status != 0 || server != 0 || run("cmp data back") != 0) {
			(void)run("cat err");
			fail_msg("%s: ssh %d, server %d", OPTIONS[i], status, server);
		}
	}
}

/* The server with this host key alone. */
static void
serve_with_host_key(const char *keygen)
{
	struct buf private _cleanup_(buf_fini) = {.max = 0};
	struct hostkeys *keys = world.keys;
	struct serve how = usual(SERVE_ECHO);
	struct story story = {""};
	int server;

	assert_int_equal(run("rm -f hk hk.pub; ssh-keygen -q -N '' -C '' %s -f hk", keygen), 0);
	get_file("hk", &private);
	assert_int_equal(hostkeys_new(&world.keys), ERR_OK);
	assert_int_equal(hostkeys_add(world.keys, buf_slice(&private), &story), ERR_OK);
	assert_int_equal(
	    run("echo \"[127.0.0.1]:%u $(cat hk.pub)\" >known_hosts", (unsigned)world.port), 0);
	int status = run_ssh(&how, "", "-s sftp <data >back 2>err", &server);
	if (status != 0 || server != 0 || run("cmp data back") != 0)
		fail_msg("%s: ssh %d, server %d", keygen, status, server);
	/* Another one than the client knows: it goes away, and says nothing of itself. */
	put_known_hosts();
	assert_int_equal(run_ssh(&how, "", "-s sftp <data >back 2>err", &server), 255);
	assert_true(file_has("err", "verification failed\\|REMOTE HOST"));
	assert_true(server > EXIT_ERROR_BASE && server < EXIT_ERROR_BASE + ERR_N);
	hostkeys_free(world.keys);
	world.keys = keys;
	put_known_hosts();
}

static void
shows_host_keys_of_every_kind(void **state)
{
	static const char *const KINDS[] = {"-t ed25519", "-t ecdsa -b 256", "-t ecdsa -b 384",
	    "-t ecdsa -b 521", "-t rsa -b 2048", "-t rsa -b 4096"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++)
		serve_with_host_key(KINDS[i]);
}

/* As an agent that holds many keys would: the right one comes last. */
static void
finds_the_key_among_many(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	char options[1000] = "";
	int server;

	(void)state;
	for (int i = 0; i < 10; i++) {
		size_t len = strlen(options);
		assert_int_equal(
		    run("rm -f k%d k%d.pub; ssh-keygen -q -N '' -t ed25519 -f k%d", i, i, i), 0);
		(void)snprintf(options + len, sizeof options - len, "-i k%d ", i);
	}
	/* run_ssh gives the right one first: so it must be none of its own here. */
	assert_int_equal(run("mv key right && cp k0 key"), 0);
	(void)snprintf(options + strlen(options), sizeof options - strlen(options), "-i right");
	int status = run_ssh(&how, options, "-s sftp <data >back 2>err", &server);
	assert_int_equal(run("mv right key"), 0);
	assert_int_equal(status, 0);
	assert_int_equal(server, 0);
	assert_int_equal(run("cmp data back"), 0);
}

/* A quiet line is kept alive by questions that all are refused, and answered. */
static void
answers_keepalives(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	int server;

	(void)state;
	assert_int_equal(run("rm -f slow; mkfifo slow; (sleep 3; cat data) >slow &"), 0);
	assert_int_equal(run_ssh(&how, "-o ServerAliveInterval=1 -o ServerAliveCountMax=1",
			     "-s sftp <slow >back 2>err", &server),
	    0);
	assert_int_equal(server, 0);
}

static void
offers_nothing_weak(void **state)
{
	static const char *const OPTIONS[] = {
	    "-o KexAlgorithms=diffie-hellman-group-exchange-sha256",
	    "-o KexAlgorithms=diffie-hellman-group14-sha1",
	    "-o KexAlgorithms=diffie-hellman-group1-sha1",
	    "-c aes256-cbc",
	    "-c aes128-ctr -m hmac-sha1",
	    "-o HostKeyAlgorithms=ssh-rsa",
	};
	struct serve how = usual(SERVE_ECHO);
	int server;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++) {
		assert_int_equal(
		    run_ssh(&how, OPTIONS[i], "-s sftp <data >back 2>err", &server), 255);
		assert_true(file_has("err", "no matching\\|Connection closed"));
		assert_true(server > EXIT_ERROR_BASE && server < EXIT_ERROR_BASE + ERR_N);
	}
}

/* The SHA-256 of what was sent comes back after our EOF. */
static void
takes_an_upload_to_its_end(void **state)
{
	struct serve how = usual(SERVE_SINK);
	struct buf answer _cleanup_(buf_fini);
	struct buf data _cleanup_(buf_fini);
	uint8_t digest[32];
	int server;

	(void)state;
	assert_int_equal(run_ssh(&how, "", "-s sftp <data >back 2>err", &server), 0);
	assert_int_equal(server, 0);
	get_file("back", &answer);
	get_file("data", &data);
	EVP_Digest(buf_slice(&data).ptr, buf_len(&data), digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(buf_len(&answer), sizeof digest);
	assert_memory_equal(buf_slice(&answer).ptr, digest, sizeof digest);
}

struct refusal {
	const char *options;
	const char *tail;
	const char *words; /* on the client's standard error */
};

static void
refuses_all_but_sftp(void **state)
{
	static const struct refusal CASES[] = {
	    {"", "-s other </dev/null 2>err", "subsystem request failed"},
	    {"", "ls </dev/null 2>err", "SFTP alone"},
	    {"", "scp -t /tmp </dev/null 2>err", "SFTP alone"},
	    {"-T", "</dev/null 2>err", "SFTP alone"},
	    {"-tt", "ls </dev/null 2>err", "PTY allocation request failed"},
	    {"-W 127.0.0.1:1", "</dev/null 2>err", "open failed"},
	    {"-o ExitOnForwardFailure=yes -R 0:127.0.0.1:1", "-s sftp </dev/null 2>err",
		"remote port forwarding failed"},
	    {"-l somebody", "-s sftp </dev/null 2>err", "Permission denied (publickey)"},
	    {"-o PubkeyAuthentication=no", "-s sftp </dev/null 2>err",
		"Permission denied (publickey)"},
	};
	struct serve how = usual(SERVE_ECHO);
	int server;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		int status = run_ssh(&how, CASES[i].options, CASES[i].tail, &server);
		if (status == 0 || !file_has("err", CASES[i].words) || server >= 1000) {
			(void)run("cat err");
			fail_msg("case %zu: ssh %d, server %d", i, status, server);
		}
	}
}

/* Harmless requests beside the one that counts don't stand in its way. */
static void
shrugs_off_what_else_is_asked(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	int server;

	(void)state;
	assert_int_equal(run_ssh(&how, "-o SetEnv=A=b -A -R 0:127.0.0.1:1 -o ServerAliveInterval=1",
			     "-s sftp <data >back 2>err", &server),
	    0);
	assert_int_equal(server, 0);
	assert_int_equal(run("cmp data back"), 0);
}

struct key_kind {
	const char *keygen;
	const char *refusal; /* NULL: it is good */
};

static const struct key_kind KEY_KINDS[] = {
    {"-t ed25519 -N ''", NULL},
    {"-t ecdsa -b 256 -N ''", NULL},
    {"-t ecdsa -b 384 -N ''", NULL},
    {"-t ecdsa -b 521 -N ''", NULL},
    {"-t rsa -b 2048 -N ''", NULL},
    {"-t rsa -b 2048 -m PEM -N ''", NULL},
    {"-t ecdsa -b 256 -m PEM -N ''", NULL},
    {"-t ecdsa -b 256 -m PKCS8 -N ''", NULL},
    {"-t rsa -b 1024 -N ''", "less than 2048 bits"},
    {"-t ed25519 -N secret", "passphrase"},
    {"-t rsa -b 2048 -m PEM -N secret", "passphrase"},
    {"-t ecdsa -b 256 -m PKCS8 -N secret", "passphrase"},
};

/* Keys of every kind log in with ssh, and serve as host keys. */
static void
login_with(const char *name, struct slice blob)
{
	struct serve how = usual(SERVE_ECHO);
	char options[100];
	int server;

	how.key = blob;
	(void)snprintf(options, sizeof options, "-o IdentityFile=%s", name);
	if (run_ssh(&how, options, "-s sftp <data >back 2>err", &server) != 0 || server != 0) {
		(void)run("cat err");
		fail_msg("%s: server %d", name, server);
	}
}

static void
reads_keys_of_ssh_keygen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KEY_KINDS); i++) {
		struct buf private _cleanup_(buf_fini);
		struct buf public _cleanup_(buf_fini);
		struct buf line _cleanup_(buf_fini);
		struct buf blob _cleanup_(buf_fini);
		char fingerprint[64] = "";
		struct story story = {""};

		assert_int_equal(
		    run("rm -f made made.pub; ssh-keygen -q -C '' %s -f made", KEY_KINDS[i].keygen),
		    0);
		get_file("made", &private);
		get_file("made.pub", &public);
		buf_init(&line, 8192);
		buf_init(&blob, 8192);
		enum err e = userkey_public(buf_slice(&private), "", &line, fingerprint, &story);
		if (KEY_KINDS[i].refusal != NULL) {
			assert_int_not_equal(e, ERR_OK);
			assert_non_null(strstr(story.text, KEY_KINDS[i].refusal));
			continue;
		}
		if (e != ERR_OK)
			fail_msg("%s: %s", KEY_KINDS[i].keygen, story.text);
		/* ssh-keygen leaves a blank where the comment would be. */
		assert_memory_equal(
		    buf_slice(&public).ptr, buf_slice(&line).ptr, buf_len(&line) - 1);
		assert_int_equal(run("ssh-keygen -lf made.pub | grep -qF '%s'", fingerprint), 0);
		line_blob(buf_slice(&line), &blob);
		login_with("made", buf_slice(&blob));
	}
}

/* An RSA key is welcome, a signature with SHA-1 is not. */
static void
refuses_sha1_signatures(void **state)
{
	struct serve how = usual(SERVE_ECHO);
	struct buf public _cleanup_(buf_fini);
	struct buf blob _cleanup_(buf_fini);
	int server;

	(void)state;
	assert_int_equal(
	    run("rm -f made made.pub; ssh-keygen -q -C x -t rsa -b 2048 -N '' -f made"), 0);
	get_file("made.pub", &public);
	line_blob(buf_slice(&public), &blob);
	how.key = buf_slice(&blob);
	assert_int_equal(run_ssh(&how,
			     "-o IdentityFile=made -o PubkeyAcceptedAlgorithms=ssh-rsa -o "
			     "IdentitiesOnly=yes",
			     "-s sftp <data >back 2>err", &server),
	    255);
}

static void
makes_keys_that_ssh_keygen_reads(void **state)
{
	struct buf public _cleanup_(buf_fini);

	(void)state;
	assert_int_equal(
	    run("ssh-keygen -y -f key >key.pub && ssh-keygen -lf key.pub >/dev/null"), 0);
	get_file("key.pub", &public);
	struct slice want = buf_slice(&world.user.public_line);
	/* Without the comment: a private key of ours has none. */
	assert_true(buf_len(&public) > 60 && want.len > 60);
	assert_memory_equal(buf_slice(&public).ptr, want.ptr, 60);
}

/* A file that ssh-keygen has hashed. */
static void
reads_hashed_known_hosts(void **state)
{
	struct buf file _cleanup_(buf_fini);

	(void)state;
	put_known_hosts();
	assert_int_equal(run("ssh-keygen -q -H -f known_hosts >/dev/null 2>&1; rm -f *.old"), 0);
	assert_true(file_has("known_hosts", "^|1|"));
	get_file("known_hosts", &file);
	struct slice type = slice_str("ssh-ed25519");
	assert_int_equal(knownhosts_check(buf_slice(&file), "127.0.0.1", world.port, type,
			     buf_slice(&world.host.blob))
			     .verdict,
	    KNOWNHOSTS_MATCH);
	assert_int_equal(knownhosts_check(buf_slice(&file), "127.0.0.2", world.port, type,
			     buf_slice(&world.host.blob))
			     .verdict,
	    KNOWNHOSTS_UNKNOWN);
	assert_int_equal(knownhosts_check(buf_slice(&file), "127.0.0.1", world.port, type,
			     buf_slice(&world.user.blob))
			     .verdict,
	    KNOWNHOSTS_CHANGED);
	put_known_hosts();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(speaks_every_algorithm),
	    cmocka_unit_test(shows_host_keys_of_every_kind),
	    cmocka_unit_test(finds_the_key_among_many),
	    cmocka_unit_test(answers_keepalives),
	    cmocka_unit_test(offers_nothing_weak),
	    cmocka_unit_test(takes_an_upload_to_its_end),
	    cmocka_unit_test(refuses_all_but_sftp),
	    cmocka_unit_test(shrugs_off_what_else_is_asked),
	    cmocka_unit_test(reads_keys_of_ssh_keygen),
	    cmocka_unit_test(refuses_sha1_signatures),
	    cmocka_unit_test(makes_keys_that_ssh_keygen_reads),
	    cmocka_unit_test(reads_hashed_known_hosts),
	};

	if (system("command -v ssh ssh-keygen >/dev/null") != 0) {
		print_message("1..0 # SKIP OpenSSH's client is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests_name("ssh/openssh", tests, world_up, world_down);
}
