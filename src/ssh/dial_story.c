/* Why a login did not come about, in words for people. */
#include <stdio.h>

#include "base/text.h"
#include "ssh/transport_client.h"

/* What was going on, by what was awaited. */
static const char *const DOING[] = {
    [WIRE_STAGE_VERSION] = "the first word was awaited",
    [WIRE_STAGE_KEYS] = "the keys were exchanged",
    [WIRE_STAGE_LOGIN] = "we logged in",
    [WIRE_STAGE_CHANNEL] = "SFTP was asked for",
    [WIRE_STAGE_OPEN] = "SFTP was asked for",
};

/* Nobody there has said that it is an SSH server. */
static void
tell_stranger(const struct client *c, const char *host, unsigned port, struct story *story)
{
	enum err e = c->next.error;

	if (e == ERR_FORMAT || e == ERR_LIMIT)
		story_set(story, "remote \"%s\" port %u is %s", host, port, c->next.story);
	else if (c->n_heard > 0)
		story_set(story, "remote \"%s\" port %u doesn't answer as an SSH server: %s", host,
		    port, c->next.story);
	else if (c->base.send_failed)
		story_set(story, "remote \"%s\" port %u: %s before it said anything", host, port,
		    c->next.story);
	else
		story_set(story,
		    "remote \"%s\" port %u closed the connection before it said anything (is it "
		    "an SSH server, and does it let this address in?)",
		    host, port);
}

static enum transport_outcome
tell_lost(const struct client *c, const struct dial_config *config, struct story *story)
{
	enum wire_stage stage = wire_client_stage(c->wire);
	unsigned port = config->port;

	if (stage == WIRE_STAGE_VERSION)
		tell_stranger(c, config->host, port, story);
	else
		story_set(story, "remote \"%s\" port %u: the connection ended while %s: %s",
		    config->host, port, DOING[stage], c->next.story);
	return TRANSPORT_UNREACHABLE;
}

/* It broke off the login, and rarely says why. */
static enum transport_outcome
tell_thrown_out(const struct client *c, const struct dial_config *config, struct story *story)
{
	story_set(story,
	    "remote \"%s\" port %u ended the connection while we logged in: %s (too many refused "
	    "tries, often)",
	    config->host, (unsigned)config->port, c->next.story);
	return TRANSPORT_UNREACHABLE;
}

static enum transport_outcome
tell_no_algorithm(const struct client *c, const struct dial_config *config, struct story *story)
{
	story_set(story, "remote \"%s\" port %u and we have no algorithm in common: %s",
	    config->host, (unsigned)config->port, c->next.story);
	return TRANSPORT_NO_ALGORITHM;
}

static enum transport_outcome
tell_no_sftp(const struct client *c, const struct dial_config *config, struct story *story)
{
	story_set(story, "remote \"%s\" port %u took the login, but %s", config->host,
	    (unsigned)config->port, c->next.story);
	return TRANSPORT_NO_SFTP;
}

static enum transport_outcome
tell_own(const struct client *c, const struct dial_config *config, struct story *story)
{
	story_set(story, "remote \"%s\" port %u: %s", config->host, (unsigned)config->port,
	    c->next.story);
	return TRANSPORT_LOCAL_FAILURE;
}

static enum transport_outcome (*const TELL[])(
    const struct client *c, const struct dial_config *config, struct story *story) = {
    [WIRE_END_LINE] = tell_lost,
    [WIRE_END_NO_ALGORITHM] = tell_no_algorithm,
    [WIRE_END_HOST_KEY] = tell_lost,
    [WIRE_END_LOGIN] = tell_thrown_out,
    [WIRE_END_NO_CHANNEL] = tell_no_sftp,
    [WIRE_END_NO_SUBSYSTEM] = tell_no_sftp,
    [WIRE_END_OWN] = tell_own,
};

enum transport_outcome
dial_explain_end(const struct client *c, const struct dial_config *config, struct story *story)
{
	return TELL[c->next.end](c, config, story);
}

enum transport_outcome
dial_explain_timeout(const struct client *c, const struct dial_config *config, struct story *story)
{
	enum wire_stage stage = wire_client_stage(c->wire);
	unsigned port = config->port;

	if (stage != WIRE_STAGE_VERSION)
		story_set(story, "remote \"%s\" port %u did not answer in time while %s",
		    config->host, port, DOING[stage]);
	else if (c->n_heard > 0)
		story_set(story,
		    "remote \"%s\" port %u doesn't answer as an SSH server: no version came in "
		    "time",
		    config->host, port);
	else
		story_set(story,
		    "remote \"%s\" port %u took the connection, but said nothing in time",
		    config->host, port);
	return TRANSPORT_UNREACHABLE;
}

enum transport_outcome
dial_explain_refusal(
    const struct dial_config *config, const struct wire_login_state *login, struct story *story)
{
	char user[128], methods[128], words[160];

	(void)text_escape(slice_str(config->user), user, sizeof user);
	(void)text_escape(login->methods, methods, sizeof methods);
	(void)text_escape(login->refusal, words, sizeof words);
	story_set(story,
	    "remote \"%s\" port %u does not let the user \"%s\" in by anything that we have: it "
	    "takes %s%s%s%s",
	    config->host, (unsigned)config->port, user, methods[0] == '\0' ? "nothing" : methods,
	    login->partial ? ", and more is asked for than was proven" : "",
	    words[0] == '\0' ? "" : "; it says: ", words);
	return TRANSPORT_USER_KEY_REFUSED;
}
