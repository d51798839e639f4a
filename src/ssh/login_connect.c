/* One connection of a login. */
#include <stdlib.h>

#include "base/clock.h"
#include "os/fd.h"
#include "ssh/login_internal.h"

static void
tell_identity(void *ctx, unsigned level, const char *text)
{
	login_tell(ctx, level, "%s", text);
}

/* Once, at the first connection: later ones have the keys already. */
static enum err
gather(struct login *l, struct story *story)
{
	if (l->identities != NULL)
		return ERR_OK;
	l->identities = calloc(1, sizeof *l->identities);
	if (l->identities == NULL)
		return story_fail(story, ERR_NOMEM, "no memory for the keys");
	enum err e = identity_gather(l->identities, &l->c, tell_identity, l);
	return e == ERR_OK ? e : story_fail(story, e, "the keys can't be read: %s", err_text(e));
}

static const char *
text_of(const struct buf *b)
{
	return (const char *)buf_slice(b).ptr;
}

static struct dial_config
dial_config_of(struct attempt *a)
{
	struct login *l = a->l;

	return (struct dial_config){
	    .host = l->c.host_name,
	    .port = (uint16_t)l->c.port,
	    .user = l->c.user,
	    .deadline_us = time_mono_us() + l->timeout_us,
	    .kex = text_of(&l->kex),
	    .host_keys = text_of(&l->host_keys),
	    .ciphers = text_of(&l->ciphers),
	    .macs = text_of(&l->macs),
	    .subsystem = l->subsystem,
	    .alive_interval_us = l->c.alive_interval_s * US_PER_SEC,
	    .alive_max = (uint32_t)l->c.alive_max,
	    .judge = login_judge,
	    .next = login_next,
	    .banner = login_banner,
	    .ctx = a,
	};
}

static enum transport_outcome
connect_once(struct attempt *a, struct transport **ret_t, struct transport_facts *ret_facts,
    struct story *story)
{
	struct login *l = a->l;
	bool proxied = l->c.proxy_command != NULL || l->c.proxy_jump != NULL;
	int fd = -1;

	if (gather(l, story) != ERR_OK || login_known_read(a, story) != ERR_OK ||
	    login_host_keys(a, story) != ERR_OK)
		return TRANSPORT_LOCAL_FAILURE;
	enum err e =
	    proxied ? login_connect_proxy(l, &fd, story) : login_connect_tcp(l, &fd, story);
	if (e != ERR_OK)
		return proxied ? TRANSPORT_LOCAL_FAILURE : TRANSPORT_UNREACHABLE;
	struct dial_config config = dial_config_of(a);
	enum transport_outcome outcome = transport_dial(ret_t, fd, &config, ret_facts, story);
	if (proxied && outcome != TRANSPORT_LOGGED_IN)
		login_proxy_failed(l, story);
	return outcome;
}

enum transport_outcome
login_connect(struct login *l, struct transport **ret_t, struct transport_facts *ret_facts,
    struct story *story)
{
	struct attempt *a = calloc(1, sizeof *a);

	*ret_t = NULL;
	*ret_facts = (struct transport_facts){0};
	if (a == NULL) {
		story_set(story, "no memory for the connection");
		return TRANSPORT_LOCAL_FAILURE;
	}
	a->l = l;
	enum transport_outcome outcome = connect_once(a, ret_t, ret_facts, story);
	if (outcome == TRANSPORT_LOGGED_IN)
		l->was_in = true;
	login_known_fini(a);
	free(a);
	return outcome;
}
