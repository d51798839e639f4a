/*
 * OpenSSH's own server for tests of the client: one process per connection (sshd -i), in a scratch
 * directory with keys that ssh-keygen made. Included by one test program each.
 */
#ifndef TESTS_SSH_SSHD_H
#define TESTS_SSH_SSHD_H

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "os/file.h"
#include "server.h"

struct sshd {
	char dir[64];
	char user[64];
	bool password_is_locked; /* then sshd takes no key without PAM */
	int listener;
	uint16_t port;
};

static struct sshd sshd;

/* A shell command in the scratch directory; it must succeed. */
printf_like(1, 2) static inline void sh(const char *format, ...)
{
	char command[2048], line[2200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof command, format, args);
	va_end(args);
	(void)snprintf(line, sizeof line, "cd %s && { %s; }", sshd.dir, command);
	if (system(line) != 0)
		fail_msg("%s", command);
}

static inline bool
sshd_is_here(void)
{
	return access("/usr/sbin/sshd", X_OK) == 0;
}

static inline void
sshd_up(void)
{
	struct passwd *pw = getpwuid(getuid());

	(void)snprintf(sshd.dir, sizeof sshd.dir, "/tmp/dray-sshd-XXXXXX");
	assert_non_null(mkdtemp(sshd.dir));
	(void)snprintf(sshd.user, sizeof sshd.user, "%s", pw == NULL ? "root" : pw->pw_name);
	if (getuid() == 0)
		(void)mkdir("/run/sshd", 0755);
	sshd.listener = listen_loopback(&sshd.port);
	sh("touch authorized_keys; getent shadow %s | grep -q ':!' && echo yes > pam || echo no > "
	   "pam",
	    sshd.user);
	sh("ssh-keygen -q -t ed25519 -N '' -C '' -f host");
}

static inline void
sshd_down(void)
{
	sh("rm -f * .[a-z]*");
	(void)rmdir(sshd.dir);
	(void)close(sshd.listener);
}

/* The content of a file of the directory; the caller wipes it. */
static inline void
sshd_file(const char *name, struct buf *ret)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", sshd.dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	buf_init(ret, 16 * 1024 * 1024);
	assert_int_equal(file_read_all(fd, ret), ERR_OK);
	(void)close(fd);
}

static inline bool
sshd_log_has(const char *words)
{
	struct buf log _cleanup_(buf_fini);

	sshd_file("log", &log);
	assert_int_equal(buf_put_u8(&log, 0), ERR_OK);
	return strstr((const char *)buf_slice(&log).ptr, words) != NULL;
}

/* Serves the next connection under this configuration, beside what all have; ended by its peer. */
static inline pid_t
sshd_start(const char *config)
{
	/* The first word on anything counts. */
	sh("{ cat; echo \"UsePAM $(cat pam)\"; echo 'HostKey %s/host'; echo 'AuthorizedKeysFile "
	   "%s/authorized_keys'; echo 'StrictModes no'; echo 'PermitRootLogin yes'; echo 'UseDNS "
	   "no'; echo 'LogLevel DEBUG1'; echo 'PidFile none'; } > config <<'END'\n%s\nEND\n: > log",
	    sshd.dir, sshd.dir, config);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	(void)alarm(170);
	char path[128], file[128];
	(void)snprintf(path, sizeof path, "%s/log", sshd.dir);
	(void)snprintf(file, sizeof file, "%s/config", sshd.dir);
	int fd = accept(sshd.listener, NULL, NULL);
	int log = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || log < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(log, 2) < 0)
		_exit(95);
	for (int i = 3; i < 64; i++)
		(void)close(i);
	(void)execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-i", "-e", "-f", file, (char *)NULL);
	_exit(96);
}

#endif
