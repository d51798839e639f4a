/* Sockets: packets between roles with descriptors in them, and streams to the outside. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* The most descriptors that one packet carries. */
enum { SOCKET_FDS_MAX = 8 };

/* A pair of connected SOCK_SEQPACKET sockets, both blocking and close-on-exec. */
enum err socket_packet_pair(int ret_fds[2]) must_check;

/*
 * One packet of len bytes with n_fds descriptors, which stay the caller's. ERR_AGAIN on a full
 * non-blocking socket, ERR_CLOSED when nobody listens any more.
 */
enum err socket_send_packet(
    int fd, const void *bytes, size_t len, const int *fds, size_t n_fds) must_check;

/*
 * One packet into dst, with its descriptors (caller closes). ERR_CLOSED at the end of the line,
 * ERR_FORMAT for a packet longer than dst_len or with more than SOCKET_FDS_MAX descriptors; those
 * that came are closed then.
 */
enum err socket_recv_packet(int fd, void *dst, size_t dst_len, size_t *ret_len,
    int ret_fds[SOCKET_FDS_MAX], size_t *ret_n_fds) must_check;

/* Text of an address, "192.0.2.1:22" or "[2001:db8::1]:22". */
enum { ADDRESS_TEXT_MAX = 80 };
void socket_address_text(const struct sockaddr_storage *addr, char dst[ADDRESS_TEXT_MAX]);

/* Only the host part, without brackets: for from= patterns and rate limits. */
void socket_address_host(const struct sockaddr_storage *addr, char dst[ADDRESS_TEXT_MAX]);

/* "host:port", "[v6]:port", "host" (then default_port, 0 for none allowed) into its parts. */
bool socket_split_address(const char *text, uint16_t default_port, char *ret_host, size_t host_len,
    uint16_t *ret_port) must_check;

/* A listening TCP socket on a numeric address. IPv6 sockets take IPv6 alone. Caller closes. */
enum err socket_listen_tcp(
    const char *host, uint16_t port, int *ret_fd, struct story *story) must_check;

/*
 * Ends listening, and closes *fd (as fd_closep). It ends at once, though a process that was just
 * forked may hold the socket still: the address is free, and who waits in its queue is reset.
 */
void socket_stop_listening(int *fd);

/*
 * Resolves the name and connects to its addresses one after another, each within timeout_us. The
 * socket is blocking, with TCP_NODELAY and keep-alives. Caller closes.
 */
enum err socket_connect_tcp(const char *host, uint16_t port, int64_t timeout_us, int *ret_fd,
    struct story *story) must_check;

/* Packet sockets with a name in the file system: the control socket (mode 0600), and its client. */
enum err socket_listen_unix(const char *path, int *ret_fd, struct story *story) must_check;
enum err socket_connect_unix(const char *path, int *ret_fd, struct story *story) must_check;

/* Who is on the other side of a Unix socket, as the kernel knows it (SO_PEERCRED). */
enum err socket_peer_uid(int fd, uid_t *ret_uid) must_check;

enum err socket_set_nodelay(int fd) must_check;

/* Acknowledges what was received now, not when there is something to send. A favour: it may fail.
 */
void socket_acknowledge(int fd);

/* A peer that has vanished without a word is noticed within about two minutes. */
enum err socket_set_keepalive(int fd) must_check;

#endif
