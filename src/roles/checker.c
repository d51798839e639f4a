/*
 * A checker answers one question, whether a password is that of a hash, and ends. It is apart from
 * core because the answer is made to cost time and memory, and from sessions because they must not
 * see hashes. It reaches nothing: no path, no socket but its line.
 */
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "ipc/link.h"
#include "os/password.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "roles/roles.h"

static enum err
on_check(void *ctx, struct ipc_message *m)
{
	struct ipc_link *core = ctx;
	bool good;

	enum err e = password_matches(m->check_password.hash, m->check_password.password, &good);
	ipc_link_wipe(core);
	if (e != ERR_OK)
		return e;
	return ipc_send(core, IPC_PASSWORD_CHECKED, &(struct ipc_password_checked){.good = good});
}

static const struct ipc_handler HANDLERS[] = {
    {IPC_CHECK_PASSWORD, on_check},
};

static enum err
confine(void)
{
	enum err e = sandbox_no_new_privileges();

	if (e == ERR_OK) {
		e = sandbox_landlock(NULL, 0);
		if (e == ERR_UNSUPPORTED)
			e = ERR_OK;
	}
	if (e == ERR_OK)
		e = sandbox_drop_capabilities();
	return e == ERR_OK ? sandbox_seccomp() : e;
}

int
role_checker(int core_fd)
{
	struct ipc_link core;
	struct ipc_message m;

	process_set_name("dray-checker");
	(void)signal(SIGPIPE, SIG_IGN);
	enum err e = ipc_link_init(&core, core_fd, IPC_ROLE_CORE);
	if (e == ERR_OK)
		e = confine();
	if (e == ERR_OK)
		e = ipc_recv(&core, &m);
	if (e == ERR_OK)
		e = ipc_dispatch(HANDLERS, ARRAY_LEN(HANDLERS), &core, &m);
	if (e != ERR_OK && e != ERR_CLOSED)
		log_error("checker.ended", F_STR("error", err_text(e)));
	return e == ERR_OK ? 0 : 1;
}
