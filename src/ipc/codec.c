#include "ipc/codec.h"

#include <unistd.h>

#include "base/bug.h"
#include "base/rd.h"
#include "os/fd.h"

/* The first byte of the body: every member of the union starts there. */
static uint8_t *
message_body(struct ipc_message *m)
{
	return (uint8_t *)&m->listener_limits;
}

void
ipc_message_fini(struct ipc_message *m)
{
	const struct ipc_schema *schema = ipc_schema(m->type);

	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct ipc_field *f = &schema->fields[i];
		if (f->kind != IPC_FD)
			continue;
		int fd;
		memcpy(&fd, message_body(m) + f->offset, sizeof fd);
		fd_closep(&fd);
		memcpy(message_body(m) + f->offset, &fd, sizeof fd);
	}
}

#define LOADER(type, name)                           \
	static type load_##name(const uint8_t *from) \
	{                                            \
		type value;                          \
		memcpy(&value, from, sizeof value);  \
		return value;                        \
	}
LOADER(bool, bool)
LOADER(uint32_t, u32)
LOADER(uint64_t, u64)
LOADER(struct slice, slice)
LOADER(int, fd)

static enum err
encode_slice(const struct ipc_field *f, struct slice s, struct buf *b)
{
	BUG_ON(s.len > f->max);
	BUG_ON(f->kind == IPC_STR && slice_has(s, 0));
	return buf_put_string(b, s);
}

static enum err
encode_field(
    const struct ipc_field *f, const uint8_t *from, struct buf *b, int *ret_fds, size_t *n_fds)
{
	switch (f->kind) {
	case IPC_BOOL:
		return buf_put_u8(b, load_bool(from) ? 1 : 0);
	case IPC_U32:
		return buf_put_u32(b, load_u32(from));
	case IPC_U64:
	case IPC_I64:
		return buf_put_u64(b, load_u64(from));
	case IPC_STR:
	case IPC_BYTES:
		return encode_slice(f, load_slice(from), b);
	case IPC_FD:
		BUG_ON(*n_fds == SOCKET_FDS_MAX || load_fd(from) < 0);
		ret_fds[(*n_fds)++] = load_fd(from);
		return ERR_OK;
	}
	BUG("no such kind of field");
}

enum err
ipc_encode(enum ipc_type type, const void *body, struct buf *b, int ret_fds[SOCKET_FDS_MAX],
    size_t *ret_n_fds)
{
	const struct ipc_schema *schema = ipc_schema(type);
	const uint8_t *from = body;

	*ret_n_fds = 0;
	enum err e = buf_put_u16(b, (uint16_t)type);
	for (size_t i = 0; i < schema->n_fields && e == ERR_OK; i++) {
		const struct ipc_field *f = &schema->fields[i];
		e = encode_field(f, from + f->offset, b, ret_fds, ret_n_fds);
	}
	return e;
}

#define STORE(type, to, value)                          \
	do {                                            \
		type stored_ = (value);                 \
		memcpy((to), &stored_, sizeof stored_); \
	} while (0)

static bool
decode_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);

	if (v > 1)
		r->failed = true;
	return v == 1;
}

static struct slice
decode_text(struct rd *r, size_t max)
{
	struct slice s = rd_string(r, max);

	if (slice_has(s, 0))
		r->failed = true;
	return s;
}

/* Takes the next descriptor: entries of fds that are taken become -1. */
static int
decode_fd(struct rd *r, int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			return fd_take(&fds[i]);
	}
	r->failed = true;
	return -1;
}

static void
decode_field(const struct ipc_field *f, struct rd *r, int *fds, size_t n_fds, uint8_t *to)
{
	switch (f->kind) {
	case IPC_BOOL:
		STORE(bool, to, decode_bool(r));
		break;
	case IPC_U32:
		STORE(uint32_t, to, rd_u32(r));
		break;
	case IPC_U64:
	case IPC_I64:
		STORE(uint64_t, to, rd_u64(r));
		break;
	case IPC_STR:
		STORE(struct slice, to, decode_text(r, f->max));
		break;
	case IPC_BYTES:
		STORE(struct slice, to, rd_string(r, f->max));
		break;
	case IPC_FD:
		STORE(int, to, decode_fd(r, fds, n_fds));
		break;
	}
}

/* Closes what no field took; true when there was nothing left. */
static bool
close_untaken(int *fds, size_t n_fds)
{
	bool none = true;

	for (size_t i = 0; i < n_fds; i++) {
		none = none && fds[i] < 0;
		fd_closep(&fds[i]);
	}
	return none;
}

enum err
ipc_decode(struct slice bytes, const int *fds, size_t n_fds, struct ipc_message *ret_m)
{
	struct rd r = rd_of(bytes);
	int untaken[SOCKET_FDS_MAX];

	BUG_ON(n_fds > SOCKET_FDS_MAX);
	if (n_fds > 0)
		memcpy(untaken, fds, n_fds * sizeof *fds);
	uint16_t type = rd_u16(&r);
	if (r.failed || type >= IPC_N_TYPES) {
		(void)close_untaken(untaken, n_fds);
		return ERR_FORMAT;
	}
	*ret_m = (struct ipc_message){.type = (enum ipc_type)type};
	const struct ipc_schema *schema = ipc_schema(ret_m->type);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct ipc_field *f = &schema->fields[i];
		decode_field(f, &r, untaken, n_fds, message_body(ret_m) + f->offset);
	}
	bool all_taken = close_untaken(untaken, n_fds);
	if (rd_done(&r) == ERR_OK && all_taken)
		return ERR_OK;
	ipc_message_fini(ret_m);
	return ERR_FORMAT;
}
