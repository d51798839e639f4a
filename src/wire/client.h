/*
 * An SSH client for one connection that carries one byte stream: link, then the login (RFC 4252),
 * then one session channel (RFC 4254) with a subsystem or a command. No I/O: bytes of the line go
 * in and come out, events tell what happened. The counterpart of server.h.
 *
 * Sent without waiting: version and KEXINIT from the start; KEX_INIT when the server's KEXINIT is
 * there; after the host key was accepted NEWKEYS, SERVICE_REQUEST and the first request to log in;
 * after CHANNEL_OPEN_CONFIRMATION the request for the subsystem, and what is written then.
 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include "pki/cert.h"
#include "wire/link.h"
#include "wire/offer.h"
#include "wire/stream.h"

enum {
	WIRE_CLIENT_WINDOW_MAX = 64 * 1024 * 1024,
	WIRE_BANNER_MAX = 8 * 1024, /* of one; longer ones are cut */
	WIRE_BANNERS_MAX = 16,      /* those that follow aren't told */
	WIRE_METHODS_MAX = 1024,    /* lists of names by the server: longer is ERR_FORMAT */
	WIRE_PROMPTS_MAX = 16,      /* of one INFO_REQUEST; more is ERR_LIMIT */
	WIRE_PROMPT_MAX = 1024,     /* longer ones are cut, names and instructions, too */
	WIRE_ANSWER_MAX = 1024,
	WIRE_LAST_WORDS_MAX = 1024
};

struct wire_client_config {
	const char *software; /* of our version; NULL: "Dray_" and DRAY_VERSION */

	/* What is offered: names that we have, comma-separated, best first; NULL: all of ours.
	 * Names that we don't have are passed over; none left in a list is ERR_UNSUPPORTED of
	 * wire_client_new. Only needed by that call. */
	const char *kex, *host_keys, *ciphers, *macs;

	struct wire_rekey rekey;
	const char *user;      /* copied, as are the next two; at most WIRE_TEXT_MAX - 1 bytes */
	const char *subsystem; /* "sftp"; or, when NULL: */
	const char *command;   /* is run ("exec") */
	size_t window;         /* see wire_client_set_window; 0: WIRE_WINDOW */
};

/* What the server says of the login so far. */
struct wire_login_state {
	struct slice methods; /* that can go on, comma-separated; empty before its first answer */
	bool partial;         /* the last proof was good, and more is asked for */
	struct slice signatures; /* server-sig-algs, comma-separated; empty: not told (yet) */
	struct slice refusal;    /* words about the refused password (it has expired); or empty */
};

struct wire_prompt {
	struct slice text; /* hostile */
	bool echo;         /* else what is typed is a secret */
};

struct wire_prompts {
	struct slice name, instruction; /* hostile; may be empty */
	struct wire_prompt prompts[WIRE_PROMPTS_MAX];
	size_t n; /* never 0: such a request is answered without being told */
};

/* How it ended, where people must do different things about it. */
enum wire_end {
	WIRE_END_LINE,         /* the line broke, or the server ended or spoiled it */
	WIRE_END_NO_ALGORITHM, /* nothing of some kind in common */
	WIRE_END_HOST_KEY,     /* the server can't prove its host key, or showed another later */
	WIRE_END_LOGIN,        /* the server ended it while we logged in: too many tries, often */
	WIRE_END_NO_CHANNEL,   /* it opens no session */
	WIRE_END_NO_SUBSYSTEM, /* it doesn't have the subsystem, or doesn't run the command */
	WIRE_END_OWN           /* wire_client_end, or what failed was ours */
};

/* Borrowed until the next call of wire_client_next_event, or the answer. */
struct wire_client_event {
	enum wire_event_type type;
	struct wire_host_key host_key;      /* HOST_KEY */
	struct slice text;                  /* BANNER: hostile. SIGN: the data */
	struct wire_login_state login;      /* AUTH_NEXT */
	const struct wire_prompts *prompts; /* PROMPT */
	enum err error;                     /* CLOSED; ERR_OK: an orderly end */
	enum wire_end end;                  /* CLOSED */
	const char *story;                  /* CLOSED */
};

enum wire_proof_type {
	WIRE_PROVE_NONE, /* nothing: to learn the methods */
	WIRE_PROVE_PUBLICKEY,
	WIRE_PROVE_PASSWORD,
	WIRE_PROVE_KEYBOARD
};

struct wire_proof {
	enum wire_proof_type type;
	const char *algorithm; /* of the signature: "rsa-sha2-512", or its certificate's name */
	struct slice blob;     /* public key or certificate; at most CERT_BLOB_MAX */
	bool ask_first;        /* whether the key would do; else SIGN is the next event */
	struct slice password; /* at most WIRE_ANSWER_MAX */
};

struct wire_client;

