/* ssh_config(5): what values stand for ("TOKENS", "ENVIRONMENT VARIABLES"), and the defaults. */
#include <openssl/evp.h>
#include <pwd.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "ssh/sshconfig_parts.h"

enum { DEFAULT_PORT = 22, HOST_MAX = 256 };

struct expansion {
	const struct sshconfig *c;
	const struct sshconfig_who *who;
	const char *text, *tokens;
	struct buf out;
	struct story *story;
};

static const char *
user_of(const struct expansion *x)
{
	return x->c->user != NULL ? x->c->user : x->who->local_user;
}

static unsigned
port_of(const struct expansion *x)
{
	return x->c->port > 0 ? (unsigned)x->c->port : DEFAULT_PORT;
}

static enum err
put_text(struct expansion *x, const char *text)
{
	return buf_put(&x->out, text, strlen(text));
}

static enum err
put_host(struct expansion *x)
{
	char host[SSHCONFIG_VALUE_MAX];

	enum err e = sshconfig_host(x->c, x->who, host, x->story);
	return e == ERR_OK ? put_text(x, host) : e;
}

static enum err
put_local_host(struct expansion *x, bool is_short)
{
	char name[HOST_MAX] = "";

	if (gethostname(name, sizeof name - 1) < 0)
		return err_last();
	if (is_short)
		name[strcspn(name, ".")] = '\0';
	return put_text(x, name);
}

/* %C: the SHA-1 of %l%h%p%r, as OpenSSH makes it. */
static enum err
put_hash(struct expansion *x)
{
	char text[SSHCONFIG_VALUE_MAX], hex[2 * EVP_MAX_MD_SIZE + 1];
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	enum err e = sshconfig_expand(x->c, x->who, "%l%h%p%r", "lhpr", 0, text, x->story);
	if (e != ERR_OK)
		return e;
	if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) != 1)
		return ERR_NOMEM;
	text_hex(digest, len, hex);
	return put_text(x, hex);
}

static enum err
put_token(struct expansion *x, char letter)
{
	switch (letter) {
	case 'C':
		return put_hash(x);
	case 'd':
		return put_text(x, x->who->home == NULL ? "" : x->who->home);
	case 'h':
		return put_host(x);
	case 'i':
		return buf_printf(&x->out, "%u", (unsigned)getuid());
	case 'k':
		return x->c->host_key_alias != NULL ? put_text(x, x->c->host_key_alias)
						    : put_text(x, x->who->original);
	case 'L':
		return put_local_host(x, true);
	case 'l':
		return put_local_host(x, false);
	case 'n':
		return put_text(x, x->who->original);
	case 'p':
		return buf_printf(&x->out, "%u", port_of(x));
	case 'r':
		return put_text(x, user_of(x));
	case 'u':
		return put_text(x, x->who->local_user);
	default:
		return ERR_INVALID;
	}
}

static enum err
fail_text(struct expansion *x, const char *words)
{
	char text[128];

	return story_fail(x->story, ERR_INVALID, "%s: \"%s\"", words,
	    text_escape(slice_str(x->text), text, sizeof text));
}

/* "${NAME}", of which "$" is gone. */
static enum err
put_variable(struct expansion *x, const char **at)
{
	char name[128];
	const char *end = strchr(*at, '}');

	if (end == NULL)
		return fail_text(x, "a ${ is not closed");
	if (!slice_copy(slice_of(*at + 1, (size_t)(end - *at - 1)), name, sizeof name))
		return fail_text(x, "the name of a variable is too long");
	const char *value = getenv(name);
	if (value == NULL)
		return fail_text(x, "a variable isn't set");
	*at = end + 1;
	return put_text(x, value);
}

static enum err
put_percent(struct expansion *x, char letter)
{
	if (letter == '%')
		return buf_put_u8(&x->out, '%');
	if (letter == '\0' || strchr(x->tokens, letter) == NULL)
		return fail_text(x, "a %-token that isn't known or allowed here");
	return put_token(x, letter);
}

/* "~" and "~name" at the start. */
static enum err
put_tilde(struct expansion *x, const char **at)
{
	char name[64];
	size_t len = strcspn(*at, "/");

	if (len == 1 && x->who->home != NULL) {
		*at += 1;
		return put_text(x, x->who->home);
	}
	const struct passwd *pw =
	    slice_copy(slice_of(*at + 1, len - 1), name, sizeof name) ? getpwnam(name) : NULL;
	if (pw == NULL)
		return fail_text(x, "there is no such user's home");
	*at += len;
	return put_text(x, pw->pw_dir);
}

