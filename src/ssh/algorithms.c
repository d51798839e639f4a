#include "ssh/algorithms.h"

#include "pki/blob.h"

/*
 * Curves first: small messages, constant time, and what every peer of the last ten years has. The
 * finite-field groups are fixed ones of 2048 bits and more. No group exchange: the server would
 * choose primes that nobody can check, and in some libraries it escapes the strict key exchange
 * (CVE-2023-48795). Nothing with SHA-1. The post-quantum hybrids come with libssh 0.12.
 */
static const char KEY_EXCHANGE[] = "curve25519-sha256,curve25519-sha256@libssh.org,"
				   "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
				   "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
				   "diffie-hellman-group14-sha256";

/*
 * Authenticated ciphers first. With AES in hardware both GCMs run at 5 GiB/s where this was
 * measured, 5% apart, and encryption is a fifth of the transport's cost: so the larger key goes
 * first. ChaCha20-Poly1305 is for peers without AES in hardware. CTR is for old peers; no CBC.
 */
static const char CIPHERS[] = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
			      "chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";

/* Only used with CTR. Encrypt-then-MAC first; the plain ones are for old peers. */
static const char MACS[] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
			   "hmac-sha2-256,hmac-sha2-512";

static const char NO_COMPRESSION[] = "none";

/* Signatures of host keys and of users' keys: "ssh-rsa" in this place would mean SHA-1. */
static const char SIGNATURES[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
				 "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

/* The signature algorithms of each type of key. */
struct type_algorithms {
	const char *type;
	const char *algorithms;
};

static const struct type_algorithms BY_TYPE[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

struct session_option {
	enum ssh_options_e option;
	const char *value;
};

static const struct session_option SESSION_OPTIONS[] = {
    {SSH_OPTIONS_KEY_EXCHANGE, KEY_EXCHANGE},
    {SSH_OPTIONS_CIPHERS_C_S, CIPHERS},
    {SSH_OPTIONS_CIPHERS_S_C, CIPHERS},
    {SSH_OPTIONS_HMAC_C_S, MACS},
    {SSH_OPTIONS_HMAC_S_C, MACS},
    {SSH_OPTIONS_COMPRESSION_C_S, NO_COMPRESSION},
    {SSH_OPTIONS_COMPRESSION_S_C, NO_COMPRESSION},
    {SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, SIGNATURES},
};

enum err
algorithms_for_client(ssh_session session, const char *host_keys)
{
	int rsa_bits = BLOB_RSA_BITS_MIN;

	for (size_t i = 0; i < ARRAY_LEN(SESSION_OPTIONS); i++) {
		if (ssh_options_set(session, SESSION_OPTIONS[i].option, SESSION_OPTIONS[i].value) !=
		    0)
			return ERR_UNSUPPORTED;
	}
	if (ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, host_keys) != 0 ||
	    ssh_options_set(session, SSH_OPTIONS_RSA_MIN_SIZE, &rsa_bits) != 0)
		return ERR_UNSUPPORTED;
	return ERR_OK;
}

const char *
algorithms_of_host_key_type(size_t i)
{
	return i < ARRAY_LEN(BY_TYPE) ? BY_TYPE[i].algorithms : NULL;
}

static enum err
put_type(size_t i, bool done[ARRAY_LEN(BY_TYPE)], struct buf *ret_list, size_t start)
{
	if (done[i])
		return ERR_OK;
	done[i] = true;
	return buf_printf(
	    ret_list, "%s%s", buf_len(ret_list) > start ? "," : "", BY_TYPE[i].algorithms);
}

enum err
algorithms_host_keys(struct slice pinned_types, struct buf *ret_list)
{
	bool done[ARRAY_LEN(BY_TYPE)] = {false};
	size_t start = buf_len(ret_list);
	enum err e = ERR_OK;

	while (pinned_types.len > 0 && e == ERR_OK) {
		struct slice type;
		pinned_types = slice_cut(pinned_types, ',', &type);
		for (size_t i = 0; i < ARRAY_LEN(BY_TYPE) && e == ERR_OK; i++) {
			if (slice_is(type, BY_TYPE[i].type))
				e = put_type(i, done, ret_list, start);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(BY_TYPE) && e == ERR_OK; i++)
		e = put_type(i, done, ret_list, start);
	return e == ERR_OK ? buf_put_u8(ret_list, 0) : e;
}
