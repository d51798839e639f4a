#include "base/rd.h"

struct slice
rd_bytes(struct rd *r, size_t len)
{
	if (r->failed || len > r->left) {
		r->failed = true;
		return slice_of(NULL, 0);
	}
	struct slice s = slice_of(r->at, len);
	if (len > 0)
		r->at += len;
	r->left -= len;
	return s;
}

/* Big-endian number of n_bytes; 0 after a failure. */
static uint64_t
rd_number(struct rd *r, size_t n_bytes)
{
	struct slice s = rd_bytes(r, n_bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | s.ptr[i];
	return v;
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)rd_number(r, 1);
}

uint16_t
rd_u16(struct rd *r)
{
	return (uint16_t)rd_number(r, 2);
}

uint32_t
rd_u32(struct rd *r)
{
	return (uint32_t)rd_number(r, 4);
}

uint64_t
rd_u64(struct rd *r)
{
	return rd_number(r, 8);
}

struct slice
rd_string(struct rd *r, size_t max)
{
	uint32_t len = rd_u32(r);

	if (len > max)
		r->failed = true;
	return rd_bytes(r, len);
}

struct slice
rd_rest(struct rd *r)
{
	return rd_bytes(r, r->left);
}

enum err
rd_done(const struct rd *r)
{
	return r->failed || r->left > 0 ? ERR_FORMAT : ERR_OK;
}
