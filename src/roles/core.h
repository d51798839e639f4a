/*
 * Core: the process that owns the ledger, schedules, grants, and starts the others. It never parses
 * a byte from the network or of a file: what it hears are checked messages of its own roles.
 *
 * One event loop, no threads. What the messages of a turn change is committed at its end, before
 * any answer that depends on it leaves (transfer/turn.h).
 *
 * The parts: core.c (start, signals, the turn), core_peer.c (a role on a line), core_config.c (load
 * and reload), core_listener.c, core_defence.c (bans), core_pace.c (shares of bandwidth),
 * core_drain.c (the graceful stop), core_session.c with
 * core_auth.c, core_upload.c and core_files.c (core_session.h), core_route.c (schedules and runs),
 * core_courier.c, core_worker.c, core_control.c and core_tell.c (the dray command).
 */
#ifndef ROLES_CORE_H
#define ROLES_CORE_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "ipc/link.h"
#include "roles/banlist.h"
#include "transfer/gateway.h"
#include "transfer/pieces.h"
#include "transfer/poll.h"

struct core;

/* A role on a line, and its process when core started it. Embedded as the first member of its
 * owner. */
struct core_peer {
	struct core *core;
	struct ipc_link link;
	sd_event_source *io;
	pid_t pid; /* 0 when core didn't start it */
	const struct ipc_handler *handlers;
	size_t n_handlers;
	/* The line has ended; frees the owner. */
	void (*gone)(struct core_peer *peer);
};

/* Takes fd over. The handlers' ctx is the peer. */
enum err core_peer_init(struct core_peer *peer, struct core *core, int fd, enum ipc_role role,
    const struct ipc_handler *handlers, size_t n_handlers,
    void (*gone)(struct core_peer *)) must_check;

/* Starts the role as a process of its own, and speaks with it. */
enum err core_peer_spawn(struct core_peer *peer, struct core *core, enum ipc_role role,
    const struct ipc_handler *handlers, size_t n_handlers,
    void (*gone)(struct core_peer *)) must_check;

/* A message that can't be sent ends the line: `gone` is called by the loop, not from here. */
void core_peer_send(struct core_peer *peer, enum ipc_type type, const void *body);

/* Ends the line; `gone` follows from the loop. */
void core_peer_hang_up(struct core_peer *peer);

/* Ends the process, and releases what the peer holds. */
void core_peer_fini(struct core_peer *peer);

struct core_session;

struct core_courier;

/* A route's own condition; lives by name across reloads. */
struct core_route {
	TAILQ_ENTRY(core_route) entry;
	struct core *core;
	char name[IPC_NAME_MAX + 1];
	sd_event_source *timer;
	int64_t last_run_us, next_run_us;
	uint32_t n_failures;               /* runs in a row that failed */
	uint32_t n_fetched, n_not_fetched; /* in the run under way, or the last one */
	bool forced;      /* a person asked: what waits for a later try is tried now */
	uint64_t n_young; /* files of the last look that are too young yet */
	char trouble[IPC_TEXT_MAX];
	uint32_t cause; /* of the last run that could not connect, as CTL_DONE has it */
	struct core_courier *courier; /* of the run that is under way, or NULL */
};

/* A remote's condition; lives by name across reloads. */
struct core_remote {
	TAILQ_ENTRY(core_remote) entry;
	char name[IPC_NAME_MAX + 1];
	const char *condition;        /* static words */
	bool stopped;                 /* its host key is not what we know: nothing goes there */
	struct stat trust_at_stop[2]; /* known_hosts and the private key when it was stopped */
	int64_t since_us;
	char trouble[IPC_TEXT_MAX];
};

/* One run of a route: a courier's life. */
struct core_courier {
	struct core_peer peer;
	struct core_route *route;
	const struct config_route *config_route; /* in `config` */
	struct config *config;                   /* the snapshot that it was started with */
	struct poll poll;
	bool polling, listed, connected, failed, wants_more, said_bye, lacks_space;
	uint32_t n_busy;   /* fetches and removals that it has not answered */
	uint64_t reserved; /* bytes of disk that its fetches may still take */
	uint64_t fed;      /* the transfer that was looked at last */
};

