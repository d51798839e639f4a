/* transport_dial against OpenSSH's sshd: keys, certificates, refusals, and much traffic. */
#include "world.h"

#include "pki/blob.h"
#include "ssh/transport_client.h"

#include "dialer.h"
#include "sshd.h"

static bool
missing(void)
{
	if (sshd_is_here())
		return false;
	print_message("# no sshd here\n");
	return true;
}

/* Dials an sshd with this configuration. Its process is ended by the connection's end. */
static enum transport_outcome
dial(struct dialer *d, const char *sshd_config, void (*change)(struct dial_config *config),
    struct transport **ret_t, pid_t *ret_pid, struct story *story)
{
	struct dial_config config = dialer_config(d, sshd.user, sshd.port);
	struct transport_facts facts;

	if (change != NULL)
		change(&config);
	*ret_t = NULL;
	*ret_pid = sshd_start(sshd_config);
	return transport_dial(ret_t, connect_loopback(sshd.port), &config, &facts, story);
}

static void
hang_up(struct transport *t, pid_t pid)
{
	transport_close(t, 5 * US_PER_SEC);
	transport_free(t);
	(void)child_status(pid);
}

static struct transport *
must_dial(struct dialer *d, const char *sshd_config, void (*change)(struct dial_config *config),
    pid_t *ret_pid)
{
	struct story story = {""};
	struct transport *t;

	if (dial(d, sshd_config, change, &t, ret_pid, &story) != TRANSPORT_LOGGED_IN)
		fail_msg("%s", story.text);
	return t;
}

static void
must_fail(struct dialer *d, const char *sshd_config, void (*change)(struct dial_config *config),
    enum transport_outcome outcome, const char *words)
{
	struct story story = {""};
	struct transport *t;
	pid_t pid;

	enum transport_outcome got = dial(d, sshd_config, change, &t, &pid, &story);
	if (got != outcome || strstr(story.text, words) == NULL)
		fail_msg("outcome %d: %s", (int)got, story.text);
	assert_null(t);
	(void)child_status(pid);
}

static const char SFTP[] = "Subsystem sftp internal-sftp";

/* INIT and VERSION (draft-ietf-secsh-filexfer-02 section 4). */
static void
speak_sftp(struct transport *t)
{
	static const uint8_t INIT[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
	uint8_t answer[5];

	write_all(t, INIT, sizeof INIT);
	read_all(t, answer, sizeof answer);
	assert_int_equal(answer[4], 2);
}

static void
takes_every_type_of_key(void **state)
{
	static const char *const TYPES[] = {
	    "ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048"};

	(void)state;
	if (missing())
		return;
	for (size_t i = 0; i < 2 * ARRAY_LEN(TYPES); i++) {
		struct dialer d = {.ask_first = i % 2 == 1};
		struct buf key;
		pid_t pid;
		sh("rm -f user*; ssh-keygen -q -t %s -N '' -C '' -f user; cp user.pub "
		   "authorized_keys",
		    TYPES[i / 2]);
		sshd_file("user", &key);
		d.private_key = buf_slice(&key);
		struct transport *t = must_dial(&d, SFTP, NULL, &pid);
		speak_sftp(t);
		assert_true(transport_round_trip_us(t) > 0);
		assert_true(transport_window(t) >= WIRE_WINDOW);
		hang_up(t, pid);
		dialer_fini(&d);
		buf_wipe(&key);
	}
}

static void
use_user_key(struct dialer *d, struct buf *key)
{
	sh("rm -f user*; ssh-keygen -q -t ed25519 -N '' -C '' -f user; cp user.pub "
	   "authorized_keys");
	sshd_file("user", key);
	d->private_key = buf_slice(key);
}

static void
takes_every_type_of_host_key(void **state)
{
	static const struct {
		const char *type, *algorithm;
	} CASES[] = {
	    {"ed25519", "ssh-ed25519"},
	    {"ecdsa -b 256", "ecdsa-sha2-nistp256"},
	    {"ecdsa -b 384", "ecdsa-sha2-nistp384"},
	    {"ecdsa -b 521", "ecdsa-sha2-nistp521"},
	    {"rsa -b 3072", "rsa-sha2-512"},
	};
	struct transport_facts facts;
	char config[256];

	(void)state;
	if (missing())
		return;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct dialer d = {0};
		struct buf key;
		pid_t pid;
		use_user_key(&d, &key);
		sh("rm -f other*; ssh-keygen -q -t %s -N '' -f other", CASES[i].type);
		(void)snprintf(config, sizeof config, "HostKey %s/other\nHostKeyAlgorithms %s\n%s",
		    sshd.dir, CASES[i].algorithm, SFTP);
		struct transport *t = must_dial(&d, config, NULL, &pid);
		transport_facts(t, &facts);
		assert_non_null(strstr(facts.algorithms, CASES[i].algorithm));
		assert_int_equal(d.n_judged, 1);
		assert_false(d.host_cert);
		hang_up(t, pid);
		dialer_fini(&d);
		buf_wipe(&key);
	}
}

