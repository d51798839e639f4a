#include "ssh/login.h"

#include <errno.h>
#include <pwd.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "pki/blob.h"
#include "ssh/login_internal.h"

static const char SYSTEM_CONFIG[] = "/etc/ssh/ssh_config";

void
login_tell(struct login *l, unsigned level, const char *format, ...)
{
	char text[STORY_MAX];
	va_list args;

	if (l->ui.tell == NULL || level > l->verbose)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	l->ui.tell(l->ui.ctx, level, text);
}

enum err
login_ask(struct login *l, const char *prompt, bool echo, struct buf *ret_answer)
{
	if (l->ui.ask == NULL || l->c.batch == 1)
		return ERR_CLOSED;
	return l->ui.ask(l->ui.ctx, prompt, echo, ret_answer);
}

/* Match exec: a shell's exit status. */
static bool
run_command(void *ctx, const char *command)
{
	char sh[] = "sh", c[] = "-c";
	char *copy = slice_dup(slice_str(command));
	char *argv[] = {sh, c, copy, NULL};
	int status = -1;
	pid_t pid;

	(void)ctx;
	if (copy == NULL || posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0) {
		free(copy);
		return false;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	free(copy);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* OpenSSH's rule for what may end up in a shell's command line, or among a program's options. */
static bool
is_harmless(const char *text, const char *bad)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((uint8_t)*c <= ' ' || *c == 0x7f || strchr(bad, *c) != NULL)
			return false;
	}
	return text[0] != '\0' && text[0] != '-';
}

/* OpenSSH's rule for a user's name from outside: it may meet a shell through Match exec or a proxy.
 * Spaces and backslashes are in the names of some directories. */
static bool
is_user(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((uint8_t)*c < ' ' || *c == 0x7f || strchr("'`\";&<>|(){}", *c) != NULL)
			return false;
	}
	return text[0] != '-';
}

static enum err
find_person(struct login *l, struct story *story)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw == NULL)
		return story_fail(
		    story, ERR_NOENT, "there is no user with your number, %u", (unsigned)getuid());
	l->home = slice_dup(slice_str(pw->pw_dir));
	l->local_user = slice_dup(slice_str(pw->pw_name));
	if (l->home == NULL || l->local_user == NULL)
		return story_fail(story, ERR_NOMEM, "no memory");
	l->who = (struct sshconfig_who){
	    .original = l->original,
	    .local_user = l->local_user,
	    .home = l->home,
	    .run = run_command,
	};
	return ERR_OK;
}

/* A single keyword's worth of the command line. */
static enum err
set_unless(struct login *l, const char *keyword, const char *value, struct story *story)
{
	return value == NULL ? ERR_OK : sshconfig_set(&l->c, keyword, value, story);
}

static const char *
family_word(int family)
{
	return family == AF_INET ? "inet" : family == AF_INET6 ? "inet6" : NULL;
}

/* The command line: it comes first, so it wins. */
static enum err
take_options(struct login *l, const struct login_options *o, struct story *story)
{
	char port[8] = "";
	enum err e = ERR_OK;

	(void)snprintf(port, sizeof port, "%u", (unsigned)o->port);
	for (size_t i = 0; i < o->n_identities && e == ERR_OK; i++)
		e = sshconfig_set(&l->c, "IdentityFile", o->identities[i], story);
	if (e == ERR_OK)
		e = set_unless(l, "User", o->user, story);
	if (e == ERR_OK)
		e = set_unless(l, "Port", o->port == 0 ? NULL : port, story);
	if (e == ERR_OK)
		e = set_unless(l, "ProxyJump", o->jump, story);
	if (e == ERR_OK)
		e = set_unless(l, "Ciphers", o->ciphers, story);
	if (e == ERR_OK)
		e = set_unless(l, "AddressFamily", family_word(o->family), story);
	if (e == ERR_OK)
		e = set_unless(l, "BatchMode", o->batch ? "yes" : NULL, story);
	for (size_t i = 0; i < o->n_options && e == ERR_OK; i++)
		e = sshconfig_option(&l->c, &l->who, o->options[i], story);
	return e;
}

static enum err
take_files(struct login *l, struct story *story)
{
	char own[SSHCONFIG_VALUE_MAX];

	if (l->config_file != NULL && strcmp(l->config_file, "none") == 0)
		return ERR_OK;
	if (l->config_file != NULL) {
		/* Named on purpose: whoever may write it is its namer's business, as with ssh -F.
		 */
		enum err e = sshconfig_file(&l->c, &l->who, l->config_file, false, story);
		if (e == ERR_NOENT)
			story_set(story, "%s: no such file", l->config_file);
		return e;
	}
	(void)snprintf(own, sizeof own, "%s/.ssh/config", l->home);
	enum err e = sshconfig_file(&l->c, &l->who, own, true, story);
	if (e == ERR_OK || e == ERR_NOENT)
		e = sshconfig_file(&l->c, &l->who, SYSTEM_CONFIG, false, story);
	return e == ERR_NOENT ? ERR_OK : e;
}

static enum err
resolve(struct login *l, const struct login_options *o, struct story *story)
{
	enum err e = take_options(l, o, story);

	if (e == ERR_OK)
		e = take_files(l, story);
	if (e == ERR_OK && l->c.wants_final) {
		l->who.final = true;
		e = take_files(l, story);
	}
	if (e == ERR_OK)
		e = sshconfig_settle(&l->c, &l->who, story);
	return e;
}

