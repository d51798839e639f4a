/*
 * The insides of the listener. The parts: listener.c (its life and its loop), listener_bind.c
 * (addresses and host keys), listener_accept.c (from a connection to a session), listener_spare.c
 * (processes for them), listener_gate.c (who is let in), listener_children.c (the sessions),
 * listener_drops.c (who was turned away).
 */
#ifndef ROLES_LISTENER_H
#define ROLES_LISTENER_H

#include "ipc/link.h"
#include "os/sandbox.h"
#include "roles/banlist.h"
#include "roles/listener_children.h"
#include "roles/listener_drops.h"
#include "ssh/transport.h"

enum { LISTENER_ADDRESSES_MAX = 64, LISTENER_SPARES = 2 };

struct listener_address {
	char host[IPC_HOST_MAX + 1];
	uint16_t port;
	int fd;        /* -1 while it isn't bound */
	char *proxies; /* the networks of those that may connect, or NULL: everybody may */
};

/* What core has sent since the last LISTENER_START, and what is in force. */
struct listener_settings {
	struct ipc_listener_limits limits;
	struct hostkeys *keys;
	struct listener_address addresses[LISTENER_ADDRESSES_MAX];
	size_t n_addresses;
};

/* A session process, and the other end of its line, until core has it. */
struct spare {
	pid_t pid;
	struct ipc_link line;
};

struct listener {
	struct ipc_link core;
	struct listener_settings now, next;
	struct children children;
	struct spare spares[LISTENER_SPARES]; /* made with the settings in force; no children yet */
	size_t n_spares;
	int64_t spare_us;    /* no new one before then */
	struct banlist bans; /* core decides; here they are looked up */
	struct drops drops;
	int64_t pause_us; /* no accept before then: the system is out of descriptors or processes */
	int64_t complain_us; /* no complaint about that before then */
	uint64_t n_sessions;
	int signals_fd;
	int empty_dir;                 /* the root of every session */
	struct sandbox_filter *filter; /* the system calls that every session may make */
};

/* listener_bind.c: what core sends of a set. */
enum err listener_on_limits(void *ctx, struct ipc_message *m);
enum err listener_on_host_key(void *ctx, struct ipc_message *m);
enum err listener_on_bind(void *ctx, struct ipc_message *m);
enum err listener_on_start(void *ctx, struct ipc_message *m);

/* listener_accept.c */

/* Takes what waits at the address, up to a bound: the others are to have their turn. */
void listener_accept(struct listener *l, const struct listener_address *address);

/* listener_spare.c */

/*
 * A process that has this connection, which stays the caller's, too: a spare, or a new one. Its
 * line is the caller's, for core. ERR_NOFILES and its like: the system can't give one.
 */
enum err listener_session(
    struct listener *l, int socket_fd, bool proxied, struct spare *ret_session) must_check;

/* Is one more to be made, when there is nothing else to do? */
bool listener_spare_is_wanted(const struct listener *l);
void listener_spare_add(struct listener *l);

/* The settings in force will be others: what was made with the old ones ends. */
void listener_spares_drop(struct listener *l);

/* This process has ended; if it was a spare, it isn't one any more. */
void listener_spare_gone(struct listener *l, pid_t pid);

#endif
