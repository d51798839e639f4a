/* Positive numbers as RFC 4251 section 5 writes them: "mpint". */
#ifndef WIRE_MPINT_H
#define WIRE_MPINT_H

#include "base/buf.h"
#include "base/rd.h"

/* Appends the number of these big-endian bytes. */
enum err mpint_put(struct buf *b, struct slice number) must_check;

/*
 * Is this the content of an mpint that is greater than zero, written without needless zeros, as the
 * section demands? Another form would stand for the same number, and for another exchange hash.
 */
bool mpint_is_positive(struct slice content);

#endif
