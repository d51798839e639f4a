#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ipc/link.h"
#include "os/fd.h"
#include "sample.h"
#include "scratch.h"

/* Core's end and the other's end of one line. */
struct line {
	struct ipc_link core, peer;
	size_t n_fds_before;
};

static void
line_open(struct line *l, enum ipc_role role)
{
	int fds[2];

	assert_int_equal(socket_packet_pair(fds), ERR_OK);
	assert_int_equal(fd_set_nonblocking(fds[0]), ERR_OK);
	assert_int_equal(fd_set_nonblocking(fds[1]), ERR_OK);
	assert_int_equal(ipc_link_init(&l->core, fds[0], role), ERR_OK);
	assert_int_equal(ipc_link_init(&l->peer, fds[1], IPC_ROLE_CORE), ERR_OK);
}

static int
line_setup(void **state)
{
	static struct line l;

	l.n_fds_before = scratch_count_fds();
	line_open(&l, IPC_ROLE_SESSION);
	*state = &l;
	return 0;
}

static int
line_teardown(void **state)
{
	struct line *l = *state;

	ipc_link_fini(&l->core);
	ipc_link_fini(&l->peer);
	return scratch_count_fds() == l->n_fds_before ? 0 : -1;
}

static void
test_every_type_passes_in_its_states_only(void **state)
{
	static const enum ipc_state STATES[] = {IPC_STARTING, IPC_RUNNING};

	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		const struct ipc_schema *schema = ipc_schema((enum ipc_type)type);
		for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
			struct line l;
			struct sample s;
			struct ipc_message m;
			bool from_core = schema->sender == IPC_ROLE_CORE;
			line_open(&l, from_core ? IPC_ROLE_SESSION : schema->sender);
			struct ipc_link *from = from_core ? &l.core : &l.peer;
			struct ipc_link *to = from_core ? &l.peer : &l.core;
			to->state = STATES[i];
			sample_init(&s, (enum ipc_type)type, SAMPLE_MOST);
			assert_int_equal(ipc_send(from, s.type, s.body.bytes), ERR_OK);
			bool legal = (schema->states & (unsigned)STATES[i]) != 0;
			assert_int_equal(ipc_recv(to, &m), legal ? ERR_OK : ERR_FORMAT);
			if (legal) {
				assert_true(sample_matches(&s, &m));
				ipc_message_fini(&m);
			}
			sample_fini(&s);
			ipc_link_fini(&l.core);
			ipc_link_fini(&l.peer);
		}
	}
}

static void
test_wrong_sender_is_refused(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_N_TYPES; type++) {
		for (int role = IPC_ROLE_CORE; role <= IPC_ROLE_CONTROL; role++) {
			struct line l;
			struct sample s;
			struct ipc_message m;
			if (ipc_schema((enum ipc_type)type)->sender == (enum ipc_role)role)
				continue;
			size_t n_before = scratch_count_fds();
			line_open(&l, (enum ipc_role)role);
			sample_init(&s, (enum ipc_type)type, SAMPLE_MIDDLE);
			assert_int_equal(ipc_send(&l.peer, s.type, s.body.bytes), ERR_OK);
			l.core.state = IPC_RUNNING;
			assert_int_equal(ipc_recv(&l.core, &m), ERR_FORMAT);
			sample_fini(&s);
			ipc_link_fini(&l.core);
			ipc_link_fini(&l.peer);
			assert_int_equal(scratch_count_fds(), n_before);
		}
	}
}

static void
test_malformed_packets_are_refused(void **state)
{
	static uint8_t garbage[IPC_MAX_PACKET + 1];
	struct line *l = *state;
	struct ipc_message m;
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n_before = scratch_count_fds();

	memset(garbage, 0xff, sizeof garbage);
	assert_int_equal(socket_send_packet(l->peer.fd, garbage, 1, &null, 1), ERR_OK);
	assert_int_equal(ipc_recv(&l->core, &m), ERR_FORMAT);
	assert_int_equal(socket_send_packet(l->peer.fd, garbage, 100, &null, 1), ERR_OK);
	assert_int_equal(ipc_recv(&l->core, &m), ERR_FORMAT);
	assert_int_equal(socket_send_packet(l->peer.fd, garbage, sizeof garbage, &null, 1), ERR_OK);
	assert_int_equal(ipc_recv(&l->core, &m), ERR_FORMAT);
	assert_int_equal(scratch_count_fds(), n_before);
}