/* A transfer that waits for a worker, or has one. */
struct core_job {
	struct core_peer peer; /* link.fd -1 while it waits */
	TAILQ_ENTRY(core_job) entry;
	uint64_t transfer;
	char route[IPC_NAME_MAX + 1];
	struct transfer_output *outputs; /* as they were prepared */
	size_t n_outputs;
	bool running, answered;
};

/* What became of one address. */
struct core_address {
	char text[IPC_HOST_MAX + 8 + 1];
	bool listening;
	char trouble[IPC_TEXT_MAX];
};

/* A dray command on the control socket. */
struct core_control {
	struct core_peer peer;
	TAILQ_ENTRY(core_control) entry;
	char waits_for[IPC_NAME_MAX + 1]; /* the route whose run it waits for, or "" */
};

struct core {
	sd_event *event;
	struct gateway gateway;
	const char *config_path;
	int lock_fd;
	int64_t started_us;
	char trouble[IPC_TEXT_MAX]; /* the gateway's own, as a full disk under the ledger */
	bool stuck;                 /* the ledger can't be written: nothing is done until it can */
	sd_event_source *stuck_timer;
	int turn_messages; /* handled since the last commit */
	int turn_patient;  /* of these, those whose changes nobody waits for */
	sd_event_source *patience_timer;
	bool stopping; /* no new sessions and transfers; what sessions have open is finished */
	sd_event_source *drain_timer;
	struct banlist bans;

	int listener_program; /* open since the start: one version with us, whatever is installed */
	struct core_peer listener;
	struct core_address *addresses; /* of `listen`, as the listener told of them last */
	size_t n_addresses;
	char listener_trouble[IPC_TEXT_MAX];
	bool listener_running;
	sd_event_source *listener_timer;
	uint64_t session_base; /* added to the numbers of the listener that runs now */
	uint64_t session_last;

	TAILQ_HEAD(, core_session) sessions;
	TAILQ_HEAD(core_ended_list, core_ended) ended;
	TAILQ_HEAD(, core_partial) partials; /* private files; the newest first */
	sd_event_source *partials_timer;
	int64_t partials_due_us;    /* when it fires */
	int64_t disposals_tried_us; /* delivered files that could not be disposed of */
	sd_event_source *disposals_timer;
	struct pieces pieces;
	TAILQ_HEAD(, core_route) routes;
	TAILQ_HEAD(, core_remote) remotes;
	TAILQ_HEAD(, core_job) jobs;
	uint32_t n_running_jobs;
	TAILQ_HEAD(, core_check) checks; /* of passwords (core_checker.h) */
	uint32_t n_running_checks;
	sd_event_source *recheck_timer;
	TAILQ_HEAD(, core_control) controls;
	int control_fd;
	sd_event_source *control_io;
};

/* core.c */

/* The ledger could not be written: stop everything that depends on it, and try again later. */
void core_ledger_failed(struct core *c, enum err e);

/* Ends the turn: commit, then what was deferred. A turn of patient messages alone waits a little,
 * and is committed together with what comes next. */
void core_end_turn(struct core *c);

/*
 * Said once by a handler whose changes nobody waits for, and which recovery would find out by
 * itself: an upload is in place (its absence from staging proves it). A commit of its own for each
 * would make the file system busy while the next upload is being made.
 */
void core_be_patient(struct core *c);

/* Runs fn once, after delay_us; *source is replaced. */
void core_after(struct core *c, sd_event_source **source, int64_t delay_us,
    sd_event_time_handler_t fn, void *userdata);

/* core_config.c */

/* Loads the file and puts it into force; on failure everything stays as it is, and the log says
 * why. */
enum err core_load_config(struct core *c);

