/* Each case confines a forked child and tries what must not work, and what must still work. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "child.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/socket.h"
#include "scratch.h"

static struct scratch dir;

static int
dir_setup(void **state)
{
	(void)state;
	scratch_init(&dir);
	scratch_mkdir(&dir, "read");
	scratch_mkdir(&dir, "write");
	scratch_mkdir(&dir, "none");
	scratch_write(&dir, "read/file", "r");
	scratch_write(&dir, "write/file", "w");
	scratch_write(&dir, "none/file", "n");
	return 0;
}

static int
dir_teardown(void **state)
{
	(void)state;
	scratch_fini(&dir);
	return 0;
}

/* True when the path, relative to the test's directory, can be opened so. */
static bool
opens(const char *name, int flags)
{
	int fd = openat(dir.fd, name, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool
opens_absolute(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* Confines to read/ (reading) and write/ (writing). */
static bool
confine(void)
{
	struct sandbox_rule rules[2] = {
	    {openat(dir.fd, "read", O_PATH | O_DIRECTORY | O_CLOEXEC), SANDBOX_READ},
	    {openat(dir.fd, "write", O_PATH | O_DIRECTORY | O_CLOEXEC), SANDBOX_WRITE},
	};

	return sandbox_no_new_privileges() == ERR_OK && sandbox_landlock(rules, 2) == ERR_OK;
}

#define REQUIRE(condition)                         \
	do {                                       \
		if (!(condition))                  \
			return __LINE__ % 250 + 1; \
	} while (0)

static int
reach_by_path(void *ctx)
{
	int none = openat(dir.fd, "none", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)ctx;
	REQUIRE(none >= 0 && confine());
	REQUIRE(opens("read/file", O_RDONLY));
	REQUIRE(!opens("read/file", O_WRONLY));
	REQUIRE(!opens("read/file", O_RDONLY | O_TRUNC));
	REQUIRE(!opens("read/new", O_WRONLY | O_CREAT));
	REQUIRE(unlinkat(dir.fd, "read/file", 0) < 0);
	REQUIRE(opens("write/file", O_RDWR));
	REQUIRE(opens("write/new", O_WRONLY | O_CREAT));
	REQUIRE(mkdirat(dir.fd, "write/sub", 0700) == 0);
	REQUIRE(renameat(dir.fd, "write/new", dir.fd, "write/sub/new") == 0);
	REQUIRE(unlinkat(dir.fd, "write/sub/new", 0) == 0);
	REQUIRE(!opens("none/file", O_RDONLY));
	REQUIRE(!opens("none/new", O_WRONLY | O_CREAT));
	REQUIRE(renameat(dir.fd, "write/file", dir.fd, "none/stolen") < 0);
	REQUIRE(renameat(dir.fd, "none/file", dir.fd, "write/stolen") < 0);
	REQUIRE(linkat(dir.fd, "none/file", dir.fd, "write/stolen", 0) < 0);
	/* Not by a descriptor that was open before, nor by a way around. */
	REQUIRE(openat(none, "file", O_RDONLY | O_CLOEXEC) < 0);
	REQUIRE(!opens("read/../none/file", O_RDONLY));
	REQUIRE(!opens_absolute("/etc/passwd") && !opens_absolute("/proc/self/environ"));
	REQUIRE(mkfifoat(dir.fd, "write/fifo", 0600) < 0);
	return 0;
}

static int
reach_nothing(void *ctx)
{
	int file = openat(dir.fd, "read/file", O_RDONLY | O_CLOEXEC);
	char c;

	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK && sandbox_landlock(NULL, 0) == ERR_OK);
	REQUIRE(!opens("read/file", O_RDONLY));
	REQUIRE(!opens_absolute("/etc/passwd") && !opens_absolute("/"));
	/* What was open stays so. */
	REQUIRE(read(file, &c, 1) == 1 && c == 'r');
	return 0;
}

static int
narrow_further(void *ctx)
{
	struct sandbox_rule rules[2] = {
	    {openat(dir.fd, "write", O_PATH | O_DIRECTORY | O_CLOEXEC), SANDBOX_READ},
	    {openat(dir.fd, "none", O_PATH | O_DIRECTORY | O_CLOEXEC), SANDBOX_WRITE},
	};

	(void)ctx;
	REQUIRE(confine() && sandbox_landlock(rules, 2) == ERR_OK);
	REQUIRE(opens("write/file", O_RDONLY));
	REQUIRE(!opens("write/file", O_WRONLY));
	REQUIRE(!opens("read/file", O_RDONLY));
	REQUIRE(!opens("none/file", O_RDONLY)); /* a later call gives nothing back */
	return 0;
}

static int
connect_by_tcp(void *ctx)
{
	int fd = -1;

	REQUIRE(confine());
	enum err e = socket_connect_tcp("127.0.0.1", *(uint16_t *)ctx, US_PER_SEC, &fd, NULL);
	REQUIRE(fd == -1 && e != ERR_OK);
	/* From version 4 of Landlock on it is the kernel that refuses. */
	REQUIRE(sandbox_landlock_abi() < 4 || e == ERR_ACCESS);
	REQUIRE(sandbox_landlock_abi() < 4 ||
		socket_listen_tcp("127.0.0.1", 0, &fd, NULL) == ERR_ACCESS);
	return 0;
}

static int
bad_rule(void *ctx)
{
	struct sandbox_rule rule = {-1, SANDBOX_READ};

	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK);
	return sandbox_landlock(&rule, 1) == ERR_INVALID && opens_absolute("/etc/passwd") ? 0 : 1;
}

static void
test_landlock_confines_to_the_rules(void **state)
{
	(void)state;
	assert_true(sandbox_landlock_abi() > 0);
	assert_int_equal(child_exit_code(reach_by_path, NULL), 0);
}

static void
test_landlock_without_rules_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(reach_nothing, NULL), 0);
}

