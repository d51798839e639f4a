#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The digits that s starts with, as a number; moves s past them. False without any, or past max. */
static bool
take_number(struct slice *s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; n < s->len && is_digit(s->ptr[n]); n++) {
		uint64_t digit = (uint64_t)(s->ptr[n] - '0');
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value) || value > max)
			return false;
	}
	if (n == 0)
		return false;
	*s = slice_of(s->ptr + n, s->len - n);
	*ret_value = value;
	return true;
}

bool
text_to_u64(struct slice s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;

	if (!take_number(&s, max, &value) || s.len > 0)
		return false;
	*ret_value = value;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit SIZE_UNITS[] = {
    {"", 1},
    {"B", 1},
    {"KB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
    {"TB", UINT64_C(1000000000000)},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
};

static const struct unit TIME_UNITS[] = {
    {"ms", 1000},
    {"s", 1000000},
    {"m", UINT64_C(60000000)},
    {"h", UINT64_C(3600000000)},
    {"d", UINT64_C(86400000000)},
};

static const struct unit *
unit_find(const struct unit *units, size_t n_units, struct slice name)
{
	for (size_t i = 0; i < n_units; i++) {
		if (slice_is(name, units[i].name))
			return &units[i];
	}
	return NULL;
}

bool
text_to_size(struct slice s, uint64_t *ret_bytes)
{
	uint64_t number;

	if (!take_number(&s, INT64_MAX, &number))
		return false;
	const struct unit *unit = unit_find(SIZE_UNITS, ARRAY_LEN(SIZE_UNITS), slice_trim(s));
	if (unit == NULL || number > (uint64_t)INT64_MAX / unit->factor)
		return false;
	*ret_bytes = number * unit->factor;
	return true;
}

/* The letters that s starts with; moves s past them. */
static struct slice
take_letters(struct slice *s)
{
	size_t n = 0;

	while (n < s->len && !is_digit(s->ptr[n]))
		n++;
	struct slice letters = slice_of(s->ptr, n);
	*s = slice_of(s->ptr + n, s->len - n);
	return letters;
}

bool
text_to_duration(struct slice s, int64_t *ret_us)
{
	uint64_t total = 0, number;

	if (slice_is(s, "0")) {
		*ret_us = 0;
		return true;
	}
	do {
		if (!take_number(&s, INT64_MAX, &number))
			return false;
		const struct unit *unit =
		    unit_find(TIME_UNITS, ARRAY_LEN(TIME_UNITS), take_letters(&s));
		if (unit == NULL || number > ((uint64_t)INT64_MAX - total) / unit->factor)
			return false;
		total += number * unit->factor;
	} while (s.len > 0);
	*ret_us = (int64_t)total;
	return true;
}

void
text_hex(const uint8_t *bytes, size_t len, char *dst)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		dst[2 * i] = DIGITS[bytes[i] >> 4];
		dst[2 * i + 1] = DIGITS[bytes[i] & 15];
	}
	dst[2 * len] = '\0';
}

/*
 * The length of the well-formed UTF-8 sequence that s starts with (RFC 3629), or 0. Overlong forms,
 * surrogates, what lies past U+10FFFF and the C1 controls are not well-formed for us.
 */
static size_t
utf8_len(struct slice s)
{
	uint8_t lead = s.ptr[0];
	size_t len = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

	if (len == 0 || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s.ptr[i] & 0xc0) != 0x80)
			return 0;
	}
	uint8_t second = s.ptr[1];
	if ((lead == 0xc2 && second < 0xa0) || (lead == 0xe0 && second < 0xa0) ||
	    (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
	    (lead == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

/* How many bytes of s stand for themselves in escaped text: 0 when the first must be escaped. */
static size_t
plain_len(struct slice s)
{
	uint8_t c = s.ptr[0];

	if (c >= 0x80)
		return utf8_len(s);
	return c >= 0x20 && c != 0x7f && c != '\\' ? 1 : 0;
}

const char *
text_escape(struct slice s, char *dst, size_t dst_len)
{
	size_t out = 0;

	while (s.len > 0) {
		size_t n = plain_len(s);
		if (out + (n == 0 ? 4 : n) + 1 > dst_len)
			break;
		if (n == 0) {
			(void)snprintf(dst + out, dst_len - out, "\\x%02x", s.ptr[0]);
			out += 4;
			n = 1;
		} else {
			memcpy(dst + out, s.ptr, n);
			out += n;
		}
		s = slice_of(s.ptr + n, s.len - n);
	}
	if (dst_len > 0)
		dst[out] = '\0';
	return dst;
}

const char *
text_size(uint64_t bytes, char dst[16])
{
	static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	/* What would be rounded up to "1024.0" belongs to the next unit. */
	while (value >= 1023.95 && unit + 1 < ARRAY_LEN(UNITS)) {
		value /= 1024.0;
		unit++;
	}
	(void)snprintf(dst, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
	return dst;
}

const char *
text_duration(int64_t us, char dst[24])
{
	const char *sign = us < 0 ? "-" : "";
	uint64_t ms = (us < 0 ? -(uint64_t)us : (uint64_t)us) / (uint64_t)US_PER_MS;
	uint64_t seconds = ms / 1000;
	unsigned rest = (unsigned)(seconds % 60);

	if (seconds == 0)
		(void)snprintf(dst, 24, "%s%ums", sign, (unsigned)ms);
	else if (seconds < 60)
		(void)snprintf(dst, 24, "%s%us", sign, rest);
	else if (seconds < 3600)
		(void)snprintf(dst, 24, "%s%um%02us", sign, (unsigned)(seconds / 60), rest);
	else
		(void)snprintf(dst, 24, "%s%" PRIu64 "h%02um", sign, seconds / 3600,
		    (unsigned)(seconds / 60 % 60));
	return dst;
}

enum { NEAREST_WORD_MAX = 48 };

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edit distance that counts a swap of neighbours as one (optimal string alignment). */
static size_t
edit_distance(struct slice a, struct slice b)
{
	size_t d[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];

	for (size_t i = 0; i <= a.len; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
			    a.ptr[i - 2] == b.ptr[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[a.len][b.len];
}

const char *
text_nearest(struct slice word, const char *const *candidates)
{
	const char *nearest = NULL;
	size_t nearest_distance = word.len / 3 + 1;

	if (word.len == 0 || word.len > NEAREST_WORD_MAX)
		return NULL;
	for (; *candidates != NULL; candidates++) {
		struct slice candidate = slice_str(*candidates);
		if (candidate.len > NEAREST_WORD_MAX)
			continue;
		size_t distance = edit_distance(word, candidate);
		if (distance <= nearest_distance && distance < candidate.len &&
		    (nearest == NULL || distance < nearest_distance)) {
			nearest = *candidates;
			nearest_distance = distance;
		}
	}
	return nearest;
}
