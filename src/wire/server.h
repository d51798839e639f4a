/*
 * An SSH server for one connection that carries SFTP: link, then authentication, then one session
 * channel (RFC 4254) with the subsystem "sftp". No I/O: bytes of the line go in and come out,
 * events tell what happened. ssh/transport_server.c puts it on a socket.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include "wire/stream.h"
#include "wire/userauth.h"

struct wire_server_config {
	struct wire_link_config link;
	uint32_t methods; /* enum wire_method */
	uint32_t max_failures;
};

/* AUTH: answer with wire_server_answer. OPENED: the SFTP subsystem was asked for. */
struct wire_event {
	enum wire_event_type type;
	struct wire_auth auth;
	enum err error; /* ERR_OK: an orderly end */
	const char *story;
};

struct wire_server;

enum err wire_server_new(
    struct wire_server **ret_w, const struct wire_server_config *config) must_check;
void wire_server_free(struct wire_server *w);

/* As wire_link_prepare. */
enum err wire_server_prepare(struct wire_server *w) must_check;

/* As wire_link_space and wire_link_filled. */
uint8_t *wire_server_space(struct wire_server *w, size_t *ret_len);
void wire_server_filled(struct wire_server *w, size_t len);

/* The line has ended; why: what broke it, or NULL when the peer closed it. What came before is told
 * first. */
void wire_server_eof(struct wire_server *w, const char *why);

/*
 * The next event, each told once; but READABLE as long as there are bytes. Bytes that came before
 * the end are told before it.
 */
void wire_server_next_event(struct wire_server *w, struct wire_event *ret_event);
enum err wire_server_answer(
    struct wire_server *w, enum wire_verdict verdict, uint32_t methods) must_check;

/*
 * Bytes of the stream that are there: what one CHANNEL_DATA brought, decrypted where it was
 * received. Borrowed until the next call; consume tells how many were taken. Empty: none now. What
 * isn't taken stays where it is, and nothing behind it is looked at; but while nothing can be sent
 * before the peer has spoken it is put aside, so that its word can be heard.
 */
struct slice wire_server_peek(struct wire_server *w);
void wire_server_consume(struct wire_server *w, size_t len);

/* Takes bytes for the peer, as far as its window, WIRE_OUTPUT_HIGH and a key exchange allow. */
enum err wire_server_write(
    struct wire_server *w, const uint8_t *bytes, size_t len, size_t *ret_len) must_check;

struct buf *wire_server_output(struct wire_server *w);

/* Would a write take anything now? */
bool wire_server_may_write(const struct wire_server *w);

/* Is more wanted from the line now? Else its bytes are to stay in the socket. */
bool wire_server_wants_input(const struct wire_server *w);

/* The peer has hung up, so this is all: hears it out, past bytes of the stream that nobody took. */
void wire_server_hear_out(struct wire_server *w);

/*
 * exit-status 0, EOF and CLOSE on the channel, into the output; the peer's CLOSE is told as CLOSED.
 * A DISCONNECT now would reach it before its own farewell, and look like a failure.
 */
void wire_server_close(struct wire_server *w);

/* Was our CLOSE said, and is the peer's awaited? */
bool wire_server_is_closing(const struct wire_server *w);

/* Were both said? */
bool wire_server_is_closed(const struct wire_server *w);

/* It is over, for this reason, and the peer gets it as a DISCONNECT; the first reason stays. */
void wire_server_end(struct wire_server *w, enum err error, const char *story);

/* Gives memory back that only much traffic needs. */
void wire_server_trim(struct wire_server *w);

bool wire_server_is_over(const struct wire_server *w);

/* Logged in? */
bool wire_server_authenticated(const struct wire_server *w);

const struct wire_facts *wire_server_facts(const struct wire_server *w);

#endif
