/* The insides of a login, for the files login_*.c. */
#ifndef SSH_LOGIN_INTERNAL_H
#define SSH_LOGIN_INTERNAL_H

#include <sys/types.h>

#include "base/buf.h"
#include "pki/revoked.h"
#include "ssh/dial.h"
#include "ssh/identity.h"
#include "ssh/knownhosts.h"
#include "ssh/login.h"
#include "ssh/sshconfig.h"

enum {
	LOGIN_PROXIES_MAX = 64,
	LOGIN_ANSWERS_MAX = 16,
	LOGIN_LIST_MAX = 4096, /* of algorithms */
	LOGIN_SECRET_MAX = 1024,
	LOGIN_TIMEOUT_S = 30,
	LOGIN_SIGN_US = 120 * 1000 * 1000, /* a person may have to touch a token */
	LOGIN_TRIES = 3                    /* of a passphrase */
};

/* What somebody answered to a prompt of keyboard-interactive. */
struct login_answer {
	struct buf prompt, answer;
};

/* A program that is the line to the server; -1 and 0 where there is none. */
struct login_proxy {
	pid_t pid;
	int stderr_fd; /* ours to read, non-blocking; -1 with -v */
};

struct login {
	struct sshconfig c;
	struct sshconfig_who who;
	struct login_ui ui;
	char *original, *home, *local_user, *config_file, *passphrase_file, *subsystem;
	char text[TRANSPORT_TEXT_MAX];
	unsigned verbose;
	int64_t timeout_us;

	/* Offers, terminated. */
	struct buf kex, ciphers, macs, signatures, ca_signatures, host_keys;

	struct identity_set *identities; /* NULL before the first connection */
	struct buf accepted_key;         /* the host key that was confirmed */
	struct buf password;             /* that was good, or is being tried */
	struct login_answer answers[LOGIN_ANSWERS_MAX];
	size_t n_answers;
	bool was_in; /* one connection has logged in */

	struct login_proxy proxies[LOGIN_PROXIES_MAX];
	size_t n_proxies;
};

/* One connection in the making. */
struct attempt {
	struct login *l;
	struct buf files[2 * SSHCONFIG_LIST_MAX];
	struct knownhosts_file known[2 * SSHCONFIG_LIST_MAX];
	size_t n_known;
	struct revoked *revoked; /* RevokedHostKeys; NULL: none are named */

	bool tried[IDENTITIES_MAX];
	bool asked_none;
	bool gave_up;
	bool remembered_used, answers_used;
	int64_t n_passwords, n_keyboards;
	struct identity *current;
	const char *algorithm; /* of the signature that is being made */
	char algorithm_name[80];
};

void login_tell(struct login *l, unsigned level, const char *format, ...) printf_like(3, 4);

/* Appends what somebody answers. ERR_CLOSED: nobody is there, or gave up. */
enum err login_ask(
    struct login *l, const char *prompt, bool echo, struct buf *ret_answer) must_check;

/* login_host.c: the files that are named, read anew for each connection; the order to offer; and
 * what struct dial_config's judge does. */
enum err login_known_read(struct attempt *a, struct story *story) must_check;
void login_known_fini(struct attempt *a);
enum err login_host_keys(struct attempt *a, struct story *story) must_check;
enum transport_outcome login_judge(void *ctx, const struct dial_host_key *key, struct story *story);

/* login_proof.c: struct dial_config's next and banner. */
void login_next(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof);
void login_banner(void *ctx, struct slice text);
/* The passphrase's file, or somebody, opens the key. ERR_CLOSED: not; it was told why. */
enum err login_open_key(struct login *l, struct identity *id) must_check;

/* login_tcp.c: each address in turn. login_proxy.c: ProxyCommand or ProxyJump. */
enum err login_connect_tcp(struct login *l, int *ret_fd, struct story *story) must_check;
enum err login_connect_proxy(struct login *l, int *ret_fd, struct story *story) must_check;
/* Adds the last line that the newest proxy wrote to a story of failure, and ends it. */
void login_proxy_failed(struct login *l, struct story *story);
void login_proxies_fini(struct login *l);

#endif
