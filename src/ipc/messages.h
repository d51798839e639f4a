/*
 * Every message between the roles, as one table: what it is called, who sends it, in which states
 * of the link it is legal, and its fields with the most bytes of each. The structs below, the
 * encoder, the decoder, the tests' sweeps and the legality check are all made from this table.
 *
 * Kinds of fields: BOOL, U32, U64, I64; STR (text) and BYTES, both struct slice, borrowed from the
 * buffer of the link until the next receive; FD, a descriptor that travels beside the bytes and is
 * closed with the message unless its receiver takes it (fd_take).
 */
#ifndef IPC_MESSAGES_H
#define IPC_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum ipc_role {
	IPC_ROLE_CORE,
	IPC_ROLE_LISTENER,
	IPC_ROLE_SESSION,
	IPC_ROLE_COURIER,
	IPC_ROLE_WORKER,
	IPC_ROLE_CHECKER, /* of one password */
	IPC_ROLE_CONTROL  /* the dray command, over the control socket */
};

/* The states of a link between core and another role. */
enum ipc_state {
	IPC_STARTING = 1 << 0, /* not ready: no login yet, no connection to the remote yet */
	IPC_RUNNING = 1 << 1   /* ready; for a session: logged in */
};
#define IPC_ANY (IPC_STARTING | IPC_RUNNING)

/* Bounds of fields. */
enum {
	IPC_NAME_MAX = 64, /* of our own things: accounts, folders, routes, remotes */
	IPC_PATH_MAX = 4096,
	IPC_FILE_NAME_MAX = 255,
	IPC_TEXT_MAX = 512, /* a story for people */
	IPC_ADDRESS_MAX = 80,
	IPC_HOST_MAX = 255,
	IPC_KEY_MAX = 8192, /* a public key's or certificate's blob (RFC 4253 section 6.6) */
	IPC_FINGERPRINT_MAX = 64,
	IPC_SHA256_LEN = 32,
	IPC_PASSWORD_MAX = 1024,
	IPC_HASH_MAX = 512,        /* of a password, as crypt(5) writes it */
	IPC_PATTERNS_MAX = 4096,   /* a list of globs or principals, each ended by a NUL */
	IPC_RANGES_MAX = 64 * 16,  /* pieces of a file: offset and end as big-endian uint64 */
	IPC_MAX_PACKET = 20 * 1024 /* the longest message of all, with its type */
};

/* How a try to connect to a remote ended; told apart because people must do different things. */
enum ipc_connect_outcome {
	IPC_CONNECT_UNREACHABLE,      /* no address, no answer, or the line broke */
	IPC_CONNECT_NO_ALGORITHM,     /* no algorithm in common */
	IPC_CONNECT_HOST_KEY_UNKNOWN, /* known_hosts has no key of this host */
	IPC_CONNECT_HOST_KEY_CHANGED, /* known_hosts has another key, or has revoked this one */
	IPC_CONNECT_USER_KEY_REFUSED, /* the server did not accept our key */
	IPC_CONNECT_BAD_PRIVATE_KEY,  /* our private key can't be read or used */
	IPC_CONNECT_NO_SFTP,          /* logged in, but no SFTP there */
	IPC_CONNECT_LOCAL_FAILURE     /* something on our side */
};

/* What became of one file at the source. */
enum ipc_file_outcome {
	IPC_OUTCOME_DONE,
	IPC_OUTCOME_GONE,    /* it is no longer there */
	IPC_OUTCOME_CHANGED, /* another size or time than listed: another file, or still growing */
	IPC_OUTCOME_REFUSED, /* the server said no */
	IPC_OUTCOME_LINE_LOST,    /* the connection broke */
	IPC_OUTCOME_NO_SPACE,     /* our disk is full: not the file's fault */
	IPC_OUTCOME_LOCAL_FAILURE /* something else on our side */
};

/* An answer to somebody who wants to log in. */
enum ipc_verdict { IPC_VERDICT_DENY, IPC_VERDICT_PARTIAL, IPC_VERDICT_ACCEPT };

/* Ways to log in, as bits; the same as enum transport_method. */
enum ipc_method { IPC_METHOD_PUBLICKEY = 1 << 0, IPC_METHOD_PASSWORD = 1 << 1 };