static void
offer_host_certificates(struct dial_config *config)
{
	config->host_keys = "ssh-ed25519-cert-v01@openssh.com";
}

/* The blob of a file that ssh-keygen made. */
static void
read_blob(const char *name, struct buf *ret_blob)
{
	struct buf line _cleanup_(buf_fini);
	struct slice type, base64;

	sshd_file(name, &line);
	struct slice rest = slice_cut(buf_slice(&line), ' ', &type);
	(void)slice_cut(rest, ' ', &base64);
	buf_init(ret_blob, CERT_BLOB_MAX);
	assert_int_equal(blob_from_base64(base64, ret_blob), ERR_OK);
}

static void
takes_certificates(void **state)
{
	struct dialer d = {.algorithm = "ssh-ed25519-cert-v01@openssh.com"};
	char config[512];
	struct buf key, blob;
	pid_t pid;

	(void)state;
	if (missing())
		return;
	use_user_key(&d, &key);
	sh(": > authorized_keys; rm -f ca* host-cert.pub; ssh-keygen -q -t ed25519 -N '' -f ca; "
	   "ssh-keygen -q -s ca -I user -n %s user.pub; "
	   "ssh-keygen -q -s ca -I host -h -n server.example host.pub",
	    sshd.user);
	read_blob("user-cert.pub", &blob);
	d.blob = buf_slice(&blob);
	(void)snprintf(config, sizeof config,
	    "TrustedUserCAKeys %s/ca.pub\nHostCertificate %s/host-cert.pub\n%s", sshd.dir, sshd.dir,
	    SFTP);
	struct transport *t = must_dial(&d, config, offer_host_certificates, &pid);
	assert_true(d.host_cert);
	assert_string_equal(d.principal, "server.example");
	speak_sftp(t);
	hang_up(t, pid);
	dialer_fini(&d);
	buf_fini(&blob);
	buf_wipe(&key);
}

/* Without a right password at hand: that it is asked for, sent and refused. */
static void
is_asked_for_passwords(void **state)
{
	struct dialer d = {.password = "wrong"};
	char config[256];

	(void)state;
	if (missing())
		return;
	sh("echo 'who are you?' > banner");
	(void)snprintf(config, sizeof config,
	    "UsePAM yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication yes\n"
	    "Banner %s/banner\nMaxAuthTries 10\n%s",
	    sshd.dir, SFTP);
	must_fail(&d, config, NULL, TRANSPORT_USER_KEY_REFUSED, "it takes publickey,password");
	assert_string_equal(d.banner, "who are you?\n");
	assert_int_equal(d.n_next, 2);
	/* With PAM; a right answer isn't known to us, and how it takes a wrong one is its own. */
	if (strstr(d.methods, "keyboard-interactive") == NULL)
		return;
	struct dialer asked = {.answer = "wrong"};
	struct story story = {""};
	struct transport *t;
	pid_t pid;
	assert_int_not_equal(dial(&asked, config, NULL, &t, &pid, &story), TRANSPORT_LOGGED_IN);
	if (asked.n_prompts == 0)
		print_message("# sshd does not ask here: %s\n", story.text);
	else
		assert_non_null(strstr(asked.prompt, "assword"));
	(void)child_status(pid);
}

