/*
 * The login of a session: asks core on behalf of who knocks, takes the mounts that core grants, and
 * confines itself to them.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ipc/messages.h"
#include "os/fd.h"
#include "roles/session_internal.h"

enum err
session_on_auth_mount(void *ctx, struct ipc_message *m)
{
	struct session *s = ctx;
	struct ipc_auth_mount *mount = &m->auth_mount;
	char at[IPC_PATH_MAX + 1], folder[IPC_NAME_MAX + 1];
	bool writes = (mount->allow & ~(uint32_t)(VFS_LIST | VFS_DOWNLOAD)) != 0;

	if (s->n_mounts == SESSION_MOUNTS_MAX || !slice_copy(mount->at, at, sizeof at) ||
	    !slice_copy(mount->folder, folder, sizeof folder))
		return ERR_FORMAT;
	if (s->vfs == NULL) {
		enum err e = vfs_new(&s->vfs, s->account, &SESSION_JOURNAL, s);
		if (e != ERR_OK)
			return e;
	}
	s->n_mounts++;
	s->rules[s->n_rules++] = (struct sandbox_rule){
	    .dir_fd = mount->dir, .access = writes ? SANDBOX_WRITE : SANDBOX_READ};
	/* Who only reads has no business in what others are uploading. */
	if (writes)
		s->rules[s->n_rules++] =
		    (struct sandbox_rule){.dir_fd = mount->staging, .access = SANDBOX_WRITE};
	else
		fd_closep(&mount->staging);
	const struct vfs_mount_options options = {
	    .at = at,
	    .folder = folder,
	    .allow = mount->allow,
	    .direct = mount->direct,
	    .relaxed = mount->relaxed,
	    .metered = mount->metered,
	    .names = mount->names,
	    .no_names = mount->no_names,
	};
	return vfs_mount(s->vfs, &options, fd_take(&mount->dir), fd_take(&mount->staging));
}

/*
 * Logged in: from here on the process reaches the account's mounts, and nothing else, until it
 * ends. The rules' descriptors belong to the vfs and are open as long as it lives.
 */
static enum err
confine_to_mounts(struct session *s)
{
	enum err e = sandbox_landlock(s->rules, s->n_rules);

	return e == ERR_UNSUPPORTED ? ERR_OK : e;
}

static enum err
accept_login(struct session *s)
{
	enum err e = s->vfs == NULL ? vfs_new(&s->vfs, s->account, &SESSION_JOURNAL, s) : ERR_OK;
	if (e == ERR_OK)
		e = confine_to_mounts(s);
	if (e == ERR_OK)
		e = sftp_server_new(&s->sftp, vfs_ops(), s->vfs, false);
	if (e == ERR_OK && s->limits.max_handles > 0 && s->limits.max_requests > 0)
		sftp_server_set_limits(s->sftp, &s->limits);
	if (e == ERR_OK)
		s->core.state = IPC_RUNNING;
	return e;
}

static enum err
tell_facts(struct session *s)
{
	struct transport_facts facts;

	transport_facts(s->transport, &facts);
	return session_tell(s, IPC_SESSION_FACTS,
	    &(struct ipc_session_facts){.client = slice_str(facts.peer_version),
		.algorithms = slice_str(facts.algorithms)});
}

/* Principals as they travel: each ended by a NUL. */
static bool
pack_principals(const struct cert *cert, struct buf *packed)
{
	for (size_t i = 0; i < cert->n_principals; i++) {
		struct slice name = cert->principals[i];
		if (buf_put(packed, name.ptr, name.len) != ERR_OK ||
		    buf_put_u8(packed, 0) != ERR_OK)
			return false;
	}
	return true;
}

/* A certificate that says more than fits is of no use: *ret_told is false then. */
static enum err
tell_cert(struct session *s, const struct cert *cert, bool *ret_told)
{
	struct buf principals _cleanup_(buf_fini);

	buf_init(&principals, IPC_PATTERNS_MAX);
	*ret_told = pack_principals(cert, &principals) && cert->ca_key.len <= IPC_KEY_MAX &&
		    cert->key_id.len <= IPC_TEXT_MAX && cert->source_address.len <= IPC_TEXT_MAX &&
		    !slice_has(cert->source_address, 0);
	if (!*ret_told)
		return ERR_OK;
	return session_tell(s, IPC_AUTH_CERT,
	    &(struct ipc_auth_cert){
		.ca_key = cert->ca_key,
		.serial = cert->serial,
		.key_id = cert->key_id,
		.valid_after = cert->valid_after,
		.valid_before = cert->valid_before,
		.principals = buf_slice(&principals),
		.source_address = cert->source_address,
		.is_host = cert->type != CERT_USER,
		.forces_command = cert->forces_command,
		.no_touch_required = cert->no_touch_required,
		.verify_required = cert->verify_required,
	    });
}

