/*
 * The SFTP server engine: bytes of one client go in, bytes for it come out; file operations go
 * through sftp/fs.h. No I/O of its own: the same engine serves an SSH channel, a socket pair, a
 * fuzzer and stdin/stdout. Version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions.
 *
 * Bounded: it answers only while the output has room, so a client that doesn't read is not fed; the
 * caller feeds again after it has taken output (sftp_server_feed with 0 bytes goes on with what
 * waits), after it has completed an operation (sftp_fs_complete), and while sftp_server_has_work.
 */
#ifndef SFTP_SERVER_H
#define SFTP_SERVER_H

#include "base/buf.h"
#include "sftp/fs.h"

enum {
	SFTP_PACKET_MAX = 256 * 1024, /* of one packet, both ways */
	SFTP_READ_MAX = 255 * 1024,   /* of one READ; what limits@openssh.com says */
	SFTP_WRITE_MAX = 255 * 1024,
	/*
	 * What limits@openssh.com says of writes: while the file system takes one, nothing is read
	 * from the line. With pieces of this size an upload to memory is a quarter faster than with
	 * the largest (bench/bulk); larger ones are taken all the same.
	 */
	SFTP_WRITE_ADVISED = 128 * 1024,
	SFTP_PATH_MAX = 4096,
	/* What holds without sftp_server_set_limits. */
	SFTP_HANDLES_MAX = 1024,
	SFTP_REQUESTS_MAX = 1024
};

struct sftp_server;

/* ops and fs are borrowed. read_only refuses whatever changes something, before ops are asked. */
enum err sftp_server_new(
    struct sftp_server **ret_s, const struct sftp_fs_ops *ops, void *fs, bool read_only) must_check;

/* Limits of one session, at least 1 each. */
struct sftp_server_limits {
	uint32_t max_handles; /* open files and directories, and files whose CLOSE waits */
	/*
	 * Requests that wait for their answer (CLOSEs, copies, hashes): while there are so many, no
	 * other is begun. Cut to what the output has room for (serve.h).
	 */
	uint32_t max_requests;
};

/* Before the first byte is fed. */
void sftp_server_set_limits(struct sftp_server *s, const struct sftp_server_limits *limits);

/*
 * The names by which requests can be refused, as OpenSSH's sftp-server(8) has them ("open",
 * "posix-rename"); NULL past the last.
 */
const char *sftp_server_request_name(unsigned i);

/*
 * Refuses the i-th of them with SSH_FX_PERMISSION_DENIED; an extension isn't offered. Before the
 * first byte is fed.
 */
void sftp_server_refuse(struct sftp_server *s, unsigned i);

/* Abandons open files. NULL-safe. */
void sftp_server_free(struct sftp_server *s);

/*
 * Takes what it can of the bytes: *ret_taken may be less than len while the output is full.
 * ERR_FORMAT: the client broke the protocol; the connection must end, the engine answers no more.
 */
enum err sftp_server_feed(
    struct sftp_server *s, const uint8_t *bytes, size_t len, size_t *ret_taken) must_check;

/*
 * True while a copy or a hash is under way that could go on now. It does a slice of it (bounded,
 * some milliseconds) in each sftp_server_feed, so feed again, with 0 bytes at least, instead of
 * waiting for the client.
 */
bool sftp_server_has_work(const struct sftp_server *s);

/*
 * Gives the memory of buffers back that are empty. For a session that will be quiet for a while:
 * to get it again costs some page faults.
 */
void sftp_server_trim(struct sftp_server *s);

/* The bytes for the client; the caller sends from it and consumes what it sent. */
struct buf *sftp_server_output(struct sftp_server *s);

/* Requests answered, and content bytes moved. */
struct sftp_server_stats {
	uint64_t n_requests, bytes_read, bytes_written;
};
struct sftp_server_stats sftp_server_stats(const struct sftp_server *s);

/* How many files and directories are open, or wait for their CLOSE to be answered. */
uint32_t sftp_server_n_open(const struct sftp_server *s);

/* True when no request waits for completion and no byte for output: the line may close cleanly. */
bool sftp_server_idle(const struct sftp_server *s);

#endif
