#include "wire/offer.h"

#include "base/bug.h"
#include "base/slice.h"
#include "base/text.h"
#include "wire/cipher.h"
#include "wire/kex.h"

enum { SHOWN_MAX = 160 };

/* Certificates first: they need no list of known hosts. No FIDO keys: nobody touches a server. */
static const char *const HOST_KEYS[] = {
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
};

/* "ssh-rsa" in this list would mean SHA-1. */
static const char *const SIGNATURES[] = {
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
};

static const char *
kex_name(size_t i)
{
	return kex_method_at(i) == NULL ? NULL : kex_method_at(i)->name;
}

static const char *
host_key_name(size_t i)
{
	return i < ARRAY_LEN(HOST_KEYS) ? HOST_KEYS[i] : NULL;
}

static const char *
cipher_name(size_t i)
{
	return cipher_at(i) == NULL ? NULL : cipher_at(i)->name;
}

static const char *
mac_name(size_t i)
{
	return mac_at(i) == NULL ? NULL : mac_at(i)->name;
}

static const char *
signature_name(size_t i)
{
	return i < ARRAY_LEN(SIGNATURES) ? SIGNATURES[i] : NULL;
}

static const struct {
	const char *(*name_at)(size_t i);
	const char *what; /* for people */
} KINDS[] = {
    [WIRE_KIND_KEX] = {kex_name, "methods of key exchange"},
    [WIRE_KIND_HOST_KEY] = {host_key_name, "host key algorithms"},
    [WIRE_KIND_CIPHER] = {cipher_name, "ciphers"},
    [WIRE_KIND_MAC] = {mac_name, "MACs"},
    [WIRE_KIND_SIGNATURE] = {signature_name, "signature algorithms"},
};

const char *
wire_name_at(enum wire_kind kind, size_t i)
{
	return KINDS[kind].name_at(i);
}

enum err
wire_names_put(enum wire_kind kind, struct buf *b)
{
	enum err e = ERR_OK;
	const char *name;

	for (size_t i = 0; (name = wire_name_at(kind, i)) != NULL && e == ERR_OK; i++)
		e = buf_printf(b, "%s%s", i > 0 ? "," : "", name);
	return e;
}

static const char *
name_of_ours(enum wire_kind kind, struct slice wanted)
{
	const char *name;

	for (size_t i = 0; (name = wire_name_at(kind, i)) != NULL; i++) {
		if (slice_is(wanted, name))
			return name;
	}
	return NULL;
}

/* There are fewer of ours than there is room for, and each is put in once. */
static void
add(const char *names[], const char *name)
{
	size_t n = 0;

	for (; names[n] != NULL; n++) {
		if (names[n] == name)
			return;
	}
	BUG_ON(n >= WIRE_NAMES_MAX);
	names[n] = name;
}

enum err
wire_offer_set(struct wire_offer *o, enum wire_kind kind, const char *wanted, struct story *story)
{
	const char **names = o->names[kind];
	struct slice rest = slice_str(wanted);
	char shown[SHOWN_MAX];
	const char *name;

	memset(names, 0, sizeof o->names[kind]);
	for (size_t i = 0; wanted == NULL && (name = wire_name_at(kind, i)) != NULL; i++)
		add(names, name);
	while (rest.len > 0) {
		struct slice word;
		rest = slice_cut(rest, ',', &word);
		name = name_of_ours(kind, word);
		if (name != NULL)
			add(names, name);
	}
	if (names[0] != NULL)
		return ERR_OK;
	return story_fail(story, ERR_UNSUPPORTED, "none of these %s is known: \"%s\"",
	    KINDS[kind].what, text_escape(slice_str(wanted), shown, sizeof shown));
}
