#include "ipc/link.h"

#include <stdlib.h>

#include "base/bug.h"
#include "os/fd.h"

/* An encoded message that waits for room in the socket, with its own duplicates of descriptors. */
struct ipc_parcel {
	TAILQ_ENTRY(ipc_parcel) entry;
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;
	size_t len;
	uint8_t bytes[];
};

static void
parcel_free(struct ipc_parcel *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_fds; i++)
		fd_closep(&p->fds[i]);
	explicit_bzero(p->bytes, p->len);
	free(p);
}

static struct ipc_parcel *
parcel_new(struct slice bytes, const int *fds, size_t n_fds)
{
	struct ipc_parcel *p = calloc(1, sizeof *p + bytes.len);

	if (p == NULL)
		return NULL;
	p->len = bytes.len;
	memcpy(p->bytes, bytes.ptr, bytes.len);
	for (; p->n_fds < n_fds; p->n_fds++) {
		if (fd_dup(fds[p->n_fds], &p->fds[p->n_fds]) != ERR_OK) {
			parcel_free(p);
			return NULL;
		}
	}
	return p;
}

enum err
ipc_link_init(struct ipc_link *link, int fd, enum ipc_role peer)
{
	*link = (struct ipc_link){.fd = fd, .peer = peer, .state = IPC_STARTING};
	TAILQ_INIT(&link->queue);
	link->rx = malloc(IPC_MAX_PACKET);
	return link->rx == NULL ? ERR_NOMEM : ERR_OK;
}

void
ipc_link_fini(struct ipc_link *link)
{
	struct ipc_parcel *p;

	while (link->queue.tqh_last != NULL && (p = TAILQ_FIRST(&link->queue)) != NULL) {
		TAILQ_REMOVE(&link->queue, p, entry);
		parcel_free(p);
	}
	fd_closep(&link->fd);
	ipc_link_wipe(link);
	free(link->rx);
	link->rx = NULL;
}

static enum err
enqueue(struct ipc_link *link, struct slice bytes, const int *fds, size_t n_fds)
{
	if (link->queued_bytes + bytes.len > IPC_QUEUE_MAX)
		return ERR_LIMIT;
	struct ipc_parcel *p = parcel_new(bytes, fds, n_fds);
	if (p == NULL)
		return ERR_NOMEM;
	TAILQ_INSERT_TAIL(&link->queue, p, entry);
	link->queued_bytes += p->len;
	return ERR_OK;
}

enum err
ipc_send(struct ipc_link *link, enum ipc_type type, const void *body)
{
	struct buf b _cleanup_(buf_wipe); /* there are passwords among the messages */
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;

	buf_init(&b, IPC_MAX_PACKET);
	enum err e = ipc_encode(type, body, &b, fds, &n_fds);
	if (e != ERR_OK)
		return e;
	if (!TAILQ_EMPTY(&link->queue))
		return enqueue(link, buf_slice(&b), fds, n_fds);
	e = socket_send_packet(link->fd, buf_slice(&b).ptr, buf_len(&b), fds, n_fds);
	return e == ERR_AGAIN ? enqueue(link, buf_slice(&b), fds, n_fds) : e;
}

enum err
ipc_link_flush(struct ipc_link *link)
{
	struct ipc_parcel *p;

	while ((p = TAILQ_FIRST(&link->queue)) != NULL) {
		enum err e = socket_send_packet(link->fd, p->bytes, p->len, p->fds, p->n_fds);
		if (e != ERR_OK)
			return e == ERR_AGAIN ? ERR_OK : e;
		TAILQ_REMOVE(&link->queue, p, entry);
		link->queued_bytes -= p->len;
		parcel_free(p);
	}
	return ERR_OK;
}

bool
ipc_link_wants_write(const struct ipc_link *link)
{
	return !TAILQ_EMPTY(&link->queue);
}

enum err
ipc_recv(struct ipc_link *link, struct ipc_message *ret_m)
{
	int fds[SOCKET_FDS_MAX];
	size_t n_fds;

	enum err e =
	    socket_recv_packet(link->fd, link->rx, IPC_MAX_PACKET, &link->rx_len, fds, &n_fds);
	if (e != ERR_OK)
		return e;
	e = ipc_decode(slice_of(link->rx, link->rx_len), fds, n_fds, ret_m);
	if (e != ERR_OK)
		return e;
	const struct ipc_schema *schema = ipc_schema(ret_m->type);
	if (schema->sender == link->peer && (schema->states & (unsigned)link->state) != 0)
		return ERR_OK;
	ipc_message_fini(ret_m);
	return ERR_FORMAT;
}

void
ipc_link_wipe(struct ipc_link *link)
{
	if (link->rx != NULL)
		explicit_bzero(link->rx, link->rx_len);
}

enum err
ipc_dispatch(
    const struct ipc_handler *handlers, size_t n_handlers, void *ctx, struct ipc_message *m)
{
	enum err e = ERR_FORMAT;

	for (size_t i = 0; i < n_handlers; i++) {
		if (handlers[i].type == m->type) {
			e = handlers[i].handle(ctx, m);
			break;
		}
	}
	ipc_message_fini(m);
	return e;
}
