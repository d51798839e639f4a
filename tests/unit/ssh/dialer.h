/*
 * A caller of transport_dial for tests: what it answers, and what it was asked. Included by one
 * test program each.
 */
#ifndef TESTS_SSH_DIALER_H
#define TESTS_SSH_DIALER_H

#include "pki/sign.h"
#include "ssh/dial.h"

#include "server.h"

struct dialer {
	/* Answers. */
	bool refuses_host;
	int64_t thinks_us; /* so long about each answer */
	struct slice private_key;
	struct slice blob;     /* shown in the place of the key's own: a certificate */
	const char *algorithm; /* NULL: the key's first */
	bool ask_first;
	const char *password, *answer;
	bool gives_up;

	/* What was seen. */
	unsigned n_judged, n_next, n_signed, n_prompts;
	bool host_cert, keyboard_tried;
	char principal[64], methods[256], prompt[256], banner[256];
	struct pki_key *key;
};

static inline void
dialer_think(const struct dialer *d)
{
	if (d->thinks_us > 0)
		(void)usleep((useconds_t)d->thinks_us);
}

static inline enum transport_outcome
dialer_judge(void *ctx, const struct dial_host_key *key, struct story *story)
{
	struct dialer *d = ctx;

	d->n_judged++;
	d->host_cert = key->cert != NULL;
	if (key->cert != NULL && key->cert->n_principals > 0)
		(void)!slice_copy(key->cert->principals[0], d->principal, sizeof d->principal);
	dialer_think(d);
	if (!d->refuses_host)
		return TRANSPORT_LOGGED_IN;
	story_set(story, "that isn't it: %s", key->fingerprint);
	return TRANSPORT_HOST_KEY_UNKNOWN;
}

static inline enum err
dialer_sign(void *ctx, struct slice data, struct buf *ret_signature)
{
	struct dialer *d = ctx;

	d->n_signed++;
	dialer_think(d);
	return pki_sign(d->key, pki_key_algorithm(d->key, 0), data, ret_signature);
}

static inline enum err
dialer_answer(void *ctx, struct slice name, struct slice instruction, struct slice prompt,
    bool echo, struct buf *ret_answer)
{
	struct dialer *d = ctx;

	(void)name;
	(void)instruction;
	(void)echo;
	d->n_prompts++;
	(void)!slice_copy(prompt, d->prompt, sizeof d->prompt);
	if (d->answer == NULL)
		return ERR_CLOSED;
	return buf_put(ret_answer, d->answer, strlen(d->answer));
}

static inline void
dialer_banner(void *ctx, struct slice text)
{
	struct dialer *d = ctx;

	(void)!slice_copy(text, d->banner, sizeof d->banner);
}

/* Each of the answers once: key, password, keyboard-interactive. */
static inline void
dialer_next(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof)
{
	struct dialer *d = ctx;

	d->n_next++;
	(void)!slice_copy(state->methods, d->methods, sizeof d->methods);
	ret_proof->ctx = d;
	if (d->gives_up) {
		ret_proof->type = DIAL_GIVE_UP;
	} else if (d->key != NULL && d->n_signed == 0) {
		ret_proof->type = DIAL_PUBLICKEY;
		ret_proof->algorithm =
		    d->algorithm != NULL ? d->algorithm : pki_key_algorithm(d->key, 0);
		ret_proof->blob = d->blob.len > 0 ? d->blob : pki_key_blob(d->key);
		ret_proof->ask_first = d->ask_first;
		ret_proof->sign = dialer_sign;
	} else if (d->password != NULL) {
		ret_proof->type = DIAL_PASSWORD;
		ret_proof->secret = slice_str(d->password);
		d->password = NULL;
	} else if (d->answer != NULL && !d->keyboard_tried) {
		d->keyboard_tried = true;
		ret_proof->type = DIAL_KEYBOARD;
		ret_proof->answer = dialer_answer;
	}
}

static inline struct dial_config
dialer_config(struct dialer *d, const char *user, uint16_t port)
{
	struct story story = {""};

	if (d->private_key.len > 0 && d->key == NULL &&
	    pki_key_parse(d->private_key, "the test's key", &d->key, &story) != ERR_OK)
		abort();
	return (struct dial_config){
	    .host = "server.example",
	    .port = port,
	    .user = user,
	    .deadline_us = time_mono_us() + 20 * US_PER_SEC,
	    .judge = dialer_judge,
	    .next = dialer_next,
	    .banner = dialer_banner,
	    .ctx = d,
	};
}

static inline void
dialer_fini(struct dialer *d)
{
	pki_key_free(d->key);
	d->key = NULL;
}

#endif