static enum err
expand(struct expansion *x, unsigned flags)
{
	const char *at = x->text;
	enum err e = ERR_OK;

	if ((flags & SSHCONFIG_TILDE) != 0 && *at == '~')
		e = put_tilde(x, &at);
	while (*at != '\0' && e == ERR_OK) {
		if ((flags & SSHCONFIG_ENV) != 0 && at[0] == '$' && at[1] == '{') {
			at++;
			e = put_variable(x, &at);
		} else if (at[0] == '%' && x->tokens[0] != '\0') {
			e = put_percent(x, at[1]);
			at += 2;
		} else {
			e = buf_put_u8(&x->out, (uint8_t)*at++);
		}
	}
	return e;
}

enum err
sshconfig_expand(const struct sshconfig *c, const struct sshconfig_who *who, const char *text,
    const char *tokens, unsigned flags, char *dst, struct story *story)
{
	struct expansion x = {.c = c, .who = who, .text = text, .tokens = tokens, .story = story};

	buf_init(&x.out, SSHCONFIG_VALUE_MAX - 1);
	enum err e = expand(&x, flags);
	if (e == ERR_OK && !slice_copy(buf_slice(&x.out), dst, SSHCONFIG_VALUE_MAX))
		e = ERR_INVALID;
	buf_fini(&x.out);
	if (e == ERR_NOMEM) {
		(void)fail_text(&x, "with its tokens replaced it is too long");
		return ERR_LIMIT;
	}
	return e;
}

enum err
sshconfig_host(
    const struct sshconfig *c, const struct sshconfig_who *who, char *dst, struct story *story)
{
	struct buf out _cleanup_(buf_fini);
	enum err e = ERR_OK;

	buf_init(&out, SSHCONFIG_VALUE_MAX - 1);
	/* Only %h and %% here, and %h is what was given: no recursion. */
	const char *text = c->host_name != NULL ? c->host_name : who->original;
	for (const char *at = text; *at != '\0' && e == ERR_OK; at++) {
		bool token = c->host_name != NULL && *at == '%';
		if (token && *++at == 'h')
			e = buf_put(&out, who->original, strlen(who->original));
		else if (token && *at != '%')
			return story_fail(story, ERR_INVALID,
			    "HostName: only %%h and %%%% can be replaced in it");
		else
			e = buf_put_u8(&out, (uint8_t)*at);
	}
	if (e != ERR_OK || !slice_copy(buf_slice(&out), dst, SSHCONFIG_VALUE_MAX))
		return story_fail(story, ERR_LIMIT, "the host's name is too long");
	for (char *at = dst; *at != '\0'; at++)
		*at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
	return ERR_OK;
}

/* One value in its place: expanded, or gone where it says "none". */
static enum err
settle_text(struct sshconfig *c, const struct sshconfig_who *who, char **text, const char *tokens,
    unsigned flags, struct story *story)
{
	char value[SSHCONFIG_VALUE_MAX];

	if (*text == NULL)
		return ERR_OK;
	enum err e = sshconfig_expand(c, who, *text, tokens, flags, value, story);
	if (e != ERR_OK)
		return e;
	char *copy = slice_dup(slice_str(value));
	if (copy == NULL)
		return story_fail(story, ERR_NOMEM, "no memory for the configuration");
	free(*text);
	*text = copy;
	return ERR_OK;
}

static void
drop_none(char **text)
{
	if (*text != NULL && strcasecmp(*text, "none") == 0) {
		free(*text);
		*text = NULL;
	}
}

static enum err
settle_list(struct sshconfig *c, const struct sshconfig_who *who, struct sshconfig_list *list,
    struct story *story)
{
	enum err e = ERR_OK;
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (e == ERR_OK)
			e = settle_text(c, who, &list->item[i], "CdhiklLnpru",
			    SSHCONFIG_TILDE | SSHCONFIG_ENV, story);
		drop_none(&list->item[i]);
		if (list->item[i] != NULL)
			list->item[kept++] = list->item[i];
	}
	list->n = kept;
	return e;
}

