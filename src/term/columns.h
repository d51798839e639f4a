/*
 * How many columns of a terminal a text takes, and cutting it to so many. Text is valid UTF-8
 * without control characters, as text_escape leaves it.
 */
#ifndef TERM_COLUMNS_H
#define TERM_COLUMNS_H

#include <stddef.h>

/* Wide characters (CJK, emoji) count two columns, combining ones none. */
size_t columns_of(const char *text);

/*
 * text into dst, at most so many columns of it: if there are more, the last one is an ellipsis. Cut
 * at dst_len - 1 bytes, too, never inside of a character. Returns dst.
 */
const char *columns_cut(const char *text, size_t columns, char *dst, size_t dst_len);

#endif
