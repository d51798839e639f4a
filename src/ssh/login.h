/*
 * A person's or a scheduler's way into a server: what the command line, ssh_config(5) files and
 * their defaults say about a destination, resolved once; then as many connections to it as are
 * wanted, without asking anybody the same thing twice.
 *
 * The host key is checked before anything is sent. Unknown: `confirm` asks where there is somebody
 * to ask and StrictHostKeyChecking allows it; else it is refused. Changed or revoked: refused
 * always, with the file and the line that hold the other key.
 *
 * Nothing here writes to the terminal or reads from it: see struct login_ui.
 */
#ifndef SSH_LOGIN_H
#define SSH_LOGIN_H

#include "ssh/transport.h"

struct login;

enum { LOGIN_OPTIONS_MAX = 64, LOGIN_IDENTITIES_MAX = 32 };

/* Who is asked, and told. Text is ready to be shown: what came from outside is escaped. */
struct login_ui {
	/* A password or passphrase, without echo, or an answer with it. Appended to ret_answer,
	 * which the caller wipes. ERR_CLOSED: given up. NULL: nobody can be asked. */
	enum err (*ask)(void *ctx, const char *prompt, bool echo, struct buf *ret_answer);
	/* Yes, or the fingerprint itself; anything else is no. NULL: nobody can be asked. */
	bool (*confirm)(void *ctx, const char *question, const char *fingerprint);
	/* A warning or notice (banner, "permanently added …"); level: 0 always, 1 with -v, … */
	void (*tell)(void *ctx, unsigned level, const char *text);
	void *ctx;
};

/* As the command line of sftp(1) has it. Strings are borrowed for the call. */
struct login_options {
	const char *host;        /* a name or address, or a Host alias of ssh_config */
	const char *user;        /* NULL: as configured, or the local user's name */
	uint16_t port;           /* 0: as configured, or 22 */
	const char *config_file; /* -F; NULL: ~/.ssh/config and /etc/ssh/ssh_config; "none" */
	const char *options[LOGIN_OPTIONS_MAX]; /* -o, "Key=value" or "Key value" */
	size_t n_options;
	const char *identities[LOGIN_IDENTITIES_MAX]; /* -i, before the configured ones */
	size_t n_identities;
	const char *jump;            /* -J */
	const char *ciphers;         /* -c */
	const char *passphrase_file; /* of encrypted keys: its first line; NULL: asked */
	int family;                  /* AF_INET, AF_INET6, AF_UNSPEC */
	bool batch;                  /* nobody is asked anything (BatchMode=yes) */
	bool agent_only_if_asked;    /* reserved: false */
	int64_t timeout_us;          /* ConnectTimeout's default; 0: 30 s */
	unsigned verbose;
	const char *subsystem; /* -s; NULL: "sftp" */
};

/*
 * Reads the configuration and resolves it; no connection yet. ERR_INVALID, ERR_FORMAT, ERR_NOENT
 * with a story that names file and line. ui is copied, its ctx borrowed for the life of the login.
 */
enum err login_new(struct login **ret_l, const struct login_options *options,
    const struct login_ui *ui, struct story *story) must_check;

/*
 * One connection, logged in, with SFTP's byte stream open. Blocks. Passphrases, passwords and a
 * confirmed host key are remembered (in memory, wiped by login_free) for the next one.
 */
enum transport_outcome login_connect(struct login *l, struct transport **ret_t,
    struct transport_facts *ret_facts, struct story *story) must_check;

/* What was resolved, for messages: "user@host port 22". */
const char *login_text(const struct login *l);
const char *login_host(const struct login *l);
const char *login_user(const struct login *l);
uint16_t login_port(const struct login *l);

/* Wipes every secret. Ends what it started (ProxyCommand). NULL-safe. */
void login_free(struct login *l);

#endif
