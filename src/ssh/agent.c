#include "ssh/agent.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rd.h"
#include "os/fd.h"

/* draft-miller-ssh-agent section 5.1 */
enum {
	AGENT_FAILURE = 5,
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14
};

/* The least that an entry takes: two lengths. */
enum { ENTRY_MIN = 8 };

/* The type that an answer should have. */
static enum err
check_type(struct rd *r, uint8_t wanted)
{
	uint8_t type = rd_u8(r);

	if (r->failed)
		return ERR_FORMAT;
	return type == wanted ? ERR_OK : type == AGENT_FAILURE ? ERR_ACCESS : ERR_FORMAT;
}

/* Section 4.4. */
enum err
agent_decode_identities(struct slice message, struct agent_keys *ret_keys)
{
	struct rd r = rd_of(message);

	ret_keys->n = 0;
	enum err e = check_type(&r, AGENT_IDENTITIES_ANSWER);
	if (e != ERR_OK)
		return e;
	uint32_t n = rd_u32(&r);
	if (n > r.left / ENTRY_MIN)
		return ERR_FORMAT;
	for (uint32_t i = 0; i < n && !r.failed; i++) {
		struct agent_key key = {.blob = rd_string(&r, AGENT_BLOB_MAX)};
		key.comment = rd_string(&r, AGENT_COMMENT_MAX);
		if (!r.failed && ret_keys->n < AGENT_KEYS_MAX)
			ret_keys->key[ret_keys->n++] = key;
	}
	e = rd_done(&r);
	if (e != ERR_OK)
		ret_keys->n = 0;
	return e;
}

/* Section 4.5. */
enum err
agent_decode_signature(struct slice message, struct slice *ret_signature)
{
	struct rd r = rd_of(message);

	*ret_signature = (struct slice){0};
	enum err e = check_type(&r, AGENT_SIGN_RESPONSE);
	if (e != ERR_OK)
		return e;
	struct slice signature = rd_string(&r, AGENT_SIGNATURE_MAX);
	e = rd_done(&r);
	if (e == ERR_OK)
		*ret_signature = signature;
	return e;
}

enum err
agent_encode_sign(struct slice blob, struct slice data, uint32_t flags, struct buf *ret_message)
{
	enum err e = buf_put_u8(ret_message, AGENT_SIGN_REQUEST);

	if (e == ERR_OK)
		e = buf_put_string(ret_message, blob);
	if (e == ERR_OK)
		e = buf_put_string(ret_message, data);
	return e == ERR_OK ? buf_put_u32(ret_message, flags) : e;
}

enum err
agent_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd _cleanup_(fd_closep) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_last();
	if (!slice_copy(slice_str(path), addr.sun_path, sizeof addr.sun_path))
		return ERR_NAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0)
		return err_last();
	enum err e = fd_set_nonblocking(fd);
	if (e == ERR_OK)
		*ret_fd = fd_take(&fd);
	return e;
}

static enum err
wait_for(int fd, short events, int64_t deadline_us)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left_ms = (deadline_us - time_mono_us()) / US_PER_MS;

	if (left_ms <= 0)
		return ERR_TIMEOUT;
	int n = poll(&p, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
	if (n < 0 && errno != EINTR)
		return err_last();
	return ERR_OK; /* the call that follows says what is */
}

static bool
may_retry(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static enum err
send_all(int fd, struct slice bytes, int64_t deadline_us)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && !may_retry())
			return err_last();
		if (n > 0)
			bytes = slice_of(bytes.ptr + n, bytes.len - (size_t)n);
		enum err e = bytes.len > 0 ? wait_for(fd, POLLOUT, deadline_us) : ERR_OK;
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err
recv_all(int fd, uint8_t *dst, size_t len, int64_t deadline_us)
{
	while (len > 0) {
		ssize_t n = recv(fd, dst, len, 0);
		if (n == 0)
			return ERR_CLOSED;
		if (n < 0 && !may_retry())
			return err_last();
		enum err e = n < 0 ? wait_for(fd, POLLIN, deadline_us) : ERR_OK;
		if (e != ERR_OK)
			return e;
		if (n > 0) {
			dst += n;
			len -= (size_t)n;
		}
	}
	return ERR_OK;
}

/* One request and its answer, both without their length in the buffers. */
static enum err
ask(int fd, struct slice request, int64_t timeout_us, struct buf *reply)
{
	int64_t deadline_us = time_mono_us() + timeout_us;
	uint8_t length[4], *dst;

	be32_store(length, (uint32_t)request.len);
	enum err e = send_all(fd, slice_of(length, sizeof length), deadline_us);
	if (e == ERR_OK)
		e = send_all(fd, request, deadline_us);
	if (e == ERR_OK)
		e = recv_all(fd, length, sizeof length, deadline_us);
	if (e != ERR_OK)
		return e;
	struct rd r = rd_of(slice_of(length, sizeof length));
	uint32_t len = rd_u32(&r);
	if (len == 0 || len > AGENT_MESSAGE_MAX)
		return ERR_FORMAT;
	buf_clear(reply);
	e = buf_reserve(reply, len, &dst);
	if (e == ERR_OK)
		e = recv_all(fd, dst, len, deadline_us);
	if (e == ERR_OK)
		buf_commit(reply, len);
	return e;
}

enum err
agent_list(int fd, int64_t timeout_us, struct buf *reply, struct agent_keys *ret_keys)
{
	static const uint8_t REQUEST[] = {AGENT_REQUEST_IDENTITIES};

	ret_keys->n = 0;
	enum err e = ask(fd, slice_of(REQUEST, sizeof REQUEST), timeout_us, reply);
	return e == ERR_OK ? agent_decode_identities(buf_slice(reply), ret_keys) : e;
}

enum err
agent_sign(int fd, int64_t timeout_us, struct slice blob, struct slice data, uint32_t flags,
    struct buf *ret_signature)
{
	struct buf request _cleanup_(buf_fini), reply _cleanup_(buf_fini);
	struct slice signature;

	buf_init(&request, AGENT_MESSAGE_MAX);
	buf_init(&reply, AGENT_MESSAGE_MAX);
	enum err e = agent_encode_sign(blob, data, flags, &request);
	if (e == ERR_OK)
		e = ask(fd, buf_slice(&request), timeout_us, &reply);
	if (e == ERR_OK)
		e = agent_decode_signature(buf_slice(&reply), &signature);
	return e == ERR_OK ? buf_put(ret_signature, signature.ptr, signature.len) : e;
}
