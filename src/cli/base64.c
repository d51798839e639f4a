#include "cli/base64.h"

/* The value of one character, or -1. */
static int
sextet(uint8_t c)
{
	static const char ALPHABET[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == 0 ? NULL : strchr(ALPHABET, c);

	return at == NULL ? -1 : (int)(at - ALPHABET);
}

/* One group of four characters into one to three bytes; how many, or 0 for a malformed one. */
static size_t
decode_group(const uint8_t *group, bool last, uint8_t dst[3])
{
	size_t n_chars = !last || group[3] != '=' ? 4 : group[2] != '=' ? 3 : 2;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < n_chars ? sextet(group[i]) : 0;
		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
	}
	dst[0] = (uint8_t)(bits >> 16);
	dst[1] = (uint8_t)(bits >> 8);
	dst[2] = (uint8_t)bits;
	/* Bits past the last byte must be 0, or two texts would stand for the same key. */
	bool stray = (n_chars == 3 && dst[2] != 0) || (n_chars == 2 && (dst[1] | dst[2]) != 0);
	return stray ? 0 : n_chars - 1;
}

enum err
base64_decode(struct slice text, struct buf *b)
{
	size_t n_before = buf_len(b);
	uint8_t bytes[3];

	if (text.len % 4 != 0)
		return ERR_FORMAT;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t n = decode_group(text.ptr + i, i + 4 == text.len, bytes);
		enum err e = n == 0 ? ERR_FORMAT : buf_put(b, bytes, n);
		if (e != ERR_OK) {
			buf_unput(b, buf_len(b) - n_before);
			return e;
		}
	}
	return ERR_OK;
}
