/* login.h against OpenSSH's server on the loopback: who is believed, what proves us, what is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ssh/login.h"

#include "sshd.h"

/* What the person at the terminal answers, and what was shown. */
struct person {
	bool agrees;
	const char *answer;
	unsigned n_asked, n_confirmed;
	char question[512], told[4096];
};

static enum err
person_ask(void *ctx, const char *prompt, bool echo, struct buf *ret_answer)
{
	struct person *p = ctx;

	(void)echo;
	p->n_asked++;
	(void)snprintf(p->question, sizeof p->question, "%s", prompt);
	return p->answer == NULL ? ERR_CLOSED : buf_put(ret_answer, p->answer, strlen(p->answer));
}

static bool
person_confirm(void *ctx, const char *question, const char *fingerprint)
{
	struct person *p = ctx;

	p->n_confirmed++;
	assert_non_null(strstr(question, fingerprint));
	return p->agrees;
}

static void
person_tell(void *ctx, unsigned level, const char *text)
{
	struct person *p = ctx;
	size_t len = strlen(p->told);

	(void)level;
	(void)snprintf(p->told + len, sizeof p->told - len, "%s\n", text);
}

/* A login to the server, with these options behind the usual ones. */
struct setting {
	const char *options[LOGIN_OPTIONS_MAX];
	size_t n;
	char text[16][256];
	struct person person;
};

static void printf_like(2, 3) say(struct setting *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(s->text[s->n], sizeof s->text[0], format, args);
	va_end(args);
	s->options[s->n] = s->text[s->n];
	s->n++;
}

static struct login *
open_login(struct setting *s, const char *host)
{
	struct login_options o = {.host = host, .port = sshd.port, .config_file = "none"};
	const struct login_ui ui = {
	    .ask = person_ask, .confirm = person_confirm, .tell = person_tell, .ctx = &s->person};
	struct story story = {""};
	struct login *l = NULL;

	say(s, "UserKnownHostsFile=%s/known_hosts", sshd.dir);
	say(s, "GlobalKnownHostsFile=none");
	say(s, "IdentityFile=%s/id", sshd.dir);
	say(s, "IdentityAgent=none");
	say(s, "PasswordAuthentication=no");
	say(s, "KbdInteractiveAuthentication=no");
	memcpy(o.options, s->options, sizeof s->options);
	o.n_options = s->n;
	if (login_new(&l, &o, &ui, &story) != ERR_OK)
		fail_msg("%s", story.text);
	return l;
}

static enum transport_outcome
try_login(struct login *l, const char *config, struct story *story)
{
	struct transport_facts facts;
	struct transport *t = NULL;
	pid_t pid = sshd_start(config);

	*story = (struct story){""};
	enum transport_outcome outcome = login_connect(l, &t, &facts, story);
	if (t != NULL)
		transport_close(t, US_PER_SEC);
	transport_free(t);
	(void)child_status(pid);
	return outcome;
}

static const char SFTP[] = "Subsystem sftp internal-sftp";

static void
expect(struct login *l, const char *config, enum transport_outcome wanted, const char *words)
{
	struct story story;
	enum transport_outcome got = try_login(l, config, &story);

	if (got != wanted || strstr(story.text, words) == NULL)
		fail_msg("outcome %d: %s", (int)got, story.text);
}

static int
up(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(transport_library_init(), ERR_OK);
	sshd_up();
	sh("ssh-keygen -q -t ed25519 -N '' -f id; ssh-keygen -q -t ed25519 -N secret -f locked");
	sh("ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -f pem; ssh-keygen -q -t ed25519 -N '' "
	   "-f ca");
	sh("cat id.pub > authorized_keys");
	return 0;
}

static int
down(void **state)
{
	(void)state;
	sshd_down();
	return 0;
}

static void
pin_host(void)
{
	sh("echo \"[127.0.0.1]:%u $(cut -d' ' -f1,2 host.pub)\" > known_hosts", sshd.port);
}

