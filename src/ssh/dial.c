/*
 * Driving a client's engine to an open stream. Each event of the login has a function here that
 * asks the caller and answers; while one asks, the clock of the deadline stands.
 */
#include "ssh/dial.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "pki/blob.h"
#include "pki/sign.h"
#include "ssh/transport_client.h"

struct dial {
	const struct dial_config *config;
	struct client *c;
	int64_t deadline_us;
	int64_t paused_us;       /* since when the clock stands */
	struct dial_proof proof; /* that was tried last */
	bool done;
	enum transport_outcome outcome; /* when done */
	struct story *story;
};

static void
finish(struct dial *d, enum transport_outcome outcome)
{
	d->done = true;
	d->outcome = outcome;
}

static void
fail(struct dial *d, enum err e, const char *what)
{
	story_set(d->story, "remote \"%s\" port %u: %s: %s", d->config->host,
	    (unsigned)d->config->port, what, err_text(e));
	wire_client_end(d->c->wire, e, d->story->text);
	finish(d, TRANSPORT_LOCAL_FAILURE);
}

static void
pause_clock(struct dial *d)
{
	d->paused_us = time_mono_us();
}

static void
resume_clock(struct dial *d)
{
	if (d->deadline_us != INT64_MAX)
		d->deadline_us += time_mono_us() - d->paused_us;
}

/* That the line is over is told by CLOSED, which comes next. */
static void
answered(enum err e)
{
	BUG_ON(e != ERR_OK && e != ERR_CLOSED);
}

/* The host key is judged before anything else of ours is sent. */
static void
on_host_key(struct dial *d)
{
	const struct wire_host_key *shown = &d->c->next.host_key;
	char *fingerprint = d->c->base.facts.fingerprint;
	struct dial_host_key key = {
	    .blob = shown->blob,
	    .key = shown->key,
	    .cert = shown->cert,
	    .fingerprint = fingerprint,
	};

	if (blob_fingerprint(shown->key, fingerprint) != ERR_OK) {
		fail(d, ERR_NOMEM, "its host key can't be read");
		return;
	}
	client_note_facts(d->c);
	pause_clock(d);
	enum transport_outcome outcome = d->config->judge(d->config->ctx, &key, d->story);
	resume_clock(d);
	if (outcome == TRANSPORT_LOGGED_IN) {
		answered(wire_client_accept_host_key(d->c->wire));
		return;
	}
	wire_client_refuse_host_key(d->c->wire, ERR_ACCESS, d->story->text);
	finish(d, outcome);
}

static void
on_banner(struct dial *d)
{
	if (d->config->banner == NULL)
		return;
	pause_clock(d);
	d->config->banner(d->config->ctx, d->c->next.text);
	resume_clock(d);
}

static void
prove(struct dial *d)
{
	static const enum wire_proof_type TYPES[] = {
	    [DIAL_ASK] = WIRE_PROVE_NONE,
	    [DIAL_PUBLICKEY] = WIRE_PROVE_PUBLICKEY,
	    [DIAL_PASSWORD] = WIRE_PROVE_PASSWORD,
	    [DIAL_KEYBOARD] = WIRE_PROVE_KEYBOARD,
	};

	if (d->proof.secret.len > WIRE_ANSWER_MAX || d->proof.blob.len > CERT_BLOB_MAX) {
		fail(d, ERR_LIMIT, "what is to be proven is too long");
		return;
	}
	answered(wire_client_prove(d->c->wire, &(struct wire_proof){
						   .type = TYPES[d->proof.type],
						   .algorithm = d->proof.algorithm,
						   .blob = d->proof.blob,
						   .ask_first = d->proof.ask_first,
						   .password = d->proof.secret,
					       }));
}

static void
on_auth_next(struct dial *d)
{
	const struct wire_login_state *login = &d->c->next.login;
	struct dial_auth_state state = {
	    .methods = login->methods,
	    .partial = login->partial,
	    .signatures = login->signatures,
	};

	client_choose_window(d->c);
	d->proof = (struct dial_proof){.type = DIAL_NO_PROOF};
	pause_clock(d);
	d->config->next(d->config->ctx, &state, &d->proof);
	resume_clock(d);
	if (d->proof.type == DIAL_NO_PROOF) {
		finish(d, dial_explain_refusal(d->config, login, d->story));
		wire_client_end(d->c->wire, ERR_ACCESS, d->story->text);
	} else if (d->proof.type == DIAL_GIVE_UP) {
		story_set(d->story, "the login at \"%s\" port %u was given up", d->config->host,
		    (unsigned)d->config->port);
		wire_client_end(d->c->wire, ERR_CLOSED, d->story->text);
		finish(d, TRANSPORT_LOCAL_FAILURE);
	} else {
		prove(d);
	}
}