/* ERR_UNSUPPORTED: nothing in one of the offers is ours; the story tells which. */
enum err wire_client_new(struct wire_client **ret_w, const struct wire_client_config *config,
    struct story *story) must_check;
/* Wipes what is secret. NULL-safe. */
void wire_client_free(struct wire_client *w);

/* As those of wire_server. */
uint8_t *wire_client_space(struct wire_client *w, size_t *ret_len);
void wire_client_filled(struct wire_client *w, size_t len);
void wire_client_eof(struct wire_client *w, const char *why);

/*
 * The next event, each told once; but READABLE as long as there are bytes. HOST_KEY, AUTH_NEXT,
 * SIGN and PROMPT are answered before anything else happens, by one of the functions below; each
 * of them takes copies. ERR_CLOSED: it is over meanwhile, CLOSED tells why. BUG: not asked.
 *
 * OPENED comes before the server has answered the request for the subsystem; CLOSED with
 * WIRE_END_NO_SUBSYSTEM may follow.
 */
void wire_client_next_event(struct wire_client *w, struct wire_client_event *ret_event);

/* HOST_KEY. Refused: nothing more is sent at all, not even a goodbye; CLOSED follows with this
 * error and story. */
enum err wire_client_accept_host_key(struct wire_client *w) must_check;
void wire_client_refuse_host_key(struct wire_client *w, enum err error, const char *story);

/* AUTH_NEXT. Who has nothing left to prove calls wire_client_end. */
enum err wire_client_prove(struct wire_client *w, const struct wire_proof *proof) must_check;

/* SIGN: the signature's blob (RFC 4253 section 6.6), at most PKI_SIGNATURE_MAX. */
enum err wire_client_sign(struct wire_client *w, struct slice signature) must_check;

/* PROMPT: as many answers as there were prompts. */
enum err wire_client_respond(struct wire_client *w, const struct slice *answers) must_check;

/* SIGN, PROMPT: there is none. AUTH_NEXT follows, its state as it was before. */
enum err wire_client_skip(struct wire_client *w) must_check;

/* The stream, as those of wire_server; from OPENED on. */
struct slice wire_client_peek(struct wire_client *w);
void wire_client_consume(struct wire_client *w, size_t len);
enum err wire_client_write(
    struct wire_client *w, const uint8_t *bytes, size_t len, size_t *ret_len) must_check;
struct buf *wire_client_output(struct wire_client *w);
bool wire_client_may_write(const struct wire_client *w);
bool wire_client_wants_input(const struct wire_client *w);
void wire_client_hear_out(struct wire_client *w);

/* How many bytes the server may have under way to us: up to WIRE_CLIENT_WINDOW_MAX. At any time;
 * what the server was granted already is not taken back, but not granted again either. */
void wire_client_set_window(struct wire_client *w, size_t bytes);
size_t wire_client_window(const struct wire_client *w);

/* A request that the server must answer, whatever it thinks of it; and how many of them it hasn't
 * yet. Only after the login. */
enum err wire_client_keep_alive(struct wire_client *w) must_check;
uint32_t wire_client_unanswered(const struct wire_client *w);

/* The least time between a message of ours and the server's answer that was seen, from when it was
 * queued to when it was taken out; 0: none yet. */
int64_t wire_client_round_trip_us(const struct wire_client *w);

/* EOF and CLOSE on the channel; the server's CLOSE is told as CLOSED. */
void wire_client_close(struct wire_client *w);
bool wire_client_is_closing(const struct wire_client *w);
bool wire_client_is_closed(const struct wire_client *w);

/* It is over, for this reason, and the server gets a DISCONNECT that says no more than "bye"; the
 * first reason stays. */
void wire_client_end(struct wire_client *w, enum err error, const char *story);
bool wire_client_is_over(const struct wire_client *w);

void wire_client_trim(struct wire_client *w);

/* What is awaited: for stories about lines that are too slow. */
enum wire_stage {
	WIRE_STAGE_VERSION, /* the server's first word */
	WIRE_STAGE_KEYS,
	WIRE_STAGE_LOGIN,
	WIRE_STAGE_CHANNEL, /* ... and the answer to the request for what runs in it */
	WIRE_STAGE_OPEN
};
enum wire_stage wire_client_stage(const struct wire_client *w);
bool wire_client_authenticated(const struct wire_client *w);
const struct wire_facts *wire_client_facts(const struct wire_client *w);

/* How what ran in the channel has ended, as far as the server has told. */
struct wire_exit {
	bool has_status;
	uint32_t status;
	char signal[32]; /* its name without SIG, escaped; "" for none */
};
const struct wire_exit *wire_client_exit(const struct wire_client *w);

/* The end of what came as the channel's stderr: hostile. */
struct slice wire_client_last_words(const struct wire_client *w);

#endif
