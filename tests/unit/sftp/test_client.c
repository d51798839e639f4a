/* The client engine against scripted servers, kind and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sftp/peer.h"
#include "sftp/pending.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define LIMITS_OFFERED S("\0\0\0\022limits@openssh.com\0\0\0\0011")

/* What a callback was told, with what it borrowed copied. */
struct told {
	unsigned n_calls;
	uint32_t status;
	struct sftp_attrs attrs;
	uint32_t n_names;
	char text[64]; /* message, handle, data or first name */
};

static void
tell(void *ctx, const struct sftp_reply *reply)
{
	struct told *t = ctx;
	struct rd cursor = rd_of(reply->names);
	struct slice text = reply->message;
	struct sftp_name name;

	t->n_calls++;
	t->status = reply->status;
	t->attrs = reply->attrs;
	t->n_names = reply->n_names;
	if (reply->handle.len > 0)
		text = reply->handle;
	if (reply->data.len > 0)
		text = reply->data;
	if (sftp_names_next(&cursor, &name))
		text = name.filename;
	if (!slice_copy(text, t->text, sizeof t->text))
		t->text[0] = '\0';
}

static bool
answer_kindly(struct peer *p unused_arg, const struct sftp_request *r, struct sftp_response *answer)
{
	static const uint8_t types[SFTP_N_REQUESTS] = {
	    [SFTP_REQ_OPEN] = SSH_FXP_HANDLE,
	    [SFTP_REQ_OPENDIR] = SSH_FXP_HANDLE,
	    [SFTP_REQ_READ] = SSH_FXP_DATA,
	    [SFTP_REQ_READDIR] = SSH_FXP_NAME,
	    [SFTP_REQ_REALPATH] = SSH_FXP_NAME,
	    [SFTP_REQ_STAT] = SSH_FXP_ATTRS,
	    [SFTP_REQ_LSTAT] = SSH_FXP_ATTRS,
	    [SFTP_REQ_FSTAT] = SSH_FXP_ATTRS,
	};
	static const struct slice one_name = S("\0\0\0\4name\0\0\0\0\0\0\0\0");

	answer->type = types[r->kind] == 0 ? SSH_FXP_STATUS : types[r->kind];
	answer->message = slice_str("fine");
	answer->handle = slice_str("handle");
	answer->data = slice_str("data");
	answer->names = one_name;
	answer->n_names = 1;
	answer->attrs = (struct sftp_attrs){.flags = 1, .size = 42};
	return true;
}

/* Every request, sent as what it says, and its answer told once. */
static void
test_requests(void **state unused_arg)
{
	struct told told[20] = {{0}};
	struct slice path = slice_str("/p"), handle = slice_str("h");
	const struct sftp_attrs attrs = {.flags = 4, .permissions = 0600};
	struct peer p;

	peer_init(&p, answer_kindly, NULL);
	p.seed = 7;
	assert_int_equal(peer_greet(&p), SSH_FX_OK);
	struct sftp_client *c = p.client;
	enum err errors[] = {
	    sftp_client_open(c, path, 1, &attrs, tell, &told[0]),
	    sftp_client_open(c, path, 1, NULL, tell, &told[1]),
	    sftp_client_opendir(c, path, tell, &told[2]),
	    sftp_client_read(c, handle, 0, 10, tell, &told[3]),
	    sftp_client_readdir(c, handle, tell, &told[4]),
	    sftp_client_realpath(c, path, tell, &told[5]),
	    sftp_client_stat(c, path, tell, &told[6]),
	    sftp_client_lstat(c, path, tell, &told[7]),
	    sftp_client_fstat(c, handle, tell, &told[8]),
	    sftp_client_close(c, handle, tell, &told[9]),
	    sftp_client_write(c, handle, 0, slice_str("w"), tell, &told[10]),
	    sftp_client_setstat(c, path, &attrs, tell, &told[11]),
	    sftp_client_fsetstat(c, handle, &attrs, tell, &told[12]),
	    sftp_client_remove(c, path, tell, &told[13]),
	    sftp_client_rename(c, path, path, tell, &told[14]),
	    sftp_client_posix_rename(c, path, path, tell, &told[15]),
	    sftp_client_mkdir(c, path, tell, &told[16]),
	    sftp_client_rmdir(c, path, tell, &told[17]),
	    sftp_client_fsync(c, handle, tell, &told[18]),
	};
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		assert_int_equal(errors[i], ERR_OK);
	assert_int_equal(sftp_client_n_pending(c), ARRAY_LEN(errors));
	assert_int_equal(peer_run(&p), ERR_OK);
	assert_int_equal(sftp_client_n_pending(c), 0);
	static const char *const texts[] = {
	    "handle", "handle", "handle", "data", "name", "name", "", "", ""};
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		assert_int_equal(told[i].n_calls, 1);
		assert_int_equal(told[i].status, SSH_FX_OK);
		assert_string_equal(told[i].text, i < ARRAY_LEN(texts) ? texts[i] : "fine");
	}
	assert_int_equal(told[6].attrs.size, 42);
	peer_fini(&p);
}

