/*
 * The insides of a session. The parts: session.c (its life and its loop), session_auth.c (login),
 * session_serve.c (bytes between channel and engine), session_journal.c (what core is told of
 * files, and answers), session_pace.c (how fast, how long, and when to stop).
 */
#ifndef ROLES_SESSION_INTERNAL_H
#define ROLES_SESSION_INTERNAL_H

#include "ipc/link.h"
#include "os/sandbox.h"
#include "roles/session.h"
#include "roles/session_pace.h"
#include "sftp/server.h"

enum { SESSION_MOUNTS_MAX = 64 };

struct session {
	struct ipc_link core;
	struct transport *transport;
	struct vfs *vfs;
	struct sftp_server *sftp;
	struct sftp_server_limits limits; /* of sftp; zeros: those that it has by itself */
	struct sandbox_rule rules[2 * SESSION_MOUNTS_MAX];
	size_t n_rules;
	uint32_t n_mounts;
	char account[IPC_NAME_MAX + 1];
	enum err end; /* not ERR_OK: the session is over */
	char why[STORY_MAX];
	bool opened;   /* the byte stream is there */
	bool peer_eof; /* the client will send no more */
	bool rested;   /* memory was given back since bytes moved last */
	uint64_t bytes_in, bytes_out;
	struct session_pace pace;
};

/* session.c */

/* It is over, for this reason; the first reason stays. */
void session_end(struct session *s, enum err e, const char *why);
/* Something could not be done; when it is because the line is over, that tells more. */
void session_end_failed(struct session *s, enum err e, const char *what);
/* What core has said by now, or the end of its line: then this session is to end. */
void session_hear_core(struct session *s);
/* Handles a message of core's that came while another was waited for. */
enum err session_dispatch(struct session *s, struct ipc_message *m) must_check;

/* session_auth.c */
void session_on_auth(struct session *s, const struct transport_event *event);
enum err session_on_auth_mount(void *ctx, struct ipc_message *m);

/* session_serve.c */
void session_serve(struct session *s);
/* Is there something for the engine to do that needs no client? */
bool session_has_work(struct session *s);
/* The client will send no more: what it asked for is answered, and then it is over. */
bool session_is_served(const struct session *s);

/* session_journal.c */
enum err session_on_upload_recorded(void *ctx, struct ipc_message *m);
enum err session_on_partial(void *ctx, struct ipc_message *m);
enum err session_on_partial_gone(void *ctx, struct ipc_message *m);

/* session_proxy.c */

/* Takes the PROXY header off the socket, and tells core whose the connection is. Ends the session
 * (session_end) when there is none. */
enum err session_read_proxy_header(
    struct session *s, int socket_fd, int64_t login_grace_us) must_check;

/* session_pace.c: see its header */
enum err session_on_account(void *ctx, struct ipc_message *m);
enum err session_on_rate(void *ctx, struct ipc_message *m);
enum err session_on_stop(void *ctx, struct ipc_message *m);

#endif
