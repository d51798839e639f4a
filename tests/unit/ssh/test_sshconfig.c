/* ssh_config(5) as we read it, beside what ssh -G says of the same files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>

#include "base/buf.h"
#include "scratch.h"
#include "ssh/sshconfig.h"
#include "sweep.h"

static struct scratch scratch;
static unsigned n_runs;

static bool
run_command(void *ctx, const char *command)
{
	(void)ctx;
	n_runs++;
	return strcmp(command, "true") == 0;
}

static struct sshconfig_who
who_is(const char *host)
{
	const struct passwd *pw = getpwuid(getuid());

	return (struct sshconfig_who){
	    .original = host, .local_user = pw->pw_name, .home = pw->pw_dir, .run = run_command};
}

/* Both readings, as login_new does them. */
static enum err
read_config(struct sshconfig *c, const char *text, const char *host, struct story *story)
{
	struct sshconfig_who who = who_is(host);

	sshconfig_init(c);
	enum err e = sshconfig_text(c, &who, slice_str(text), "config", false, story);
	if (e == ERR_OK && c->wants_final) {
		who.final = true;
		e = sshconfig_text(c, &who, slice_str(text), "config", false, story);
	}
	return e == ERR_OK ? sshconfig_settle(c, &who, story) : e;
}

static void
put_list(struct buf *b, const char *name, const struct sshconfig_list *list, bool one_line)
{
	if (one_line)
		assert_int_equal(buf_printf(b, "%s", name), ERR_OK);
	for (size_t i = 0; i < list->n; i++)
		assert_int_equal(buf_printf(b, one_line ? " %s%s" : "%s %s\n", one_line ? "" : name,
				     list->item[i]),
		    ERR_OK);
	if (one_line)
		assert_int_equal(buf_printf(b, "\n"), ERR_OK);
}

/* What we resolved, in ssh -G's words and the order of KEYS. */
static void
describe(const struct sshconfig *c, struct buf *b)
{
	static const char *const STRICT[] = {"false", "true", "ask", "accept-new"};

	assert_int_equal(
	    buf_printf(b, "user %s\nhostname %s\nport %d\n", c->user, c->host_name, (int)c->port),
	    ERR_OK);
	assert_int_equal(buf_printf(b, "identitiesonly %s\nstricthostkeychecking %s\n",
			     c->identities_only == 1 ? "yes" : "no", STRICT[c->strict]),
	    ERR_OK);
	assert_int_equal(buf_printf(b, "connectionattempts %d\nserveraliveinterval %d\n",
			     (int)c->connect_attempts, (int)c->alive_interval_s),
	    ERR_OK);
	put_list(b, "identityfile", &c->identities, false);
	put_list(b, "userknownhostsfile", &c->user_known_hosts, true);
	if (c->proxy_jump != NULL)
		assert_int_equal(buf_printf(b, "proxyjump %s\n", c->proxy_jump), ERR_OK);
}

static const char KEYS[] = "user|hostname|port|identitiesonly|stricthostkeychecking|"
			   "connectionattempts|serveraliveinterval|identityfile|"
			   "userknownhostsfile|proxyjump";

/* The same keys from ssh -G, in our order. */
static void
ask_openssh(const char *host, struct buf *ret)
{
	char command[1024], line[1024];

	(void)snprintf(command, sizeof command,
	    "ssh -G -F %s/config '%s' 2>/dev/null </dev/null > %s/all; for k in $(echo '%s' | tr "
	    "'|' ' ');"
	    " do grep -E \"^$k \" %s/all; done",
	    scratch.path, host, scratch.path, KEYS, scratch.path);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		assert_int_equal(buf_put(ret, line, strlen(line)), ERR_OK);
	(void)pclose(f);
}

/* Every case names identities and known hosts, for the defaults of the two differ in spelling. */
#define USUAL "\nIdentityFile /k/usual\nUserKnownHostsFile /kh\n"

struct config_case {
	const char *text;
	const char *host;
};

