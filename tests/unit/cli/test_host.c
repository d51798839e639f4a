/* dray host against a real sshd on the loopback, with keys of the test's own. */
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

/* The server and its port, for the whole file. */
static struct {
	pid_t pid;
	unsigned port;
} server;

static unsigned
free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(close(fd), 0);
	return ntohs(in.sin_port);
}

/* Answers within ten seconds? */
static bool
answers(unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	for (int i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool connected = connect(fd, (const struct sockaddr *)&in, sizeof in) == 0;
		(void)close(fd);
		if (connected)
			return true;
		(void)usleep(50000);
	}
	return false;
}

/* A server with the host keys of these files, or as long as the list goes. */
static void
start_server(const char *const *host_keys)
{
	char config[1024], path[PATH_LEN];
	size_t len = (size_t)snprintf(config, sizeof config,
	    "ListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\n");

	server.port = free_port();
	for (; *host_keys != NULL; host_keys++)
		len += (size_t)snprintf(config + len, sizeof config - len, "HostKey %s/%s\n",
		    getcwd(path, sizeof path), *host_keys);
	write_file("sshd_config", config, 0600);
	(void)mkdir("/run/sshd", 0755);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		char port[16];
		(void)snprintf(port, sizeof port, "%u", server.port);
		(void)execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-q", "-f", "sshd_config",
		    "-p", port, (char *)NULL);
		_exit(127);
	}
	assert_true(answers(server.port));
}

#define ROUTE(name, remote, more)                                                         \
	"  " name ": { from: { remote: " remote ", path: /, every: 1m }, match: { name: " \
	"\"*\" }, to: [{ folder: in }], after: leave" more " }\n"

static void
write_config(const char *known_hosts)
{
	char text[2048];

	(void)snprintf(text, sizeof text,
	    "home: .\n"
	    "identities: { me: { private_key: me } }\n"
	    "remotes:\n"
	    "  acme: { address: \"127.0.0.1:%u\", user: u, identity: me, known_hosts: %s, "
	    "timeout: 10s }\n"
	    "  dead: { address: \"127.0.0.1:1\", user: u, identity: me, known_hosts: %s, "
	    "timeout: 1s }\n"
	    "folders: { in: { path: in } }\n"
	    "routes:\n" ROUTE("acme-a", "acme", "") ROUTE("acme-b", "acme", "")
		ROUTE("acme-off", "acme", ", disabled: true") ROUTE("dead-all", "dead", ""),
	    server.port, known_hosts, known_hosts);
	write_file("dray.yaml", text, 0644);
}

static const char *const BOTH_KEYS[] = {"host_ed25519", "host_rsa", NULL};

static int
setup(void **state)
{
	if (place_setup(state) != 0 || shell("ssh-keygen -q -t ed25519 -N '' -f host_ed25519 && "
					     "ssh-keygen -q -t rsa -b 2048 -N '' -f host_rsa && "
					     "ssh-keygen -q -t ed25519 -N '' -f other") != 0)
		return -1;
	start_server(BOTH_KEYS);
	write_config("known_hosts");
	return 0;
}

static int
teardown(void **state)
{
	(void)kill(server.pid, SIGTERM);
	(void)waitpid(server.pid, NULL, 0);
	return place_teardown(state);
}

/* "SHA256:…" of a key file, as ssh-keygen says. */
static void
fingerprint_of(const char *key, char dst[64])
{
	assert_int_equal(shell("ssh-keygen -lf %s | cut -d' ' -f2 | tr -d '\\n' > fp", key), 0);
	char *text = read_file("fp");
	assert_true(slice_copy(slice_str(text), dst, 64));
	free(text);
}

/* known_hosts with one line: names, then the key of this file. */
static void
pin(const char *marker, const char *names, const char *key)
{
	assert_int_equal(
	    shell("echo \"%s%s $(cut -d' ' -f1,2 %s.pub)\" >> known_hosts", marker, names, key), 0);
}

static void
pin_here(const char *marker, const char *key)
{
	char name[64];

	(void)snprintf(name, sizeof name, "[127.0.0.1]:%u", server.port);
	pin(marker, name, key);
}

