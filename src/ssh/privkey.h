/* Private keys from their files' content, by way of libssh. Internal to ssh/. */
#ifndef SSH_PRIVKEY_H
#define SSH_PRIVKEY_H

#define SSH_SUPPRESS_DEPRECATED
#include <libssh/libssh.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* A key file is a few KiB; what is longer is something else. */
enum { PRIVKEY_FILE_MAX = 64 * 1024 };

/*
 * An OpenSSH or PEM private key without a passphrase, of a type and size that we use. The caller
 * frees *ret_key (ssh_key_free). ERR_FORMAT, ERR_UNSUPPORTED with the reason in the story, which
 * calls the key by the name given.
 */
enum err privkey_import(
    struct slice content, const char *name, ssh_key *ret_key, struct story *story) must_check;

/* Appends the public blob (RFC 4253 section 6.6) of a key, public or private. */
enum err privkey_blob(ssh_key key, struct buf *ret_blob) must_check;

#endif
