/*
 * What server.h and client.h have in common: the kinds of events, and the bounds of the one byte
 * stream that a connection carries.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

enum {
	/* Our receive window: what a peer may have under way. Opened again as it is consumed. */
	WIRE_WINDOW = 4 * 1024 * 1024,
	/* Of one CHANNEL_DATA to us: what OpenSSH and others send at most. */
	WIRE_CHANNEL_PACKET = 32 * 1024,
	/* With so many bytes waiting for the line, nothing more of the stream is taken to send. As
	 * much as fits into a core's cache: it is sent before it has left that. */
	WIRE_OUTPUT_HIGH = 256 * 1024,
	/* ... and with so many nothing more is heard, as it could want an answer. */
	WIRE_OUTPUT_DEAF = 2 * WIRE_OUTPUT_HIGH,
	WIRE_REFUSALS_MAX = 1000 /* of requests and channels after the login: a flood */
};

enum wire_event_type {
	WIRE_NOTHING,
	/* of a server */
	WIRE_AUTH, /* somebody wants to log in */
	/* of a client */
	WIRE_HOST_KEY,  /* is it the right host? */
	WIRE_BANNER,    /* words of the server's, before or during the login */
	WIRE_AUTH_NEXT, /* what is to be proven next? */
	WIRE_SIGN,      /* this data has to be signed */
	WIRE_PROMPT,    /* the server asks (keyboard-interactive) */
	/* of both */
	WIRE_OPENED,   /* the byte stream begins */
	WIRE_READABLE, /* there are bytes */
	WIRE_PEER_EOF,
	WIRE_CLOSED /* over: error, story */
};

#endif
