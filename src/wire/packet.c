#include "wire/packet.h"

#include <sys/mman.h>

#include "base/bug.h"

enum {
	LENGTH_LEN = 4,
	FRONT_LEN = 5, /* length and padding length */
	PADDING_MIN = 4,
	LENGTH_MIN = 1 + 1 + PADDING_MIN, /* padding length, a payload of a byte, padding */
	SPACE_LOW = 64 * 1024,            /* with less room behind them, bytes move to the front */
	TRIM_MIN = 32 * 1024,             /* less isn't worth giving back */
	PAYLOAD_MAX = 256 * 1024
};

enum err
packet_reader_init(struct packet_reader *r, size_t max)
{
	*r = (struct packet_reader){.max = max};
	/*
	 * Pages of its own: those that no byte ever came to cost nothing, so an idle connection
	 * keeps one or two; and what a transfer has filled can be given back, which the heap would
	 * put off.
	 */
	void *mem =
	    mmap(NULL, WIRE_INPUT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return ERR_NOMEM;
	r->mem = mem;
	return seal_new(&r->seal, SEAL_RECEIVES, cipher_plain(), NULL, NULL);
}

void
packet_reader_fini(struct packet_reader *r)
{
	if (r->mem != NULL) {
		explicit_bzero(r->mem, r->high);
		(void)munmap(r->mem, WIRE_INPUT_MAX);
	}
	seal_free(r->seal);
	*r = (struct packet_reader){0};
}

uint8_t *
packet_reader_space(struct packet_reader *r, size_t *ret_len)
{
	*ret_len = WIRE_INPUT_MAX - r->end;
	return r->mem + r->end;
}

void
packet_reader_filled(struct packet_reader *r, size_t len)
{
	BUG_ON(len > WIRE_INPUT_MAX - r->end);
	r->end += len;
	if (r->end > r->high)
		r->high = r->end;
}

/*
 * Makes room behind what waits, when nothing of it is handed out any more. A move is paid for by at
 * least as many bytes that were taken since the last one, so a byte moves at most once on average;
 * only a packet of nearly the largest size may have to move before.
 */
static void
reader_compact(struct packet_reader *r)
{
	size_t waiting = r->end - r->start;
	size_t room = WIRE_INPUT_MAX - r->end;

	if (r->start == 0 || (waiting > 0 && room >= SPACE_LOW))
		return;
	if (waiting > r->start && room > 0)
		return;
	memmove(r->mem, r->mem + r->start, waiting);
	r->start = 0;
	r->end = waiting;
}

static enum err
reader_wait(struct packet_reader *r)
{
	reader_compact(r);
	return ERR_AGAIN;
}

enum err
packet_reader_line(struct packet_reader *r, size_t max, struct slice *ret_line)
{
	size_t waiting = r->end - r->start;
	size_t look = waiting < max ? waiting : max;
	const uint8_t *line = r->mem + r->start;
	const uint8_t *end = look == 0 ? NULL : memchr(line, '\n', look);

	if (end == NULL)
		return waiting >= max ? ERR_LIMIT : reader_wait(r);
	size_t len = (size_t)(end - line);
	r->start += len + 1;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	*ret_line = slice_of(line, len);
	return ERR_OK;
}

/* Is this a length that a packet may have: RFC 4253 section 6, and what is padded to the block? */
static enum err
length_check(const struct packet_reader *r)
{
	size_t padded = r->length + (seal_length_apart(r->seal) ? 0u : LENGTH_LEN);

	if (r->length > r->max)
		return ERR_LIMIT;
	if (r->length < LENGTH_MIN || padded % seal_block(r->seal) != 0)
		return ERR_FORMAT;
	return ERR_OK;
}

/* Learns the length of the packet at start. */
static enum err
reader_length(struct packet_reader *r)
{
	if (r->has_length)
		return ERR_OK;
	if (r->end - r->start < seal_head_len(r->seal))
		return ERR_AGAIN;
	enum err e = seal_length(r->seal, r->seq, r->mem + r->start, &r->length);
	if (e == ERR_OK)
		e = length_check(r);
	r->has_length = e == ERR_OK;
	return e;
}

/* The payload of the decrypted packet at p. */
static enum err
payload_of(const uint8_t *p, size_t length, struct slice *ret_payload)
{
	size_t padding = p[LENGTH_LEN];

	if (padding < PADDING_MIN || padding + 1 >= length)
		return ERR_FORMAT;
	*ret_payload = slice_of(p + FRONT_LEN, length - padding - 1);
	return ERR_OK;
}

enum err
packet_reader_next(struct packet_reader *r, struct slice *ret_payload)
{
	uint8_t *p = r->mem + r->start;
	enum err e = reader_length(r);

	if (e == ERR_AGAIN)
		return reader_wait(r);
	if (e != ERR_OK)
		return e;
	size_t len = LENGTH_LEN + r->length;
	size_t total = len + seal_tag_len(r->seal);
	if (r->end - r->start < total)
		return reader_wait(r);
	e = seal_open(r->seal, r->seq, p, len);
	if (e == ERR_OK)
		e = payload_of(p, r->length, ret_payload);
	if (e != ERR_OK)
		return e;
	r->has_length = false;
	r->start += total;
	r->n_bytes += total;
	r->n_packets++;
	r->seq++; /* wraps: RFC 4253 section 6.4 */
	return ERR_OK;
}

void
packet_reader_rekey(struct packet_reader *r, struct seal *seal, bool reset_seq)
{
	BUG_ON(r->has_length);
	seal_free(r->seal);
	r->seal = seal;
	r->n_packets = r->n_bytes = 0;
	if (reset_seq)
		r->seq = 0;
}

void
packet_reader_forget(struct packet_reader *r)
{
	explicit_bzero(r->mem, r->start);
	explicit_bzero(r->mem + r->end, r->high - r->end);
}

void
packet_reader_trim(struct packet_reader *r)
{
	if (r->start < r->end || r->high < TRIM_MIN)
		return;
	r->start = r->end = 0;
	/* The next byte finds fresh pages of zeros. */
	if (madvise(r->mem, WIRE_INPUT_MAX, MADV_DONTNEED) == 0)
		r->high = 0;
}

enum err
packet_writer_init(struct packet_writer *w)
{
	*w = (struct packet_writer){0};
	buf_init(&w->output, PACKET_OUTPUT_MAX);
	return seal_new(&w->seal, SEAL_SENDS, cipher_plain(), NULL, NULL);
}

void
packet_writer_fini(struct packet_writer *w)
{
	buf_fini(&w->output);
	seal_free(w->seal);
	*w = (struct packet_writer){0};
}

/* The least padding that fills the block, or the larger one that shall hide the length. */
static size_t
padding_for(const struct seal *seal, size_t payload_len, size_t hide)
{
	size_t block = seal_block(seal) > hide ? seal_block(seal) : hide;
	size_t padded = payload_len + (seal_length_apart(seal) ? 1 : FRONT_LEN);
	size_t padding = block - padded % block;

	return padding < PADDING_MIN ? padding + block : padding;
}

/*
 * The padding is zeros: it is under cipher and MAC like the rest, and no cipher of ours gains from
 * random bytes there. Before the first keys it shows nothing either.
 */
enum err
packet_write(struct packet_writer *w, struct slice head, struct slice body)
{
	size_t payload_len = head.len + body.len;
	size_t padding = padding_for(w->seal, payload_len, w->hide);
	size_t len = FRONT_LEN + payload_len + padding;
	size_t total = len + seal_tag_len(w->seal);
	uint8_t *p;

	BUG_ON(payload_len == 0 || head.len > PAYLOAD_MAX || body.len > PAYLOAD_MAX);
	enum err e = buf_reserve(&w->output, total, &p);
	if (e != ERR_OK)
		return e;
	be32_store(p, (uint32_t)(len - LENGTH_LEN));
	p[LENGTH_LEN] = (uint8_t)padding;
	if (head.len > 0)
		memcpy(p + FRONT_LEN, head.ptr, head.len);
	memset(p + FRONT_LEN + payload_len, 0, padding);
	e = seal_close(w->seal, w->seq, p, len, FRONT_LEN + head.len, body);
	if (e != ERR_OK)
		return e;
	buf_commit(&w->output, total);
	w->n_bytes += total;
	w->n_packets++;
	w->seq++;
	return ERR_OK;
}

void
packet_writer_rekey(struct packet_writer *w, struct seal *seal, bool reset_seq)
{
	seal_free(w->seal);
	w->seal = seal;
	w->n_packets = w->n_bytes = 0;
	if (reset_seq)
		w->seq = 0;
}