#define IPC_MESSAGES(M)                                                                  \
	/* core -> listener: one complete set, then LISTENER_START puts it into force */ \
	M(LISTENER_LIMITS, listener_limits, IPC_ROLE_CORE, IPC_ANY)                      \
	M(LISTENER_HOST_KEY, listener_host_key, IPC_ROLE_CORE, IPC_ANY)                  \
	M(LISTENER_BIND, listener_bind, IPC_ROLE_CORE, IPC_ANY)                          \
	M(LISTENER_START, listener_start, IPC_ROLE_CORE, IPC_ANY)                        \
	M(SESSION_OVER, session_over, IPC_ROLE_CORE, IPC_RUNNING)                        \
	M(LISTENER_BAN, listener_ban, IPC_ROLE_CORE, IPC_ANY)                            \
	M(SESSION_IN, session_in, IPC_ROLE_CORE, IPC_RUNNING)                            \
	/* listener -> core */                                                           \
	M(LISTENER_READY, listener_ready, IPC_ROLE_LISTENER, IPC_ANY)                    \
	M(LISTENER_FAILED, listener_failed, IPC_ROLE_LISTENER, IPC_ANY)                  \
	M(LISTENER_ADDRESS, listener_address, IPC_ROLE_LISTENER, IPC_ANY)                \
	M(SESSION_NEW, session_new, IPC_ROLE_LISTENER, IPC_RUNNING)                      \
	M(SESSION_GONE, session_gone, IPC_ROLE_LISTENER, IPC_RUNNING)                    \
	M(LISTENER_DROPPED, listener_dropped, IPC_ROLE_LISTENER, IPC_RUNNING)            \
	/* listener -> session: the first on its line, before core has the other end */  \
	M(SESSION_BEGIN, session_begin, IPC_ROLE_LISTENER, IPC_STARTING)                 \
	/* session -> core */                                                            \
	M(SESSION_ADDRESS, session_address, IPC_ROLE_SESSION, IPC_STARTING)              \
	M(AUTH_CERT, auth_cert, IPC_ROLE_SESSION, IPC_STARTING)                          \
	M(AUTH_PASSWORD, auth_password, IPC_ROLE_SESSION, IPC_STARTING)                  \
	M(AUTH_QUERY, auth_query, IPC_ROLE_SESSION, IPC_STARTING)                        \
	M(SESSION_FACTS, session_facts, IPC_ROLE_SESSION, IPC_RUNNING)                   \
	M(UPLOAD_OPENED, upload_opened, IPC_ROLE_SESSION, IPC_RUNNING)                   \
	M(UPLOAD_MOVED, upload_moved, IPC_ROLE_SESSION, IPC_RUNNING)                     \
	M(UPLOAD_DISCARDED, upload_discarded, IPC_ROLE_SESSION, IPC_RUNNING)             \
	M(QUOTA_ASK, quota_ask, IPC_ROLE_SESSION, IPC_RUNNING)                           \
	M(QUOTA_BACK, quota_back, IPC_ROLE_SESSION, IPC_RUNNING)                         \
	M(UPLOAD_STAGED, upload_staged, IPC_ROLE_SESSION, IPC_RUNNING)                   \
	M(UPLOAD_PUBLISHED, upload_published, IPC_ROLE_SESSION, IPC_RUNNING)             \
	M(UPLOAD_NOT_PLACED, upload_not_placed, IPC_ROLE_SESSION, IPC_RUNNING)           \
	M(FILE_TAKEN, file_taken, IPC_ROLE_SESSION, IPC_RUNNING)                         \
	M(FILE_PIECES, file_pieces, IPC_ROLE_SESSION, IPC_RUNNING)                       \
	M(FILE_CHANGED, file_changed, IPC_ROLE_SESSION, IPC_RUNNING)                     \
	M(FILE_DENIED, file_denied, IPC_ROLE_SESSION, IPC_RUNNING)                       \
	M(UPLOAD_ABANDONED, upload_abandoned, IPC_ROLE_SESSION, IPC_RUNNING)             \
	M(SESSION_END, session_end, IPC_ROLE_SESSION, IPC_ANY)                           \
	/* core -> session */                                                            \
	M(AUTH_ACCOUNT, auth_account, IPC_ROLE_CORE, IPC_ANY)                            \
	M(AUTH_MOUNT, auth_mount, IPC_ROLE_CORE, IPC_STARTING)                           \
	M(AUTH_ANSWER, auth_answer, IPC_ROLE_CORE, IPC_STARTING)                         \
	M(UPLOAD_RECORDED, upload_recorded, IPC_ROLE_CORE, IPC_RUNNING)                  \
	M(PARTIAL, partial, IPC_ROLE_CORE, IPC_ANY)                                      \
	M(PARTIAL_GONE, partial_gone, IPC_ROLE_CORE, IPC_ANY)                            \
	M(QUOTA_LEASE, quota_lease, IPC_ROLE_CORE, IPC_RUNNING)                          \
	M(SESSION_RATE, session_rate, IPC_ROLE_CORE, IPC_RUNNING)                        \
	M(SESSION_STOP, session_stop, IPC_ROLE_CORE, IPC_ANY)                            \
	/* core -> courier */                                                            \
	M(COURIER_CONNECT, courier_connect, IPC_ROLE_CORE, IPC_STARTING)                 \
	M(COURIER_LIST, courier_list, IPC_ROLE_CORE, IPC_RUNNING)                        \
	M(COURIER_FETCH, courier_fetch, IPC_ROLE_CORE, IPC_RUNNING)                      \
	M(COURIER_REMOVE, courier_remove, IPC_ROLE_CORE, IPC_RUNNING)                    \
	M(COURIER_BYE, courier_bye, IPC_ROLE_CORE, IPC_ANY)                              \
	/* courier -> core */                                                            \
	M(COURIER_CONNECTED, courier_connected, IPC_ROLE_COURIER, IPC_STARTING)          \
	M(COURIER_REFUSED, courier_refused, IPC_ROLE_COURIER, IPC_ANY)                   \
	M(COURIER_ENTRY, courier_entry, IPC_ROLE_COURIER, IPC_RUNNING)                   \
	M(COURIER_LISTED, courier_listed, IPC_ROLE_COURIER, IPC_RUNNING)                 \
	M(COURIER_CHECKPOINT, courier_checkpoint, IPC_ROLE_COURIER, IPC_RUNNING)         \
	M(COURIER_FETCHED, courier_fetched, IPC_ROLE_COURIER, IPC_RUNNING)               \
	M(COURIER_REMOVED, courier_removed, IPC_ROLE_COURIER, IPC_RUNNING)               \
	/* core -> worker */                                                             \
	M(WORKER_STEP, worker_step, IPC_ROLE_CORE, IPC_STARTING)                         \
	M(WORKER_OUTPUT, worker_output, IPC_ROLE_CORE, IPC_STARTING)                     \
	M(WORKER_JOB, worker_job, IPC_ROLE_CORE, IPC_STARTING)                           \
	/* worker -> core */                                                             \
	M(WORKER_DONE, worker_done, IPC_ROLE_WORKER, IPC_ANY)                            \
	M(WORKER_FAILED, worker_failed, IPC_ROLE_WORKER, IPC_ANY)                        \
	/* core -> checker, and its answer */                                            \
	M(CHECK_PASSWORD, check_password, IPC_ROLE_CORE, IPC_STARTING)                   \
	M(PASSWORD_CHECKED, password_checked, IPC_ROLE_CHECKER, IPC_ANY)                 \
	/* dray -> core */                                                               \
	M(CTL_STATUS, ctl_status, IPC_ROLE_CONTROL, IPC_RUNNING)                         \
	M(CTL_TRANSFERS, ctl_transfers, IPC_ROLE_CONTROL, IPC_RUNNING)                   \
	M(CTL_TRACE, ctl_trace, IPC_ROLE_CONTROL, IPC_RUNNING)                           \
	M(CTL_RUN, ctl_run, IPC_ROLE_CONTROL, IPC_RUNNING)                               \
	M(CTL_RETRY, ctl_retry, IPC_ROLE_CONTROL, IPC_RUNNING)                           \
	M(CTL_BANS, ctl_bans, IPC_ROLE_CONTROL, IPC_RUNNING)                             \
	/* core -> dray: rows, then CTL_DONE */                                          \
	M(CTL_GATEWAY, ctl_gateway, IPC_ROLE_CORE, IPC_RUNNING)                          \
	M(CTL_ADDRESS, ctl_address, IPC_ROLE_CORE, IPC_RUNNING)                          \
	M(CTL_ROUTE, ctl_route, IPC_ROLE_CORE, IPC_RUNNING)                              \
	M(CTL_REMOTE, ctl_remote, IPC_ROLE_CORE, IPC_RUNNING)                            \
	M(CTL_SESSION, ctl_session, IPC_ROLE_CORE, IPC_RUNNING)                          \
	M(CTL_BAN, ctl_ban, IPC_ROLE_CORE, IPC_RUNNING)                                  \
	M(CTL_FOLDER, ctl_folder, IPC_ROLE_CORE, IPC_RUNNING)                            \
	M(CTL_ACCOUNT, ctl_account, IPC_ROLE_CORE, IPC_RUNNING)                          \
	M(CTL_TRANSFER, ctl_transfer, IPC_ROLE_CORE, IPC_RUNNING)                        \
	M(CTL_EVENT, ctl_event, IPC_ROLE_CORE, IPC_RUNNING)                              \
	M(CTL_DONE, ctl_done, IPC_ROLE_CORE, IPC_RUNNING)

