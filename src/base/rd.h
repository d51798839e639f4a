/*
 * A reading cursor over borrowed bytes with a sticky error: a decoder is a straight line of reads
 * with one check at its end. After the first failure every read gives 0 or an empty slice. Numbers
 * are big-endian (RFC 4251 section 5).
 */
#ifndef BASE_RD_H
#define BASE_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct rd {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct rd
rd_of(struct slice s)
{
	return (struct rd){.at = s.ptr, .left = s.len};
}

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);

/* Exactly len bytes. */
struct slice rd_bytes(struct rd *r, size_t len);

/* A uint32 length of at most max, then that many bytes. */
struct slice rd_string(struct rd *r, size_t max);

/* Everything that is left. */
struct slice rd_rest(struct rd *r);

/* ERR_OK when no read failed and nothing is left over; else ERR_FORMAT. */
enum err rd_done(const struct rd *r) must_check;

#endif
