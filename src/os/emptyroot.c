#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum err
sandbox_empty_dir(int *ret_dir)
{
	char path[] = "/tmp/dray-empty-XXXXXX";

	if (mkdtemp(path) == NULL)
		return err_last();
	*ret_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	enum err e = *ret_dir < 0 ? err_last() : ERR_OK;
	if (rmdir(path) < 0 && e == ERR_OK)
		e = err_last();
	return e;
}

enum err
sandbox_empty_root(int empty_dir)
{
	if (fchdir(empty_dir) < 0)
		return err_last();
	if (chroot(".") == 0)
		return ERR_OK;
	/* Not root: a user namespace of our own lends the capability, for this process alone. */
	if (errno != EPERM || unshare(CLONE_NEWUSER) < 0)
		return ERR_UNSUPPORTED;
	return chroot(".") < 0 ? err_last() : ERR_OK;
}

bool
sandbox_can_empty_root(int empty_dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_empty_root(empty_dir) == ERR_OK ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum err
sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) < 0 ? err_last() : ERR_OK;
}