static void
an_unknown_host_is_asked_about(void **state)
{
	struct setting s = {.person = {.agrees = false}};
	struct login *l = open_login(&s, "127.0.0.1");

	(void)state;
	sh("rm -f known_hosts");
	expect(l, SFTP, TRANSPORT_HOST_KEY_UNKNOWN, "nothing was sent");
	s.person.agrees = true;
	expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
	assert_int_equal(s.person.n_confirmed, 2);
	sh("grep -q '^\\[127.0.0.1\\]:%u ssh-ed25519 ' known_hosts", sshd.port);
	expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
	assert_int_equal(s.person.n_confirmed, 2);
	login_free(l);
}

static void
strict_checking_asks_nobody(void **state)
{
	static const char *const STRICT[] = {"yes", "ask"};

	(void)state;
	sh("rm -f known_hosts");
	for (size_t i = 0; i < ARRAY_LEN(STRICT); i++) {
		struct setting s = {.person = {.agrees = true}};
		say(&s, "StrictHostKeyChecking=%s", STRICT[i]);
		say(&s, "BatchMode=yes");
		struct login *l = open_login(&s, "127.0.0.1");
		expect(l, SFTP, TRANSPORT_HOST_KEY_UNKNOWN, "ssh-keyscan");
		assert_int_equal(s.person.n_confirmed, 0);
		login_free(l);
	}
}

static void
accept_new_learns_a_hashed_name(void **state)
{
	struct setting s = {0};

	(void)state;
	sh("rm -f known_hosts");
	say(&s, "StrictHostKeyChecking accept-new");
	say(&s, "HashKnownHosts yes");
	struct login *l = open_login(&s, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
	sh("grep -q '^|1|' known_hosts && ssh-keygen -q -F '[127.0.0.1]:%u' -f known_hosts > found",
	    sshd.port);
	login_free(l);
}

static void
a_changed_host_is_never_let_in(void **state)
{
	struct setting s = {.person = {.agrees = true}};

	(void)state;
	sh("echo '# ours' > known_hosts; echo \"[127.0.0.1]:%u $(cut -d' ' -f1,2 ca.pub)\" >> "
	   "known_hosts",
	    sshd.port);
	say(&s, "StrictHostKeyChecking=no");
	struct login *l = open_login(&s, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_HOST_KEY_CHANGED, "known_hosts line 2 holds another, SHA256:");
	assert_int_equal(s.person.n_confirmed, 0);
	login_free(l);
	sh("echo \"@revoked * $(cut -d' ' -f1,2 host.pub)\" > known_hosts");
	struct setting again = {0};
	l = open_login(&again, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_HOST_KEY_CHANGED, "revoked");
	login_free(l);
}

struct host_cert {
	const char *options; /* of ssh-keygen */
	const char *marker;
	enum transport_outcome outcome;
	const char *words;
	const char *revoked; /* writes RevokedHostKeys; NULL: none */
};

static void
host_certificates(void **state)
{
	static const struct host_cert CASES[] = {
	    {"-h -n 127.0.0.1", "@cert-authority", TRANSPORT_LOGGED_IN, ""},
	    {"-h -n '127.0.0.*'", "@cert-authority", TRANSPORT_LOGGED_IN, ""},
	    {"-h", "@cert-authority", TRANSPORT_LOGGED_IN, ""},
	    {"-h -n other", "@cert-authority", TRANSPORT_HOST_KEY_UNKNOWN, "for another host"},
	    {"-h -n 127.0.0.1 -V 20200101:20200102", "@cert-authority", TRANSPORT_HOST_KEY_UNKNOWN,
		"expired"},
	    {"-h -n 127.0.0.1", "@revoked", TRANSPORT_HOST_KEY_CHANGED, "authority is revoked"},
	    {"-h -n 127.0.0.1 -z 7", "@cert-authority", TRANSPORT_HOST_KEY_CHANGED,
		"certificate is revoked by", "echo serial: 7 > revoked"},
	    {"-h -n 127.0.0.1", "@cert-authority", TRANSPORT_HOST_KEY_CHANGED,
		"authority is revoked by", "cat ca.pub > revoked"},
	    {"-h -n 127.0.0.1", "@cert-authority", TRANSPORT_LOGGED_IN, "",
		"echo serial: 7 > revoked"},
	};
	char config[256];

	(void)state;
	(void)snprintf(
	    config, sizeof config, "%s\nHostCertificate %s/host-cert.pub", SFTP, sshd.dir);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct setting s = {0};
		sh("ssh-keygen -q -s ca -I h %s host.pub; echo \"%s 127.0.0.* $(cut -d' ' -f1,2 "
		   "ca.pub)\" > known_hosts",
		    CASES[i].options, CASES[i].marker);
		if (CASES[i].revoked != NULL) {
			sh("%s", CASES[i].revoked);
			say(&s, "RevokedHostKeys=%s/revoked", sshd.dir);
		}
		struct login *l = open_login(&s, "127.0.0.1");
		expect(l, config, CASES[i].outcome, CASES[i].words);
		login_free(l);
	}
}

