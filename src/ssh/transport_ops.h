/*
 * What stands behind a transport: a server's side (transport_server.c, on wire/) or a client's
 * (client_*.c, on libssh). Each is a struct that begins with this one.
 */
#ifndef SSH_TRANSPORT_OPS_H
#define SSH_TRANSPORT_OPS_H

#include "ssh/transport.h"

/* The functions of transport.h, one for one. */
struct transport_ops {
	void (*next_event)(struct transport *t, struct transport_event *ret_event);
	/* Of a server alone; NULL on a client. */
	enum err (*auth_answer)(
	    struct transport *t, enum transport_auth_answer answer, uint32_t methods);
	struct slice (*peek)(struct transport *t);
	void (*consume)(struct transport *t, size_t len);
	enum err (*wait)(struct transport *t, int extra_fd, int64_t timeout_us, bool *ret_extra);
	enum err (*read)(struct transport *t, uint8_t *dst, size_t len, size_t *ret_len);
	enum err (*write)(struct transport *t, const uint8_t *bytes, size_t len, size_t *ret_len);
	bool (*flushed)(const struct transport *t);
	void (*trim)(struct transport *t); /* of a server alone */
	void (*close)(struct transport *t, int64_t timeout_us);
	void (*free)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	struct transport_facts facts;
};

/* Milliseconds for poll(2), rounded up, until the earlier of both moments; -1 for never. */
int transport_wait_ms(int64_t until_us, int64_t deadline_us);

#endif
