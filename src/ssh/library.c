/* The libraries' start for a process that is a client, or both sides. */
#include "ssh/client_internal.h"

/* A signature and its check in memory: makes libcrypto load all that a login needs. */
static bool
exercise(enum ssh_keytypes_e type, int parameter)
{
	ssh_key key = NULL;
	char *text = NULL;

	bool ok = ssh_pki_generate(type, parameter, &key) == SSH_OK &&
		  ssh_pki_export_pubkey_base64(key, &text) == SSH_OK;
	ssh_string_free_char(text);
	ssh_key_free(key);
	return ok;
}

enum err
transport_library_init(void)
{
	enum err e = transport_server_library_init();

	if (e == ERR_OK && ssh_init() != SSH_OK)
		e = ERR_NOMEM;
	/* libssh's log would go to standard error, past ours. */
	(void)ssh_set_log_level(SSH_LOG_NOLOG);
	if (e == ERR_OK &&
	    (!exercise(SSH_KEYTYPE_ED25519, 0) || !exercise(SSH_KEYTYPE_ECDSA_P256, 256)))
		e = ERR_NOMEM;
	return e;
}
