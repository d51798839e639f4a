#include "wire/algorithms.h"

#include <openssl/rand.h>

#include "base/rd.h"
#include "base/text.h"
#include "pki/sign.h"
#include "wire/message.h"

enum { COOKIE_LEN = 16, LIST_MAX = WIRE_PACKET_EARLY, SHOWN_MAX = 160 };

/* "ssh-rsa" in this list would mean SHA-1. */
const char ALGORITHMS_USER_SIGNATURES[] =
    "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,"
    "sk-ssh-ed25519@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp384,ecdsa-sha2-nistp384-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp521,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "sk-ecdsa-sha2-nistp256@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com,"
    "rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com";

static const char STRICT_SERVER[] = "kex-strict-s-v00@openssh.com";
static const char STRICT_CLIENT[] = "kex-strict-c-v00@openssh.com";
static const char EXT_INFO_CLIENT[] = "ext-info-c";

/* The name-lists of KEXINIT, in their order. */
enum list {
	LIST_KEX,
	LIST_HOST_KEY,
	LIST_CIPHER_TO_SERVER,
	LIST_CIPHER_TO_CLIENT,
	LIST_MAC_TO_SERVER,
	LIST_MAC_TO_CLIENT,
	LIST_COMPRESSION_TO_SERVER,
	LIST_COMPRESSION_TO_CLIENT,
	LIST_LANGUAGE_TO_SERVER,
	LIST_LANGUAGE_TO_CLIENT,
	LISTS
};

/* The i-th of our names for a list, NULL past the last. */
typedef const char *name_at_fn(const struct wire_link_config *config, size_t i);

static const char *
kex_name(const struct wire_link_config *config unused_arg, size_t i)
{
	return kex_method_at(i) == NULL ? NULL : kex_method_at(i)->name;
}

/* The i-th signature that our host keys can make, and the key that makes it. */
static const char *
signature_at(const struct wire_link_config *config, size_t i, const struct pki_key **ret_key)
{
	for (size_t k = 0; k < config->n_host_keys; k++) {
		const char *name;
		for (size_t a = 0; (name = pki_key_algorithm(config->host_keys[k], a)) != NULL;
		     a++) {
			*ret_key = config->host_keys[k];
			if (i-- == 0)
				return name;
		}
	}
	return NULL;
}

static const char *
host_key_name(const struct wire_link_config *config, size_t i)
{
	const struct pki_key *key;

	return signature_at(config, i, &key);
}

static const char *
cipher_name(const struct wire_link_config *config unused_arg, size_t i)
{
	return cipher_at(i) == NULL ? NULL : cipher_at(i)->name;
}

static const char *
mac_name(const struct wire_link_config *config unused_arg, size_t i)
{
	return mac_at(i) == NULL ? NULL : mac_at(i)->name;
}

static const char *
compression_name(const struct wire_link_config *config unused_arg, size_t i)
{
	return i == 0 ? "none" : NULL;
}

static const char *
language_name(const struct wire_link_config *config unused_arg, size_t i unused_arg)
{
	return NULL;
}

struct list_kind {
	name_at_fn *name_at;
	const char *what; /* for people */
};

static const struct list_kind LIST_KINDS[LISTS] = {
    [LIST_KEX] = {kex_name, "method of key exchange"},
    [LIST_HOST_KEY] = {host_key_name, "host key algorithm"},
    [LIST_CIPHER_TO_SERVER] = {cipher_name, "cipher"},
    [LIST_CIPHER_TO_CLIENT] = {cipher_name, "cipher"},
    [LIST_MAC_TO_SERVER] = {mac_name, "MAC"},
    [LIST_MAC_TO_CLIENT] = {mac_name, "MAC"},
    [LIST_COMPRESSION_TO_SERVER] = {compression_name, "compression"},
    [LIST_COMPRESSION_TO_CLIENT] = {compression_name, "compression"},
    [LIST_LANGUAGE_TO_SERVER] = {language_name, "language"},
    [LIST_LANGUAGE_TO_CLIENT] = {language_name, "language"},
};

/* A name-list of ours; more, where not NULL, is its last name. */
static enum err
put_list(struct buf *b, const struct wire_link_config *config, enum list list, const char *more)
{
	struct buf names _cleanup_(buf_fini) = {.max = LIST_MAX};
	enum err e = ERR_OK;
	const char *name;

	for (size_t i = 0; (name = LIST_KINDS[list].name_at(config, i)) != NULL && e == ERR_OK; i++)
		e = buf_printf(&names, "%s%s", i > 0 ? "," : "", name);
	if (e == ERR_OK && more != NULL)
		e = buf_printf(&names, ",%s", more);
	return e == ERR_OK ? buf_put_string(b, buf_slice(&names)) : e;
}

enum err
algorithms_propose(const struct wire_link_config *config, bool first, struct buf *b)
{
	uint8_t cookie[COOKIE_LEN];

	if (RAND_bytes(cookie, sizeof cookie) != 1)
		return ERR_IO;
	enum err e = buf_put_u8(b, SSH_MSG_KEXINIT);
	if (e == ERR_OK)
		e = buf_put(b, cookie, sizeof cookie);
	for (unsigned i = 0; i < LISTS && e == ERR_OK; i++)
		e = put_list(
		    b, config, (enum list)i, first && i == LIST_KEX ? STRICT_SERVER : NULL);
	/* No guess of ours follows; a reserved number. */
	if (e == ERR_OK)
		e = buf_put_u8(b, 0);
	return e == ERR_OK ? buf_put_u32(b, 0) : e;
}