/*
 * Limits of the listener and of each session. From drop_from unauthenticated connections on, new
 * ones are dropped with drop_percent of probability, growing to all of them at max_unauthenticated.
 * methods: enum ipc_method, what is offered before the account is known.
 */
#define IPC_FIELDS_LISTENER_LIMITS(F)  \
	F(U32, max_sessions, 0)        \
	F(U32, max_per_address, 0)     \
	F(U32, max_unauthenticated, 0) \
	F(U32, drop_from, 0)           \
	F(U32, drop_percent, 0)        \
	F(U32, auth_attempts, 0)       \
	F(U32, methods, 0)             \
	F(I64, login_grace_us, 0)

/* A host key's private half, as an open file. */
#define IPC_FIELDS_LISTENER_HOST_KEY(F) \
	F(STR, name, IPC_PATH_MAX)      \
	F(FD, key, 0)

/* proxied: a PROXY header comes first on each connection; proxies: the networks from which one is
 * believed, "192.0.2.0/24,…"; others are turned away. */
#define IPC_FIELDS_LISTENER_BIND(F) \
	F(STR, host, IPC_HOST_MAX)  \
	F(U32, port, 0)             \
	F(BOOL, proxied, 0)         \
	F(STR, proxies, IPC_PATTERNS_MAX)

/* n_addresses: how many LISTENER_BIND came before, as a check; none: nobody is let in any more. */
#define IPC_FIELDS_LISTENER_START(F) F(U32, n_addresses, 0)

/* Core has no line to this session any more: if it doesn't end by itself, the listener ends it. */
#define IPC_FIELDS_SESSION_OVER(F) F(U64, session, 0)

/* Turn this block of addresses (os/netaddr.h) away until then (time_mono_us; 0: no longer). Sent
 * again to a new listener. */
