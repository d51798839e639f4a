/* The keywords of ssh_config(5), in one table: how each is read, and where it goes. */
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "ssh/sshconfig_parts.h"

/* Only where the block is for us, and nothing was said before. */
static bool
is_open(const struct sshconfig_line *l, const void *text)
{
	return l->parser->active && text == NULL;
}

static void *
field_of(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	return (char *)l->parser->c + k->offset;
}

static enum err
set_text(const struct sshconfig_line *l, char **field, struct slice value)
{
	if (!is_open(l, *field))
		return ERR_OK;
	*field = slice_dup(value);
	return *field == NULL ? sshconfig_fail(l->parser, ERR_NOMEM, "no memory") : ERR_OK;
}

/* The one word of a line. */
static enum err
one_word(const struct sshconfig_line *l, const char **ret_word)
{
	if (l->words->n == 0 || l->words->word[0][0] == '\0')
		return sshconfig_fail(l->parser, ERR_FORMAT, "%s needs a value", l->keyword);
	if (l->words->n > 1)
		return sshconfig_fail(
		    l->parser, ERR_FORMAT, "%s takes one value; more are given", l->keyword);
	*ret_word = l->words->word[0];
	if (strlen(*ret_word) >= SSHCONFIG_VALUE_MAX)
		return sshconfig_fail(
		    l->parser, ERR_LIMIT, "the value of %s is too long", l->keyword);
	return ERR_OK;
}

static enum err
fail_value(const struct sshconfig_line *l, const char *word)
{
	char text[128];

	return sshconfig_fail(l->parser, ERR_FORMAT, "%s: bad value \"%s\"", l->keyword,
	    text_escape(slice_str(word), text, sizeof text));
}

static enum err
parse_text(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	const char *word;

	enum err e = one_word(l, &word);
	return e == ERR_OK ? set_text(l, field_of(l, k), slice_str(word)) : e;
}

/* A list of algorithms: what is in it is for who knows them (dial_offer). */
static enum err
parse_algorithms(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	const char *word;

	enum err e = one_word(l, &word);
	if (e != ERR_OK)
		return e;
	size_t sign = strchr("+-^", word[0]) != NULL ? 1 : 0;
	return word[sign] == '\0' ? fail_value(l, word)
				  : set_text(l, field_of(l, k), slice_str(word));
}

static enum err
raw_value(const struct sshconfig_line *l, struct slice *ret)
{
	*ret = l->raw;
	if (ret->len == 0)
		return sshconfig_fail(l->parser, ERR_FORMAT, "%s needs a value", l->keyword);
	if (ret->len >= SSHCONFIG_VALUE_MAX)
		return sshconfig_fail(
		    l->parser, ERR_LIMIT, "the value of %s is too long", l->keyword);
	return ERR_OK;
}

/* The rest of the line, quotes and all: a shell reads it. Whichever of ProxyCommand and ProxyJump
 * comes first counts. */
static enum err
parse_proxy_command(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct slice value;

	enum err e = raw_value(l, &value);
	if (e != ERR_OK || l->parser->c->proxy_jump != NULL)
		return e;
	return set_text(l, field_of(l, k), value);
}

static bool
port_is_good(struct slice text)
{
	uint64_t port;

	return text_to_u64(text, UINT16_MAX, &port) && port > 0;
}

/* One hop, "[user@]host[:port]" or ssh://. Nothing in it may be an option or mean something to a
 * shell: it becomes an argument of ssh(1). */