static const struct config_case CASES[] = {
    {"", "Some.Host"},
    {"Host a\n Port 1\nHost *\n Port 2\n User u\n", "a"},
    {"Host a\n Port 1\nHost *\n Port 2\n User u\n", "b"},
    {"Host *.x !bad.x\n Port 7\n", "good.x"},
    {"Host *.x !bad.x\n Port 7\n", "bad.x"},
    {"Host a b \"c\"\n Port 7\n", "c"},
    {"HostName %h.example.com\n", "Www"},
    {"HostName=10.0.0.1\nPort = 2022\nUser=\"a b\"\n", "h"},
    {"  port\t22 # said twice\nPort 23\n", "h"},
    {"Match host h\n Port 5\n", "h"},
    {"HostName real\nMatch host real\n Port 5\nMatch originalhost h\n User o\n", "h"},
    {"User x\nMatch user x,y\n Port 5\n", "h"},
    {"Match !host h\n Port 5\nMatch all\n Port 6\n", "h"},
    {"Match exec true\n Port 5\n", "h"},
    {"Match exec false\n Port 5\n", "h"},
    {"Match host other exec true\n Port 5\n", "h"},
    {"HostName real\nMatch final host real\n Port 5\n", "h"},
    {"IdentityFile /k/one\nIdentityFile /k/two\nIdentityFile /k/one\n", "h"},
    {"IdentitiesOnly true\nStrictHostKeyChecking off\n", "h"},
    {"StrictHostKeyChecking accept-new\n", "h"},
    {"UserKnownHostsFile /a /b\n", "h"},
    {"UserKnownHostsFile \"/with blank\"\n", "h"},
    {"ConnectionAttempts 4\nServerAliveInterval 1m30s\n", "h"},
    {"ProxyJump u@one:23,two\n", "h"},
    {"ProxyJump none\n", "h"},
    {"IgnoreUnknown Foo*\nFooBar yes\nPort 9\n", "h"},
    {"ForwardAgent yes\nControlMaster auto\nSendEnv LANG\nGSSAPIAuthentication no\nPort 9\n", "h"},
    {"Host [h]\nPort 3\nHost ?\nPort 4\n", "h"},
    {"User 'it''s'\n", "h"},
};

static void
resolves_as_openssh_does(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf ours _cleanup_(buf_fini), theirs _cleanup_(buf_fini);
		struct story story = {""};
		struct sshconfig c;
		buf_init(&ours, 16384);
		buf_init(&theirs, 16384);
		(void)snprintf(text, sizeof text, "%s\nMatch all%s", CASES[i].text, USUAL);
		scratch_write(&scratch, "config", text);
		if (read_config(&c, text, CASES[i].host, &story) != ERR_OK)
			fail_msg("case %zu: %s", i, story.text);
		describe(&c, &ours);
		ask_openssh(CASES[i].host, &theirs);
		if (!slice_equal(buf_slice(&ours), buf_slice(&theirs)))
			fail_msg("case %zu \"%s\"\nours:\n%.*stheirs:\n%.*s", i, CASES[i].text,
			    SLICE_ARG(buf_slice(&ours)), SLICE_ARG(buf_slice(&theirs)));
		sshconfig_fini(&c);
	}
}

struct bad_case {
	const char *text;
	const char *words;
};

static const struct bad_case BAD[] = {
    {"Prot 22\n", "config line 1: unknown keyword \"Prot\" (did you mean Port?)"},
    {"\n\nHost other\n Port 0\n", "config line 4: Port: bad value \"0\""},
    {"Port 65536\n", "bad value"},
    {"Port\n", "Port needs a value"},
    {"Port 22 23\n", "takes one value"},
    {"User \"open\n", "a quote is opened, but not closed"},
    {"StrictHostKeyChecking maybe\n", "bad value \"maybe\""},
    {"ConnectTimeout 5x\n", "bad value"},
    {"ConnectTimeout 99999999999999999999\n", "bad value"},
    {"Match\n", "needs a criterion"},
    {"Match host\n", "nothing to compare with"},
    {"Match colour red\n", "unknown criterion"},
    {"Match all host h\n", "stands alone"},
    {"ProxyJump a;b\n", "bad value"},
    {"ProxyJump -oProxyCommand=x\n", "bad value"},
    {"ProxyJump a,,b\n", "bad value"},
    {"IdentityFile ~nosuchuser/x\n", "no such user"},
    {"IdentityFile %q\n", "%-token"},
    {"IdentityFile ${DRAY_NOT_SET}\n", "variable isn't set"},
    {"HostName %p\n", "HostName"},
    {"Ciphers +\n", "bad value"},
};