static void
test_landlock_only_narrows(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(narrow_further, NULL), 0);
}

static void
test_landlock_refuses_tcp(void **state)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	uint16_t port;
	int fd = -1;

	(void)state;
	/* Somebody listens there: without confinement the connection would succeed. */
	assert_int_equal(socket_listen_tcp("127.0.0.1", 0, &fd, NULL), ERR_OK);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	memcpy(&port, (uint8_t *)&ss + 2, sizeof port); /* sin_port, in network order */
	port = (uint16_t)(port >> 8 | port << 8);
	assert_int_equal(child_exit_code(connect_by_tcp, &port), 0);
	close(fd);
}

static void
test_landlock_with_a_bad_rule_confines_nothing(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(bad_rule, NULL), 0);
}

static int
check_privileges(void *ctx)
{
	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK);
	REQUIRE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	REQUIRE(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	return 0;
}

static void
test_no_new_privileges(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(check_privileges, NULL), 0);
}

static enum err
enter_an_empty_root(void)
{
	int fd;

	enum err e = sandbox_empty_dir(&fd);
	return e == ERR_OK ? sandbox_empty_root(fd) : e;
}

/* Another user than root needs a user namespace for an empty root. */
static bool
become_another_user(void)
{
	return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
}

static int
make_user_namespace(void *ctx)
{
	(void)ctx;
	REQUIRE(become_another_user());
	return unshare(CLONE_NEWUSER) == 0 ? 0 : 1;
}

/* Where there are none (in a chroot, in many containers), it says so and confines nothing. */
static int
be_refused_an_empty_root(void *ctx)
{
	(void)ctx;
	REQUIRE(become_another_user());
	REQUIRE(enter_an_empty_root() == ERR_UNSUPPORTED);
	REQUIRE(opens_absolute("/etc/passwd"));
	return 0;
}

static int
live_in_an_empty_root(void *ctx)
{
	bool as_root = *(bool *)ctx;

	REQUIRE(as_root || become_another_user());
	REQUIRE(enter_an_empty_root() == ERR_OK && sandbox_drop_capabilities() == ERR_OK);
	REQUIRE(!opens_absolute("/etc/passwd") && !opens_absolute("/proc/self/environ"));
	REQUIRE(!opens_absolute("../etc/passwd") && !opens_absolute("../../../etc/passwd"));
	REQUIRE(mkdir("/made", 0700) < 0 && mkdir("made", 0700) < 0);
	REQUIRE(chroot("..") < 0); /* no capability is left to get out with */
	return 0;
}