static bool
hop_is_good(struct slice hop)
{
	struct slice scheme = slice_str("ssh://"), host, port = {0};

	if (slice_starts_with(hop, scheme))
		hop = slice_of(hop.ptr + scheme.len, hop.len - scheme.len);
	for (size_t i = 0; i < hop.len; i++) {
		if (hop.ptr[i] <= ' ' || hop.ptr[i] == 0x7f ||
		    strchr("'`\"$\\;&<>|(){}*?!#", hop.ptr[i]) != NULL)
			return false;
	}
	const uint8_t *at = hop.len == 0 ? NULL : memrchr(hop.ptr, '@', hop.len);
	if (at != NULL) {
		if (at == hop.ptr || hop.ptr[0] == '-')
			return false;
		hop = slice_of(at + 1, hop.len - (size_t)(at + 1 - hop.ptr));
	}
	if (hop.len > 0 && hop.ptr[0] == '[') {
		struct slice rest = slice_cut(slice_of(hop.ptr + 1, hop.len - 1), ']', &host);
		if (rest.ptr == NULL || (rest.len > 0 && rest.ptr[0] != ':'))
			return false;
		port = rest.len == 0 ? rest : slice_of(rest.ptr + 1, rest.len - 1);
		return host.len > 0 && host.ptr[0] != '-' && (rest.len == 0 || port_is_good(port));
	}
	port = slice_cut(hop, ':', &host);
	return host.len > 0 && host.ptr[0] != '-' && (port.ptr == NULL || port_is_good(port));
}

static enum err
parse_proxy_jump(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig *c = l->parser->c;
	struct slice value, hop;
	const char *word;

	enum err e = one_word(l, &word);
	if (e != ERR_OK)
		return e;
	value = slice_str(word);
	for (struct slice rest = value; rest.len > 0 && strcasecmp(word, "none") != 0;) {
		rest = slice_cut(rest, ',', &hop);
		if (!hop_is_good(hop) || (rest.ptr != NULL && rest.len == 0))
			return fail_value(l, word);
	}
	return c->proxy_command != NULL ? ERR_OK : set_text(l, field_of(l, k), value);
}

static enum err
list_add(const struct sshconfig_line *l, struct sshconfig_list *list, const char *word)
{
	if (list->n == SSHCONFIG_LIST_MAX)
		return sshconfig_fail(l->parser, ERR_LIMIT, "%s is given more than %d times",
		    l->keyword, SSHCONFIG_LIST_MAX);
	list->item[list->n] = slice_dup(slice_str(word));
	if (list->item[list->n] == NULL)
		return sshconfig_fail(l->parser, ERR_NOMEM, "no memory");
	list->n++;
	return ERR_OK;
}

/* One more of several, each on a line of its own; the same twice is once. */
static enum err
parse_more(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig_list *list = field_of(l, k);
	const char *word;

	enum err e = one_word(l, &word);
	if (e != ERR_OK || !l->parser->active)
		return e;
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->item[i], word) == 0)
			return ERR_OK;
	}
	return list_add(l, list, word);
}

/* Several on one line; the first such line counts. */
static enum err
parse_files(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig_list *list = field_of(l, k);
	bool open = l->parser->active && list->n == 0;
	enum err e = ERR_OK;

	if (l->words->n == 0)
		return sshconfig_fail(l->parser, ERR_FORMAT, "%s needs a value", l->keyword);
	for (size_t i = 0; i < l->words->n && e == ERR_OK; i++) {
		const char *word = l->words->word[i];
		if (word[0] == '\0' || strlen(word) >= SSHCONFIG_VALUE_MAX)
			return fail_value(l, word);
		if (strcasecmp(word, "none") == 0 && l->words->n > 1)
			return sshconfig_fail(
			    l->parser, ERR_FORMAT, "%s: none stands alone", l->keyword);
		if (open)
			e = list_add(l, list, word);
	}
	return e;
}

static const struct sshconfig_word FLAGS[] = {
    {"yes", 1}, {"true", 1}, {"no", 0}, {"false", 0}, {0}};
static const struct sshconfig_word STRICT[] = {{"yes", SSHCONFIG_YES}, {"true", SSHCONFIG_YES},
    {"no", SSHCONFIG_NO}, {"off", SSHCONFIG_NO}, {"false", SSHCONFIG_NO}, {"ask", SSHCONFIG_ASK},
    {"accept-new", SSHCONFIG_ACCEPT_NEW}, {0}};