/* One list of algorithms, terminated; all of ours where nothing is said. */
static enum err
make_offer(struct buf *b, const char *kind, const char *wanted, struct story *story)
{
	buf_init(b, LOGIN_LIST_MAX);
	enum err e = dial_offer(kind, slice_str(wanted == NULL ? "+" : wanted), b, story);
	if (e == ERR_UNSUPPORTED)
		return ERR_INVALID;
	return e == ERR_OK ? buf_put_u8(b, 0) : e;
}

static enum err
make_offers(struct login *l, struct story *story)
{
	enum err e = make_offer(&l->kex, "kex", l->c.kex, story);

	if (e == ERR_OK)
		e = make_offer(&l->ciphers, "cipher", l->c.ciphers, story);
	if (e == ERR_OK)
		e = make_offer(&l->macs, "mac", l->c.macs, story);
	if (e == ERR_OK)
		e = make_offer(&l->signatures, "signature", l->c.pubkeys, story);
	if (e == ERR_OK)
		e = make_offer(&l->ca_signatures, "signature", l->c.ca_signatures, story);
	if (e == ERR_OK && l->c.host_keys != NULL)
		e = make_offer(&l->host_keys, "hostkey", l->c.host_keys, story);
	return e;
}

static bool
copy_text(char **dst, const char *text)
{
	*dst = text == NULL ? NULL : slice_dup(slice_str(text));
	return text == NULL || *dst != NULL;
}

static enum err
prepare(struct login *l, const struct login_options *o, struct story *story)
{
	char shown[128];

	if (o->host == NULL || !is_harmless(o->host, "'`\"$\\;&<>|(){},"))
		return story_fail(story, ERR_INVALID, "\"%s\" can't be the name of a host",
		    text_escape(slice_str(o->host), shown, sizeof shown));
	if (o->user != NULL && !is_user(o->user))
		return story_fail(story, ERR_INVALID, "\"%s\" can't be the name of a user",
		    text_escape(slice_str(o->user), shown, sizeof shown));
	if (!copy_text(&l->original, o->host) || !copy_text(&l->config_file, o->config_file) ||
	    !copy_text(&l->passphrase_file, o->passphrase_file) ||
	    !copy_text(&l->subsystem, o->subsystem))
		return story_fail(story, ERR_NOMEM, "no memory");
	enum err e = find_person(l, story);
	if (e == ERR_OK)
		e = resolve(l, o, story);
	if (e == ERR_OK)
		e = make_offers(l, story);
	if (e != ERR_OK)
		return e;
	if (!is_harmless(l->c.host_name, "'`\"$\\;&<>|(){},") || l->c.port > UINT16_MAX)
		return story_fail(story, ERR_INVALID, "\"%s\" can't be the name of a host",
		    text_escape(slice_str(l->c.host_name), shown, sizeof shown));
	if ((l->c.proxy_command != NULL || l->c.proxy_jump != NULL) &&
	    !is_harmless(l->c.user, "'`\"$;&<>|(){}"))
		return story_fail(story, ERR_INVALID,
		    "\"%s\" can't be a user's name behind a proxy: it means something to a shell",
		    text_escape(slice_str(l->c.user), shown, sizeof shown));
	return ERR_OK;
}

static void
describe(struct login *l)
{
	char user[100], host[100];

	(void)snprintf(l->text, sizeof l->text, "%s@%s port %u",
	    text_escape(slice_str(l->c.user), user, sizeof user),
	    text_escape(slice_str(l->c.host_name), host, sizeof host), (unsigned)l->c.port);
	if (l->c.compression == 1)
		login_tell(l, 1, "compression is asked for, but none is done here");
}

enum err
login_new(struct login **ret_l, const struct login_options *options, const struct login_ui *ui,
    struct story *story)
{
	struct login *l = calloc(1, sizeof *l);

	if (l == NULL)
		return story_fail(story, ERR_NOMEM, "no memory");
	sshconfig_init(&l->c);
	buf_init(&l->accepted_key, BLOB_MAX);
	buf_init(&l->password, LOGIN_SECRET_MAX);
	if (ui != NULL)
		l->ui = *ui;
	l->verbose = options->verbose;
	enum err e = prepare(l, options, story);
	if (e != ERR_OK) {
		login_free(l);
		return e;
	}
	l->timeout_us = l->c.connect_timeout_s > 0 ? l->c.connect_timeout_s * US_PER_SEC
			: options->timeout_us > 0  ? options->timeout_us
						   : LOGIN_TIMEOUT_S * US_PER_SEC;
	describe(l);
	*ret_l = l;
	return ERR_OK;
}

const char *
login_text(const struct login *l)
{
	return l->text;
}

const char *
login_host(const struct login *l)
{
	return l->c.host_name;
}

const char *
login_user(const struct login *l)
{
	return l->c.user;
}

uint16_t
login_port(const struct login *l)
{
	return (uint16_t)l->c.port;
}

void
login_free(struct login *l)
{
	if (l == NULL)
		return;
	struct buf *const bufs[] = {&l->kex, &l->ciphers, &l->macs, &l->signatures,
	    &l->ca_signatures, &l->host_keys, &l->accepted_key, &l->password};
	char *const texts[] = {
	    l->original, l->home, l->local_user, l->config_file, l->passphrase_file, l->subsystem};

	login_proxies_fini(l);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_wipe(bufs[i]);
	for (size_t i = 0; i < l->n_answers; i++) {
		buf_wipe(&l->answers[i].prompt);
		buf_wipe(&l->answers[i].answer);
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	if (l->identities != NULL)
		identity_set_fini(l->identities);
	free(l->identities);
	sshconfig_fini(&l->c);
	free(l);
}