static void
test_scan_unknown(void **state)
{
	char ed25519[64], rsa[64], command[128];

	(void)state;
	fingerprint_of("host_ed25519.pub", ed25519);
	fingerprint_of("host_rsa.pub", rsa);
	struct answer a = DRAY("host", "scan", "acme");
	assert_string_equal(a.err, "");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, ed25519);
	assert_contains(a.out, rsa);
	assert_contains(a.out, "ssh-ed25519  SHA256:");
	assert_contains(a.out, "  unknown\n");
	(void)snprintf(command, sizeof command, "\n  dray host trust acme %s\n", ed25519);
	assert_contains(a.out, command);
	assert_int_equal(access("known_hosts", F_OK), -1);
	answer_fini(&a);
}

static void
test_trust(void **state)
{
	char fingerprint[64];

	(void)state;
	fingerprint_of("host_ed25519.pub", fingerprint);
	write_file("known_hosts", "# ours\nelsewhere.example ssh-ed25519 AAAA", 0640);
	struct answer a = DRAY("host", "trust", "acme", fingerprint);
	assert_string_equal(a.err, "");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "Pinned the ssh-ed25519 key of acme in ");
	assert_contains(a.out,
	    "known_hosts.\n"
	    "drayd sees that at the next run of a route from there. To run it now:\n"
	    "  dray run acme-a\n"
	    "  dray run acme-b\n");
	assert_null(strstr(a.out, "acme-off"));
	assert_null(strstr(a.out, "dead-all"));
	answer_fini(&a);
	/* The file is the old one and one line more, which ssh-keygen finds by the host's name. */
	static const char BEFORE[] = "# ours\nelsewhere.example ssh-ed25519 AAAA\n[127.0.0.1]:";
	char *file = read_file("known_hosts");
	assert_int_equal(strncmp(file, BEFORE, sizeof BEFORE - 1), 0);
	free(file);
	assert_int_equal(shell("test $(stat -c %%a known_hosts) = 640"), 0);
	assert_int_equal(shell("ssh-keygen -l -F '[127.0.0.1]:%u' -f known_hosts | grep -qF '%s'",
			     server.port, fingerprint),
	    0);
	/* Again: nothing is added. */
	a = DRAY("host", "trust", "acme", fingerprint);
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "This key is pinned already: ");
	answer_fini(&a);
	assert_int_equal(shell("test $(wc -l < known_hosts) = 3"), 0);
	/* And a scan knows it, and takes the server's other key for no change. */
	a = DRAY("host", "scan", "acme");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "  pinned (line 3)\n");
	assert_contains(a.out, "  not pinned\n");
	answer_fini(&a);
}

static void
test_trust_another(void **state)
{
	char fingerprint[64];

	(void)state;
	fingerprint_of("other.pub", fingerprint);
	struct answer a = DRAY("host", "trust", "acme", fingerprint);
	assert_int_equal(a.code, CLI_HOST_KEY);
	assert_string_equal(a.out, "");
	assert_contains(a.err, "does not show a key with that fingerprint; nothing was trusted");
	assert_contains(a.err, "ssh-ed25519  SHA256:");
	assert_int_equal(access("known_hosts", F_OK), -1);
	answer_fini(&a);
}

static void
test_changed(void **state)
{
	char fingerprint[64];

	(void)state;
	fingerprint_of("host_ed25519.pub", fingerprint);
	pin_here("", "other");
	struct answer a = DRAY("host", "scan", "acme");
	assert_int_equal(a.code, CLI_HOST_KEY);
	assert_contains(a.out, "  CHANGED (line 1)\n");
	assert_contains(a.out, "This is not the server that ");
	answer_fini(&a);
	/* A rotation, confirmed by its fingerprint: the new key beside the old one. */
	a = DRAY("host", "trust", "acme", fingerprint);
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "Another key is pinned there too, in line 1");
	answer_fini(&a);
	assert_int_equal(shell("test $(wc -l < known_hosts) = 2"), 0);
}