static void
on_sign(struct dial *d)
{
	struct buf signature _cleanup_(buf_fini);

	buf_init(&signature, PKI_SIGNATURE_MAX);
	pause_clock(d);
	enum err e = d->proof.sign(d->proof.ctx, d->c->next.text, &signature);
	resume_clock(d);
	if (e == ERR_OK)
		answered(wire_client_sign(d->c->wire, buf_slice(&signature)));
	else if (e == ERR_CLOSED)
		answered(wire_client_skip(d->c->wire));
	else
		fail(d, e, "the login can't be signed");
}

/* Asks for each answer; as many as were asked for are initialised in any case. */
static enum err
ask_all(struct dial *d, const struct wire_prompts *asked, struct buf answers[WIRE_PROMPTS_MAX])
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < asked->n; i++) {
		buf_init(&answers[i], WIRE_ANSWER_MAX);
		if (e == ERR_OK)
			e = d->proof.answer(d->proof.ctx, asked->name, asked->instruction,
			    asked->prompts[i].text, asked->prompts[i].echo, &answers[i]);
	}
	return e;
}

static void
on_prompt(struct dial *d)
{
	const struct wire_prompts *asked = d->c->next.prompts;
	struct slice slices[WIRE_PROMPTS_MAX];
	struct buf answers[WIRE_PROMPTS_MAX];

	pause_clock(d);
	enum err e = ask_all(d, asked, answers);
	resume_clock(d);
	for (size_t i = 0; i < asked->n; i++)
		slices[i] = buf_slice(&answers[i]);
	size_t n = asked->n;
	if (e == ERR_OK)
		answered(wire_client_respond(d->c->wire, slices));
	else if (e == ERR_CLOSED)
		answered(wire_client_skip(d->c->wire));
	else
		fail(d, e, "what it asks can't be answered");
	for (size_t i = 0; i < n; i++)
		buf_wipe(&answers[i]);
}

static void
on_opened(struct dial *d)
{
	client_choose_window(d->c);
	finish(d, TRANSPORT_LOGGED_IN);
}

static void
on_closed(struct dial *d)
{
	finish(d, dial_explain_end(d->c, d->config, d->story));
}

/* Nothing to tell: the line has to bring something, while there is time. */
static void
on_nothing(struct dial *d)
{
	bool extra;

	if (time_mono_us() >= d->deadline_us) {
		finish(d, dial_explain_timeout(d->c, d->config, d->story));
		wire_client_end(d->c->wire, ERR_TIMEOUT, d->story->text);
		return;
	}
	transport_turn(&d->c->base, -1, d->deadline_us, &extra);
}

static void (*const HANDLERS[])(struct dial *d) = {
    [WIRE_NOTHING] = on_nothing,
    [WIRE_HOST_KEY] = on_host_key,
    [WIRE_BANNER] = on_banner,
    [WIRE_AUTH_NEXT] = on_auth_next,
    [WIRE_SIGN] = on_sign,
    [WIRE_PROMPT] = on_prompt,
    [WIRE_OPENED] = on_opened,
    [WIRE_CLOSED] = on_closed,
};

enum transport_outcome
transport_dial(struct transport **ret_t, int fd, const struct dial_config *config,
    struct transport_facts *ret_facts, struct story *story)
{
	struct dial d = {.config = config, .deadline_us = config->deadline_us, .story = story};

	*ret_facts = (struct transport_facts){.fingerprint = ""};
	story_set(story, "%s", "");
	enum err e = client_new(&d.c, fd, config, story);
	if (e != ERR_OK)
		return e == ERR_UNSUPPORTED ? TRANSPORT_NO_ALGORITHM : TRANSPORT_LOCAL_FAILURE;
	while (!d.done) {
		enum wire_event_type type = transport_take_event(&d.c->base);
		BUG_ON(type >= ARRAY_LEN(HANDLERS) || HANDLERS[type] == NULL);
		HANDLERS[type](&d);
	}
	client_note_facts(d.c);
	transport_facts(&d.c->base, ret_facts);
	if (d.outcome == TRANSPORT_LOGGED_IN) {
		transport_push(&d.c->base);
		*ret_t = &d.c->base;
	} else {
		transport_free(&d.c->base);
	}
	return d.outcome;
}

enum transport_outcome
dial_await_subsystem(
    struct transport *t, const struct dial_config *config, int64_t deadline_us, struct story *story)
{
	struct client *c = client_of(t);
	bool extra;

	while (wire_client_stage(c->wire) != WIRE_STAGE_OPEN) {
		enum wire_event_type type = transport_take_event(t);
		if (type == WIRE_CLOSED)
			return dial_explain_end(c, config, story);
		/* The caller's, who is told of it again. */
		t->has_next = type != WIRE_NOTHING;
		t->told_readable = false;
		if (t->has_next || wire_client_stage(c->wire) == WIRE_STAGE_OPEN)
			break;
		if (time_mono_us() >= deadline_us)
			return dial_explain_timeout(c, config, story);
		transport_turn(t, -1, deadline_us, &extra);
	}
	return TRANSPORT_LOGGED_IN;
}