static int
use_directory_from_empty_root(void *ctx)
{
	(void)ctx;
	REQUIRE(enter_an_empty_root() == ERR_OK);
	REQUIRE(opens("read/file", O_RDONLY));
	return 0;
}

static void
test_empty_root(void **state)
{
	bool as_root = true, as_other = false;

	(void)state;
	assert_int_equal(child_exit_code(live_in_an_empty_root, &as_root), 0);
	if (child_exit_code(make_user_namespace, NULL) == 0)
		assert_int_equal(child_exit_code(live_in_an_empty_root, &as_other), 0);
	else
		assert_int_equal(child_exit_code(be_refused_an_empty_root, NULL), 0);
	assert_int_equal(child_exit_code(use_directory_from_empty_root, NULL), 0);
}

/* By name of its descriptor, too, the directory is a dead end. */
static int
walk_out_of_empty_dir(void *ctx)
{
	int fd;

	(void)ctx;
	REQUIRE(sandbox_empty_dir(&fd) == ERR_OK && sandbox_can_empty_root(fd));
	REQUIRE(opens_absolute("/etc/passwd")); /* only a child tried */
	REQUIRE(sandbox_empty_root(fd) == ERR_OK);
	REQUIRE(openat(fd, "../etc/passwd", O_RDONLY | O_CLOEXEC) < 0);
	REQUIRE(openat(fd, "../../etc/passwd", O_RDONLY | O_CLOEXEC) < 0);
	return 0;
}

static void
test_empty_dir(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(walk_out_of_empty_dir, NULL), 0);
}

static int
drop_capabilities(void *ctx)
{
	(void)ctx;
	REQUIRE(sandbox_drop_capabilities() == ERR_OK);
	REQUIRE(chroot("/") < 0 && errno == EPERM);
	REQUIRE(sethostname("x", 1) < 0 && errno == EPERM);
	return 0;
}

static void
test_capabilities_are_gone(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(drop_capabilities, NULL), 0);
}

/* One forbidden thing, done by a process under the filter. */
enum deed {
	DO_EXEC,
	DO_EXECVEAT,
	DO_FORK,
	DO_VFORK,
	DO_CLONE3,
	DO_KILL_PARENT,
	DO_TGKILL_PARENT,
	DO_PTRACE,
	DO_MOUNT,
	DO_SETUID,
	DO_CHROOT,
	DO_BIND,
	DO_ACCEPT,
	DO_SOCKETPAIR,
	DO_UNSHARE,
	DO_BPF,
	DO_IO_URING,
	DO_PIDFD_OPEN,
	DO_PROCESS_VM_READV,
	DO_KEYCTL,
	DO_OWN_BY_PARENT,
	DO_SET_SIGNAL,
	DO_MAP_CODE,
	DO_MAKE_CODE,
	DO_N
};

static const char *const DEEDS[DO_N] = {
    [DO_EXEC] = "execve",
    [DO_EXECVEAT] = "execveat",
    [DO_FORK] = "fork",
    [DO_VFORK] = "vfork",
    [DO_CLONE3] = "clone3",
    [DO_KILL_PARENT] = "kill",
    [DO_TGKILL_PARENT] = "tgkill of another process",
    [DO_PTRACE] = "ptrace",
    [DO_MOUNT] = "mount",
    [DO_SETUID] = "setuid",
    [DO_CHROOT] = "chroot",
    [DO_BIND] = "bind",
    [DO_ACCEPT] = "accept",
    [DO_SOCKETPAIR] = "socketpair",
    [DO_UNSHARE] = "unshare",
    [DO_BPF] = "bpf",
    [DO_IO_URING] = "io_uring_setup",
    [DO_PIDFD_OPEN] = "pidfd_open",
    [DO_PROCESS_VM_READV] = "process_vm_readv",
    [DO_KEYCTL] = "keyctl",
    [DO_OWN_BY_PARENT] = "fcntl F_SETOWN",
    [DO_SET_SIGNAL] = "fcntl F_SETSIG",
    [DO_MAP_CODE] = "mmap of code",
    [DO_MAKE_CODE] = "mprotect to code",
};