#define IPC_FIELDS_LISTENER_BAN(F)    \
	F(STR, host, IPC_ADDRESS_MAX) \
	F(I64, until_us, 0)

/* The session has logged in: it no longer counts as unauthenticated. */
#define IPC_FIELDS_SESSION_IN(F) F(U64, session, 0)

/* So many connections of this block (empty: of several) were turned away without a session since
 * the last word. limit: which one, as the configuration calls it. */
#define IPC_FIELDS_LISTENER_DROPPED(F) \
	F(STR, host, IPC_ADDRESS_MAX)  \
	F(STR, limit, IPC_NAME_MAX)    \
	F(U32, n_dropped, 0)

#define IPC_FIELDS_LISTENER_READY(F)  F(U32, n_addresses, 0)

#define IPC_FIELDS_LISTENER_FAILED(F) F(STR, story, IPC_TEXT_MAX)

/* What became of one address: before LISTENER_READY. */
#define IPC_FIELDS_LISTENER_ADDRESS(F) \
	F(STR, host, IPC_HOST_MAX)     \
	F(U32, port, 0)                \
	F(BOOL, listening, 0)          \
	F(STR, story, IPC_TEXT_MAX)

/* The connection that it is to serve. proxied: a PROXY header comes before anything else. */
#define IPC_FIELDS_SESSION_BEGIN(F) \
	F(BOOL, proxied, 0)         \
	F(FD, socket, 0)

/* A connection was accepted and a session has it;
 * channel is core's end of the link to it. */
#define IPC_FIELDS_SESSION_NEW(F)          \
	F(U64, session, 0)                 \
	F(U32, pid, 0)                     \
	F(STR, peer, IPC_ADDRESS_MAX)      \
	F(STR, peer_host, IPC_ADDRESS_MAX) \
	F(BOOL, proxied, 0)                \
	F(FD, channel, 0)

/* status: as wait(2) gives it. */
#define IPC_FIELDS_SESSION_GONE(F) \
	F(U64, session, 0)         \
	F(U32, status, 0)

/* What the PROXY header says of where the client is: before anything else, where the listener
 * asks for one. */
#define IPC_FIELDS_SESSION_ADDRESS(F) \
	F(STR, peer, IPC_ADDRESS_MAX) \
	F(STR, peer_host, IPC_ADDRESS_MAX)

/*
 * The key of the AUTH_QUERY that follows comes in a certificate; its authority's signature was
 * checked. Times in seconds since the epoch. principals: each ended by a NUL.
 */
#define IPC_FIELDS_AUTH_CERT(F)                \
	F(BYTES, ca_key, IPC_KEY_MAX)          \
	F(U64, serial, 0)                      \
	F(BYTES, key_id, IPC_TEXT_MAX)         \
	F(U64, valid_after, 0)                 \
	F(U64, valid_before, 0)                \
	F(BYTES, principals, IPC_PATTERNS_MAX) \
	F(STR, source_address, IPC_TEXT_MAX)   \
	F(BOOL, is_host, 0)                    \
	F(BOOL, forces_command, 0)             \
	F(BOOL, no_touch_required, 0)          \
	F(BOOL, verify_required, 0)

/* May this account log in with this password? The answer takes the time that its hash costs. */
#define IPC_FIELDS_AUTH_PASSWORD(F)   \
	F(STR, account, IPC_NAME_MAX) \
	F(BYTES, password, IPC_PASSWORD_MAX)

/*
 * May this account log in with this key? proven: the signature was checked; without it the client
 * only asks whether the key would do (RFC 4252 section 7).
 */
#define IPC_FIELDS_AUTH_QUERY(F)        \
	F(STR, account, IPC_NAME_MAX)   \
	F(STR, algorithm, IPC_NAME_MAX) \
	F(BYTES, key, IPC_KEY_MAX)      \
	F(BOOL, certified, 0)           \
	F(BOOL, proven, 0)              \
	F(BOOL, forged, 0)              \
	F(U32, sk_flags, 0)             \
	F(U32, sk_counter, 0)

/* What holds for the whole account, before its mounts, and when a reload changes it. Rates in bytes
 * per second, 0: no limit. */
#define IPC_FIELDS_AUTH_ACCOUNT(F) \
	F(I64, idle_timeout_us, 0) \
	F(U64, rate_in, 0)         \
	F(U64, rate_out, 0)        \
	F(U32, max_handles, 0)     \
	F(U32, max_requests, 0)

/*
 * One mount of the account, before AUTH_ANSWER. allow: bits of enum vfs_allow. direct: writes go
 * into the files in place. relaxed: nothing is fsynced. metered: bytes are charged to a quota.
 * names and no_names: globs that an upload's name must, and must not, match; each ended by a NUL.
 */
#define IPC_FIELDS_AUTH_MOUNT(F)             \
	F(STR, at, IPC_PATH_MAX)             \
	F(STR, folder, IPC_NAME_MAX)         \
	F(U32, allow, 0)                     \
	F(BOOL, direct, 0)                   \
	F(BOOL, relaxed, 0)                  \
	F(BOOL, metered, 0)                  \
	F(BYTES, names, IPC_PATTERNS_MAX)    \
	F(BYTES, no_names, IPC_PATTERNS_MAX) \
	F(FD, dir, 0)                        \
	F(FD, staging, 0)

