/* A courier's insides: one connection to one remote, the fetches and removals on it. */
#ifndef ROLES_COURIER_H
#define ROLES_COURIER_H

#include <sys/queue.h>

#include "ipc/link.h"
#include "sftp/budget.h"
#include "sftp/client.h"
#include "ssh/transport.h"

struct fetch;

struct courier {
	struct ipc_link core;
	struct transport *transport;
	struct sftp_client *sftp;
	int staging_fd;
	char remote[IPC_NAME_MAX + 1];
	int64_t timeout_us; /* without an answer while one is due */
	int64_t heard_us;   /* when the remote last sent anything (time_mono_us) */
	uint32_t n_listed;
	struct sftp_budget budget; /* bytes asked for ahead, of all fetches together */
	TAILQ_HEAD(, fetch) fetches;
	enum err end; /* not ERR_OK: the courier is to end */
};

/* Sends to core; what can't be told to core ends the courier. */
void courier_tell(struct courier *c, enum ipc_type type, const void *body);

/* Starts what core asks for; the answer follows. Not ERR_OK: the message made no sense. */
enum err courier_list(struct courier *c, const struct ipc_courier_list *m) must_check;
enum err courier_fetch(struct courier *c, const struct ipc_courier_fetch *m) must_check;
enum err courier_remove(struct courier *c, const struct ipc_courier_remove *m) must_check;

/* The line is lost: makes durable what has come, and tells core how much that is. */
void courier_save_prefixes(struct courier *c);

#endif