static const struct sshconfig_word FAMILIES[] = {
    {"any", SSHCONFIG_ANY}, {"inet", SSHCONFIG_INET}, {"inet6", SSHCONFIG_INET6}, {0}};
/* PubkeyAuthentication: which half of an extension that we don't have is allowed. */
static const struct sshconfig_word PUBKEY[] = {
    {"yes", 1}, {"true", 1}, {"no", 0}, {"false", 0}, {"unbound", 1}, {"host-bound", 1}, {0}};

static enum err
parse_word(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	int *field = field_of(l, k);
	const char *word;

	enum err e = one_word(l, &word);
	if (e != ERR_OK)
		return e;
	for (const struct sshconfig_word *w = k->list; w->name != NULL; w++) {
		if (strcasecmp(word, w->name) != 0)
			continue;
		if (l->parser->active && *field == -1)
			*field = w->value;
		return ERR_OK;
	}
	return fail_value(l, word);
}

static enum err
set_number(const struct sshconfig_line *l, int64_t *field, int64_t value)
{
	if (l->parser->active && *field == -1)
		*field = value;
	return ERR_OK;
}

static enum err
parse_number(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	const char *word;
	uint64_t value;

	enum err e = one_word(l, &word);
	if (e != ERR_OK)
		return e;
	if (!text_to_u64(slice_str(word), (uint64_t)k->max, &value))
		return fail_value(l, word);
	return set_number(l, field_of(l, k), (int64_t)value);
}

static enum err
parse_positive(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	if (l->words->n == 1 && strspn(l->words->word[0], "0") == strlen(l->words->word[0]))
		return fail_value(l, l->words->word[0]);
	return parse_number(l, k);
}

/* The seconds of one unit of sshd_config(5) "TIME FORMATS"; 0 for none such. */
static int64_t
unit_seconds(char unit)
{
	static const struct {
		char unit;
		int64_t seconds;
	} UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

	for (size_t i = 0; i < ARRAY_LEN(UNITS); i++) {
		if ((unit | 0x20) == UNITS[i].unit)
			return UNITS[i].seconds;
	}
	return 0;
}

/* "90", "1m30s". */
static bool
time_read(const char *word, int64_t max, int64_t *ret_seconds)
{
	int64_t total = 0;

	do {
		size_t n = strspn(word, "0123456789");
		uint64_t number;
		int64_t unit = word[n] == '\0' ? 1 : unit_seconds(word[n]);
		if (!text_to_u64(slice_of(word, n), (uint64_t)max, &number) || unit == 0)
			return false;
		total += (int64_t)number * unit; /* max is far from overflowing */
		if (total > max)
			return false;
		word += n + (word[n] == '\0' ? 0 : 1);
	} while (*word != '\0');
	*ret_seconds = total;
	return true;
}

static enum err
parse_time(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	const char *word;
	int64_t seconds = 0;

	enum err e = one_word(l, &word);
	if (e != ERR_OK)
		return e;
	if (strcasecmp(word, "none") != 0 && !time_read(word, k->max, &seconds))
		return fail_value(l, word);
	return set_number(l, field_of(l, k), seconds);
}

/* What says nothing to us. */
static enum err
parse_nothing(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	(void)k;
	return l->raw.len > 0
		   ? ERR_OK
		   : sshconfig_fail(l->parser, ERR_FORMAT, "%s needs a value", l->keyword);
}

enum { TIME_MAX_S = 10 * 365 * 86400 };

#define AT(member) offsetof(struct sshconfig, member)