/* core_listener.c */
enum err core_listener_start(struct core *c) must_check;
void core_listener_configure(struct core *c);
/* The session's line is closed: a process that stays all the same is ended by its parent. */
void core_listener_session_over(struct core *c, uint64_t session);
/* Is the session a child of the listener that runs now? Those of earlier ones ended with them. */
bool core_listener_has(const struct core *c, uint64_t session) must_check;
/* The session has logged in: it is no stranger any more. */
void core_listener_session_in(struct core *c, uint64_t session);
extern const struct ipc_handler CORE_LISTENER_HANDLERS[];

/* Ends couriers and workers; what they were doing begins again, or goes on, from the ledger. */
void core_stop_transfers(struct core *c, const char *why);

/* core_session.c */
void core_session_new(struct core *c, struct ipc_session_new *m);
void core_sessions_recheck(struct core *c);
void core_session_free(struct core_session *s);
/* Its process is buried. */
void core_session_ended(struct core *c, uint64_t id, uint32_t wait_status);

/* core_route.c */

/* Routes and remotes of the configuration in force get their conditions; others lose theirs. */
enum err core_routes_update(struct core *c) must_check;
void core_routes_free(struct core *c);
void core_route_run(struct core_route *r);
void core_route_ended(struct core_route *r, bool failed, const char *trouble);
struct core_route *core_route_find(struct core *c, struct slice name);
struct core_remote *core_remote_find(struct core *c, const char *name);
/* r may be NULL: a remote that a reload has taken away. */
void core_remote_set(struct core_remote *r, const char *condition, const char *trouble);

/* The courier that a handler was called for: the peer is its first member. */
static inline struct core_courier *
core_courier_of(struct core_peer *peer)
{
	return (struct core_courier *)(void *)peer;
}

static inline struct gateway *
core_courier_gateway(struct core_courier *courier)
{
	return &courier->peer.core->gateway;
}

/* core_courier.c */
enum err core_courier_start(struct core_route *route, const struct config_route *config_route,
    struct story *story) must_check;

/* core_courier_files.c */
void core_courier_list(struct core_courier *courier);
enum err core_courier_feed(struct core_courier *courier) must_check;
void core_courier_remove(struct core_courier *courier, const struct transfer *t);
enum err core_courier_on_entry(void *ctx, struct ipc_message *m);
enum err core_courier_on_listed(void *ctx, struct ipc_message *m);
enum err core_courier_on_checkpoint(void *ctx, struct ipc_message *m);
enum err core_courier_on_fetched(void *ctx, struct ipc_message *m);
enum err core_courier_on_removed(void *ctx, struct ipc_message *m);

/* At the end of a turn: gives couriers what is ready, and lets those go that have nothing left to
 * do. */
enum err core_couriers_tend(struct core *c) must_check;
void core_courier_free(struct core_courier *courier);
/* As core_courier_free, and what it was fetching goes back to wait for the next run. */
enum err core_courier_drop(struct core_courier *courier) must_check;

/* core_worker.c */
void core_work(struct core *c, const struct transfer *t);
void core_jobs_drop(struct core *c);

/* core_tell.c: the questions of the dray command. */
enum err core_tell_status(void *ctx, struct ipc_message *m);
enum err core_tell_transfers(void *ctx, struct ipc_message *m);
enum err core_tell_trace(void *ctx, struct ipc_message *m);

/* core_tell_usage.c: the folders with what is private in them, and how far quotas are used up. */
enum err core_tell_usage(struct core_peer *peer) must_check;

/* core_control.c */

/* Text of ours may be longer than a field: it is cut, not refused. */
struct slice core_control_text(const char *text, size_t max);

/* The end of an answer. */
void core_control_done(struct core_control *control, enum err e, const char *message);

enum err core_control_listen(struct core *c, struct story *story) must_check;
void core_control_close(struct core *c);
/* The run of a route has ended: tells the commands that wait for it. */
void core_control_run_ended(struct core *c, const struct core_route *r);

#endif