/* RevokedHostKeys: the key, its fingerprint, a certificate's authority and serial; no list, or one
 * that isn't understood, lets no host be believed. */
static void
revoked_host_keys(void **state)
{
	static const struct {
		const char *list;
		enum transport_outcome outcome;
		const char *words;
	} CASES[] = {
	    {": > revoked", TRANSPORT_LOGGED_IN, ""},
	    {"cat ca.pub > revoked", TRANSPORT_LOGGED_IN, ""},
	    {"cat host.pub > revoked", TRANSPORT_HOST_KEY_CHANGED, "key is revoked by"},
	    {"echo \"hash: $(ssh-keygen -lf host.pub | cut -d' ' -f2)\" > revoked",
		TRANSPORT_HOST_KEY_CHANGED, "key is revoked by"},
	    {"ssh-keygen -q -k -f revoked ca.pub", TRANSPORT_LOCAL_FAILURE, "RevokedHostKeys"},
	    {"echo rubbish > revoked", TRANSPORT_LOCAL_FAILURE, "no host is trusted"},
	    {"rm revoked", TRANSPORT_LOCAL_FAILURE, "no host is trusted"},
	};

	(void)state;
	pin_host();
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct setting s = {0};
		say(&s, "RevokedHostKeys=%s/revoked", sshd.dir);
		/* Nor does it help to check nothing else. */
		say(&s, "StrictHostKeyChecking=no");
		struct login *l = open_login(&s, "127.0.0.1");
		sh("rm -f revoked; touch revoked; %s", CASES[i].list);
		struct story story;
		enum transport_outcome got = TRANSPORT_LOCAL_FAILURE;
		if (CASES[i].outcome == TRANSPORT_LOCAL_FAILURE) {
			struct transport_facts facts;
			struct transport *t = NULL;
			story = (struct story){""};
			got = login_connect(l, &t, &facts, &story);
			assert_null(t);
		} else {
			got = try_login(l, SFTP, &story);
		}
		if (got != CASES[i].outcome || strstr(story.text, CASES[i].words) == NULL)
			fail_msg("case %zu: outcome %d: %s", i, (int)got, story.text);
		login_free(l);
	}
}

static void
a_passphrase_is_asked_once(void **state)
{
	static const char *const KEYS[] = {"locked", "pem"};

	(void)state;
	pin_host();
	sh("cat id.pub locked.pub pem.pub > authorized_keys");
	for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
		struct setting s = {.person = {.answer = "secret"}};
		say(&s, "IdentityFile=%s/%s", sshd.dir, KEYS[i]);
		struct login *l = open_login(&s, "127.0.0.1");
		expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
		expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
		assert_int_equal(s.person.n_asked, 1);
		assert_non_null(strstr(s.person.question, "Enter passphrase for key"));
		login_free(l);
	}
	struct setting wrong = {.person = {.answer = "wrong"}};
	say(&wrong, "IdentityFile=%s/locked", sshd.dir);
	sh("cat locked.pub > authorized_keys");
	struct login *l = open_login(&wrong, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_USER_KEY_REFUSED, "");
	assert_true(wrong.person.n_asked >= 3);
	login_free(l);
	sh("cat id.pub > authorized_keys");
}

static void
a_key_that_others_read_is_not_used(void **state)
{
	struct setting s = {0};

	(void)state;
	pin_host();
	sh("chmod 644 id");
	struct login *l = open_login(&s, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_USER_KEY_REFUSED, "");
	assert_non_null(strstr(s.person.told, "too open"));
	login_free(l);
	sh("chmod 600 id");
}

