/*
 * The configuration: an immutable snapshot of one YAML file and what it includes. Everything in it
 * is owned by the snapshot and valid until config_unref; who needs it longer takes a reference.
 *
 * All paths are absolute here: relative ones of the file were taken relative to `home`, and `home`
 * itself relative to the configuration file's directory.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rules/match.h"
#include "rules/step.h"

struct config_listen {
	char *host;
	uint16_t port;
	char **host_keys; /* paths of private keys */
	size_t n_host_keys;
	/* Networks of the proxies that speak the PROXY protocol here; none: nobody does. With any,
	 * only they may connect, and every connection begins with a PROXY header. */
	char **proxies;
	size_t n_proxies;
};

struct config_identity {
	char *name;
	char *private_key; /* path */
};

struct config_remote {
	char *name;
	char *host;
	uint16_t port; /* 22 unless said otherwise */
	char *user;
	const struct config_identity *identity;
	char *known_hosts;  /* path */
	int64_t timeout_us; /* for connecting and for each answer; default 30s */
};

/* How much may be there; 0: no limit. */
struct config_quota {
	uint64_t bytes;
	uint64_t files;
};

enum config_uploads { CONFIG_UPLOADS_PRIVATE, CONFIG_UPLOADS_DIRECT };
enum config_durability { CONFIG_DURABILITY_FULL, CONFIG_DURABILITY_RELAXED };
enum config_on_delivered {
	CONFIG_DELIVERED_KEEP,
	CONFIG_DELIVERED_DELETE,
	CONFIG_DELIVERED_ARCHIVE
};

struct config_folder {
	char *name;
	char *path;    /* the directory that accounts see */
	char *staging; /* incomplete bytes, on path's file system; default home/staging/NAME */
	enum config_uploads uploads;       /* default private */
	enum config_durability durability; /* default full */
	int64_t keep_partial_us; /* how long a private file stays that nobody goes on with; 24h */
	enum config_on_delivered on_delivered; /* default keep */
	char *archive; /* where delivered files go; default home/archive/NAME; same file system */
	char **consumers; /* accounts that must all have taken a file; none: the first that does */
	size_t n_consumers;
	struct config_quota quota;
};

/* What an account may do in a mount: bits of config_mount.allow.
 * The same bits as in vfs/mount.h. */
struct config_mount {
	char *at; /* clean absolute virtual path, "/" or "/inbox/x" */
	const struct config_folder *folder;
	uint32_t allow; /* enum vfs_allow */
	/* Globs on the last part of an upload's name: one of `names` (none: any), none of
	 * `no_names`. They also rule renames and directories made. */
	char **names;
	size_t n_names;
	char **no_names;
	size_t n_no_names;
};

/* How an account proves who it is. */
enum config_login { CONFIG_LOGIN_KEY, CONFIG_LOGIN_PASSWORD, CONFIG_LOGIN_BOTH };

/* "mon-fri 06:00-22:00": on these days, between these minutes of the local day. An end before its
 * start is on the day after. */
struct config_hours {
	uint8_t days; /* bit 0: Sunday, as tm_wday */
	uint16_t from_min, until_min;
};

struct config_account {
	char *name;
	char **authorized_keys; /* paths */
	size_t n_authorized_keys;
	char **keys; /* lines of authorized_keys, inline */
	size_t n_keys;
	enum config_login login; /* default key */
	char *password;          /* a hash as crypt(5) writes it: yescrypt, argon2, … or NULL */
	char *trusted_user_ca;   /* path: keys of authorities for this account; or NULL */
	char **principals; /* that a certificate must name one of; default: the account's name */
	size_t n_principals;
	bool disabled;
	int64_t expires_us; /* since the epoch; 0: never */
	char **networks;    /* CIDR; none: from anywhere */
	size_t n_networks;
	struct config_hours *hours; /* none: always */
	size_t n_hours;
	uint32_t max_sessions;   /* at once; 0: no limit but the gateway's */
	int64_t idle_timeout_us; /* 0: limits.idle_timeout */
	struct config_quota quota;
	uint64_t rate_in,
	    rate_out; /* bytes per second of all its sessions: uploads, downloads; 0 */
	struct config_mount *mounts;
	size_t n_mounts;
};

/* Of one account: a session confines itself to them with Landlock, two rules each. */
enum { CONFIG_MOUNTS_MAX = 64 };

enum config_after { CONFIG_AFTER_DELETE, CONFIG_AFTER_LEAVE };

struct config_route {
	char *name;
	const struct config_remote *from;
	char *from_path; /* absolute, on the remote */
	int64_t every_us;
	struct match match;
	struct step *steps;
	size_t n_steps;
	const struct config_folder **to;
	size_t n_to;
	enum config_after after;
	uint32_t retry_limit; /* tries of one file before it is failed; default 10 */
	bool disabled;
};

