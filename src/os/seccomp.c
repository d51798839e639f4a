/*
 * The system calls that a confined role may make. A list of what is allowed: a call that a new
 * version of a library begins to use kills the role loudly (SIGSYS in the log) instead of passing
 * in silence.
 */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"

#define CALL(name) SCMP_SYS(name)

/* Memory, time, waiting, ending: what the C library needs to live. */
static const int CALLS_BASIC[] = {
    CALL(brk),
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    CALL(exit),
    CALL(exit_group),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(sigaltstack),
    CALL(restart_syscall),
    CALL(futex),
    CALL(getrandom),
    CALL(getpid),
    CALL(gettid),
    CALL(getppid),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(gettimeofday),
    CALL(time),
    CALL(clock_nanosleep),
    CALL(nanosleep),
    CALL(sched_yield),
    CALL(uname),
    CALL(sysinfo),
    CALL(rseq),
    CALL(set_robust_list),
    CALL(getrusage),
    CALL(sched_getaffinity),
};

/* Open descriptors: reading, writing, waiting for them. */
static const int CALLS_STREAM[] = {
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(close),
    CALL(poll),
    CALL(ppoll),
    CALL(select),
    CALL(pselect6),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(epoll_ctl),
    CALL(sendto),
    CALL(sendmsg),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(shutdown),
    CALL(dup),
    CALL(lseek),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(getsockname),
    CALL(getpeername),
    CALL(fstat),
    CALL(newfstatat),
};

/* Narrowing further: a session learns which directories are its own only at login. */
static const int CALLS_LANDLOCK[] = {
    CALL(landlock_create_ruleset),
    CALL(landlock_add_rule),
    CALL(landlock_restrict_self),
};

/* Files beneath directory descriptors. Landlock and openat2 decide which. */
static const int CALLS_FILES[] = {
    CALL(openat2),
    CALL(openat),
    CALL(pread64),
    CALL(pwrite64),
    CALL(fsync),
    CALL(fdatasync),
    CALL(sync_file_range),
    CALL(ftruncate),
    CALL(fallocate),
    CALL(statx),
    CALL(getdents64),
    CALL(renameat),
    CALL(renameat2),
    CALL(unlinkat),
    CALL(mkdirat),
    CALL(linkat),
    CALL(fchmod),
    CALL(fchmodat),
    CALL(utimensat),
    CALL(fstatfs),
    CALL(flock),
    CALL(fadvise64),
    CALL(copy_file_range),
    CALL(readlinkat),
    CALL(faccessat2),
    CALL(umask),
};

/*
 * Asked for by libraries out of habit. They get an error instead of their end: an old-style open
 * of a file that Landlock would refuse all the same, a second look at a terminal.
 */
static const int CALLS_REFUSED[] = {
    CALL(open),
    CALL(stat),
    CALL(lstat),
    CALL(access),
    CALL(faccessat),
    CALL(readlink),
    CALL(ioctl),
    CALL(socket),
    CALL(connect),
    CALL(prctl),
    CALL(getcwd),
    CALL(prlimit64),
};

static enum err
add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n_calls)
{
	for (size_t i = 0; i < n_calls; i++) {
		int rc = seccomp_rule_add(filter, action, calls[i], 0);
		if (rc < 0)
			return err_from_errno(-rc);
	}
	return ERR_OK;
}

/*
 * A process may signal itself: abort(3) does. Another one it may not, although core and its other
 * roles run under the same user. The number stands for that of the process that loads the filter,
 * which is put in by then; no process has it (pids end at 2^22).
 */
enum { OWN_PID = 0x7d0d0d7d };

static enum err
add_own_signals(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, OWN_PID);
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, self);

	return rc < 0 ? err_from_errno(-rc) : ERR_OK;
}

/*
 * What to do with descriptors. Not in the list is F_SETOWN, with which (and F_SETSIG) the kernel
 * would send any signal to any process of our user on our behalf.
 */
static enum err
add_fcntl(scmp_filter_ctx filter)
{
	static const int COMMANDS[] = {
	    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};

	for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
		struct scmp_arg_cmp is = SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)COMMANDS[i]);
		int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(fcntl), 1, is);
		if (rc < 0)
			return err_from_errno(-rc);
	}
	return ERR_OK;
}

