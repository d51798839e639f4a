/*
 * The insides of the listener. The parts: listener.c (its life and its loop), listener_bind.c
 * (addresses and host keys), listener_accept.c (from a connection to a session), listener_gate.c
 * (who is let in), listener_children.c (the sessions), listener_drops.c (who was turned away).
 */
#ifndef ROLES_LISTENER_H
#define ROLES_LISTENER_H

#include "ipc/link.h"
#include "os/sandbox.h"
#include "roles/banlist.h"
#include "roles/listener_children.h"
#include "roles/listener_drops.h"
#include "ssh/transport.h"

enum { LISTENER_ADDRESSES_MAX = 64 };

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

struct listener {
	struct ipc_link core;
	struct listener_settings now, next;
	struct children children;
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

#endif