/* verdict: enum ipc_verdict; methods: what is left to do after IPC_VERDICT_PARTIAL. */
#define IPC_FIELDS_AUTH_ANSWER(F) \
	F(U32, verdict, 0)        \
	F(U32, methods, 0)        \
	F(U32, n_mounts, 0)

#define IPC_FIELDS_SESSION_FACTS(F)  \
	F(STR, client, IPC_HOST_MAX) \
	F(STR, algorithms, IPC_HOST_MAX)

/*
 * An upload was closed by its client; its bytes are fsynced in the folder's staging under
 * staging_name. Core answers with UPLOAD_RECORDED when the row is durable. tag: the session's own.
 */
#define IPC_FIELDS_UPLOAD_STAGED(F)             \
	F(U32, tag, 0)                          \
	F(STR, folder, IPC_NAME_MAX)            \
	F(STR, path, IPC_PATH_MAX)              \
	F(STR, staging_name, IPC_FILE_NAME_MAX) \
	F(U64, size, 0)

/* error: enum err; the transfer's number when it is ERR_OK. */
#define IPC_FIELDS_UPLOAD_RECORDED(F) \
	F(U32, tag, 0)                \
	F(U32, error, 0)              \
	F(U64, transfer, 0)

/*
 * An upload has begun, in the folder's staging under staging_name. from: the private file of an
 * earlier one that it goes on with (renamed to staging_name), or empty. Not answered.
 */
#define IPC_FIELDS_UPLOAD_OPENED(F)             \
	F(STR, folder, IPC_NAME_MAX)            \
	F(STR, path, IPC_PATH_MAX)              \
	F(STR, staging_name, IPC_FILE_NAME_MAX) \
	F(STR, from, IPC_FILE_NAME_MAX)

/* A private file will be at another path now: its owner renamed it. */
#define IPC_FIELDS_UPLOAD_MOVED(F)   \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, path, IPC_PATH_MAX)   \
	F(STR, staging_name, IPC_FILE_NAME_MAX)

/* A private file is no more: removed by its owner, or an upload that a newer one has replaced. */
#define IPC_FIELDS_UPLOAD_DISCARDED(F) \
	F(STR, folder, IPC_NAME_MAX)   \
	F(STR, staging_name, IPC_FILE_NAME_MAX)

/*
 * A private file of the account that no session has open: it can be gone on with, renamed or
 * removed by any session of the account, whoever renames its file first. So many bytes are there.
 */
#define IPC_FIELDS_PARTIAL(F)                   \
	F(STR, folder, IPC_NAME_MAX)            \
	F(STR, path, IPC_PATH_MAX)              \
	F(STR, staging_name, IPC_FILE_NAME_MAX) \
	F(U64, size, 0)

#define IPC_FIELDS_PARTIAL_GONE(F)   \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, staging_name, IPC_FILE_NAME_MAX)

/*
 * Quotas (of the folder, and of the account): a session writes only what it has leased. It asks for
 * more when its lease is used up, and waits for QUOTA_LEASE, which grants all of it or nothing
 * (then error is ERR_QUOTA). What is leased and not given back is charged until the session's end,
 * or until UPLOAD_PUBLISHED turns it into the folder's content. ahead: less would do for now, so it
 * is no refused upload when the answer is no.
 */
#define IPC_FIELDS_QUOTA_ASK(F)      \
	F(STR, folder, IPC_NAME_MAX) \
	F(U64, bytes, 0)             \
	F(U32, files, 0)             \
	F(BOOL, ahead, 0)

#define IPC_FIELDS_QUOTA_BACK(F)     \
	F(STR, folder, IPC_NAME_MAX) \
	F(U64, bytes, 0)             \
	F(U32, files, 0)

#define IPC_FIELDS_QUOTA_LEASE(F)    \
	F(STR, folder, IPC_NAME_MAX) \
	F(U32, error, 0)             \
	F(U64, bytes, 0)             \
	F(U32, files, 0)

/* This session's share of its account's bandwidth, bytes per second; 0: no limit. */
#define IPC_FIELDS_SESSION_RATE(F) \
	F(U64, rate_in, 0)         \
	F(U64, rate_out, 0)

/* End: at once, or when what is open is finished and grace_us have passed at the latest. */
#define IPC_FIELDS_SESSION_STOP(F)  \
	F(STR, story, IPC_TEXT_MAX) \
	F(I64, grace_us, 0)

/* The session has renamed it into place and synced the directory; replaced tells whether a file of
 * replaced_bytes was there before. */
#define IPC_FIELDS_UPLOAD_PUBLISHED(F) \
	F(U64, transfer, 0)            \
	F(BOOL, replaced, 0)           \
	F(U64, replaced_bytes, 0)

/* What was recorded could not be put in place: its client was told so, and is to find it private
 * again. */
#define IPC_FIELDS_UPLOAD_NOT_PLACED(F) \
	F(U64, transfer, 0)             \
	F(STR, story, IPC_TEXT_MAX)

/*
 * A file was read whole and closed. inode, size and mtime (nanoseconds) say which version of it:
 * what is done about a delivery is done to that one alone.
 */