/* Memory, but none to run code from: all code of ours is mapped by now. */
static enum err
add_memory(scmp_filter_ctx filter)
{
	static const int CALLS[] = {CALL(mmap), CALL(mprotect)};
	struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);

	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
		int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 1, no_code);
		if (rc < 0)
			return err_from_errno(-rc);
	}
	return ERR_OK;
}

struct call_set {
	const int *calls;
	size_t n_calls;
	bool refused;
};

static enum err
fill_filter(scmp_filter_ctx filter)
{
	static const struct call_set SETS[] = {
	    {CALLS_BASIC, ARRAY_LEN(CALLS_BASIC), false},
	    {CALLS_STREAM, ARRAY_LEN(CALLS_STREAM), false},
	    {CALLS_FILES, ARRAY_LEN(CALLS_FILES), false},
	    {CALLS_LANDLOCK, ARRAY_LEN(CALLS_LANDLOCK), false},
	    {CALLS_REFUSED, ARRAY_LEN(CALLS_REFUSED), true},
	};

	for (size_t i = 0; i < ARRAY_LEN(SETS); i++) {
		uint32_t action = SETS[i].refused ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_ALLOW;
		enum err e = add_calls(filter, action, SETS[i].calls, SETS[i].n_calls);
		if (e != ERR_OK)
			return e;
	}
	enum err e = add_fcntl(filter);
	if (e == ERR_OK)
		e = add_memory(filter);
	return e == ERR_OK ? add_own_signals(filter) : e;
}

/* Of instructions; ours has about 160. A copy is made on the stack of each process. */
enum { FILTER_MAX = 512 };

struct sandbox_filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n_code;
	size_t own_pid; /* the one instruction that has OWN_PID in it */
};

/* Where the number of the process is to be put in: there is exactly one such place. */
static enum err
find_own_pid(struct sandbox_filter *f)
{
	size_t n_found = 0;

	for (size_t i = 0; i < f->n_code; i++) {
		if (f->code[i].code != (BPF_JMP | BPF_JEQ | BPF_K) || f->code[i].k != OWN_PID)
			continue;
		f->own_pid = i;
		n_found++;
	}
	return n_found == 1 ? ERR_OK : ERR_UNSUPPORTED;
}

/* The library writes its program into a file alone: one in memory. */
static enum err
export_code(scmp_filter_ctx filter, struct sandbox_filter *f)
{
	int fd _cleanup_(fd_closep) = memfd_create("dray-seccomp", MFD_CLOEXEC);

	if (fd < 0)
		return err_last();
	int rc = seccomp_export_bpf(filter, fd);
	if (rc < 0)
		return err_from_errno(-rc);
	ssize_t len = pread(fd, f->code, sizeof f->code, 0);
	if (len < 0)
		return err_last();
	if ((size_t)len == sizeof f->code)
		return ERR_LIMIT;
	f->n_code = (unsigned short)((size_t)len / sizeof f->code[0]);
	return find_own_pid(f);
}

enum err
sandbox_filter_new(struct sandbox_filter **ret_filter)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (filter == NULL)
		return ERR_NOMEM;
	*ret_filter = calloc(1, sizeof **ret_filter);
	/* As a tree: the kernel runs the program for every call that there is when it is loaded. */
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	enum err e = *ret_filter == NULL ? ERR_NOMEM : ERR_OK;
	if (e == ERR_OK)
		e = rc < 0 ? err_from_errno(-rc) : fill_filter(filter);
	if (e == ERR_OK)
		e = export_code(filter, *ret_filter);
	seccomp_release(filter);
	if (e != ERR_OK) {
		sandbox_filter_free(*ret_filter);
		*ret_filter = NULL;
	}
	return e;
}

enum err
sandbox_filter_load(const struct sandbox_filter *filter)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog program = {.len = filter->n_code, .filter = code};

	memcpy(code, filter->code, filter->n_code * sizeof code[0]);
	code[filter->own_pid].k = (uint32_t)getpid();
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? err_last() : ERR_OK;
}

void
sandbox_filter_free(struct sandbox_filter *filter)
{
	free(filter);
}

enum err
sandbox_seccomp(void)
{
	struct sandbox_filter *filter;

	enum err e = sandbox_filter_new(&filter);
	if (e != ERR_OK)
		return e;
	e = sandbox_filter_load(filter);
	sandbox_filter_free(filter);
	return e;
}
