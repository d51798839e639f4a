/* Host and Match: whether the lines that follow are for this destination. */
#include <strings.h>

#include "base/text.h"
#include "ssh/pattern.h"
#include "ssh/sshconfig_parts.h"

/* What Host's patterns are compared with: the second reading sees the resolved name. */
static enum err
host_of(struct sshconfig_parser *p, char dst[SSHCONFIG_VALUE_MAX])
{
	if (p->who->final)
		return sshconfig_host(p->c, p->who, dst, p->story);
	return slice_copy(slice_str(p->who->original), dst, SSHCONFIG_VALUE_MAX) ? ERR_OK
										 : ERR_LIMIT;
}

enum err
sshconfig_parse_host(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig_parser *p = l->parser;
	char host[SSHCONFIG_VALUE_MAX];
	bool active = false;

	if (p->who == NULL || p->line == 0)
		return sshconfig_fail(p, ERR_FORMAT, "%s can't be an option", k->name);
	enum err e = host_of(p, host);
	if (e != ERR_OK)
		return e;
	p->active = false;
	for (size_t i = 0; i < l->words->n; i++) {
		const char *word = l->words->word[i];
		bool negated = word[0] == '!';
		if (word[0] == '\0')
			return sshconfig_fail(p, ERR_FORMAT, "an empty pattern for %s", k->name);
		if (!pattern_match(slice_str(word + negated), slice_str(host)))
			continue;
		/* A negated match ends it, whatever else matches. */
		if (negated)
			return ERR_OK;
		active = true;
	}
	p->active = active && !p->never;
	return ERR_OK;
}

/* A criterion of Match with an argument: does it hold? */
struct criterion {
	const char *name;
	enum err (*holds)(struct sshconfig_parser *p, const char *argument, bool *ret);
};

static bool
in_list(const char *list, const char *text)
{
	return pattern_list_match(slice_str(list), slice_str(text)) == PATTERN_YES;
}

static enum err
host_holds(struct sshconfig_parser *p, const char *argument, bool *ret)
{
	char host[SSHCONFIG_VALUE_MAX];

	enum err e = sshconfig_host(p->c, p->who, host, p->story);
	*ret = e == ERR_OK && in_list(argument, host);
	return e;
}

static enum err
original_holds(struct sshconfig_parser *p, const char *argument, bool *ret)
{
	*ret = in_list(argument, p->who->original);
	return ERR_OK;
}

static enum err
user_holds(struct sshconfig_parser *p, const char *argument, bool *ret)
{
	*ret = in_list(argument, p->c->user != NULL ? p->c->user : p->who->local_user);
	return ERR_OK;
}

static enum err
local_user_holds(struct sshconfig_parser *p, const char *argument, bool *ret)
{
	*ret = in_list(argument, p->who->local_user);
	return ERR_OK;
}

static enum err
exec_holds(struct sshconfig_parser *p, const char *argument, bool *ret)
{
	char command[SSHCONFIG_VALUE_MAX];

	*ret = false;
	enum err e = sshconfig_expand(p->c, p->who, argument, "CdhiklLnpru", 0, command, p->story);
	if (e == ERR_OK && p->who->run != NULL)
		*ret = p->who->run(p->who->ctx, command);
	return e;
}

static const struct criterion CRITERIA[] = {
    {"host", host_holds},
    {"originalhost", original_holds},
    {"user", user_holds},
    {"localuser", local_user_holds},
    {"exec", exec_holds},
};

static const struct criterion *
criterion_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(CRITERIA); i++) {
		if (strcasecmp(name, CRITERIA[i].name) == 0)
			return &CRITERIA[i];
	}
	return NULL;
}

static enum err
fail_word(struct sshconfig_parser *p, const char *words, const char *word)
{
	char text[64];

	return sshconfig_fail(p, ERR_FORMAT, "Match: %s \"%s\"", words,
	    text_escape(slice_str(word), text, sizeof text));
}

/* A match in progress: what is false already isn't looked into any more, so that no command runs
 * in vain. */
struct match {
	struct sshconfig_parser *p;
	const struct sshconfig_words *words;
	size_t at;
	bool result;
};

static enum err
match_criterion(struct match *m, const char *word, bool negated)
{
	const struct criterion *c = criterion_find(word);
	bool holds = false;

	if (c == NULL)
		return fail_word(m->p, "unknown criterion", word);
	if (m->at == m->words->n || m->words->word[m->at][0] == '\0')
		return fail_word(m->p, "nothing to compare with for", word);
	const char *argument = m->words->word[m->at++];
	if (!m->result)
		return ERR_OK;
	enum err e = c->holds(m->p, argument, &holds);
	m->result = holds != negated;
	return e;
}

static enum err
match_word(struct match *m)
{
	const char *word = m->words->word[m->at++];
	bool negated = word[0] == '!';

	word += negated;
	if (strcasecmp(word, "all") == 0) {
		if (negated || m->at != m->words->n || m->at > 2)
			return fail_word(m->p, "stands alone or behind final, and last:", word);
		return ERR_OK;
	}
	if (strcasecmp(word, "final") == 0 || strcasecmp(word, "canonical") == 0) {
		/* Nothing is canonicalized here, so that both mean the second reading. */
		m->p->c->wants_final |= strcasecmp(word, "final") == 0;
		m->result = m->result && m->p->who->final != negated;
		return ERR_OK;
	}
	return match_criterion(m, word, negated);
}

enum err
sshconfig_parse_match(const struct sshconfig_line *l, const struct sshconfig_keyword *k)
{
	struct sshconfig_parser *p = l->parser;
	struct match m = {.p = p, .words = l->words, .result = !p->never};
	enum err e = ERR_OK;

	if (p->who == NULL || p->line == 0)
		return sshconfig_fail(p, ERR_FORMAT, "%s can't be an option", k->name);
	if (l->words->n == 0)
		return sshconfig_fail(p, ERR_FORMAT, "%s needs a criterion", k->name);
	while (m.at < l->words->n && e == ERR_OK)
		e = match_word(&m);
	p->active = m.result;
	return e;
}