/* The raw calls: what a library does on the way would blur which one was caught. */
static long
do_deed(enum deed deed, pid_t parent)
{
	static const long NUMBERS[DO_N] = {
	    [DO_EXEC] = SYS_execve,
	    [DO_EXECVEAT] = SYS_execveat,
	    [DO_FORK] = SYS_clone,
	    [DO_VFORK] = SYS_vfork,
	    [DO_CLONE3] = SYS_clone3,
	    [DO_PTRACE] = SYS_ptrace,
	    [DO_MOUNT] = SYS_mount,
	    [DO_SETUID] = SYS_setuid,
	    [DO_CHROOT] = SYS_chroot,
	    [DO_BIND] = SYS_bind,
	    [DO_ACCEPT] = SYS_accept4,
	    [DO_SOCKETPAIR] = SYS_socketpair,
	    [DO_UNSHARE] = SYS_unshare,
	    [DO_BPF] = SYS_bpf,
	    [DO_IO_URING] = SYS_io_uring_setup,
	    [DO_PIDFD_OPEN] = SYS_pidfd_open,
	    [DO_PROCESS_VM_READV] = SYS_process_vm_readv,
	    [DO_KEYCTL] = SYS_keyctl,
	};

	if (deed == DO_KILL_PARENT)
		return syscall(SYS_kill, parent, 0);
	if (deed == DO_TGKILL_PARENT)
		return syscall(SYS_tgkill, parent, parent, 0);
	if (deed == DO_OWN_BY_PARENT)
		return syscall(SYS_fcntl, STDERR_FILENO, F_SETOWN, parent);
	if (deed == DO_SET_SIGNAL)
		return syscall(SYS_fcntl, STDERR_FILENO, F_SETSIG, 0);
	if (deed == DO_MAP_CODE)
		return syscall(SYS_mmap, NULL, 4096UL, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0UL);
	if (deed == DO_MAKE_CODE)
		return syscall(SYS_mprotect, NULL, 0UL, PROT_READ | PROT_EXEC);
	/* Arguments that would do no harm if the call were let through. */
	return syscall(NUMBERS[deed], 0L, 0L, 0L, 0L, 0L, 0L);
}

static int
attempt(void *ctx)
{
	pid_t parent = getppid();

	REQUIRE(sandbox_no_new_privileges() == ERR_OK && sandbox_seccomp() == ERR_OK);
	(void)do_deed(*(enum deed *)ctx, parent);
	return 0;
}

static void
test_seccomp_ends_who_tries(void **state)
{
	(void)state;
	for (enum deed deed = 0; deed < DO_N; deed++) {
		if (child_signal(attempt, &deed) != SIGSYS)
			fail_msg("%s was not caught", DEEDS[deed]);
	}
}

static int
try_refused(void *ctx)
{
	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK && sandbox_seccomp() == ERR_OK);
	REQUIRE(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 && errno == EACCES);
	REQUIRE(syscall(SYS_connect, 0, NULL, 0) < 0 && errno == EACCES);
	REQUIRE(syscall(SYS_open, "/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	REQUIRE(syscall(SYS_stat, "/etc/passwd", NULL) < 0 && errno == EACCES);
	REQUIRE(syscall(SYS_ioctl, 0, 0, 0) < 0 && errno == EACCES);
	REQUIRE(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 && errno == EACCES);
	return 0;
}

static void
test_seccomp_refuses_habits_with_an_error(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(try_refused, NULL), 0);
}