static void
refuses_with_file_and_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
		struct story story = {""};
		struct sshconfig c;
		if (read_config(&c, BAD[i].text, "h", &story) == ERR_OK)
			fail_msg("taken: %s", BAD[i].text);
		if (strstr(story.text, BAD[i].words) == NULL)
			fail_msg("%s: %s", BAD[i].text, story.text);
		sshconfig_fini(&c);
	}
}

static void
includes_and_bounds_them(void **state)
{
	struct sshconfig_who who = who_is("h");
	char text[600], path[300];
	struct story story = {""};
	struct sshconfig c;

	(void)state;
	(void)snprintf(text, sizeof text,
	    "Host other\nInclude %s/*.conf\nHost h\nInclude %s/*.conf\n", scratch.path,
	    scratch.path);
	scratch_write(&scratch, "one.conf", "Port 77\nHost nobody\nUser x\n");
	assert_int_equal(read_config(&c, text, "h", &story), ERR_OK);
	assert_int_equal(c.port, 77);
	assert_string_equal(c.user, who.local_user);
	sshconfig_fini(&c);
	(void)snprintf(text, sizeof text, "Include %s/self\n", scratch.path);
	scratch_write(&scratch, "self", text);
	assert_int_equal(read_config(&c, text, "h", &story), ERR_LIMIT);
	sshconfig_fini(&c);
	/* What others may write is not read as one's own. */
	(void)snprintf(path, sizeof path, "%s/one.conf", scratch.path);
	assert_int_equal(chmod(path, 0666), 0);
	sshconfig_init(&c);
	assert_int_equal(sshconfig_file(&c, &who, path, true, &story), ERR_ACCESS);
	assert_int_equal(sshconfig_file(&c, &who, path, false, &story), ERR_OK);
	sshconfig_fini(&c);
}

static void
runs_no_command_in_vain(void **state)
{
	struct story story;
	struct sshconfig c;

	(void)state;
	n_runs = 0;
	assert_int_equal(read_config(&c, "Match host x exec true\nPort 3\n", "h", &story), ERR_OK);
	assert_int_equal(n_runs, 0);
	sshconfig_fini(&c);
}

static bool
decode(const uint8_t *data, size_t len, void *ctx)
{
	struct sshconfig_who who = {.original = "h", .local_user = "u"};
	struct sshconfig c;
	struct story story;

	(void)ctx;
	sshconfig_init(&c);
	bool good = sshconfig_text(&c, &who, slice_of(data, len), "f", false, &story) == ERR_OK &&
		    sshconfig_settle(&c, &who, &story) == ERR_OK;
	sshconfig_fini(&c);
	return good;
}

static void
survives_damage(void **state)
{
	static const char TEXT[] =
	    "Host h\n  IdentityFile \"/k/%r \\\"x\\\"\"\nMatch host h user u\n"
	    "ProxyJump a@b:1,c\nServerAliveInterval 1m2s\n";

	(void)state;
	(void)sweep_truncations(decode, (const uint8_t *)TEXT, sizeof TEXT - 1, NULL);
	sweep_bit_flips(decode, (const uint8_t *)TEXT, sizeof TEXT - 1, NULL);
}

static int
up(void **state)
{
	(void)state;
	scratch_init(&scratch);
	return 0;
}

static int
down(void **state)
{
	(void)state;
	scratch_fini(&scratch);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resolves_as_openssh_does),
	    cmocka_unit_test(refuses_with_file_and_line),
	    cmocka_unit_test(includes_and_bounds_them),
	    cmocka_unit_test(runs_no_command_in_vain),
	    cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests_name("ssh/sshconfig", tests, up, down);
}
