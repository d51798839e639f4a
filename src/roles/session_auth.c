/*
 * The login of a session: asks core on behalf of who knocks, takes the mounts that core grants, and
 * confines itself to them.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
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

/*
 * Asks core, and waits for the answer: nothing else can happen before it, and core answers from its
 * memory. On acceptance of a proven key its mounts have come before the answer.
 */
static enum err
ask_core(struct session *s, const struct transport_event *event, bool *ret_accepted)
{
	struct ipc_message m;

	*ret_accepted = false;
	if (event->user.len > IPC_NAME_MAX || event->algorithm.len > IPC_NAME_MAX ||
	    event->key.len > IPC_KEY_MAX || slice_has(event->user, 0))
		return ERR_OK;
	if (!slice_copy(event->user, s->account, sizeof s->account))
		return ERR_OK;
	enum err e = session_tell(s, IPC_AUTH_QUERY,
	    &(struct ipc_auth_query){
		.account = event->user,
		.algorithm = event->algorithm,
		.key = event->key,
		.proven = event->proven,
	    });
	while (e == ERR_OK) {
		e = ipc_recv(&s->core, &m);
		if (e != ERR_OK)
			break;
		if (m.type == IPC_AUTH_ANSWER) {
			*ret_accepted = m.auth_answer.verdict == IPC_VERDICT_ACCEPT;
			e = m.auth_answer.n_mounts == s->n_mounts ? ERR_OK : ERR_FORMAT;
			ipc_message_fini(&m);
			break;
		}
		e = session_dispatch(s, &m);
	}
	return e;
}

void
session_on_auth(struct session *s, const struct transport_event *event)
{
	bool accepted, proven = event->proven;

	enum err e = ask_core(s, event, &accepted);
	if (e == ERR_OK && accepted && proven)
		e = accept_login(s);
	if (e == ERR_OK)
		e = transport_auth_answer(
		    s->transport, accepted ? TRANSPORT_AUTH_ACCEPT : TRANSPORT_AUTH_DENY, 0);
	/* The transport knows them from its own answer on. */
	if (e == ERR_OK && accepted && proven)
		e = tell_facts(s);
	if (e != ERR_OK)
		session_end_failed(s, e, "the login could not be answered");
}