#define IPC_FIELDS_FILE_TAKEN(F)     \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, path, IPC_PATH_MAX)   \
	F(U64, bytes, 0)             \
	F(U64, inode, 0)             \
	F(U64, size, 0)              \
	F(I64, mtime_ns, 0)

/* These pieces of a file were read, and the handle closed: others may complete them. */
#define IPC_FIELDS_FILE_PIECES(F)    \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, path, IPC_PATH_MAX)   \
	F(U64, inode, 0)             \
	F(U64, size, 0)              \
	F(I64, mtime_ns, 0)          \
	F(BYTES, ranges, IPC_RANGES_MAX)

/* verb: "removed", "renamed" (detail: the new path), "resized", "made-directory",
 * "removed-directory", "linked", "copied", "written" (in place). bytes and files: by how much the
 * folder's content has changed with it. */
#define IPC_FIELDS_FILE_CHANGED(F)   \
	F(STR, verb, IPC_NAME_MAX)   \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, path, IPC_PATH_MAX)   \
	F(STR, detail, IPC_PATH_MAX) \
	F(I64, bytes, 0)             \
	F(I64, files, 0)

/*
 * Refused to the account: verb as struct vfs_journal has it. folder is empty for what lies in no
 * mount, path for the directory itself. At most VFS_DENIALS_MAX + 1 of a session.
 */
#define IPC_FIELDS_FILE_DENIED(F)    \
	F(STR, verb, IPC_NAME_MAX)   \
	F(STR, folder, IPC_NAME_MAX) \
	F(STR, path, IPC_PATH_MAX)   \
	F(STR, why, IPC_TEXT_MAX)

/* The line was lost before the client closed this upload: so many bytes of it stay in staging. */
#define IPC_FIELDS_UPLOAD_ABANDONED(F)          \
	F(STR, folder, IPC_NAME_MAX)            \
	F(STR, path, IPC_PATH_MAX)              \
	F(STR, staging_name, IPC_FILE_NAME_MAX) \
	F(U64, size, 0)

/* story: why it ended, never empty. */
#define IPC_FIELDS_SESSION_END(F)   \
	F(STR, story, IPC_TEXT_MAX) \
	F(U64, bytes_in, 0)         \
	F(U64, bytes_out, 0)

/* alias: the name under which known_hosts knows the host. The files come open, at their start. */
#define IPC_FIELDS_COURIER_CONNECT(F) \
	F(STR, remote, IPC_NAME_MAX)  \
	F(STR, host, IPC_HOST_MAX)    \
	F(U32, port, 0)               \
	F(STR, user, IPC_HOST_MAX)    \
	F(I64, timeout_us, 0)         \
	F(FD, private_key, 0)         \
	F(FD, known_hosts, 0)         \
	F(FD, staging, 0)

#define IPC_FIELDS_COURIER_LIST(F) \
	F(STR, path, IPC_PATH_MAX) \
	F(U32, max_entries, 0)

/*
 * Fetch a file that was listed with this size and time into staging. staging may hold a prefix that
 * an earlier courier synced: checkpoint bytes of it are sure to be on disk.
 */
#define IPC_FIELDS_COURIER_FETCH(F)             \
	F(U64, transfer, 0)                     \
	F(STR, path, IPC_PATH_MAX)              \
	F(STR, staging_name, IPC_FILE_NAME_MAX) \
	F(U64, size, 0)                         \
	F(I64, mtime, 0)                        \
	F(U64, checkpoint, 0)

/* Remove the file, if it still has this size and time. */
#define IPC_FIELDS_COURIER_REMOVE(F) \
	F(U64, transfer, 0)          \
	F(STR, path, IPC_PATH_MAX)   \
	F(U64, size, 0)              \
	F(I64, mtime, 0)

#define IPC_FIELDS_COURIER_BYE(F) F(STR, reason, IPC_TEXT_MAX)

#define IPC_FIELDS_COURIER_CONNECTED(F)          \
	F(STR, fingerprint, IPC_FINGERPRINT_MAX) \
	F(STR, server, IPC_HOST_MAX)             \
	F(STR, algorithms, IPC_HOST_MAX)

/* outcome: enum ipc_connect_outcome. Ends the courier, also when the line breaks later on. */
#define IPC_FIELDS_COURIER_REFUSED(F) \
	F(U32, outcome, 0)            \
	F(STR, story, IPC_TEXT_MAX)

/* A regular file of the directory. mtime: seconds since the epoch. */
#define IPC_FIELDS_COURIER_ENTRY(F)     \
	F(STR, name, IPC_FILE_NAME_MAX) \
	F(U64, size, 0)                 \
	F(I64, mtime, 0)

/* outcome: enum ipc_file_outcome; n_entries as a check. */
#define IPC_FIELDS_COURIER_LISTED(F) \
	F(U32, outcome, 0)           \
	F(U32, n_entries, 0)         \
	F(STR, story, IPC_TEXT_MAX)

/* So many bytes of the file are fsynced in staging. */
#define IPC_FIELDS_COURIER_CHECKPOINT(F) \
	F(U64, transfer, 0)              \
	F(U64, length, 0)

