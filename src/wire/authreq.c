#include "wire/authreq.h"

#include <stdlib.h>

#include "pki/blob.h"
#include "pki/sign.h"

void
authreq_init(struct authreq *req)
{
	*req = (struct authreq){.cost = AUTHREQ_TRY};
	buf_init(&req->payload, AUTHREQ_MAX);
}

void
authreq_fini(struct authreq *req)
{
	buf_wipe(&req->payload);
	if (req->cert != NULL)
		cert_fini(req->cert);
	free(req->cert);
	authreq_init(req);
}

enum err
authreq_begin(struct authreq *req, struct slice payload, struct slice session, struct rd *ret_rest)
{
	authreq_fini(req);
	enum err e = buf_put(&req->payload, payload.ptr, payload.len);
	if (e != ERR_OK)
		return e;
	struct rd r = rd_of(buf_slice(&req->payload));
	(void)rd_u8(&r); /* the message's number */
	req->session = session;
	req->user = rd_string(&r, AUTHREQ_MAX);
	req->service = rd_string(&r, AUTHREQ_MAX);
	req->method = rd_string(&r, AUTHREQ_MAX);
	*ret_rest = r;
	return r.failed ? ERR_FORMAT : ERR_OK;
}

/* Section 5.2: only to be told which methods there are. Nothing follows. */
enum err
authreq_read_none(struct authreq *req, struct rd rest, struct wire_auth *ret_auth, bool *ret_asks)
{
	(void)ret_auth;
	req->cost = AUTHREQ_QUESTION;
	*ret_asks = false;
	return rd_done(&rest);
}

/* Section 8. A change of the password (the boolean is true) is not done here. */
enum err
authreq_read_password(
    struct authreq *req, struct rd rest, struct wire_auth *ret_auth, bool *ret_asks)
{
	bool changes = rd_u8(&rest) != 0;
	struct slice password = rd_string(&rest, AUTHREQ_MAX);

	(void)req;
	if (changes)
		(void)rd_string(&rest, AUTHREQ_MAX);
	ret_auth->method = WIRE_PASSWORD;
	ret_auth->password = password;
	*ret_asks = !changes && password.len <= WIRE_PASSWORD_MAX;
	return rd_done(&rest);
}

/*
 * The plain key and the algorithm of the signature: for a certificate, those that it certifies.
 * False when the key is none that we take, or the algorithm isn't one of its.
 */
static enum err
take_key(struct authreq *req, struct wire_auth *auth, bool *ret_good)
{
	struct slice type = blob_type(req->key);
	bool certified = cert_type_name(type);

	*ret_good = false;
	auth->key = req->key;
	auth->algorithm = req->algorithm;
	if (certified != cert_type_name(req->algorithm))
		return ERR_OK;
	if (certified) {
		req->cert = calloc(1, sizeof *req->cert);
		if (req->cert == NULL)
			return ERR_NOMEM;
		enum err e = cert_parse(req->key, req->cert, NULL);
		if (e != ERR_OK)
			return e == ERR_NOMEM ? e : ERR_OK;
		auth->cert = req->cert;
		auth->key = buf_slice(&req->cert->key);
		auth->algorithm = cert_plain_type(req->algorithm);
	}
	*ret_good = blob_refusal(auth->key) == NULL &&
		    pki_algorithm_fits(auth->algorithm, blob_type(auth->key));
	return ERR_OK;
}

/*
 * Section 7: what is signed is the session's id and the request as far as the signature, which ends
 * it. A signature that can't be read is as bad as a wrong one.
 */
static enum err
check_signature(struct authreq *req, struct slice signature, struct wire_auth *auth)
{
	struct slice payload = buf_slice(&req->payload);
	struct buf data _cleanup_(buf_fini);

	buf_init(&data, AUTHREQ_MAX + 1024);
	enum err e = buf_put_string(&data, req->session);
	if (e == ERR_OK)
		e = buf_put(&data, payload.ptr, payload.len - 4 - signature.len);
	if (e != ERR_OK)
		return e;
	e = pki_verify(auth->key, auth->algorithm, buf_slice(&data), signature, &auth->sk);
	if (e == ERR_NOMEM)
		return e;
	auth->proven = e == ERR_OK;
	auth->forged = e != ERR_OK;
	return ERR_OK;
}

/* Section 7, with or without a signature. */
enum err
authreq_read_publickey(
    struct authreq *req, struct rd rest, struct wire_auth *ret_auth, bool *ret_asks)
{
	struct slice signature = {0};
	bool is_signed = rd_u8(&rest) != 0;

	*ret_asks = false;
	ret_auth->method = WIRE_PUBLICKEY;
	req->algorithm = rd_string(&rest, 64);
	req->key = rd_string(&rest, CERT_BLOB_MAX);
	if (is_signed)
		signature = rd_string(&rest, PKI_SIGNATURE_MAX);
	else
		req->cost = AUTHREQ_QUESTION;
	enum err e = rd_done(&rest);
	if (e == ERR_OK)
		e = take_key(req, ret_auth, ret_asks);
	if (e == ERR_OK && *ret_asks && is_signed)
		e = check_signature(req, signature, ret_auth);
	return e;
}
