#include "os/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The new root is a directory that was removed while we stood in it: nothing is in it, and the
 * kernel lets nobody make anything in it.
 */
static enum err
enter_removed_dir(void)
{
	char path[] = "/tmp/dray-empty-XXXXXX";

	if (mkdtemp(path) == NULL)
		return err_last();
	enum err e = chdir(path) < 0 ? err_last() : ERR_OK;
	if (rmdir(path) < 0 && e == ERR_OK)
		e = err_last();
	return e;
}

enum err
sandbox_empty_root(void)
{
	enum err e = enter_removed_dir();

	if (e != ERR_OK)
		return e;
	if (chroot(".") == 0)
		return ERR_OK;
	/* Not root: a user namespace of our own lends the capability, for this process alone. */
	if (errno != EPERM || unshare(CLONE_NEWUSER) < 0)
		return ERR_UNSUPPORTED;
	return chroot(".") < 0 ? err_last() : ERR_OK;
}

enum err
sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) < 0 ? err_last() : ERR_OK;
}
