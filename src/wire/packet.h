/*
 * The binary packet protocol (RFC 4253 section 6), one half for each direction: framing, padding,
 * sequence numbers, and what counts for a re-exchange. What protects the packets is seal.h's.
 *
 * Reading: bytes of the line wait in one block of memory and are decrypted where they lie. Writing:
 * a payload is encrypted from where it lies into the output.
 */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include "base/buf.h"
#include "wire/link.h"
#include "wire/seal.h"

enum {
	PACKET_OVERHEAD_MAX = 512, /* length, padding (1 + 255), tag */
	PACKET_OUTPUT_MAX = 4 * 1024 * 1024,
	PACKET_HIDE = 128 /* of `hide`: a multiple of every block */
};

struct packet_reader {
	struct seal *seal;
	uint32_t seq;       /* of the next packet */
	uint64_t n_packets; /* under this seal */
	uint64_t n_bytes;   /* under this seal, encrypted */
	size_t max;         /* of the next packet: what its length field may say */
	uint8_t *mem;       /* WIRE_INPUT_MAX */
	size_t start;       /* first byte that wasn't handed out */
	size_t end;
	size_t high;     /* no byte from here on was ever written */
	uint32_t length; /* of the packet at start, when has_length */
	bool has_length;
};

enum err packet_reader_init(struct packet_reader *r, size_t max) must_check;
void packet_reader_fini(struct packet_reader *r);

/* Where the next bytes of the line belong; *ret_len is 0 when packets must be taken first. What was
 * handed out stays where it is. */
uint8_t *packet_reader_space(struct packet_reader *r, size_t *ret_len);
void packet_reader_filled(struct packet_reader *r, size_t len);

/*
 * A line of text of at most max bytes with its end, CR LF or LF, which isn't in *ret_line. Before
 * the first packet. ERR_AGAIN; ERR_LIMIT: none ended within max bytes.
 */
enum err packet_reader_line(struct packet_reader *r, size_t max, struct slice *ret_line) must_check;

/*
 * The next payload (never empty), valid until the next call. ERR_AGAIN: more bytes are needed.
 * ERR_LIMIT: longer than max. ERR_FORMAT: a length or padding that can't be. ERR_ACCESS: not
 * authentic. After one of the last three nothing that follows has a meaning.
 */
enum err packet_reader_next(struct packet_reader *r, struct slice *ret_payload) must_check;

/* The packets from here on are under this seal, which is taken over. */
void packet_reader_rekey(struct packet_reader *r, struct seal *seal, bool reset_seq);

/* Wipes what was handed out: it may have held a password. */
void packet_reader_forget(struct packet_reader *r);

/* Gives the memory back, if nothing waits in it. What was handed out is gone. */
void packet_reader_trim(struct packet_reader *r);

struct packet_writer {
	struct seal *seal;
	uint32_t seq;
	uint64_t n_packets; /* under this seal */
	uint64_t n_bytes;   /* under this seal, encrypted */
	size_t hide;        /* packets are padded to a multiple of it; 0: of the block */
	struct buf output;
};

enum err packet_writer_init(struct packet_writer *w) must_check;
void packet_writer_fini(struct packet_writer *w);

/* One packet of head and then body; together not empty. ERR_NOMEM: past PACKET_OUTPUT_MAX. */
enum err packet_write(struct packet_writer *w, struct slice head, struct slice body) must_check;

/* As packet_reader_rekey. */
void packet_writer_rekey(struct packet_writer *w, struct seal *seal, bool reset_seq);

#endif