static void
test_revoked(void **state)
{
	char fingerprint[64];

	(void)state;
	fingerprint_of("host_ed25519.pub", fingerprint);
	pin_here("@revoked ", "host_ed25519");
	struct answer a = DRAY("host", "scan", "acme");
	assert_int_equal(a.code, CLI_HOST_KEY);
	assert_contains(a.out, "  REVOKED (line 1)\n");
	answer_fini(&a);
	a = DRAY("host", "trust", "acme", fingerprint);
	assert_int_equal(a.code, CLI_HOST_KEY);
	assert_contains(a.err, "that key is revoked in ");
	answer_fini(&a);
	assert_int_equal(shell("test $(wc -l < known_hosts) = 1"), 0);
	a = DRAY("host", "list", "acme");
	assert_contains(a.out, "  REVOKED ");
	answer_fini(&a);
}

static void
test_list(void **state)
{
	char ed25519[64], rsa[64];

	(void)state;
	fingerprint_of("host_ed25519.pub", ed25519);
	fingerprint_of("host_rsa.pub", rsa);
	struct answer a = DRAY("host", "list", "acme");
	assert_int_equal(a.code, CLI_OK);
	assert_contains(a.out, "No host key is pinned for acme");
	answer_fini(&a);
	pin("", "elsewhere.example", "other");
	pin_here("", "host_ed25519");
	pin_here("", "host_rsa");
	/* Hashed names say nothing to a reader, and the same to us. */
	assert_int_equal(shell("ssh-keygen -q -H -f known_hosts > /dev/null 2>&1"), 0);
	assert_int_equal(shell("grep -c '^|1|' known_hosts | grep -qx 3"), 0);
	assert_int_equal(
	    shell("printf '# a comment\\n\\nbroken line\\n* ssh-rsa !!!!\\n@revoked' >> "
		  "known_hosts"),
	    0);
	a = DRAY("host", "list", "acme", "--json");
	assert_int_equal(a.code, CLI_OK);
	write_file("list.json", a.out, 0644);
	assert_int_equal(
	    shell("python3 -c 'import json; k = json.load(open(\"list.json\"))[\"keys\"]; "
		  "assert [e[\"fingerprint\"] for e in k] == [\"%s\", \"%s\"], k; "
		  "assert not any(e[\"revoked\"] for e in k)'",
		ed25519, rsa),
	    0);
	answer_fini(&a);
	a = DRAY("host", "list", "acme");
	assert_contains(a.out, "TYPE         FINGERPRINT");
	assert_contains(a.out, ed25519);
	answer_fini(&a);
}

static void
test_scan_json(void **state)
{
	(void)state;
	pin_here("", "host_ed25519");
	struct answer a = DRAY("host", "scan", "acme", "--json");
	assert_int_equal(a.code, CLI_OK);
	write_file("scan.json", a.out, 0644);
	assert_int_equal(
	    shell("python3 -c 'import json; d = json.load(open(\"scan.json\")); "
		  "v = {k[\"type\"]: k[\"verdict\"] for k in d[\"keys\"]}; "
		  "assert v[\"ssh-ed25519\"] == \"pinned\", v; "
		  "assert v[\"ssh-rsa\"] == \"not pinned\", v; assert d[\"port\"] == %u'",
		server.port),
	    0);
	answer_fini(&a);
}

static void
test_unreachable(void **state)
{
	(void)state;
	struct answer a = DRAY("host", "scan", "dead");
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "dray: remote dead: cannot connect to ");
	assert_contains(a.err, "Connection refused");
	answer_fini(&a);
	a = DRAY("host", "scan", "nobody");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_string_equal(a.err, "dray: no remote is called \"nobody\" in dray.yaml\n");
	answer_fini(&a);
	/* A known_hosts that can't be read is not the same as an empty one. */
	assert_int_equal(mkdir("directory", 0755), 0);
	write_config("directory");
	a = DRAY("host", "scan", "acme");
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.err, "cannot read ");
	answer_fini(&a);
}

int
main(void)
{
#define AT_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    AT_SERVER(test_scan_unknown),
	    AT_SERVER(test_trust),
	    AT_SERVER(test_trust_another),
	    AT_SERVER(test_changed),
	    AT_SERVER(test_revoked),
	    AT_SERVER(test_list),
	    AT_SERVER(test_scan_json),
	    AT_SERVER(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