/* What doesn't fit into a question can be nobody's: *ret_told is false then. */
static enum err
tell_key(struct session *s, const struct transport_event *event, bool *ret_told)
{
	enum err e = ERR_OK;

	*ret_told = event->algorithm.len <= IPC_NAME_MAX && event->key.len <= IPC_KEY_MAX &&
		    !slice_has(event->algorithm, 0);
	if (*ret_told && event->cert != NULL)
		e = tell_cert(s, event->cert, ret_told);
	if (e != ERR_OK || !*ret_told)
		return e;
	return session_tell(s, IPC_AUTH_QUERY,
	    &(struct ipc_auth_query){
		.account = slice_str(s->account),
		.algorithm = event->algorithm,
		.key = event->key,
		.certified = event->cert != NULL,
		.proven = event->proven,
		.forged = event->forged,
		.sk_flags = event->sk.flags,
		.sk_counter = event->sk.counter,
	    });
}

static enum err
tell_password(struct session *s, const struct transport_event *event, bool *ret_told)
{
	*ret_told = event->password.len <= IPC_PASSWORD_MAX;
	if (!*ret_told)
		return ERR_OK;
	return session_tell(s, IPC_AUTH_PASSWORD,
	    &(struct ipc_auth_password){
		.account = slice_str(s->account), .password = event->password});
}

/* Waits for the answer; what was granted comes before it. */
static enum err
hear_answer(struct session *s, struct ipc_auth_answer *ret_answer)
{
	struct ipc_message m;

	for (;;) {
		enum err e = ipc_recv(&s->core, &m);
		if (e == ERR_OK && m.type == IPC_AUTH_ANSWER) {
			*ret_answer = m.auth_answer;
			ipc_message_fini(&m);
			return ret_answer->n_mounts == s->n_mounts ? ERR_OK : ERR_FORMAT;
		}
		if (e == ERR_OK)
			e = session_dispatch(s, &m);
		if (e != ERR_OK)
			return e;
	}
}

/*
 * Asks core, and waits: nothing else can happen before its answer. About a key core answers from
 * its memory and the account's files; about a password when a checker has tried it.
 */
static enum err
ask_core(struct session *s, const struct transport_event *event, struct ipc_auth_answer *ret_answer)
{
	bool told;

	*ret_answer = (struct ipc_auth_answer){.verdict = IPC_VERDICT_DENY};
	if (!slice_copy(event->user, s->account, sizeof s->account))
		return ERR_OK;
	enum err e = event->method == TRANSPORT_PASSWORD ? tell_password(s, event, &told)
							 : tell_key(s, event, &told);
	return e == ERR_OK && told ? hear_answer(s, ret_answer) : e;
}

void
session_on_auth(struct session *s, const struct transport_event *event)
{
	static const enum transport_auth_answer ANSWERS[] = {
	    [IPC_VERDICT_DENY] = TRANSPORT_AUTH_DENY,
	    [IPC_VERDICT_PARTIAL] = TRANSPORT_AUTH_PARTIAL,
	    [IPC_VERDICT_ACCEPT] = TRANSPORT_AUTH_ACCEPT,
	};
	/* Accepting a mere question says that the key would do. */
	bool final = event->method == TRANSPORT_PASSWORD || event->proven;
	struct ipc_auth_answer answer;

	enum err e = ask_core(s, event, &answer);
	if (e == ERR_OK && answer.verdict >= ARRAY_LEN(ANSWERS))
		e = ERR_FORMAT;
	bool logged_in = e == ERR_OK && answer.verdict == IPC_VERDICT_ACCEPT && final;
	if (logged_in)
		e = accept_login(s);
	if (e == ERR_OK)
		e = transport_auth_answer(s->transport, ANSWERS[answer.verdict], answer.methods);
	/* The transport knows them from its own answer on. */
	if (e == ERR_OK && logged_in)
		e = tell_facts(s);
	if (e != ERR_OK)
		session_end_failed(s, e, "the login could not be answered");
}
