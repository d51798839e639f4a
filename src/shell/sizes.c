#include "shell/sizes.h"

#include <stdio.h>
#include <string.h>

const char *
size_scaled(uint64_t bytes, char dst[SIZE_SCALED_MAX])
{
	static const char UNITS[] = "BKMGTPE";
	uint64_t rest = 0, n = bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 2 < sizeof UNITS; unit++) {
		rest = n % 1024;
		n /= 1024;
	}
	uint64_t tenths = (rest * 10 + 512) / 1024;
	/* What rounds up to a whole one, and to a whole unit. */
	if (unit > 0 && n < 100 && tenths == 10) {
		n++;
		tenths = 0;
	} else if (unit > 0 && n >= 100 && rest >= 512) {
		n++;
	}
	if (n == 1024 && unit + 2 < sizeof UNITS) {
		n = 1;
		tenths = 0;
		unit++;
	}
	if (unit == 0 || n >= 100)
		snprintf(dst, SIZE_SCALED_MAX, "%ju%c", (uintmax_t)n, UNITS[unit]);
	else
		snprintf(dst, SIZE_SCALED_MAX, "%ju.%ju%c", (uintmax_t)n, (uintmax_t)tenths,
		    UNITS[unit]);
	return dst;
}

const char *
size_scaled_b(uint64_t bytes, char dst[SIZE_SCALED_MAX + 1])
{
	size_scaled(bytes, dst);
	size_t len = strlen(dst);
	if (dst[len - 1] != 'B') {
		dst[len] = 'B';
		dst[len + 1] = '\0';
	}
	return dst;
}