static void
test_ends_of_the_line(void **state)
{
	struct ipc_upload_published published = {.transfer = 7};
	struct line *l = *state;
	struct ipc_message m;

	assert_int_equal(ipc_recv(&l->core, &m), ERR_AGAIN);
	assert_int_equal(ipc_send(&l->peer, IPC_UPLOAD_PUBLISHED, &published), ERR_OK);
	ipc_link_fini(&l->peer);
	l->core.state = IPC_RUNNING;
	assert_int_equal(ipc_recv(&l->core, &m), ERR_OK);
	assert_true(m.upload_published.transfer == 7);
	assert_int_equal(ipc_recv(&l->core, &m), ERR_CLOSED);
	struct ipc_upload_recorded recorded = {.tag = 1};
	assert_int_equal(ipc_send(&l->core, IPC_UPLOAD_RECORDED, &recorded), ERR_CLOSED);
}

/* Receives until there is no more, and checks that tags go up by one; descriptors are closed. */
static size_t
drain(struct ipc_link *link, uint32_t first)
{
	struct ipc_message m;
	size_t n = 0;

	while (ipc_recv(link, &m) == ERR_OK) {
		assert_int_equal(m.type, IPC_AUTH_MOUNT);
		assert_int_equal(m.auth_mount.allow, first + n);
		assert_true(fcntl(m.auth_mount.dir, F_GETFD) >= 0);
		ipc_message_fini(&m);
		n++;
	}
	return n;
}

static enum err
send_mount(struct ipc_link *link, uint32_t number, int fd)
{
	static char at[IPC_PATH_MAX];

	memset(at, 'a', sizeof at);
	struct ipc_auth_mount mount = {.at = slice_of(at, sizeof at),
	    .folder = slice_str("folder"),
	    .allow = number,
	    .dir = fd,
	    .staging = fd};
	return ipc_send(link, IPC_AUTH_MOUNT, &mount);
}

static void
test_full_socket_queues_in_order(void **state)
{
	enum { N_MESSAGES = 400 };
	struct line *l = *state;
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n_received = 0;

	for (uint32_t i = 0; i < N_MESSAGES; i++)
		assert_int_equal(send_mount(&l->core, i, null), ERR_OK);
	/* The queue has its own duplicates: the sender may close. */
	fd_closep(&null);
	assert_true(ipc_link_wants_write(&l->core));
	assert_true(l->core.queued_bytes > 0);
	for (int turn = 0; turn < N_MESSAGES && n_received < N_MESSAGES; turn++) {
		n_received += drain(&l->peer, (uint32_t)n_received);
		assert_int_equal(ipc_link_flush(&l->core), ERR_OK);
	}
	n_received += drain(&l->peer, (uint32_t)n_received);
	assert_int_equal(n_received, N_MESSAGES);
	assert_false(ipc_link_wants_write(&l->core));
	assert_int_equal(l->core.queued_bytes, 0);
}

/* What is sent while others wait must not overtake them, although the socket has room again. */
static void
test_nothing_overtakes_the_queue(void **state)
{
	struct line *l = *state;
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint32_t n_sent = 0;

	while (!ipc_link_wants_write(&l->core))
		assert_int_equal(send_mount(&l->core, n_sent++, null), ERR_OK);
	size_t n_received = drain(&l->peer, 0);
	assert_true(n_received < n_sent);
	assert_int_equal(send_mount(&l->core, n_sent++, null), ERR_OK);
	assert_int_equal(drain(&l->peer, (uint32_t)n_received), 0);
	assert_int_equal(ipc_link_flush(&l->core), ERR_OK);
	n_received += drain(&l->peer, (uint32_t)n_received);
	assert_int_equal(n_received, n_sent);
}

