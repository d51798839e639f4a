/* Sizes as ls -h and df -h of sftp(1) show them: at most four digits, powers of 1024. */
#ifndef SHELL_SIZES_H
#define SHELL_SIZES_H

#include <stdint.h>

enum { SIZE_SCALED_MAX = 24 };

/* "6B", "4.0K", "231G". Returns dst. */
const char *size_scaled(uint64_t bytes, char dst[SIZE_SCALED_MAX]);

/* The same with a B behind every unit: "6B", "4.0KB", "231GB". */
const char *size_scaled_b(uint64_t bytes, char dst[SIZE_SCALED_MAX + 1]);

#endif