static bool
answer_limits(struct peer *p, const struct sftp_request *r, struct sftp_response *answer)
{
	static struct buf body;

	assert_int_equal(r->kind, SFTP_REQ_LIMITS);
	if (p->ctx == NULL)
		return peer_status(answer, SSH_FX_OP_UNSUPPORTED);
	buf_fini(&body);
	buf_init(&body, 64);
	assert_int_equal(sftp_limits_put(&body, p->ctx), ERR_OK);
	answer->type = SSH_FXP_EXTENDED_REPLY;
	answer->extended = buf_slice(&body);
	return true;
}

static void
test_limits(void **state unused_arg)
{
	struct sftp_limits said[] = {
	    {262144, 261120, 261120, 1019},
	    {0, 0, 0, 0},
	    {0, UINT64_MAX, UINT64_MAX, UINT64_MAX},
	    {0, 1, 1, 1},
	};
	static const struct sftp_client_limits expected[] = {
	    {261120, 261120, 1019},
	    {32768, 32768, 0},
	    {SFTP_READ_MAX, SFTP_WRITE_MAX, UINT32_MAX},
	    {4096, 1, 1},
	    {32768, 32768, 0},
	};

	for (size_t i = 0; i <= ARRAY_LEN(said); i++) {
		static const struct slice offered = LIMITS_OFFERED;
		struct peer p;
		peer_init(&p, answer_limits, i == ARRAY_LEN(said) ? NULL : &said[i]);
		p.extensions = offered;
		assert_int_equal(peer_greet(&p), SSH_FX_OK);
		assert_true(sftp_client_has_extension(p.client, SFTP_EXT_LIMITS));
		assert_false(sftp_client_has_extension(p.client, "limits"));
		assert_memory_equal(sftp_client_limits(p.client), &expected[i], sizeof expected[i]);
		peer_fini(&p);
	}
}

static void
test_versions(void **state unused_arg)
{
	static const struct {
		uint32_t version, status;
	} cases[] = {{0, SSH_FX_OP_UNSUPPORTED}, {2, SSH_FX_OP_UNSUPPORTED}, {3, SSH_FX_OK},
	    {4, SSH_FX_OP_UNSUPPORTED}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told t = {0};
		struct peer p;
		peer_init(&p, answer_kindly, NULL);
		p.version = cases[i].version;
		assert_int_equal(sftp_client_stat(p.client, slice_str("/"), tell, &t), ERR_AGAIN);
		assert_int_equal(peer_greet(&p), cases[i].status);
		assert_int_equal(sftp_client_stat(p.client, slice_str("/"), tell, &t),
		    cases[i].status == SSH_FX_OK ? ERR_OK : ERR_AGAIN);
		peer_fini(&p);
	}
}

