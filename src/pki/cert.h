/*
 * OpenSSH certificates (PROTOCOL.certkeys): a public key that a certification authority has signed
 * together with whom, until when and from where it speaks for. Parsing checks the authority's
 * signature; whether that authority is trusted, and the rest holds here and now, is for the caller.
 */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum cert_type { CERT_USER = 1, CERT_HOST = 2 };

enum { CERT_BLOB_MAX = 16 * 1024, CERT_PRINCIPALS_MAX = 256, CERT_KEY_ID_MAX = 512 };

/* All slices are borrowed from the blob that was parsed, but `key`, which is built. */
struct cert {
	struct buf key; /* the plain public key that is certified (its blob) */
	enum cert_type type;
	uint64_t serial;
	struct slice key_id;
	struct slice principals[CERT_PRINCIPALS_MAX];
	size_t n_principals;
	uint64_t valid_after, valid_before; /* seconds; UINT64_MAX: for ever */
	struct slice source_address;        /* critical option; empty when absent */
	bool forces_command;                /* critical option force-command is there */
	bool verify_required;               /* critical option of FIDO keys */
	bool no_touch_required;             /* extension of FIDO keys */
	struct slice ca_key;                /* the authority's blob */
};

/* Is this the blob (or algorithm name) of a certificate? By its type's name alone. */
bool cert_type_name(struct slice type);

/* The plain key type of a certificate's type name, and the plain signature algorithm of its
 * algorithm name; empty for others. */
struct slice cert_plain_type(struct slice type);

/*
 * ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED (an unknown critical option, a CA key that is a
 * certificate itself or of a kind that we refuse), ERR_ACCESS (the authority's signature is not
 * good), with the reason in the story.
 */
enum err cert_parse(struct slice blob, struct cert *ret_cert, struct story *story) must_check;
void cert_fini(struct cert *c);

#endif