/* In OpenSSH's order. Those of FIDO tokens count where the agent has them. */
static const char *const IDENTITIES[] = {"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk", NULL};
static const char *const USER_KNOWN_HOSTS[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2", NULL};
static const char *const GLOBAL_KNOWN_HOSTS[] = {
    "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2", NULL};

static enum err
default_list(struct sshconfig_list *list, const char *const *defaults)
{
	for (size_t i = 0; list->n == i && defaults[i] != NULL; i++) {
		list->item[i] = slice_dup(slice_str(defaults[i]));
		if (list->item[i] == NULL)
			return ERR_NOMEM;
		list->n++;
	}
	return ERR_OK;
}

struct number_default {
	size_t offset;
	int64_t value;
};

#define AT(member) offsetof(struct sshconfig, member)

static const struct number_default NUMBERS[] = {
    {AT(port), DEFAULT_PORT},
    {AT(connect_attempts), 1},
    {AT(alive_max), 3},
    {AT(password_prompts), 3},
    {AT(connect_timeout_s), 0},
    {AT(alive_interval_s), 0},
};

static const struct number_default WORDS[] = {
    {AT(identities_only), 0},
    {AT(strict), SSHCONFIG_ASK},
    {AT(family), SSHCONFIG_ANY},
    {AT(batch), 0},
    {AT(pubkey), 1},
    {AT(password), 1},
    {AT(keyboard), 1},
    {AT(hash_known_hosts), 0},
    {AT(compression), 0},
    {AT(keep_alive), 1},
};

static void
default_numbers(struct sshconfig *c)
{
	for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
		int64_t *field = (int64_t *)(void *)((char *)c + NUMBERS[i].offset);
		*field = *field == -1 ? NUMBERS[i].value : *field;
	}
	for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
		int *field = (int *)(void *)((char *)c + WORDS[i].offset);
		*field = *field == -1 ? (int)WORDS[i].value : *field;
	}
}

static enum err
default_lists(struct sshconfig *c)
{
	struct {
		struct sshconfig_list *list;
		const char *const *defaults;
	} const lists[] = {
	    {&c->identities, IDENTITIES},
	    {&c->user_known_hosts, USER_KNOWN_HOSTS},
	    {&c->global_known_hosts, GLOBAL_KNOWN_HOSTS},
	};
	enum err e = ERR_OK;

	c->default_identities = c->identities.n == 0;
	for (size_t i = 0; i < ARRAY_LEN(lists) && e == ERR_OK; i++)
		e = lists[i].list->n > 0 ? ERR_OK : default_list(lists[i].list, lists[i].defaults);
	return e;
}

/* SSH_AUTH_SOCK, "$NAME" and a path; what is not set is none. */
static enum err
settle_agent(struct sshconfig *c, const struct sshconfig_who *who, struct story *story)
{
	const char *agent = c->identity_agent == NULL ? "SSH_AUTH_SOCK" : c->identity_agent;
	const char *name = strcmp(agent, "SSH_AUTH_SOCK") == 0  ? agent
			   : agent[0] == '$' && agent[1] != '{' ? agent + 1
								: NULL;

	if (name == NULL)
		return settle_text(c, who, &c->identity_agent, "CdhiklLnpru",
		    SSHCONFIG_TILDE | SSHCONFIG_ENV, story);
	const char *value = getenv(name);
	char *copy = value == NULL || value[0] == '\0' ? NULL : slice_dup(slice_str(value));
	free(c->identity_agent);
	c->identity_agent = copy;
	return ERR_OK;
}

enum err
sshconfig_settle(struct sshconfig *c, const struct sshconfig_who *who, struct story *story)
{
	char host[SSHCONFIG_VALUE_MAX];

	enum err e = sshconfig_host(c, who, host, story);
	if (e != ERR_OK)
		return e;
	default_numbers(c);
	if (default_lists(c) != ERR_OK)
		return story_fail(story, ERR_NOMEM, "no memory for the configuration");
	e = settle_list(c, who, &c->identities, story);
	if (e == ERR_OK)
		e = settle_list(c, who, &c->certificates, story);
	if (e == ERR_OK)
		e = settle_list(c, who, &c->user_known_hosts, story);
	if (e == ERR_OK)
		e = settle_agent(c, who, story);
	/* As OpenSSH has it: without %-tokens. */
	if (e == ERR_OK)
		e = settle_text(
		    c, who, &c->revoked_host_keys, "", SSHCONFIG_TILDE | SSHCONFIG_ENV, story);
	if (e == ERR_OK)
		e = settle_text(c, who, &c->proxy_command, "hnpr", 0, story);
	if (e != ERR_OK)
		return e;
	drop_none(&c->revoked_host_keys);
	drop_none(&c->identity_agent);
	drop_none(&c->proxy_jump);
	drop_none(&c->proxy_command);
	/* Last: what was replaced above looks at them. */
	char *name = slice_dup(slice_str(host));
	char *user = c->user != NULL ? c->user : slice_dup(slice_str(who->local_user));
	if (name == NULL || user == NULL) {
		free(name);
		return story_fail(story, ERR_NOMEM, "no memory for the configuration");
	}
	free(c->host_name);
	c->host_name = name;
	c->user = user;
	return ERR_OK;
}