/* Answers that break the protocol: one request of each kind, one lie each. */
static void
test_hostile_answers(void **state unused_arg)
{
#define NAME_ENTRY "\0\0\0\1n\0\0\0\0\0\0\0\0"
	static const struct {
		enum sftp_request_kind kind;
		struct sftp_response answer;
	} cases[] = {
	    {SFTP_REQ_STAT, {.type = SSH_FXP_HANDLE}},
	    {SFTP_REQ_STAT, {.type = SSH_FXP_STATUS, .status = SSH_FX_OK}},
	    {SFTP_REQ_STAT, {.type = SSH_FXP_NAME}},
	    {SFTP_REQ_STAT, {.type = SSH_FXP_VERSION, .version = 3}},
	    {SFTP_REQ_STAT, {.type = SSH_FXP_EXTENDED_REPLY}},
	    {SFTP_REQ_OPEN, {.type = SSH_FXP_ATTRS}},
	    {SFTP_REQ_OPEN, {.type = SSH_FXP_STATUS, .status = SSH_FX_OK}},
	    {SFTP_REQ_CLOSE, {.type = SSH_FXP_HANDLE}},
	    {SFTP_REQ_READ, {.type = SSH_FXP_NAME}},
	    {SFTP_REQ_READ, {.type = SSH_FXP_STATUS, .status = SSH_FX_OK}},
	    {SFTP_REQ_READ, {.type = SSH_FXP_DATA, .data = S("12345678901")}},
	    {SFTP_REQ_READDIR, {.type = SSH_FXP_DATA}},
	    {SFTP_REQ_READDIR, {.type = SSH_FXP_NAME, .n_names = 1}},
	    {SFTP_REQ_READDIR, {.type = SSH_FXP_NAME, .n_names = 2, .names = S(NAME_ENTRY)}},
	    {SFTP_REQ_READDIR,
		{.type = SSH_FXP_NAME, .n_names = 1, .names = S(NAME_ENTRY NAME_ENTRY)}},
	    {SFTP_REQ_REALPATH, {.type = SSH_FXP_NAME, .n_names = 0}},
	    {SFTP_REQ_REALPATH,
		{.type = SSH_FXP_NAME, .n_names = 2, .names = S(NAME_ENTRY NAME_ENTRY)}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told t = {0};
		struct peer p;
		struct slice h = slice_str("h");
		peer_init(&p, answer_kindly, NULL);
		assert_int_equal(peer_greet(&p), SSH_FX_OK);
		enum err sent[SFTP_N_REQUESTS] = {0};
		enum sftp_request_kind kind = cases[i].kind;
		if (kind == SFTP_REQ_STAT)
			sent[kind] = sftp_client_stat(p.client, h, tell, &t);
		else if (kind == SFTP_REQ_OPEN)
			sent[kind] = sftp_client_open(p.client, h, 1, NULL, tell, &t);
		else if (kind == SFTP_REQ_CLOSE)
			sent[kind] = sftp_client_close(p.client, h, tell, &t);
		else if (kind == SFTP_REQ_READ)
			sent[kind] = sftp_client_read(p.client, h, 0, 10, tell, &t);
		else if (kind == SFTP_REQ_READDIR)
			sent[kind] = sftp_client_readdir(p.client, h, tell, &t);
		else
			sent[kind] = sftp_client_realpath(p.client, h, tell, &t);
		assert_int_equal(sent[kind], ERR_OK);
		peer_receive(&p);
		struct sftp_response answer = cases[i].answer;
		answer.id = p.waiting[0].id;
		assert_int_equal(peer_send(&p, &answer), ERR_FORMAT);
		assert_int_equal(t.n_calls, 0);
		/* Over: nothing is taken and nothing is sent any more. */
		assert_int_equal(sftp_client_feed(p.client, NULL, 0), ERR_FORMAT);
		assert_int_equal(sftp_client_stat(p.client, h, tell, &t), ERR_FORMAT);
		peer_fini(&p);
	}
}

static void
test_ids(void **state unused_arg)
{
	struct told t = {0};
	struct peer p;

	peer_init(&p, answer_kindly, NULL);
	assert_int_equal(peer_greet(&p), SSH_FX_OK);
	assert_int_equal(sftp_client_remove(p.client, slice_str("/"), tell, &t), ERR_OK);
	peer_receive(&p);
	struct sftp_response answer = {.type = SSH_FXP_STATUS, .id = p.waiting[0].id};
	assert_int_equal(peer_send(&p, &answer), ERR_OK);
	assert_int_equal(t.n_calls, 1);
	/* The same answer again, though the slot is in use again. */
	assert_int_equal(sftp_client_remove(p.client, slice_str("/"), tell, &t), ERR_OK);
	assert_int_equal(peer_send(&p, &answer), ERR_FORMAT);
	assert_int_equal(t.n_calls, 1);
	peer_fini(&p);
}

/* Bytes before INIT was sent, and rubbish instead of VERSION. */
static void
test_hostile_greeting(void **state unused_arg)
{
	static const struct slice cases[] = {
	    S("\0\0\0\0"),
	    S("\0\4\0\1"),
	    S("\0\0\0\5\145\0\0\0\1"),
	    S("\0\0\0\11\145\0\0\0\1\0\0\0\0"),
	    S("\0\0\0\4\2\0\0\0"),
	    S("\0\0\0\6\2\0\0\0\3x"),
	    S("\0\0\0\11\2\0\0\0\3\0\0\0\0"), /* a name without its data */
	    S("SSH-2.0-x\r\n"),
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int started = 0; started < 2; started++) {
			uint32_t status = UINT32_MAX;
			struct sftp_client *c;
			assert_int_equal(sftp_client_new(&c), ERR_OK);
			if (started)
				assert_int_equal(sftp_client_start(c, peer_ready, &status), ERR_OK);
			assert_int_equal(
			    sftp_client_feed(c, cases[i].ptr, cases[i].len), ERR_FORMAT);
			assert_int_equal(status, UINT32_MAX);
			sftp_client_free(c);
		}
	}
}

