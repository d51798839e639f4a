/*
 * ssh_config(5): what configuration files and options say about one destination. The first value
 * of a keyword wins, so options come first, then the person's own file, then the system's.
 *
 * Keywords are one table (sshconfig_keywords.c). Those of OpenSSH that say nothing to a client
 * of SFTP are passed over; others are an error that names file and line, unless IgnoreUnknown has
 * them. Files are trusted as far as OpenSSH trusts them: a person's own must not be writable by
 * others, for they may name programs to run.
 */
#ifndef SSH_SSHCONFIG_H
#define SSH_SSHCONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum {
	SSHCONFIG_FILE_MAX = 1024 * 1024,
	SSHCONFIG_LINE_MAX = 8 * 1024,
	SSHCONFIG_WORDS_MAX = 256, /* of a line */
	SSHCONFIG_VALUE_MAX = 4 * 1024,
	SSHCONFIG_LIST_MAX = 100, /* IdentityFile and other lists */
	SSHCONFIG_DEPTH_MAX = 16, /* of Include */
	SSHCONFIG_FILES_MAX = 512 /* that Include reads in all */
};

enum sshconfig_strict { SSHCONFIG_NO, SSHCONFIG_YES, SSHCONFIG_ASK, SSHCONFIG_ACCEPT_NEW };
enum sshconfig_family { SSHCONFIG_ANY, SSHCONFIG_INET, SSHCONFIG_INET6 };

struct sshconfig_list {
	char *item[SSHCONFIG_LIST_MAX];
	size_t n;
};

/* NULL, -1 and an empty list: not said. After sshconfig_settle everything has a value but what
 * may be NULL there. */
struct sshconfig {
	char *host_name, *user;
	char *host_key_alias;             /* NULL: none */
	char *revoked_host_keys;          /* a file (pki/revoked.h); NULL: none */
	char *proxy_command, *proxy_jump; /* NULL: none */
	char *ciphers, *macs, *kex;       /* NULL: ours; else as "a,b" "+a" "-a*" "^a" */
	char *host_keys, *pubkeys, *ca_signatures;
	char *identity_agent; /* NULL: none; a path */
	char *bind_address;   /* NULL: any */
	char *preferred;      /* PreferredAuthentications; NULL: the usual order */
	char *ignore_unknown;
	struct sshconfig_list identities, certificates, user_known_hosts, global_known_hosts;
	int64_t port, connect_attempts, alive_max, password_prompts;
	int64_t connect_timeout_s; /* 0: none */
	int64_t alive_interval_s;
	int identities_only, strict, family, batch, pubkey, password, keyboard, hash_known_hosts,
	    compression, keep_alive;
	bool default_identities; /* settled: nobody named any */
	bool wants_final;        /* "Match final" was seen: the files are to be read again */
	size_t n_files;
};

/* Whom it is about; all borrowed. */
struct sshconfig_who {
	const char *original; /* as it was given */
	const char *local_user, *home;
	/* Match exec: did the command succeed? NULL: it never does. */
	bool (*run)(void *ctx, const char *command);
	void *ctx;
	bool final; /* the second reading: Host and Match see the resolved name */
};

void sshconfig_init(struct sshconfig *c);
void sshconfig_fini(struct sshconfig *c);

/* A keyword's value without any quoting. Errors as of sshconfig_text. */
enum err sshconfig_set(
    struct sshconfig *c, const char *keyword, const char *value, struct story *story) must_check;

/* "Key=value" or "Key value", as -o has it. */
enum err sshconfig_option(struct sshconfig *c, const struct sshconfig_who *who, const char *text,
    struct story *story) must_check;

/*
 * The content of a file; name is for the story. own: a person's file, so that Include is relative
 * to ~/.ssh and reads only what others can't write. ERR_FORMAT, ERR_LIMIT, ERR_ACCESS, ERR_NOMEM
 * and errors of files that Include names, each with "name line N: …".
 */
enum err sshconfig_text(struct sshconfig *c, const struct sshconfig_who *who, struct slice text,
    const char *name, bool own, struct story *story) must_check;

/* The file at path. ERR_NOENT is without a story. own: also checks who may write it. */
enum err sshconfig_file(struct sshconfig *c, const struct sshconfig_who *who, const char *path,
    bool own, struct story *story) must_check;

/* Fills in the defaults, and replaces ~, %-tokens and ${NAME} in what may have them. */
enum err sshconfig_settle(
    struct sshconfig *c, const struct sshconfig_who *who, struct story *story) must_check;

/*
 * The name that is connected to as far as it is known by now (HostName with %h, or the original),
 * in dst of SSHCONFIG_VALUE_MAX bytes.
 */
enum err sshconfig_host(const struct sshconfig *c, const struct sshconfig_who *who, char *dst,
    struct story *story) must_check;

/* Which replacements a value takes. */
enum { SSHCONFIG_TILDE = 1, SSHCONFIG_ENV = 2 };

/*
 * text with the %-tokens of this set of letters replaced, and with flags ~ at its start and
 * ${NAME}; in dst of SSHCONFIG_VALUE_MAX bytes. ERR_INVALID for another token or an unset
 * variable, ERR_LIMIT.
 */
enum err sshconfig_expand(const struct sshconfig *c, const struct sshconfig_who *who,
    const char *text, const char *tokens, unsigned flags, char *dst,
    struct story *story) must_check;

#endif
