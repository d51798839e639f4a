/*
 * Hashes of passwords as crypt(5) writes them, by way of libcrypt. Only kinds that are slow to try
 * are taken: yescrypt, gost-yescrypt, scrypt, bcrypt, SHA-512 and, where the system's libcrypt has
 * it, Argon2id.
 */
#ifndef OS_PASSWORD_H
#define OS_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

/* PASSWORD_MAX: libcrypt hashes no more bytes than that. */
enum { PASSWORD_MAX = 511, PASSWORD_HASH_MAX = 384 };

/* Why this can't be the hash of a password, or NULL when it can. The words never hold the text. */
const char *password_hash_refusal(struct slice hash);

/*
 * Is it the hash of this password? Takes as long as the hash was made to cost, whatever the
 * answer; the comparison's time does not depend on where they differ. ERR_FORMAT for a hash that
 * password_hash_refusal refuses, ERR_NOMEM. A password that is longer than PASSWORD_MAX, or holds
 * a NUL, is no password at all: false, after the same time.
 */
enum err password_matches(struct slice hash, struct slice password, bool *ret_good) must_check;

/* A yescrypt hash with a fresh salt. ERR_INVALID for a password that is empty, too long or holds a
 * NUL. */
enum err password_hash(struct slice password, char ret_hash[PASSWORD_HASH_MAX]) must_check;

#endif