/* The number of requests and the bytes of WRITEs are bounded, and the bound gives way again. */
static void
test_bounds(void **state unused_arg)
{
	struct told t = {0};
	struct peer p;
	static const uint8_t content[SFTP_CLIENT_DEFAULT_LEN + 1];
	unsigned n = 0;

	peer_init(&p, answer_kindly, NULL);
	assert_int_equal(peer_greet(&p), SSH_FX_OK);
	struct slice data = slice_of(content, SFTP_CLIENT_DEFAULT_LEN);
	while (sftp_client_write(p.client, slice_str("h"), 0, data, tell, &t) == ERR_OK)
		n++;
	assert_in_range(buf_len(sftp_client_output(p.client)), SFTP_CLIENT_WRITES_MAX,
	    SFTP_CLIENT_WRITES_MAX + 2 * SFTP_CLIENT_DEFAULT_LEN);
	assert_int_equal(sftp_client_n_pending(p.client), n);
	/* A small request goes all the same. */
	for (; sftp_client_stat(p.client, slice_str("/"), tell, &t) == ERR_OK; n++)
		assert_true(n < 10000);
	assert_int_equal(n, SFTP_CLIENT_PENDING_MAX);
	data.len++;
	assert_int_equal(sftp_client_stat(p.client, slice_str("/"), tell, &t), ERR_NOMEM);
	assert_int_equal(t.n_calls, 0);
	peer_fini(&p);
	peer_init(&p, answer_kindly, NULL);
	assert_int_equal(peer_greet(&p), SSH_FX_OK);
	assert_int_equal(sftp_client_write(p.client, slice_str("h"), 0, data, tell, &t), ERR_LIMIT);
	assert_int_equal(sftp_client_n_pending(p.client), 0);
	peer_fini(&p);
}

static void
test_pending(void **state unused_arg)
{
	static uint32_t ids[SFTP_CLIENT_PENDING_MAX];
	const struct sftp_call call = {.fn = tell, .kind = SFTP_REQ_STAT};
	struct sftp_pending p;
	uint32_t id;

	sftp_pending_init(&p);
	assert_false(sftp_pending_take(&p, 0, NULL));
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(ids); i++)
			assert_int_equal(sftp_pending_add(&p, &call, &ids[i]), ERR_OK);
		assert_int_equal(sftp_pending_add(&p, &call, &id), ERR_NOMEM);
		for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
			size_t other = (i * 1031) % ARRAY_LEN(ids);
			assert_true(sftp_pending_take(&p, ids[other], NULL));
			assert_false(sftp_pending_take(&p, ids[other], NULL));
		}
		assert_int_equal(p.n_used, 0);
	}
	sftp_pending_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_hostile_answers),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_hostile_greeting),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
