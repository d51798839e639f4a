#include "wire/mpint.h"

enum err
mpint_put(struct buf *b, struct slice number)
{
	uint8_t *p;

	while (number.len > 0 && number.ptr[0] == 0)
		number = slice_of(number.ptr + 1, number.len - 1);
	/* The highest bit is the sign. */
	size_t pad = number.len > 0 && (number.ptr[0] & 0x80) != 0 ? 1 : 0;
	enum err e = buf_reserve(b, 4 + pad + number.len, &p);
	if (e != ERR_OK)
		return e;
	be32_store(p, (uint32_t)(pad + number.len));
	p[4] = 0;
	if (number.len > 0)
		memcpy(p + 4 + pad, number.ptr, number.len);
	buf_commit(b, 4 + pad + number.len);
	return ERR_OK;
}

bool
mpint_is_positive(struct slice content)
{
	if (content.len == 0 || (content.ptr[0] & 0x80) != 0)
		return false;
	if (content.ptr[0] != 0)
		return true;
	return content.len > 1 && (content.ptr[1] & 0x80) != 0;
}