/* clang-format off */
static const struct sshconfig_keyword KEYWORDS[] = {
	{"Host", sshconfig_parse_host},
	{"Match", sshconfig_parse_match},
	{"Include", sshconfig_parse_include},
	{"HostName", parse_text, AT(host_name)},
	{"User", parse_text, AT(user)},
	{"Port", parse_positive, AT(port), NULL, UINT16_MAX},
	{"IdentityFile", parse_more, AT(identities)},
	{"CertificateFile", parse_more, AT(certificates)},
	{"IdentitiesOnly", parse_word, AT(identities_only), FLAGS},
	{"IdentityAgent", parse_text, AT(identity_agent)},
	{"UserKnownHostsFile", parse_files, AT(user_known_hosts)},
	{"GlobalKnownHostsFile", parse_files, AT(global_known_hosts)},
	{"HostKeyAlias", parse_text, AT(host_key_alias)},
	{"RevokedHostKeys", parse_text, AT(revoked_host_keys)},
	{"StrictHostKeyChecking", parse_word, AT(strict), STRICT},
	{"HashKnownHosts", parse_word, AT(hash_known_hosts), FLAGS},
	{"ProxyCommand", parse_proxy_command, AT(proxy_command)},
	{"ProxyJump", parse_proxy_jump, AT(proxy_jump)},
	{"Ciphers", parse_algorithms, AT(ciphers)},
	{"MACs", parse_algorithms, AT(macs)},
	{"KexAlgorithms", parse_algorithms, AT(kex)},
	{"HostKeyAlgorithms", parse_algorithms, AT(host_keys)},
	{"PubkeyAcceptedAlgorithms", parse_algorithms, AT(pubkeys)},
	{"PubkeyAcceptedKeyTypes", parse_algorithms, AT(pubkeys)},
	{"CASignatureAlgorithms", parse_algorithms, AT(ca_signatures)},
	{"ConnectTimeout", parse_time, AT(connect_timeout_s), NULL, TIME_MAX_S},
	{"ConnectionAttempts", parse_number, AT(connect_attempts), NULL, 1000},
	{"ServerAliveInterval", parse_time, AT(alive_interval_s), NULL, TIME_MAX_S},
	{"ServerAliveCountMax", parse_number, AT(alive_max), NULL, 1000000},
	{"AddressFamily", parse_word, AT(family), FAMILIES},
	{"BindAddress", parse_text, AT(bind_address)},
	{"BatchMode", parse_word, AT(batch), FLAGS},
	{"PreferredAuthentications", parse_text, AT(preferred)},
	{"PubkeyAuthentication", parse_word, AT(pubkey), PUBKEY},
	{"DSAAuthentication", parse_word, AT(pubkey), FLAGS},
	{"PasswordAuthentication", parse_word, AT(password), FLAGS},
	{"KbdInteractiveAuthentication", parse_word, AT(keyboard), FLAGS},
	{"ChallengeResponseAuthentication", parse_word, AT(keyboard), FLAGS},
	{"SkeyAuthentication", parse_word, AT(keyboard), FLAGS},
	{"TISAuthentication", parse_word, AT(keyboard), FLAGS},
	{"NumberOfPasswordPrompts", parse_number, AT(password_prompts), NULL, 1000},
	{"Compression", parse_word, AT(compression), FLAGS},
	{"TCPKeepAlive", parse_word, AT(keep_alive), FLAGS},
	{"KeepAlive", parse_word, AT(keep_alive), FLAGS},
	{"IgnoreUnknown", parse_text, AT(ignore_unknown)},
	/* Nothing of an SFTP client's, or done in one way only here. */
	{"AddKeysToAgent", parse_nothing}, {"AFSTokenPassing", parse_nothing},
	{"BindInterface", parse_nothing}, {"CanonicalDomains", parse_nothing},
	{"CanonicalizeFallbackLocal", parse_nothing}, {"CanonicalizeHostname", parse_nothing},
	{"CanonicalizeMaxDots", parse_nothing}, {"CanonicalizePermittedCNAMEs", parse_nothing},
	{"CheckHostIP", parse_nothing}, {"Cipher", parse_nothing},
	{"ClearAllForwardings", parse_nothing}, {"CompressionLevel", parse_nothing},
	{"ControlMaster", parse_nothing}, {"ControlPath", parse_nothing},
	{"ControlPersist", parse_nothing}, {"DynamicForward", parse_nothing},
	{"EnableEscapeCommandline", parse_nothing}, {"EnableSSHKeysign", parse_nothing},
	{"EscapeChar", parse_nothing}, {"ExitOnForwardFailure", parse_nothing},
	{"FallBackToRsh", parse_nothing}, {"FingerprintHash", parse_nothing},
	{"ForkAfterAuthentication", parse_nothing}, {"ForwardAgent", parse_nothing},
	{"ForwardX11", parse_nothing}, {"ForwardX11Timeout", parse_nothing},
	{"ForwardX11Trusted", parse_nothing}, {"GatewayPorts", parse_nothing},
	{"GlobalKnownHostsFile2", parse_nothing}, {"GSSAPIAuthentication", parse_nothing},
	{"GSSAPIClientIdentity", parse_nothing}, {"GSSAPIDelegateCredentials", parse_nothing},
	{"GSSAPIKexAlgorithms", parse_nothing}, {"GSSAPIKeyExchange", parse_nothing},
	{"GSSAPIRenewalForcesRekey", parse_nothing}, {"GSSAPIServerIdentity", parse_nothing},
	{"GSSAPITrustDns", parse_nothing}, {"HostbasedAcceptedAlgorithms", parse_nothing},
	{"HostbasedAcceptedKeyTypes", parse_nothing}, {"HostbasedAuthentication", parse_nothing},
	{"HostbasedKeyTypes", parse_nothing}, {"IPQoS", parse_nothing},
	{"KbdInteractiveDevices", parse_nothing}, {"KerberosAuthentication", parse_nothing},
	{"KerberosTGTPassing", parse_nothing}, {"KnownHostsCommand", parse_nothing},
	{"LocalCommand", parse_nothing}, {"LocalForward", parse_nothing},
	{"LogLevel", parse_nothing}, {"LogVerbose", parse_nothing},
	{"NoHostAuthenticationForLocalhost", parse_nothing}, {"PermitLocalCommand", parse_nothing},
	{"PermitRemoteOpen", parse_nothing}, {"PKCS11Provider", parse_nothing},
	{"Protocol", parse_nothing}, {"ProxyUseFdpass", parse_nothing},
	{"RekeyLimit", parse_nothing}, {"RemoteCommand", parse_nothing},
	{"RemoteForward", parse_nothing}, {"RequestTTY", parse_nothing},
	{"RequiredRSASize", parse_nothing}, {"RhostsAuthentication", parse_nothing},
	{"RhostsRSAAuthentication", parse_nothing},
	{"RSAAuthentication", parse_nothing}, {"SecurityKeyProvider", parse_nothing},
	{"SendEnv", parse_nothing}, {"SessionType", parse_nothing}, {"SetEnv", parse_nothing},
	{"SmartcardDevice", parse_nothing}, {"StdinNull", parse_nothing},
	{"StreamLocalBindMask", parse_nothing}, {"StreamLocalBindUnlink", parse_nothing},
	{"SyslogFacility", parse_nothing}, {"Tunnel", parse_nothing},
	{"TunnelDevice", parse_nothing}, {"UpdateHostKeys", parse_nothing},
	{"UseBlacklistedKeys", parse_nothing},
	{"UsePrivilegedPort", parse_nothing}, {"UserKnownHostsFile2", parse_nothing},
	{"UseRoaming", parse_nothing}, {"UseRsh", parse_nothing},
	{"VerifyHostKeyDNS", parse_nothing},
	{"VisualHostKey", parse_nothing}, {"XAuthLocation", parse_nothing},
};
/* clang-format on */

const struct sshconfig_keyword *
sshconfig_keyword_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(KEYWORDS); i++) {
		const char *known = KEYWORDS[i].name;
		if (strlen(known) == name.len &&
		    strncasecmp(known, (const char *)name.ptr, name.len) == 0)
			return &KEYWORDS[i];
	}
	return NULL;
}

const char *
sshconfig_keyword_nearest(struct slice name)
{
	const char *names[ARRAY_LEN(KEYWORDS) + 1] = {NULL};

	if (name.len > 64)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(KEYWORDS); i++)
		names[i] = KEYWORDS[i].name;
	return text_nearest(name, names);
}