static void
give_up(struct dial_config *config)
{
	((struct dialer *)config->ctx)->gives_up = true;
}

static void
offer_one_cipher(struct dial_config *config)
{
	config->ciphers = "aes128-gcm@openssh.com";
}

static void
offer_nothing(struct dial_config *config)
{
	config->ciphers = "rot13";
}

static void
tells_refusals_apart(void **state)
{
	struct dialer d = {0};
	struct buf key;

	(void)state;
	if (missing())
		return;
	use_user_key(&d, &key);
	must_fail(&d, "Ciphers chacha20-poly1305@openssh.com", offer_one_cipher,
	    TRANSPORT_NO_ALGORITHM, "\"chacha20-poly1305@openssh.com\"");
	must_fail(&d, SFTP, offer_nothing, TRANSPORT_NO_ALGORITHM, "rot13");
	must_fail(&d, SFTP, give_up, TRANSPORT_LOCAL_FAILURE, "given up");
	d.gives_up = false;
	d.refuses_host = true;
	must_fail(&d, SFTP, NULL, TRANSPORT_HOST_KEY_UNKNOWN, "that isn't it: SHA256:");
	assert_false(sshd_log_has("userauth-request"));
	assert_false(sshd_log_has("NEWKEYS received"));
	d.refuses_host = false;
	sh(": > authorized_keys");
	must_fail(&d, SFTP, NULL, TRANSPORT_USER_KEY_REFUSED, "by anything that we have");
	assert_true(sshd_log_has("userauth-request"));
	dialer_fini(&d);
	buf_wipe(&key);
}

/* What isn't there is told at once where the login waits for the word, else as the stream's end. */
static void
tells_that_there_is_no_sftp(void **state)
{
	struct dialer d = {0};
	struct transport_event ev;
	struct buf key;
	pid_t pid;

	(void)state;
	if (missing())
		return;
	use_user_key(&d, &key);
	struct transport *t = must_dial(&d, "Subsystem other /bin/cat", NULL, &pid);
	do {
		transport_next_event(t, &ev);
		if (ev.type == TRANSPORT_NOTHING)
			wait_for(t);
	} while (ev.type != TRANSPORT_CLOSED);
	assert_int_not_equal(ev.error, ERR_OK);
	assert_non_null(strstr(ev.story, "offers no SFTP"));
	hang_up(t, pid);

	struct transport_facts facts;
	struct story story;
	struct buf pinned, blob;
	read_blob("host.pub", &blob);
	buf_init(&pinned, 4096);
	assert_int_equal(knownhosts_line("server.example", sshd.port, slice_str("ssh-ed25519"),
			     buf_slice(&blob), &pinned),
	    ERR_OK);
	struct transport_client_config login = {
	    .host = "server.example",
	    .port = sshd.port,
	    .user = sshd.user,
	    .known_hosts = buf_slice(&pinned),
	    .private_key = buf_slice(&key),
	    .timeout_us = 20 * US_PER_SEC,
	};
	pid = sshd_start("Subsystem other /bin/cat");
	assert_int_equal(
	    transport_client_login(&t, connect_loopback(sshd.port), &login, &facts, &story),
	    TRANSPORT_NO_SFTP);
	assert_non_null(strstr(story.text, "took the login, but the server offers no SFTP"));
	(void)child_status(pid);
	buf_fini(&pinned);
	buf_fini(&blob);
	dialer_fini(&d);
	buf_wipe(&key);
}