static void
test_queue_has_a_limit(void **state)
{
	struct line *l = *state;
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ipc_ctl_done done = {.message = slice_str("small")};
	enum err e = ERR_OK;
	uint32_t n = 0;

	while (e == ERR_OK && n < 10000)
		e = send_mount(&l->core, n++, null);
	assert_int_equal(e, ERR_LIMIT);
	assert_true(l->core.queued_bytes <= IPC_QUEUE_MAX);
	assert_true(l->core.queued_bytes > IPC_QUEUE_MAX - IPC_MAX_PACKET);
	/* The refused one left nothing behind: a smaller one still fits. */
	assert_int_equal(ipc_send(&l->core, IPC_CTL_DONE, &done), ERR_OK);
	/* The teardown finds every duplicated descriptor closed. */
}

static void
test_flush_to_nobody_is_closed(void **state)
{
	struct line *l = *state;
	int null _cleanup_(fd_closep) = open("/dev/null", O_RDONLY | O_CLOEXEC);

	while (!ipc_link_wants_write(&l->core))
		assert_int_equal(send_mount(&l->core, 0, null), ERR_OK);
	ipc_link_fini(&l->peer);
	assert_int_equal(ipc_link_flush(&l->core), ERR_CLOSED);
}

static void
test_fini_is_safe_on_a_link_that_never_was(void **state)
{
	struct ipc_link link = {.fd = -1};

	(void)state;
	ipc_link_fini(&link);
	ipc_link_fini(&link);
}

struct heard {
	uint64_t transfer;
	int taken;
};

static enum err
on_published(void *ctx, struct ipc_message *m)
{
	struct heard *heard = ctx;

	heard->transfer = m->upload_published.transfer;
	return heard->transfer == 13 ? ERR_LIMIT : ERR_OK;
}

static enum err
on_mount(void *ctx, struct ipc_message *m)
{
	struct heard *heard = ctx;

	heard->taken = fd_take(&m->auth_mount.dir);
	return ERR_OK;
}

static void
test_dispatch(void **state)
{
	static const struct ipc_handler HANDLERS[] = {
	    {IPC_UPLOAD_PUBLISHED, on_published}, {IPC_AUTH_MOUNT, on_mount}};
	struct heard heard = {0, -1};
	int fds[2];
	size_t n_before = scratch_count_fds();

	(void)state;
	struct ipc_message m = {.type = IPC_UPLOAD_PUBLISHED, .upload_published = {.transfer = 12}};
	assert_int_equal(ipc_dispatch(HANDLERS, 2, &heard, &m), ERR_OK);
	assert_true(heard.transfer == 12);
	m = (struct ipc_message){
	    .type = IPC_UPLOAD_PUBLISHED, .upload_published = {.transfer = 13}};
	assert_int_equal(ipc_dispatch(HANDLERS, 2, &heard, &m), ERR_LIMIT);

	assert_int_equal(socket_packet_pair(fds), ERR_OK);
	m = (struct ipc_message){
	    .type = IPC_AUTH_MOUNT, .auth_mount = {.dir = fds[0], .staging = fds[1]}};
	assert_int_equal(ipc_dispatch(HANDLERS, 2, &heard, &m), ERR_OK);
	assert_int_equal(heard.taken, fds[0]);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1); /* not taken: closed with the message */

	/* Nobody handles it: a bug of the peer; what came with it is closed. */
	m = (struct ipc_message){
	    .type = IPC_LISTENER_HOST_KEY, .listener_host_key = {.key = heard.taken}};
	assert_int_equal(ipc_dispatch(HANDLERS, 2, &heard, &m), ERR_FORMAT);
	assert_int_equal(scratch_count_fds(), n_before);
}

#define LINE_TEST(f) cmocka_unit_test_setup_teardown(f, line_setup, line_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_type_passes_in_its_states_only),
	    cmocka_unit_test(test_wrong_sender_is_refused),
	    LINE_TEST(test_malformed_packets_are_refused),
	    LINE_TEST(test_ends_of_the_line),
	    LINE_TEST(test_full_socket_queues_in_order),
	    LINE_TEST(test_nothing_overtakes_the_queue),
	    LINE_TEST(test_queue_has_a_limit),
	    LINE_TEST(test_flush_to_nobody_is_closed),
	    cmocka_unit_test(test_fini_is_safe_on_a_link_that_never_was),
	    cmocka_unit_test(test_dispatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
