/* Every allocation of base and ipc fails once; nothing leaks, and what was there is still there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "inject.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "scratch.h"

static enum err
fill(struct buf *b, size_t *ret_n_put)
{
	static const uint8_t BLOCK[100];
	enum err e = ERR_OK;

	for (*ret_n_put = 0; *ret_n_put < 100; ++*ret_n_put) {
		e = buf_put(b, BLOCK, sizeof BLOCK);
		if (e != ERR_OK)
			break;
	}
	return e;
}

static void
test_buffer_keeps_what_it_has(void **state)
{
	unsigned nth = 1;
	bool fired = true;

	(void)state;
	for (; fired; nth++) {
		struct buf b _cleanup_(buf_fini);
		size_t n_put;
		buf_init(&b, 1 << 20);
		fault_arm(FAULT_MALLOC, nth, 1, ENOMEM);
		enum err e = fill(&b, &n_put);
		fired = fault_disarm();
		assert_int_equal(e, fired ? ERR_NOMEM : ERR_OK);
		assert_int_equal(buf_len(&b), n_put * 100);
		assert_int_equal(buf_put_u32(&b, 1), ERR_OK);
	}
	assert_true(nth > 3);
}

static void
test_dup_gives_null(void **state)
{
	(void)state;
	fault_arm(FAULT_MALLOC, 1, 1, ENOMEM);
	char *copy = slice_dup(slice_str("text"));
	assert_true(fault_disarm());
	assert_null(copy);
}

/* Opens a line, fills its socket and puts two messages with descriptors into its queue. */
static enum err
queue_messages(struct ipc_link *core, struct ipc_link *peer, int null)
{
	static char at[IPC_PATH_MAX];
	struct ipc_auth_mount mount = {.folder = slice_str("f"), .dir = null, .staging = null};
	int fds[2];

	memset(at, 'a', sizeof at);
	mount.at = slice_of(at, sizeof at);
	assert_int_equal(socket_packet_pair(fds), ERR_OK);
	assert_int_equal(fd_set_nonblocking(fds[0]), ERR_OK);
	enum err e = ipc_link_init(core, fds[0], IPC_ROLE_SESSION);
	if (e != ERR_OK) {
		close(fds[1]);
		return e;
	}
	e = ipc_link_init(peer, fds[1], IPC_ROLE_CORE);
	for (int n_queued = 0; e == ERR_OK && n_queued < 2;) {
		e = ipc_send(core, IPC_AUTH_MOUNT, &mount);
		n_queued += ipc_link_wants_write(core) ? 1 : 0;
	}
	return e;
}

static void
torture_link(enum fault_call call)
{
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n_before = scratch_count_fds();
	bool fired = true;

	for (unsigned nth = 1; fired; nth++) {
		struct ipc_link core = {.fd = -1}, peer = {.fd = -1};
		fault_arm(call, nth, 1, ENOMEM);
		enum err e = queue_messages(&core, &peer, null);
		fired = fault_disarm();
		assert_int_equal(e, fired ? ERR_NOMEM : ERR_OK);
		ipc_link_fini(&core);
		ipc_link_fini(&peer);
		assert_int_equal(scratch_count_fds(), n_before);
		assert_true(fired || nth > 2);
	}
}

static void
test_link_survives_every_failed_allocation(void **state)
{
	(void)state;
	torture_link(FAULT_MALLOC);
	torture_link(FAULT_CALLOC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buffer_keeps_what_it_has),
	    cmocka_unit_test(test_dup_gives_null),
	    cmocka_unit_test(test_link_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
