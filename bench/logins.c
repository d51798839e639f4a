/*
 * The client of bench/logins and bench/sessions: logs in over and over, or holds many sessions at
 * once. libssh's client for every server, in a process without anything else to do, so that what
 * differs is the server.
 *
 *	logins run HOST PORT USER KEY COUNT PARALLEL   prints the seconds that all of it took
 *	logins hold HOST PORT USER KEY COUNT           opens SFTP on COUNT sessions, says "held N",
 *	                                               and holds them until its input ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/libssh.h>

enum { PARALLEL_MAX = 256, COUNT_MAX = 100000 };

struct target {
	const char *host;
	unsigned port;
	const char *user;
	ssh_key key;
};

static double
now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
fail(const char *doing, ssh_session session)
{
	(void)fprintf(stderr, "logins: %s: %s\n", doing,
	    session != NULL ? ssh_get_error(session) : strerror(errno));
	exit(1);
}

/* A session that is logged in. Host keys are not looked at: these are servers of the bench's. */
static ssh_session
log_in(const struct target *target)
{
	ssh_session session = ssh_new();
	int nodelay = 1, no_config = 0;

	if (session == NULL)
		fail("session", NULL);
	(void)ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no_config);
	(void)ssh_options_set(session, SSH_OPTIONS_HOST, target->host);
	(void)ssh_options_set(session, SSH_OPTIONS_PORT, &target->port);
	(void)ssh_options_set(session, SSH_OPTIONS_USER, target->user);
	(void)ssh_options_set(session, SSH_OPTIONS_NODELAY, &nodelay);
	(void)ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256");
	(void)ssh_options_set(
	    session, SSH_OPTIONS_CIPHERS_C_S, "aes128-gcm@openssh.com,aes128-ctr");
	(void)ssh_options_set(
	    session, SSH_OPTIONS_CIPHERS_S_C, "aes128-gcm@openssh.com,aes128-ctr");
	if (ssh_connect(session) != SSH_OK)
		fail("connect", session);
	if (ssh_userauth_publickey(session, NULL, target->key) != SSH_AUTH_SUCCESS)
		fail("login", session);
	return session;
}

static void
log_out(ssh_session session)
{
	ssh_disconnect(session);
	ssh_free(session);
}

static int
run(const struct target *target, long count, long parallel)
{
	bool failed = false;
	double started = now_s();
	int status;

	for (long i = 0; i < parallel; i++) {
		pid_t pid = fork();
		if (pid < 0)
			fail("fork", NULL);
		if (pid > 0)
			continue;
		for (long k = i; k < count; k += parallel)
			log_out(log_in(target));
		_exit(0);
	}
	while (wait(&status) > 0)
		failed = failed || status != 0;
	(void)printf("%.6f\n", now_s() - started);
	return failed ? 1 : 0;
}

static int
hold(const struct target *target, long count)
{
	ssh_session *sessions = calloc((size_t)count, sizeof(ssh_session));
	char byte;

	if (sessions == NULL)
		fail("memory", NULL);
	for (long i = 0; i < count; i++) {
		sessions[i] = log_in(target);
		ssh_channel channel = ssh_channel_new(sessions[i]);
		if (channel == NULL || ssh_channel_open_session(channel) != SSH_OK ||
		    ssh_channel_request_sftp(channel) != SSH_OK)
			fail("sftp", sessions[i]);
	}
	(void)printf("held %ld\n", count);
	(void)fflush(stdout);
	(void)!read(STDIN_FILENO, &byte, 1);
	for (long i = 0; i < count; i++)
		log_out(sessions[i]);
	free(sessions);
	return 0;
}

int
main(int argc, char **argv)
{
	bool runs = argc == 8 && strcmp(argv[1], "run") == 0;
	bool holds = argc == 7 && strcmp(argv[1], "hold") == 0;

	if (!runs && !holds) {
		(void)fprintf(stderr, "usage: logins run HOST PORT USER KEY COUNT PARALLEL\n"
				      "       logins hold HOST PORT USER KEY COUNT\n");
		return 2;
	}
	struct target target = {.host = argv[2], .user = argv[4]};
	target.port = (unsigned)strtoul(argv[3], NULL, 10);
	long count = strtol(argv[6], NULL, 10);
	long parallel = runs ? strtol(argv[7], NULL, 10) : 1;
	if (count < 1 || count > COUNT_MAX || parallel < 1 || parallel > PARALLEL_MAX) {
		(void)fprintf(stderr, "logins: a count is out of bounds\n");
		return 2;
	}
	if (ssh_init() != 0 ||
	    ssh_pki_import_privkey_file(argv[5], NULL, NULL, NULL, &target.key) != SSH_OK)
		fail("private key", NULL);
	return runs ? run(&target, count, parallel) : hold(&target, count);
}