/* outcome: enum ipc_file_outcome. When done: the whole content is fsynced in staging. */
#define IPC_FIELDS_COURIER_FETCHED(F)    \
	F(U64, transfer, 0)              \
	F(U32, outcome, 0)               \
	F(U64, size, 0)                  \
	F(BYTES, sha256, IPC_SHA256_LEN) \
	F(STR, story, IPC_TEXT_MAX)

/* outcome: enum ipc_file_outcome. */
#define IPC_FIELDS_COURIER_REMOVED(F) \
	F(U64, transfer, 0)           \
	F(U32, outcome, 0)            \
	F(STR, story, IPC_TEXT_MAX)

/* A step to run, in order: its kind and its argument as the configuration has them. */
#define IPC_FIELDS_WORKER_STEP(F)  \
	F(STR, kind, IPC_NAME_MAX) \
	F(STR, argument, IPC_PATH_MAX)

/*
 * Where a copy of the result goes, open for writing. Destinations on the staging's own file system
 * need none: core makes them as links.
 */
#define IPC_FIELDS_WORKER_OUTPUT(F) F(FD, file, 0)

/* The last of the three: work on this file, whose content must have this hash. */
#define IPC_FIELDS_WORKER_JOB(F)             \
	F(U64, transfer, 0)                  \
	F(BYTES, sha256, IPC_SHA256_LEN)     \
	F(STR, file_name, IPC_FILE_NAME_MAX) \
	F(STR, remote, IPC_NAME_MAX)         \
	F(STR, route, IPC_NAME_MAX)          \
	F(I64, at_us, 0)                     \
	F(FD, input, 0)

/*
 * The content was what the job said, and every output is complete and fsynced; file_name is what
 * the steps made of the name.
 */
#define IPC_FIELDS_WORKER_DONE(F) \
	F(U64, transfer, 0)       \
	F(STR, file_name, IPC_FILE_NAME_MAX)

/* outcome: IPC_OUTCOME_NO_SPACE (try again), or another that is for good. */
#define IPC_FIELDS_WORKER_FAILED(F) \
	F(U64, transfer, 0)         \
	F(U32, outcome, 0)          \
	F(STR, story, IPC_TEXT_MAX)

/* hash: as crypt(5) writes it. One question, one answer, and the process ends. */
#define IPC_FIELDS_CHECK_PASSWORD(F) \
	F(STR, hash, IPC_HASH_MAX)   \
	F(BYTES, password, IPC_PASSWORD_MAX)

#define IPC_FIELDS_PASSWORD_CHECKED(F) F(BOOL, good, 0)

/*
 * The route asked about; empty for all. The answer: CTL_GATEWAY, CTL_ADDRESS, CTL_ROUTE,
 * CTL_REMOTE, CTL_SESSION, CTL_BAN, CTL_FOLDER, CTL_ACCOUNT, and a CTL_TRANSFER for each of the
 * oldest transfers that don't move.
 */
#define IPC_FIELDS_CTL_STATUS(F) F(STR, route, IPC_NAME_MAX)

/*
 * Newest first; empty filters match all. limit 0: no limit. before: only those with a smaller
 * number, 0 for all: the next page of an answer whose CTL_DONE said that there is more.
 */
#define IPC_FIELDS_CTL_TRANSFERS(F) \
	F(STR, route, IPC_NAME_MAX) \
	F(STR, state, IPC_NAME_MAX) \
	F(U64, before, 0)           \
	F(U32, limit, 0)

/* A transfer's number, or a path or file name, at the source or as published. */
#define IPC_FIELDS_CTL_TRACE(F) F(STR, what, IPC_PATH_MAX)

/* Run the route now. wait: answer only when the run has ended. */
#define IPC_FIELDS_CTL_RUN(F)       \
	F(STR, route, IPC_NAME_MAX) \
	F(BOOL, wait, 0)

/* Try a transfer again that was given up, skipped or gone. */
#define IPC_FIELDS_CTL_RETRY(F) F(U64, transfer, 0)

/* The bans in force; or lift one (an address), or "all". */
#define IPC_FIELDS_CTL_BANS(F) F(STR, lift, IPC_ADDRESS_MAX)

#define IPC_FIELDS_CTL_GATEWAY(F)     \
	F(STR, version, IPC_NAME_MAX) \
	F(U32, pid, 0)                \
	F(I64, started_us, 0)         \
	F(STR, config, IPC_PATH_MAX)  \
	F(U32, landlock, 0)           \
	F(STR, trouble, IPC_TEXT_MAX)

/* An address of `listen`. trouble: why nobody can log in there, when it isn't listening. */
#define IPC_FIELDS_CTL_ADDRESS(F)         \
	F(STR, address, IPC_HOST_MAX + 8) \
	F(BOOL, listening, 0)             \
	F(STR, trouble, IPC_TEXT_MAX)

#define IPC_FIELDS_CTL_ROUTE(F)         \
	F(STR, name, IPC_NAME_MAX)      \
	F(STR, from, IPC_PATH_MAX)      \
	F(STR, condition, IPC_NAME_MAX) \
	F(I64, last_run_us, 0)          \
	F(I64, next_run_us, 0)          \
	F(U64, n_waiting, 0)            \
	F(U64, n_done, 0)               \
	F(U64, n_failed, 0)             \
	F(STR, trouble, IPC_TEXT_MAX)

