#include "wire/algorithms.h"

#include <openssl/rand.h>

#include "base/rd.h"
#include "base/text.h"
#include "pki/cert.h"
#include "pki/sign.h"
#include "wire/message.h"
#include "wire/offer.h"

enum { COOKIE_LEN = 16, LIST_MAX = WIRE_PACKET_EARLY, SHOWN_MAX = 160 };

/* In each side's list of methods: strict key exchange, and a client that takes EXT_INFO. */
static const char *const STRICT[] = {
    [WIRE_SERVER] = "kex-strict-s-v00@openssh.com",
    [WIRE_CLIENT] = "kex-strict-c-v00@openssh.com",
};
static const char EXT_INFO_CLIENT[] = "ext-info-c";
static const char *const MARKS[] = {
    [WIRE_SERVER] = "kex-strict-s-v00@openssh.com",
    [WIRE_CLIENT] = "ext-info-c,kex-strict-c-v00@openssh.com",
};

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

static const struct {
	enum wire_kind kind;
	const char *what; /* for people */
} LISTED[] = {
    [LIST_KEX] = {WIRE_KIND_KEX, "method of key exchange"},
    [LIST_HOST_KEY] = {WIRE_KIND_HOST_KEY, "host key algorithm"},
    [LIST_CIPHER_TO_SERVER] = {WIRE_KIND_CIPHER, "cipher"},
    [LIST_CIPHER_TO_CLIENT] = {WIRE_KIND_CIPHER, "cipher"},
    [LIST_MAC_TO_SERVER] = {WIRE_KIND_MAC, "MAC"},
    [LIST_MAC_TO_CLIENT] = {WIRE_KIND_MAC, "MAC"},
    [LIST_COMPRESSION_TO_SERVER] = {.what = "compression"},
    [LIST_COMPRESSION_TO_CLIENT] = {.what = "compression"},
};

/* The i-th signature that our host keys can make. */
static const char *
signature_at(const struct wire_link_config *config, size_t i)
{
	const char *name;

	for (size_t k = 0; k < config->n_host_keys; k++) {
		for (size_t a = 0; (name = pki_key_algorithm(config->host_keys[k], a)) != NULL;
		     a++) {
			if (i-- == 0)
				return name;
		}
	}
	return NULL;
}

/* The i-th of our names for a list, NULL past the last. */
static const char *
name_at(const struct wire_link_config *config, enum list list, size_t i)
{
	if (list >= LIST_LANGUAGE_TO_SERVER)
		return NULL;
	if (list >= LIST_COMPRESSION_TO_SERVER)
		return i == 0 ? "none" : NULL;
	if (config->role == WIRE_CLIENT)
		return config->offer->names[LISTED[list].kind][i];
	return list == LIST_HOST_KEY ? signature_at(config, i) : wire_name_at(LISTED[list].kind, i);
}

/* A name-list of ours; more, where not NULL, ends it. */
static enum err
put_list(struct buf *b, const struct wire_link_config *config, enum list list, const char *more)
{
	struct buf names _cleanup_(buf_fini) = {.max = LIST_MAX};
	enum err e = ERR_OK;
	const char *name;

	for (size_t i = 0; (name = name_at(config, list, i)) != NULL && e == ERR_OK; i++)
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
		    b, config, (enum list)i, first && i == LIST_KEX ? MARKS[config->role] : NULL);
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

/* The first of these names of the client's that a server of ours has, too. */
static const char *
choose_as_server(const struct wire_link_config *config, enum list list, struct slice theirs)
{
	const char *ours;

	while (theirs.len > 0) {
		struct slice name;
		theirs = slice_cut(theirs, ',', &name);
		for (size_t i = 0; (ours = name_at(config, list, i)) != NULL; i++) {
			if (slice_is(name, ours))
				return ours;
		}
	}
	return NULL;
}

/* The first of our names that the server has, too. */
static const char *
choose_as_client(const struct wire_link_config *config, enum list list, struct slice theirs)
{
	const char *ours;

	for (size_t i = 0; (ours = name_at(config, list, i)) != NULL; i++) {
		if (list_has(theirs, ours))
			return ours;
	}
	return NULL;
}

