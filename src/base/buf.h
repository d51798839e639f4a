/*
 * A byte buffer that grows up to a maximum given at its birth: a queue with one writing and one
 * reading end. Appending is all or nothing; past the maximum it fails with ERR_NOMEM and leaves
 * the buffer as it was. Numbers are big-endian, strings have a uint32 length before them, as in
 * RFC 4251 section 5.
 *
 * Space that was read is given back by moving what is left to the front when room is needed, so a
 * queue of bounded depth never grows past its maximum.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
	uint8_t *mem;
	size_t start; /* first unread byte */
	size_t end;   /* one past the last byte written */
	size_t cap;   /* allocated */
	size_t max;   /* end - start never passes it */
};

/* An empty buffer of at most max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Frees the memory; the buffer is empty and may be used again. Safe on a zeroed struct. */
void buf_fini(struct buf *b);

/* As buf_fini, after overwriting the memory: for keys and passwords. */
void buf_wipe(struct buf *b);

size_t buf_len(const struct buf *b);

/* How many more bytes may be appended before the maximum. */
size_t buf_room(const struct buf *b);

/* What is unread. Borrowed: valid until the next call that changes b. */
struct slice buf_slice(const struct buf *b);

/* Room for len bytes at the end, uncommitted: write at *ret_ptr, then buf_commit. */
enum err buf_reserve(struct buf *b, size_t len, uint8_t **ret_ptr) must_check;

/* len bytes of the last reservation are content now. */
void buf_commit(struct buf *b, size_t len);

/* Drops len bytes from the reading end; more than there are is a bug. */
void buf_consume(struct buf *b, size_t len);

/* Drops len bytes from the writing end: takes back what was appended last. */
void buf_unput(struct buf *b, size_t len);

/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *b);

enum err buf_put(struct buf *b, const void *bytes, size_t len) must_check;
enum err buf_put_u8(struct buf *b, uint8_t v) must_check;
enum err buf_put_u16(struct buf *b, uint16_t v) must_check;
enum err buf_put_u32(struct buf *b, uint32_t v) must_check;
enum err buf_put_u64(struct buf *b, uint64_t v) must_check;

/* A uint32 length, then the bytes (RFC 4251 "string"). */
enum err buf_put_string(struct buf *b, struct slice s) must_check;

/* printf to the end, without the terminator. */
enum err buf_printf(struct buf *b, const char *format, ...) printf_like(2, 3) must_check;

/* Overwrites 4 bytes at offset from the reading end: for a length that is known only afterwards. */
void buf_patch_u32(struct buf *b, size_t offset, uint32_t v);

/* Big-endian stores, for who writes into a reservation. */
void be32_store(uint8_t *p, uint32_t v);
void be64_store(uint8_t *p, uint64_t v);

#endif