static void
the_agent_signs(void **state)
{
	struct setting s = {.n = 0};

	(void)state;
	pin_host();
	sh("cat locked.pub pem.pub > authorized_keys; printf '#!/bin/sh\\necho secret\\n' > "
	   "askpass; "
	   "chmod 700 askpass; ssh-agent -a %s/sock > agent-env; SSH_AUTH_SOCK=%s/sock "
	   "SSH_ASKPASS=%s/askpass SSH_ASKPASS_REQUIRE=force ssh-add -q pem",
	    sshd.dir, sshd.dir, sshd.dir);
	say(&s, "IdentityAgent=%s/sock", sshd.dir);
	struct login *l = open_login(&s, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
	assert_int_equal(s.person.n_asked, 0);
	login_free(l);
	/* A user's certificate whose key only the agent has. */
	sh("cat ca.pub > authority; ssh-keygen -q -s ca -I u -n %s pem.pub", sshd.user);
	struct setting cert = {.n = 0};
	say(&cert, "IdentityAgent=%s/sock", sshd.dir);
	say(&cert, "CertificateFile=%s/pem-cert.pub", sshd.dir);
	say(&cert, "IdentityFile=%s/pem", sshd.dir);
	say(&cert, "IdentitiesOnly=yes");
	char config[256];
	(void)snprintf(config, sizeof config, "%s\nTrustedUserCAKeys %s/authority", SFTP, sshd.dir);
	sh(": > authorized_keys");
	l = open_login(&cert, "127.0.0.1");
	expect(l, config, TRANSPORT_LOGGED_IN, "");
	login_free(l);
	sh("eval $(cat agent-env) > agent-out; ssh-agent -k > agent-out; cat id.pub > "
	   "authorized_keys");
}

static void
a_proxy_is_the_line(void **state)
{
	struct setting s = {.n = 0}, bad = {.n = 0};

	(void)state;
	pin_host();
	say(&s, "ProxyCommand=bash -c 'exec 3<>/dev/tcp/%%h/%%p; cat <&3 & cat >&3; kill $!'");
	struct login *l = open_login(&s, "127.0.0.1");
	expect(l, SFTP, TRANSPORT_LOGGED_IN, "");
	login_free(l);
	say(&bad, "ProxyCommand=echo first >&2; echo 'it is broken' >&2");
	l = open_login(&bad, "127.0.0.1");
	struct transport_facts facts;
	struct transport *t = NULL;
	struct story story = {""};
	assert_int_not_equal(login_connect(l, &t, &facts, &story), TRANSPORT_LOGGED_IN);
	assert_non_null(strstr(story.text, "the proxy says:"));
	login_free(l);
}

static void
what_can_not_be_a_host(void **state)
{
	static const char *const HOSTS[] = {"", "-oProxyCommand=x", "a b", "a;b", "$(x)", "a\nb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(HOSTS); i++) {
		struct login_options o = {.host = HOSTS[i], .config_file = "none"};
		const struct login_ui ui = {0};
		struct login *l = NULL;
		struct story story;
		assert_int_equal(login_new(&l, &o, &ui, &story), ERR_INVALID);
	}
}

static void
what_can_not_be_a_user(void **state)
{
	static const char *const USERS[] = {"-x", "a;b", "$(x)", "a`b`", "a\nb", "a|b", "a'b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(USERS); i++) {
		struct login_options o = {
		    .host = "127.0.0.1", .user = USERS[i], .config_file = "none"};
		const struct login_ui ui = {0};
		struct login *l = NULL;
		struct story story;
		assert_int_equal(login_new(&l, &o, &ui, &story), ERR_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_unknown_host_is_asked_about),
	    cmocka_unit_test(strict_checking_asks_nobody),
	    cmocka_unit_test(accept_new_learns_a_hashed_name),
	    cmocka_unit_test(a_changed_host_is_never_let_in),
	    cmocka_unit_test(host_certificates),
	    cmocka_unit_test(revoked_host_keys),
	    cmocka_unit_test(a_passphrase_is_asked_once),
	    cmocka_unit_test(a_key_that_others_read_is_not_used),
	    cmocka_unit_test(the_agent_signs),
	    cmocka_unit_test(a_proxy_is_the_line),
	    cmocka_unit_test(what_can_not_be_a_host),
	    cmocka_unit_test(what_can_not_be_a_user),
	};

	return cmocka_run_group_tests_name("ssh/login", tests, up, down);
}
