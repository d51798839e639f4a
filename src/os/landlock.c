#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

/*
 * Rights that came after the headers of the oldest distribution we build on. The kernel is asked
 * for its version before any of them is used.
 */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#define NET_BIND_TCP    (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

/* struct landlock_ruleset_attr as of version 4, whatever the headers know. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
};

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                   \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |         \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)
#define FS_ALL                                                                 \
	(FS_WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_SYM | \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |      \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |     \
	    LANDLOCK_ACCESS_FS_IOCTL_DEV)

int
sandbox_landlock_abi(void)
{
	long abi =
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* The file rights that a kernel of this version can handle. */
static uint64_t
known_fs_rights(int abi)
{
	uint64_t rights = FS_ALL;

	if (abi < 2)
		rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi < 3)
		rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi < 5)
		rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

static enum err
add_rule(int ruleset, const struct sandbox_rule *rule, uint64_t known)
{
	struct landlock_path_beneath_attr attr = {
	    .allowed_access = (rule->access == SANDBOX_WRITE ? FS_WRITE : FS_READ) & known,
	    .parent_fd = rule->dir_fd,
	};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0U) < 0)
		return err_last();
	return ERR_OK;
}

enum err
sandbox_landlock(const struct sandbox_rule *rules, size_t n_rules)
{
	int abi = sandbox_landlock_abi();

	if (abi == 0)
		return ERR_UNSUPPORTED;
	struct ruleset_attr attr = {
	    .handled_access_fs = known_fs_rights(abi),
	    .handled_access_net = abi >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
	};
	size_t attr_len = abi >= 4 ? sizeof attr : sizeof attr.handled_access_fs;
	int ruleset _cleanup_(fd_closep) =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, attr_len, 0U);
	if (ruleset < 0)
		return err_last();
	for (size_t i = 0; i < n_rules; i++) {
		enum err e = add_rule(ruleset, &rules[i], attr.handled_access_fs);
		if (e != ERR_OK)
			return e;
	}
	return syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0 ? err_last() : ERR_OK;
}

enum err
sandbox_no_new_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0)
		return err_last();
	return ERR_OK;
}