struct config_limits {
	uint32_t max_sessions;        /* default 1000 */
	uint32_t max_unauthenticated; /* default 100 */
	uint32_t auth_attempts;       /* per connection, default 6 */
	int64_t login_grace_us;       /* default 60s */
	uint32_t max_per_address;     /* connections of one address; default 100 */
	uint32_t drop_from; /* unauthenticated connections from which new ones may be dropped; 50 */
	uint32_t
	    drop_percent; /* with this probability, growing to all at max_unauthenticated; 30 */
	uint32_t
	    ban_after; /* failed logins of an address within ban_window; 0: never; default 10 */
	int64_t ban_window_us; /* default 10min */
	int64_t ban_time_us;   /* doubled each time, up to ban_max_us; default 1min */
	int64_t ban_max_us;    /* default 24h */
	char **never_ban;      /* CIDR */
	size_t n_never_ban;
	int64_t idle_timeout_us; /* of a session without a word; 0: none; default 15min */
	int64_t drain_us;        /* for what is open at a stop; default 30s */
	uint32_t max_handles;    /* of one session; default 256 */
	uint32_t max_requests;   /* of one session that wait for an answer; default 1024 */
	uint32_t max_entries;    /* of a remote directory, default 1,000,000 */
	uint64_t min_free;       /* disk space that fetching leaves alone, default 64 MiB */
	int64_t retry_after_us;  /* after a failure, doubled each time up to an hour; default 10s */
};

struct config {
	unsigned n_refs;
	char *path; /* of the file it came from */
	char *home;
	char *control_socket; /* default home/control.sock */
	struct config_listen *listens;
	size_t n_listens;
	struct config_identity *identities;
	size_t n_identities;
	struct config_remote *remotes;
	size_t n_remotes;
	struct config_folder *folders;
	size_t n_folders;
	struct config_account *accounts;
	size_t n_accounts;
	struct config_route *routes;
	size_t n_routes;
	struct config_limits limits;
	char *trusted_user_ca; /* path: keys of authorities for every account; or NULL */
	char *revoked_keys;    /* path; or NULL */
	bool log_json; /* log: { format: text | json, level: debug | info | warn | error } */
	int log_level; /* enum log_level */
};

/*
 * Reads and checks the file. On failure every error found is in ret_errors, one line each:
 *
 *	dray.yaml:12:5: unknown key "rout" in the top level (did you mean "routes"?)
 *
 * On success *ret_config has one reference, the caller's. ret_errors is initialised by the caller
 * with buf_init; 64 KiB of errors are enough. Checks the text alone: files that it names (keys,
 * folders) are looked at by config_check_files.
 */
enum err config_load(
    const char *path, struct config **ret_config, struct buf *ret_errors) must_check;

/*
 * As config_load, for text that is at hand; path is what the file would be called. It can't include
 * others.
 */
enum err config_parse(const char *path, struct slice text, struct config **ret_config,
    struct buf *ret_errors) must_check;

/*
 * Where the control socket of a configuration is that may have errors, so that a running daemon can
 * be asked while its file is being changed: `home` and `control` of the main file alone are read,
 * and resolved as config_load does. ret_path of len bytes. ERR_FORMAT when the file can't be parsed
 * or doesn't tell; ERR_NAMETOOLONG when the path has len bytes or more; else what opening it gave.
 */
enum err config_peek_control(const char *path, char *ret_path, size_t len) must_check;

/*
 * Are the named files there and usable: keys readable and private (mode), known_hosts readable,
 * authorized_keys parsable, folder and staging on one file system (where they exist)? Appends
 * errors and warnings as lines like config_load. Only ERR_OK when there was no error.
 */
enum err config_check_files(const struct config *c, struct buf *ret_errors) must_check;

struct config *config_ref(struct config *c);
void config_unref(struct config *c);
void config_unrefp(struct config **c);

/* By name; NULL when there is none. */
const struct config_account *config_find_account(const struct config *c, struct slice name);
const struct config_route *config_find_route(const struct config *c, struct slice name);
const struct config_remote *config_find_remote(const struct config *c, struct slice name);
const struct config_identity *config_find_identity(const struct config *c, struct slice name);
const struct config_folder *config_find_folder(const struct config *c, struct slice name);

/* A key of the file, as the manual describes it. All text is borrowed for good but path. */
struct config_key {
	const char *path;     /* "routes.NAME.match.min_age", "accounts.NAME.mounts[].at" */
	const char *type;     /* "duration" */
	const char *fallback; /* the default as text, or NULL */
	bool required;
};

/* Tells fn of each key that this version knows, parents before their children. */
typedef void config_key_fn(void *ctx, const struct config_key *key);
void config_each_key(config_key_fn *fn, void *ctx);

#endif