static enum err
choose(const struct wire_link_config *config, enum list list, struct slice theirs,
    const char **ret_name, struct story *story)
{
	bool is_client = config->role == WIRE_CLIENT;
	char shown[SHOWN_MAX];

	*ret_name = is_client ? choose_as_client(config, list, theirs)
			      : choose_as_server(config, list, theirs);
	if (*ret_name != NULL)
		return ERR_OK;
	return story_fail(story, ERR_UNSUPPORTED, "no %s in common: the %s has only \"%s\"",
	    LISTED[list].what, is_client ? "server" : "client",
	    text_escape(theirs, shown, sizeof shown));
}

static enum err
choose_way(const struct wire_link_config *config, const struct slice theirs[LISTS],
    enum list cipher_list, enum list mac_list, struct algorithms_of_way *ret_way,
    struct story *story)
{
	const char *name;
	enum err e = choose(config, cipher_list, theirs[cipher_list], &name, story);

	*ret_way = (struct algorithms_of_way){0};
	if (e != ERR_OK)
		return e;
	ret_way->cipher = cipher_find(name);
	if (cipher_authenticates(ret_way->cipher))
		return ERR_OK;
	e = choose(config, mac_list, theirs[mac_list], &name, story);
	if (e == ERR_OK)
		ret_way->mac = mac_find(name);
	return e;
}

/* A server's key by the signature that it makes. */
static const struct pki_key *
key_of(const struct wire_link_config *config, const char *signature)
{
	const char *name;

	for (size_t k = 0; k < config->n_host_keys; k++) {
		for (size_t a = 0; (name = pki_key_algorithm(config->host_keys[k], a)) != NULL;
		     a++) {
			if (strcmp(name, signature) == 0)
				return config->host_keys[k];
		}
	}
	return NULL;
}

/* The name without its certificate, static as the name itself. */
static const char *
plain_name(const char *name)
{
	struct slice plain = cert_plain_type(slice_str(name));

	return plain.len == 0 ? name : (const char *)plain.ptr;
}

static enum err
choose_all(const struct wire_link_config *config, const struct slice theirs[LISTS],
    struct algorithms *ret_a, struct story *story)
{
	const char *kex, *host_key, *none;
	enum err e = choose(config, LIST_KEX, theirs[LIST_KEX], &kex, story);

	if (e == ERR_OK)
		e = choose(config, LIST_HOST_KEY, theirs[LIST_HOST_KEY], &host_key, story);
	if (e != ERR_OK)
		return e;
	ret_a->kex = kex_method_find(kex);
	ret_a->host_key_name = host_key;
	ret_a->signature = plain_name(host_key);
	ret_a->host_key = key_of(config, host_key);
	e = choose_way(
	    config, theirs, LIST_CIPHER_TO_SERVER, LIST_MAC_TO_SERVER, &ret_a->to_server, story);
	if (e == ERR_OK)
		e = choose_way(config, theirs, LIST_CIPHER_TO_CLIENT, LIST_MAC_TO_CLIENT,
		    &ret_a->to_client, story);
	for (unsigned i = LIST_COMPRESSION_TO_SERVER;
	     e == ERR_OK && i <= LIST_COMPRESSION_TO_CLIENT; i++)
		e = choose(config, (enum list)i, theirs[i], &none, story);
	return e;
}

/* A guess is right when both sides prefer the same method and host key algorithm (section 7). */
static bool
is_first(const struct wire_link_config *config, enum list list, struct slice theirs)
{
	struct slice name;

	(void)slice_cut(theirs, ',', &name);
	const char *ours = name_at(config, list, 0);
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
		return story_fail(story, ERR_FORMAT, "the %s's KEXINIT is malformed",
		    config->role == WIRE_CLIENT ? "server" : "client");
	ret_a->strict = list_has(
	    theirs[LIST_KEX], STRICT[config->role == WIRE_CLIENT ? WIRE_SERVER : WIRE_CLIENT]);
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
	    same_mac ? "" : mac_back, a->host_key_name);
}