static bool
list_has(struct slice list, const char *wanted)
{
	while (list.len > 0) {
		struct slice name;
		list = slice_cut(list, ',', &name);
		if (slice_is(name, wanted))
			return true;
	}
	return false;
}

/* The first name of the client's that is one of ours, too: its index among ours. */
static enum err
choose(const struct wire_link_config *config, enum list list, struct slice theirs, size_t *ret_i,
    struct story *story)
{
	const struct list_kind *kind = &LIST_KINDS[list];
	struct slice rest = theirs;
	char shown[SHOWN_MAX];

	while (rest.len > 0) {
		struct slice name;
		const char *ours;
		rest = slice_cut(rest, ',', &name);
		for (size_t i = 0; (ours = kind->name_at(config, i)) != NULL; i++) {
			if (slice_is(name, ours)) {
				*ret_i = i;
				return ERR_OK;
			}
		}
	}
	return story_fail(story, ERR_UNSUPPORTED, "no %s in common: the client has only \"%s\"",
	    kind->what, text_escape(theirs, shown, sizeof shown));
}

static enum err
choose_way(const struct wire_link_config *config, const struct slice theirs[LISTS],
    enum list cipher_list, enum list mac_list, struct algorithms_of_way *ret_way,
    struct story *story)
{
	size_t i = 0;
	enum err e = choose(config, cipher_list, theirs[cipher_list], &i, story);

	ret_way->cipher = cipher_at(i);
	ret_way->mac = NULL;
	if (e != ERR_OK || cipher_authenticates(ret_way->cipher))
		return e;
	e = choose(config, mac_list, theirs[mac_list], &i, story);
	ret_way->mac = mac_at(i);
	return e;
}

static enum err
choose_all(const struct wire_link_config *config, const struct slice theirs[LISTS],
    struct algorithms *ret_a, struct story *story)
{
	size_t i = 0;
	enum err e = choose(config, LIST_KEX, theirs[LIST_KEX], &i, story);

	ret_a->kex = kex_method_at(i);
	if (e == ERR_OK)
		e = choose(config, LIST_HOST_KEY, theirs[LIST_HOST_KEY], &i, story);
	if (e == ERR_OK)
		ret_a->signature = signature_at(config, i, &ret_a->host_key);
	if (e == ERR_OK)
		e = choose_way(config, theirs, LIST_CIPHER_TO_SERVER, LIST_MAC_TO_SERVER,
		    &ret_a->to_server, story);
	if (e == ERR_OK)
		e = choose_way(config, theirs, LIST_CIPHER_TO_CLIENT, LIST_MAC_TO_CLIENT,
		    &ret_a->to_client, story);
	if (e == ERR_OK)
		e = choose(config, LIST_COMPRESSION_TO_SERVER, theirs[LIST_COMPRESSION_TO_SERVER],
		    &i, story);
	if (e == ERR_OK)
		e = choose(config, LIST_COMPRESSION_TO_CLIENT, theirs[LIST_COMPRESSION_TO_CLIENT],
		    &i, story);
	return e;
}

/* A guess is right when both sides prefer the same method and host key algorithm (section 7). */
static bool
is_first(const struct wire_link_config *config, enum list list, struct slice theirs)
{
	struct slice name;

	(void)slice_cut(theirs, ',', &name);
	const char *ours = LIST_KINDS[list].name_at(config, 0);
	return ours != NULL && slice_is(name, ours);
}

enum err
algorithms_agree(const struct wire_link_config *config, struct slice kexinit,
    struct algorithms *ret_a, struct story *story)
{
	struct rd r = rd_of(kexinit);
	struct slice theirs[LISTS];

	*ret_a = (struct algorithms){0};
	(void)rd_u8(&r);
	(void)rd_bytes(&r, COOKIE_LEN);
	for (size_t i = 0; i < LISTS; i++)
		theirs[i] = rd_string(&r, LIST_MAX);
	bool guess_follows = rd_u8(&r) != 0;
	(void)rd_u32(&r);
	if (rd_done(&r) != ERR_OK)
		return story_fail(story, ERR_FORMAT, "the client's KEXINIT is malformed");
	ret_a->strict = list_has(theirs[LIST_KEX], STRICT_CLIENT);
	ret_a->wants_ext_info = list_has(theirs[LIST_KEX], EXT_INFO_CLIENT);
	ret_a->guessed_wrong =
	    guess_follows && !(is_first(config, LIST_KEX, theirs[LIST_KEX]) &&
				 is_first(config, LIST_HOST_KEY, theirs[LIST_HOST_KEY]));
	return choose_all(config, theirs, ret_a, story);
}

static const char *
mac_text(const struct algorithms_of_way *way)
{
	return way->mac == NULL ? "implicit" : way->mac->name;
}

void
algorithms_text(const struct algorithms *a, char *dst, size_t dst_len)
{
	const char *cipher = a->to_server.cipher->name, *mac = mac_text(&a->to_server);
	const char *cipher_back = a->to_client.cipher->name, *mac_back = mac_text(&a->to_client);
	bool same_cipher = a->to_server.cipher == a->to_client.cipher;
	bool same_mac = a->to_server.mac == a->to_client.mac;

	(void)snprintf(dst, dst_len, "%s %s%s%s %s%s%s %s", a->kex->name, cipher,
	    same_cipher ? "" : "/", same_cipher ? "" : cipher_back, mac, same_mac ? "" : "/",
	    same_mac ? "" : mac_back, a->signature);
}
