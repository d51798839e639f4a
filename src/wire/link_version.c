/* The lines that a connection begins with: RFC 4253 sections 4.2 and 5.1. */
#include "base/bug.h"
#include "base/text.h"
#include "wire/link_internal.h"

static bool
is_printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	}
	return true;
}

static enum err
use_version(struct wire_link *l, struct slice line)
{
	char shown[64];

	if (!is_printable(line) || !(slice_starts_with(line, slice_str("SSH-2.0-")) ||
				       slice_starts_with(line, slice_str("SSH-1.99-"))))
		return link_over(l, ERR_FORMAT, 0, "not an SSH 2 %s: it began with \"%s\"",
		    link_peer(l), text_escape(line, shown, sizeof shown));
	if (!slice_copy(line, l->version_theirs, sizeof l->version_theirs))
		return link_over(l, ERR_LIMIT, 0, "the server's version is too long");
	(void)text_escape(line, l->facts.peer_version, sizeof l->facts.peer_version);
	l->has_version = true;
	return ERR_OK;
}

/* A client sends nothing before its version. */
static enum err
take_clients(struct wire_link *l)
{
	struct slice line;
	enum err e = packet_reader_line(&l->in, LINK_VERSION_MAX, &line);

	if (e == ERR_LIMIT)
		return link_over(
		    l, e, 0, "no SSH version came in the first %d bytes", (int)LINK_VERSION_MAX);
	return e == ERR_OK ? use_version(l, line) : e;
}

/* A server may, for people; it often is why it ends the line then. */
static enum err
take_servers(struct wire_link *l)
{
	struct link_client *c = &l->client;
	struct slice line;
	enum err e;

	while ((e = packet_reader_line(&l->in, LINK_PREAMBLE_MAX, &line)) == ERR_OK) {
		if (slice_starts_with(line, slice_str("SSH-")))
			return use_version(l, line);
		(void)text_escape(line, c->preamble, sizeof c->preamble);
		if (++c->n_lines > LINK_PREAMBLE_LINES)
			break;
	}
	if (e == ERR_AGAIN)
		return e;
	return link_over(l, ERR_LIMIT, 0, "not an SSH server: no version came in its first %s",
	    e == ERR_OK ? "lines" : "bytes");
}

enum err
link_take_version(struct wire_link *l)
{
	return l->config.role == WIRE_CLIENT ? take_servers(l) : take_clients(l);
}
