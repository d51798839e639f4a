/* Lists of algorithms as ssh_config(5) writes them, over those that we have. */
#include <stdlib.h>

#include "base/text.h"
#include "ssh/dial.h"
#include "ssh/pattern.h"
#include "wire/offer.h"

static const struct {
	const char *name;
	enum wire_kind kind;
} KINDS[] = {
    {"kex", WIRE_KIND_KEX},
    {"hostkey", WIRE_KIND_HOST_KEY},
    {"cipher", WIRE_KIND_CIPHER},
    {"mac", WIRE_KIND_MAC},
    {"signature", WIRE_KIND_SIGNATURE},
};

/* Which of ours are in the list so far. */
struct offer {
	enum wire_kind kind;
	bool taken[WIRE_NAMES_MAX];
	size_t start; /* of the list in its buffer */
	struct buf *list;
};

static enum err
take(struct offer *o, size_t i)
{
	if (o->taken[i])
		return ERR_OK;
	o->taken[i] = true;
	return buf_printf(
	    o->list, "%s%s", buf_len(o->list) > o->start ? "," : "", wire_name_at(o->kind, i));
}

/* Those that the patterns name, in the patterns' order, or with `only_mark` none of them. */
static enum err
take_named(struct offer *o, struct slice patterns, bool only_mark)
{
	enum err e = ERR_OK;

	while (patterns.len > 0 && e == ERR_OK) {
		struct slice pattern;
		patterns = slice_cut(patterns, ',', &pattern);
		for (size_t i = 0; wire_name_at(o->kind, i) != NULL && e == ERR_OK; i++) {
			if (!pattern_match(
				slice_trim(pattern), slice_str(wire_name_at(o->kind, i))))
				continue;
			if (only_mark)
				o->taken[i] = true;
			else
				e = take(o, i);
		}
	}
	return e;
}

static enum err
take_rest(struct offer *o)
{
	enum err e = ERR_OK;

	for (size_t i = 0; wire_name_at(o->kind, i) != NULL && e == ERR_OK; i++)
		e = take(o, i);
	return e;
}

/* All of ours are on by themselves, so "+" changes nothing: what it may add, we don't have. */
static enum err
fill(struct offer *o, struct slice wanted)
{
	uint8_t sign = wanted.len == 0 ? 0 : wanted.ptr[0];
	struct slice rest = wanted.len == 0 ? wanted : slice_of(wanted.ptr + 1, wanted.len - 1);
	enum err e = ERR_OK;

	if (sign == '-' || sign == '^')
		e = take_named(o, rest, sign == '-');
	else if (sign != '+')
		return take_named(o, wanted, false);
	return e == ERR_OK ? take_rest(o) : e;
}

enum err
dial_offer(const char *kind, struct slice wanted, struct buf *ret_list, struct story *story)
{
	struct offer o = {.start = buf_len(ret_list), .list = ret_list};
	char shown[128];
	size_t i = 0;

	while (i < ARRAY_LEN(KINDS) && !slice_is(slice_str(kind), KINDS[i].name))
		i++;
	if (i == ARRAY_LEN(KINDS))
		return story_fail(story, ERR_INVALID, "\"%s\" is no kind of algorithm", kind);
	o.kind = KINDS[i].kind;
	enum err e = fill(&o, slice_trim(wanted));
	if (e != ERR_OK)
		return story_fail(story, e, "the list of algorithms is too long");
	if (buf_len(ret_list) == o.start)
		return story_fail(story, ERR_UNSUPPORTED,
		    "none of these algorithms is one that we have: \"%s\"",
		    text_escape(wanted, shown, sizeof shown));
	return ERR_OK;
}