enum { ECHOED = 100 * 1024 * 1024, STEP = 256 * 1024 };

/* 100 MiB there and back, the keys being exchanged all the while. */
static void
survives_rekeying_both_ways(void **state)
{
	static uint8_t out[STEP], in[STEP], want[STEP];
	uint64_t sent = 0, got = 0;
	size_t at = 0, len = 0, n;
	struct dialer d = {0};
	struct buf key;
	pid_t pid;

	(void)state;
	if (missing())
		return;
	use_user_key(&d, &key);
	struct transport *t = must_dial(&d, "RekeyLimit 1M\nSubsystem sftp /bin/cat", NULL, &pid);
	while (got < ECHOED) {
		struct transport_event ev;
		if (at == len && sent < ECHOED) {
			len = STEP;
			at = 0;
			pattern_fill(out, len, sent);
			sent += len;
		}
		n = 0;
		if (at < len)
			assert_int_equal(transport_write(t, out + at, len - at, &n), ERR_OK);
		at += n;
		transport_next_event(t, &ev);
		if (ev.type == TRANSPORT_CLOSED)
			fail_msg("%s", ev.story);
		if (ev.type == TRANSPORT_READABLE) {
			assert_int_equal(transport_read(t, in, sizeof in, &n), ERR_OK);
			pattern_fill(want, n, got);
			assert_memory_equal(in, want, n);
			got += n;
		} else if (n == 0) {
			wait_for(t);
		}
	}
	hang_up(t, pid);
	dialer_fini(&d);
	buf_wipe(&key);
}

/* As much as no counter of 31 bits holds, through the widest window. */
static void
takes_two_gib_through_a_wide_window(void **state)
{
#ifdef TEST_WITH_ASAN
	const uint64_t total = 256 * 1024 * 1024;
	const char *config = "Subsystem sftp head -c 268435456 /dev/zero";
#else
	const uint64_t total = UINT64_C(2147483648) + 4096;
	const char *config = "Subsystem sftp head -c 2147487744 /dev/zero";
#endif
	struct dialer d = {0};
	struct buf key;
	uint64_t got = 0;
	pid_t pid;

	(void)state;
	if (missing())
		return;
	use_user_key(&d, &key);
	struct transport *t = must_dial(&d, config, NULL, &pid);
	wire_client_set_window(client_of(t)->wire, WIRE_CLIENT_WINDOW_MAX);
	assert_int_equal(transport_window(t), WIRE_CLIENT_WINDOW_MAX);
	for (;;) {
		struct transport_event ev;
		transport_next_event(t, &ev);
		if (ev.type == TRANSPORT_READABLE) {
			struct slice bytes = transport_peek(t);
			assert_int_equal(bytes.ptr[bytes.len - 1], 0);
			got += bytes.len;
			transport_consume(t, bytes.len);
		} else if (ev.type == TRANSPORT_NOTHING) {
			wait_for(t);
		} else {
			break;
		}
	}
	assert_int_equal(got, total);
	hang_up(t, pid);
	dialer_fini(&d);
	buf_wipe(&key);
}

static int
up(void **state)
{
	if (world_up(state) != 0)
		return -1;
	if (sshd_is_here())
		sshd_up();
	return 0;
}

static int
down(void **state)
{
	if (sshd_is_here())
		sshd_down();
	return world_down(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_every_type_of_key),
	    cmocka_unit_test(takes_every_type_of_host_key),
	    cmocka_unit_test(takes_certificates),
	    cmocka_unit_test(is_asked_for_passwords),
	    cmocka_unit_test(tells_refusals_apart),
	    cmocka_unit_test(tells_that_there_is_no_sftp),
	    cmocka_unit_test(survives_rekeying_both_ways),
	    cmocka_unit_test(takes_two_gib_through_a_wide_window),
	};

	return cmocka_run_group_tests_name("ssh/dial_sshd", tests, up, down);
}