#define IPC_FIELDS_CTL_REMOTE(F)          \
	F(STR, name, IPC_NAME_MAX)        \
	F(STR, address, IPC_HOST_MAX + 8) \
	F(STR, condition, IPC_NAME_MAX)   \
	F(I64, since_us, 0)               \
	F(STR, trouble, IPC_TEXT_MAX)

#define IPC_FIELDS_CTL_SESSION(F)     \
	F(U64, session, 0)            \
	F(STR, account, IPC_NAME_MAX) \
	F(STR, peer, IPC_ADDRESS_MAX) \
	F(I64, since_us, 0)

/* An address that is turned away until then, for the n-th time in a row. */
#define IPC_FIELDS_CTL_BAN(F)            \
	F(STR, address, IPC_ADDRESS_MAX) \
	F(I64, until_us, 0)              \
	F(U32, n_bans, 0)

/*
 * A folder: its private files that nobody has open, and its quota. What is leased and written
 * counts as used; used is 0 where there is no quota (quota_bytes and quota_files 0), for nothing
 * counts it.
 */
#define IPC_FIELDS_CTL_FOLDER(F)   \
	F(STR, name, IPC_NAME_MAX) \
	F(U64, n_partials, 0)      \
	F(U64, partial_bytes, 0)   \
	F(U64, used_bytes, 0)      \
	F(U64, used_files, 0)      \
	F(U64, quota_bytes, 0)     \
	F(U64, quota_files, 0)

/* An account that has a quota, in the same way. */
#define IPC_FIELDS_CTL_ACCOUNT(F)  \
	F(STR, name, IPC_NAME_MAX) \
	F(U64, used_bytes, 0)      \
	F(U64, used_files, 0)      \
	F(U64, quota_bytes, 0)     \
	F(U64, quota_files, 0)

#define IPC_FIELDS_CTL_TRANSFER(F)       \
	F(U64, id, 0)                    \
	F(STR, route, IPC_NAME_MAX)      \
	F(STR, state, IPC_NAME_MAX)      \
	F(STR, source, IPC_NAME_MAX)     \
	F(STR, path, IPC_PATH_MAX)       \
	F(STR, published, IPC_PATH_MAX)  \
	F(U64, size, 0)                  \
	F(I64, mtime, 0)                 \
	F(BYTES, sha256, IPC_SHA256_LEN) \
	F(U32, attempts, 0)              \
	F(I64, seen_us, 0)               \
	F(I64, changed_us, 0)            \
	F(I64, retry_us, 0)              \
	F(STR, trouble, IPC_TEXT_MAX)

#define IPC_FIELDS_CTL_EVENT(F)    \
	F(U64, transfer, 0)        \
	F(I64, at_us, 0)           \
	F(STR, what, IPC_NAME_MAX) \
	F(STR, detail, IPC_TEXT_MAX)

/*
 * error: enum err of the command; message for people when it isn't ERR_OK. cause: why a run could
 * not connect, as enum ipc_connect_outcome + 1, else 0. more: the answer is a page, and there are
 * others.
 */
#define IPC_FIELDS_CTL_DONE(F) \
	F(U32, error, 0)       \
	F(U32, cause, 0)       \
	F(BOOL, more, 0)       \
	F(STR, message, IPC_TEXT_MAX)

/* From here on everything is made from the tables above. */

#define IPC_DECLARE_BOOL(name)     bool name;
#define IPC_DECLARE_U32(name)      uint32_t name;
#define IPC_DECLARE_U64(name)      uint64_t name;
#define IPC_DECLARE_I64(name)      int64_t name;
#define IPC_DECLARE_STR(name)      struct slice name;
#define IPC_DECLARE_BYTES(name)    struct slice name;
#define IPC_DECLARE_FD(name)       int name;
#define IPC_DECLARE(kind, name, m) IPC_DECLARE_##kind(name)

#define IPC_STRUCT(NAME, name, sender, states) \
	struct ipc_##name {                    \
		IPC_FIELDS_##NAME(IPC_DECLARE) \
	};
IPC_MESSAGES(IPC_STRUCT)
#undef IPC_STRUCT

enum ipc_type {
#define IPC_ENUM(NAME, name, sender, states) IPC_##NAME,
	IPC_MESSAGES(IPC_ENUM)
#undef IPC_ENUM
	    IPC_N_TYPES
};

enum ipc_kind { IPC_BOOL, IPC_U32, IPC_U64, IPC_I64, IPC_STR, IPC_BYTES, IPC_FD };

/* One field of one message: where it lies in the struct, and its bound. */
struct ipc_field {
	enum ipc_kind kind;
	const char *name;
	size_t offset;
	size_t max;
};

/* One row of the table. */
struct ipc_schema {
	const char *name;
	enum ipc_role sender;
	unsigned states;
	size_t struct_size;
	const struct ipc_field *fields;
	size_t n_fields;
};

/* The row of a type; type must be below IPC_N_TYPES. */
const struct ipc_schema *ipc_schema(enum ipc_type type);

/* "core", "listener", … */
const char *ipc_role_name(enum ipc_role role);

#endif