/* Everything that a session does after its login. */
static int
live(void *ctx)
{
	int *pair = ctx, fd = -1;
	struct pollfd p = {.fd = pair[0], .events = POLLOUT};
	struct stat st;
	uint8_t got[8];
	size_t len;

	REQUIRE(sandbox_no_new_privileges() == ERR_OK && sandbox_seccomp() == ERR_OK);
	void *memory =
	    mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(memory != MAP_FAILED && munmap(memory, 1 << 20) == 0);
	REQUIRE(poll(&p, 1, 0) == 1 && time_now_us() > 0);
	REQUIRE(socket_send_packet(pair[0], "x", 1, &pair[0], 1) == ERR_OK);
	REQUIRE(file_make_dirs(dir.fd, "write/a/b") == ERR_OK);
	REQUIRE(file_open_beneath(dir.fd, "write/a/b/f", O_RDWR | O_CREAT, 0600, &fd) == ERR_OK);
	REQUIRE(file_pwrite_all(fd, "data", 4, 0) == ERR_OK && file_sync(fd) == ERR_OK);
	REQUIRE(file_pread_full(fd, got, sizeof got, 0, &len) == ERR_OK && len == 4);
	REQUIRE(fchmod(fd, 0640) == 0 && futimens(fd, NULL) == 0 && ftruncate(fd, 2) == 0);
	REQUIRE(file_rename_new(dir.fd, "write", dir.fd, "moved") == ERR_OK);
	REQUIRE(file_stat_beneath(dir.fd, "moved/a/b/f", &st) == ERR_OK && st.st_size == 2);
	DIR *entries = fdopendir(dup(dir.fd));
	REQUIRE(entries != NULL && readdir(entries) != NULL && closedir(entries) == 0);
	return 0;
}

static void
test_seccomp_lets_live(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socket_packet_pair(pair), ERR_OK);
	assert_int_equal(child_exit_code(live, pair), 0);
	close(pair[0]);
	close(pair[1]);
}

/* The order of a session: everything else before login, Landlock when its mounts are known. */
static int
narrow_after_seccomp(void *ctx)
{
	struct sandbox_rule rule = {
	    openat(dir.fd, "read", O_PATH | O_DIRECTORY | O_CLOEXEC), SANDBOX_READ};

	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK && enter_an_empty_root() == ERR_OK);
	REQUIRE(sandbox_drop_capabilities() == ERR_OK && sandbox_seccomp() == ERR_OK);
	REQUIRE(sandbox_landlock(&rule, 1) == ERR_OK);
	REQUIRE(opens("read/file", O_RDONLY));
	REQUIRE(!opens("read/new", O_WRONLY | O_CREAT));
	REQUIRE(!opens("none/file", O_RDONLY));
	return 0;
}

static void
test_landlock_narrows_after_seccomp(void **state)
{
	(void)state;
	assert_int_equal(child_exit_code(narrow_after_seccomp, NULL), 0);
}

static int
abort_confined(void *ctx)
{
	(void)ctx;
	REQUIRE(sandbox_no_new_privileges() == ERR_OK && sandbox_seccomp() == ERR_OK);
	abort();
}

/* A bug in a confined role must still be told from a forbidden call. */
static void
test_seccomp_lets_abort(void **state)
{
	(void)state;
	assert_int_equal(child_signal(abort_confined, NULL), SIGABRT);
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_setup, dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    DIR_TEST(test_landlock_confines_to_the_rules),
	    DIR_TEST(test_landlock_without_rules_leaves_nothing),
	    DIR_TEST(test_landlock_only_narrows),
	    DIR_TEST(test_landlock_refuses_tcp),
	    DIR_TEST(test_landlock_with_a_bad_rule_confines_nothing),
	    DIR_TEST(test_no_new_privileges),
	    DIR_TEST(test_empty_root),
	    DIR_TEST(test_empty_dir),
	    DIR_TEST(test_capabilities_are_gone),
	    DIR_TEST(test_seccomp_ends_who_tries),
	    DIR_TEST(test_seccomp_refuses_habits_with_an_error),
	    DIR_TEST(test_seccomp_lets_live),
	    DIR_TEST(test_landlock_narrows_after_seccomp),
	    DIR_TEST(test_seccomp_lets_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
