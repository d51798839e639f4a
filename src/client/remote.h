/*
 * A live SFTP connection to a server: the transport, the client engine on it, and the loop that
 * moves bytes between the two. Whoever wants something submits requests to the engine and turns the
 * loop until the answers have come.
 */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sftp/client.h"
#include "ssh/transport.h"

struct remote;

/* Habits of a server's software that decide how we may talk to it; from its version and VERSION. */
struct remote_habits {
	bool in_order;        /* answers and acts in the order of requests (OpenSSH, Dray) */
	bool private_uploads; /* an upload is private until closed: no temporary name needed */
	bool posix_rename, fsync, limits, check_file, copy_data, hardlink, lsetstat, statvfs,
	    expand_path;
	uint32_t max_handles; /* that we use at the same time */
	uint32_t read_len, write_len;
};

/*
 * Takes the transport over in every case, and waits for the server's VERSION (and limits) for at
 * most timeout_us. timeout_us is also how long an answer may be due without a byte from the server
 * later on (0: no limit).
 */
enum err remote_new(struct remote **ret_r, struct transport *transport, int64_t timeout_us,
    struct story *story) must_check;

/* Without a goodbye when the line is lost, else with one. Requests under way get no answer. */
void remote_free(struct remote *r);

struct sftp_client *remote_sftp(struct remote *r);
const struct remote_habits *remote_habits(struct remote *r);
int64_t remote_round_trip_us(const struct remote *r);
const struct transport_facts *remote_facts(const struct remote *r);
/* How many bytes the server may have under way to us; 0: unknown. */
size_t remote_window(const struct remote *r);

/* Is the line lost? The story tells why; its class (err_class) whether to try again. */
bool remote_is_lost(const struct remote *r);
enum err remote_lost_error(const struct remote *r);
const char *remote_lost_story(const struct remote *r);

/*
 * Moves what can be moved between line and engine, without waiting: callbacks of the engine run
 * inside. True when something moved.
 */
bool remote_turn(struct remote *r);

/* Waits until one of them may have something to do, extra_fd (-1: none) is readable, or the time
 * is up (-1: no limit); notices a server that owes an answer for too long. */
enum err remote_wait(struct remote *const *remotes, size_t n, int extra_fd, int64_t timeout_us,
    bool *ret_extra) must_check;

#endif
