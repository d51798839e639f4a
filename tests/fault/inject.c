#include "inject.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

static struct {
	enum fault_call call;
	unsigned until; /* calls that still pass */
	unsigned n_times;
	int errno_value;
	bool fired;
} armed;

void
fault_arm(enum fault_call call, unsigned nth, unsigned n_times, int errno_value)
{
	armed.call = call;
	armed.until = nth - 1;
	armed.n_times = n_times;
	armed.errno_value = errno_value;
	armed.fired = false;
}

bool
fault_disarm(void)
{
	armed.n_times = 0;
	return armed.fired;
}

const char *
fault_call_name(enum fault_call call)
{
	static const char *const NAMES[FAULT_CALLS] = {"read", "write", "pread", "pwrite", "fsync",
	    "mkdirat", "renameat", "renameat2", "openat2", "unlinkat", "linkat", "ftruncate",
	    "copy_file_range", "fstatat", "malloc", "calloc"};

	return NAMES[call];
}

/* Is it this call's turn? Sets errno then. */
static bool
fires(enum fault_call call)
{
	if (armed.n_times == 0 || armed.call != call)
		return false;
	if (armed.until > 0) {
		armed.until--;
		return false;
	}
	armed.n_times--;
	armed.fired = true;
	if (armed.errno_value != FAULT_SHORT)
		errno = armed.errno_value;
	return true;
}

/* How much of len to do: all, half, or (negative) nothing at all but failing. */
static ssize_t
share(enum fault_call call, size_t len)
{
	if (!fires(call))
		return (ssize_t)len;
	return armed.errno_value == FAULT_SHORT ? (ssize_t)((len + 1) / 2) : -1;
}

/* The linker calls these in place of the functions, and gives us the real ones. */
ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __real_pread64(int fd, void *bytes, size_t len, off_t offset);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
int __real_fsync(int fd);
int __real_mkdirat(int dir_fd, const char *path, mode_t mode);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int dir_fd, const char *path, int flags);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_ftruncate64(int fd, off_t len);
ssize_t __real_copy_file_range(
    int from_fd, off_t *from_at, int to_fd, off_t *to_at, size_t len, unsigned flags);
struct stat;
int __real_fstatat64(int dir_fd, const char *path, struct stat *ret_st, int flags);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
long __real_syscall(long number, ...);
void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);

ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_pread64(int fd, void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
int __wrap_fsync(int fd);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_ftruncate64(int fd, off_t len);
ssize_t __wrap_copy_file_range(
    int from_fd, off_t *from_at, int to_fd, off_t *to_at, size_t len, unsigned flags);
int __wrap_fstatat64(int dir_fd, const char *path, struct stat *ret_st, int flags);
long __wrap_syscall(long number, ...);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);

ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
	ssize_t n = share(FAULT_READ, len);

	return n < 0 ? -1 : __real_read(fd, bytes, (size_t)n);
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	ssize_t n = share(FAULT_WRITE, len);

	return n < 0 ? -1 : __real_write(fd, bytes, (size_t)n);
}

ssize_t
__wrap_pread64(int fd, void *bytes, size_t len, off_t offset)
{
	ssize_t n = share(FAULT_PREAD, len);

	return n < 0 ? -1 : __real_pread64(fd, bytes, (size_t)n, offset);
}

ssize_t
__wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	ssize_t n = share(FAULT_PWRITE, len);

	return n < 0 ? -1 : __real_pwrite64(fd, bytes, (size_t)n, offset);
}

int
__wrap_fsync(int fd)
{
	return fires(FAULT_FSYNC) ? -1 : __real_fsync(fd);
}

int
__wrap_mkdirat(int dir_fd, const char *path, mode_t mode)
{
	return fires(FAULT_MKDIRAT) ? -1 : __real_mkdirat(dir_fd, path, mode);
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fires(FAULT_RENAMEAT) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int
__wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return fires(FAULT_RENAMEAT2) ? -1 : __real_renameat2(from_dir, from, to_dir, to, flags);
}

int
__wrap_unlinkat(int dir_fd, const char *path, int flags)
{
	return fires(FAULT_UNLINKAT) ? -1 : __real_unlinkat(dir_fd, path, flags);
}

int
__wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return fires(FAULT_LINKAT) ? -1 : __real_linkat(from_dir, from, to_dir, to, flags);
}

int
__wrap_ftruncate64(int fd, off_t len)
{
	return fires(FAULT_FTRUNCATE) ? -1 : __real_ftruncate64(fd, len);
}

ssize_t
__wrap_copy_file_range(
    int from_fd, off_t *from_at, int to_fd, off_t *to_at, size_t len, unsigned flags)
{
	if (fires(FAULT_COPY_FILE_RANGE))
		return -1;
	return __real_copy_file_range(from_fd, from_at, to_fd, to_at, len, flags);
}

int
__wrap_fstatat64(int dir_fd, const char *path, struct stat *ret_st, int flags)
{
	return fires(FAULT_FSTATAT) ? -1 : __real_fstatat64(dir_fd, path, ret_st, flags);
}

long
__wrap_syscall(long number, ...)
{
	long arg[5];
	va_list args;

	if (number == SYS_openat2 && fires(FAULT_OPENAT2))
		return -1;
	/* No call of ours has more. */
	va_start(args, number);
	for (int i = 0; i < 5; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

void *
__wrap_malloc(size_t len)
{
	return fires(FAULT_MALLOC) ? NULL : __real_malloc(len);
}

void *
__wrap_calloc(size_t n, size_t len)
{
	return fires(FAULT_CALLOC) ? NULL : __real_calloc(n, len);
}
