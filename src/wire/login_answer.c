/* What the server says to a login: RFC 4252 sections 5 to 8, RFC 4256 section 3.2. */
#include "base/bug.h"
#include "base/rd.h"
#include "wire/login.h"
#include "wire/message.h"

enum {
	USERAUTH_FAILURE = 51,
	USERAUTH_SUCCESS = 52,
	USERAUTH_BANNER = 53,
	/* Numbers of the method under way. */
	USERAUTH_PK_OK = 60,
	USERAUTH_PASSWD_CHANGEREQ = 60,
	USERAUTH_INFO_REQUEST = 60
};

enum { LANGUAGE_MAX = 256 };

static enum err
malformed(struct story *story, const char *name)
{
	return story_fail(story, ERR_FORMAT, "the server's %s is malformed", name);
}

static struct slice
cut(struct slice text, size_t max)
{
	return slice_of(text.ptr, text.len < max ? text.len : max);
}

static enum err
on_service_accept(struct login *l, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice name = rd_string(&r, WIRE_TEXT_MAX);
	if (rd_done(&r) != ERR_OK || !slice_is(name, "ssh-userauth"))
		return malformed(story, "SERVICE_ACCEPT");
	if (!l->begun || l->granted)
		return story_fail(
		    story, ERR_FORMAT, "the server grants a service that was not asked for");
	l->granted = true;
	return ERR_OK;
}

/* Section 5.1. */
static enum err
on_failure(struct login *l, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice methods = rd_string(&r, WIRE_METHODS_MAX);
	bool partial = rd_u8(&r) != 0;
	if (rd_done(&r) != ERR_OK)
		return malformed(story, "USERAUTH_FAILURE");
	buf_clear(&l->methods);
	l->partial = partial;
	buf_wipe(&l->request);
	login_set_state(l, LOGIN_NEXT);
	return buf_put(&l->methods, methods.ptr, methods.len);
}

static enum err
on_success(struct login *l, struct slice payload, struct story *story)
{
	if (payload.len != 1)
		return malformed(story, "USERAUTH_SUCCESS");
	buf_wipe(&l->request);
	login_set_state(l, LOGIN_DONE);
	return ERR_OK;
}

/* One that comes while another waits doesn't happen: the caller hears the first one first. */
static enum err
keep_banner(struct login *l, struct slice text)
{
	if (text.len == 0 || l->n_banners >= WIRE_BANNERS_MAX)
		return ERR_OK;
	BUG_ON(l->has_banner);
	l->n_banners++;
	l->has_banner = true;
	buf_clear(&l->banner);
	text = cut(text, WIRE_BANNER_MAX);
	return buf_put(&l->banner, text.ptr, text.len);
}

/* Section 5.4. */
static enum err
on_banner(struct login *l, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice text = rd_string(&r, WIRE_PACKET_MAX);
	(void)rd_string(&r, LANGUAGE_MAX);
	if (rd_done(&r) != ERR_OK)
		return malformed(story, "USERAUTH_BANNER");
	return keep_banner(l, text);
}

/*
 * Section 7: the key would do. The name of the algorithm is not compared: some servers tell that of
 * the key.
 */
static enum err
on_pk_ok(struct login *l, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice algorithm = rd_string(&r, WIRE_TEXT_MAX);
	struct slice key = rd_string(&r, CERT_BLOB_MAX);
	if (rd_done(&r) != ERR_OK || algorithm.len == 0)
		return malformed(story, "USERAUTH_PK_OK");
	if (!l->is_question || !slice_equal(key, l->key))
		return story_fail(
		    story, ERR_FORMAT, "the server speaks of a key that was not asked about");
	login_set_state(l, LOGIN_SIGN);
	return ERR_OK;
}

