/* The lines of known_hosts that are about one remote, for dray host list. */
#include "cli/base64.h"
#include "cli/hostscan.h"
#include "ssh/knownhosts.h"
#include "ssh/userkey.h"

enum { BLOB_MAX = 16 * 1024 };

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line; moves the line past it. */
static struct slice
take_word(struct slice *line)
{
	size_t from = 0, to;

	while (from < line->len && is_blank(line->ptr[from]))
		from++;
	for (to = from; to < line->len && !is_blank(line->ptr[to]); to++)
		;
	struct slice word = slice_of(line->ptr + from, to - from);
	*line = slice_of(line->ptr + to, line->len - to);
	return word;
}

/*
 * True when the line is a key of the remote's host. Whether its names mean this host, hashed or
 * not, is for the reader of known_hosts to say: it is asked about this one line and its own key.
 */
static bool
line_pin(const struct hostscan *s, struct slice line, struct hostscan_pin *pin)
{
	struct buf blob _cleanup_(buf_fini);
	struct slice rest = line, names = take_word(&rest);

	if (slice_starts_with(names, slice_str("@")))
		(void)take_word(&rest);
	pin->type = take_word(&rest);
	buf_init(&blob, BLOB_MAX);
	if (base64_decode(take_word(&rest), &blob) != ERR_OK || buf_len(&blob) == 0)
		return false;
	struct knownhosts_result result =
	    knownhosts_check(line, s->remote->host, s->remote->port, pin->type, buf_slice(&blob));
	pin->revoked = result.verdict == KNOWNHOSTS_REVOKED;
	return (result.verdict == KNOWNHOSTS_MATCH || pin->revoked) &&
	       userkey_fingerprint(buf_slice(&blob), pin->fingerprint) == ERR_OK;
}

void
hostscan_each_pin(const struct hostscan *s, hostscan_pin_fn *fn, void *ctx)
{
	struct slice file = buf_slice(&s->known_hosts), line;

	for (size_t n = 1; file.len > 0; n++) {
		struct hostscan_pin pin = {.line = n};
		file = slice_cut(file, '\n', &line);
		if (line_pin(s, line, &pin))
			fn(ctx, &pin);
	}
}