/* Section 8: it has expired. We don't change it, so it is no proof. */
static enum err
on_change_request(struct login *l, struct slice payload, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	struct slice words = rd_string(&r, WIRE_PACKET_MAX);
	(void)rd_string(&r, LANGUAGE_MAX);
	if (rd_done(&r) != ERR_OK)
		return malformed(story, "USERAUTH_PASSWD_CHANGEREQ");
	words =
	    words.len > 0 ? cut(words, WIRE_PROMPT_MAX) : slice_str("the password must be changed");
	login_set_state(l, LOGIN_NEXT);
	return buf_put(&l->refusal, words.ptr, words.len);
}

static enum err
read_prompts(struct slice payload, struct wire_prompts *ret_p, struct story *story)
{
	struct rd r = rd_of(payload);

	(void)rd_u8(&r);
	ret_p->name = cut(rd_string(&r, WIRE_PACKET_MAX), WIRE_PROMPT_MAX);
	ret_p->instruction = cut(rd_string(&r, WIRE_PACKET_MAX), WIRE_PROMPT_MAX);
	(void)rd_string(&r, LANGUAGE_MAX);
	uint32_t n = rd_u32(&r);
	if (!r.failed && n > WIRE_PROMPTS_MAX)
		return story_fail(
		    story, ERR_LIMIT, "the server asks for %u answers at once: too many", n);
	ret_p->n = n;
	for (uint32_t i = 0; i < n && !r.failed; i++) {
		struct slice text = rd_string(&r, WIRE_PACKET_MAX);
		ret_p->prompts[i].text = cut(text, WIRE_PROMPT_MAX);
		ret_p->prompts[i].echo = rd_u8(&r) != 0;
	}
	return rd_done(&r) == ERR_OK ? ERR_OK : malformed(story, "USERAUTH_INFO_REQUEST");
}

/*
 * RFC 4256 section 3.2. Without prompts it is only words, and wants an empty answer; the words are
 * told as a banner.
 */
static enum err
on_info_request(struct login *l, struct slice payload, struct story *story)
{
	buf_clear(&l->info);
	enum err e = buf_put(&l->info, payload.ptr, payload.len);
	if (e != ERR_OK)
		return e;
	struct wire_prompts *p = &l->prompts;
	e = read_prompts(buf_slice(&l->info), p, story);
	if (e != ERR_OK)
		return e;
	login_set_state(l, LOGIN_PROMPT);
	if (p->n > 0)
		return ERR_OK;
	e = keep_banner(l, p->instruction.len > 0 ? p->instruction : p->name);
	return e == ERR_OK ? login_respond(l, NULL) : e;
}

typedef enum err answer_fn(struct login *l, struct slice payload, struct story *story);

/* What number 60 is depends on the method. */
static answer_fn *const METHOD_ANSWERS[] = {
    [WIRE_PROVE_NONE] = NULL,
    [WIRE_PROVE_PUBLICKEY] = on_pk_ok,
    [WIRE_PROVE_PASSWORD] = on_change_request,
    [WIRE_PROVE_KEYBOARD] = on_info_request,
};

static answer_fn *
answer_find(const struct login *l, uint8_t number)
{
	if (number == USERAUTH_BANNER)
		return on_banner;
	if (l->state != LOGIN_SENT)
		return NULL;
	if (number == USERAUTH_FAILURE)
		return on_failure;
	if (number == USERAUTH_SUCCESS)
		return on_success;
	return number == USERAUTH_PK_OK ? METHOD_ANSWERS[l->proof] : NULL;
}

enum err
login_input(struct login *l, struct slice payload, struct story *story)
{
	uint8_t number = payload.ptr[0];

	if (++l->n_messages > LOGIN_MESSAGES_MAX)
		return story_fail(
		    story, ERR_LIMIT, "the server sends too many messages before the login");
	if (number == SSH_MSG_SERVICE_ACCEPT)
		return on_service_accept(l, payload, story);
	answer_fn *answer = l->granted ? answer_find(l, number) : NULL;
	if (answer == NULL)
		return story_fail(story, ERR_FORMAT,
		    "the server sends a message that has no place in the login (%u)", number);
	return answer(l, payload, story);
}
