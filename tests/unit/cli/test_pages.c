/* The pages that people see: golden outputs of status, transfers, trace and run, and their JSON. */
#include "fake_core.h"

#define S(text)                                           \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static const uint8_t HASH[32] = {0xe3, 0xb0, 0xc4, 0x42, [31] = 0x55};

static const struct ipc_ctl_gateway GATEWAY = {.version = S("0.1.0"),
    .pid = 4711,
    .started_us = NOW_US - 11520 * US_PER_SEC,
    .config = S("/etc/dray/dray.yaml"),
    .landlock = 4};
static const struct ipc_ctl_gateway FULL_GATEWAY = {.version = S("0.1.0"),
    .pid = 1,
    .started_us = NOW_US - US_PER_SEC,
    .config = S("c"),
    .trouble = S("no space left in /var/lib/dray: fetching waits")};
static const struct ipc_ctl_route GOOD_ROUTE = {.name = S("acme-invoices"),
    .from = S("acme:/outbox"),
    .condition = S("waiting"),
    .last_run_us = NOW_US - 12 * US_PER_SEC,
    .next_run_us = NOW_US + 18 * US_PER_SEC,
    .n_done = 120};
static const struct ipc_ctl_route BAD_ROUTE = {.name = S("bolt"),
    .from = S("bolt:/out\nbox"),
    .condition = S("waiting for the remote"),
    .n_waiting = 3,
    .n_failed = 1,
    .trouble = S("a.csv: the server said no")};
static const struct ipc_ctl_remote GOOD_REMOTE = {
    .name = S("acme"), .address = S("sftp.acme.example:22"), .condition = S("ok")};
static const struct ipc_ctl_remote BAD_REMOTE = {.name = S("bolt"),
    .address = S("bolt.example:2222"),
    .condition = S("stopped: host key changed"),
    .since_us = NOW_US - 300 * US_PER_SEC,
    .trouble = S("it shows SHA256:x, not the pinned key")};
static const struct ipc_ctl_session SESSION = {
    .session = 7, .account = S("erp"), .peer = S("10.0.0.1:40000"), .since_us = NOW_US};
static const struct ipc_ctl_session STRANGER = {
    .session = 12, .peer = S("[2001:db8::1]:5"), .since_us = NOW_US - 3 * US_PER_SEC};
static const struct ipc_ctl_transfer GOOD_TRANSFER = {.id = 17,
    .route = S("acme-invoices"),
    .state = S("delivered"),
    .source = S("acme"),
    .path = S("/outbox/a.csv"),
    .published = S("invoices/20260301-a.csv"),
    .size = 4096,
    .mtime = NOW_S - 3600,
    .sha256 = {HASH, sizeof HASH},
    .seen_us = NOW_US - 60 * US_PER_SEC,
    .changed_us = NOW_US - 5 * US_PER_SEC};
static const struct ipc_ctl_transfer BAD_TRANSFER = {.id = 18,
    .state = S("ready"),
    .source = S("erp"),
    .path = S("/in/\033[31m\xff.csv"),
    .size = 1536,
    .attempts = 2,
    .seen_us = NOW_US,
    .changed_us = NOW_US,
    .retry_us = NOW_US + 40 * US_PER_SEC,
    .trouble = S("the \\x1bline\033broke")};
static const struct ipc_ctl_event EVENTS[] = {
    {.transfer = 17,
	.at_us = NOW_US - 60 * US_PER_SEC,
	.what = S("seen"),
	.detail = S("4096 bytes")},
    {.transfer = 17, .at_us = NOW_US - 60 * US_PER_SEC + 1234, .what = S("fetched")},
    {.transfer = 17, .at_us = NOW_US - 5 * US_PER_SEC, .what = S("taken"), .detail = S("by erp")},
    {.transfer = 18, .at_us = NOW_US, .what = S("odd\tevent")},
    {.transfer = 99, .at_us = NOW_US, .what = S("of no transfer that was told")},
};
static const struct ipc_ctl_done DONE = {.error = ERR_OK};
static const struct ipc_ctl_done RUN_DONE = {.error = ERR_OK, .message = S("3 files, 1 failed")};
static const struct ipc_ctl_done NOT_FOUND = {
    .error = ERR_NOENT, .message = S("there is no route \"nil\" (did you mean \"bolt\"?)")};
static const struct ipc_ctl_done BAD_STATE = {
    .error = ERR_INVALID, .message = S("there is no state \"raedy\"")};

/* The rows come in an order that nobody would choose. */
static const struct fake_script STATUS = {.question = IPC_CTL_STATUS,
    .text = "",
    .messages = {{IPC_CTL_SESSION, &SESSION}, {IPC_CTL_REMOTE, &GOOD_REMOTE},
	{IPC_CTL_ROUTE, &GOOD_ROUTE}, {IPC_CTL_SESSION, &STRANGER}, {IPC_CTL_GATEWAY, &GATEWAY},
	{IPC_CTL_REMOTE, &BAD_REMOTE}, {IPC_CTL_ROUTE, &BAD_ROUTE}, {IPC_CTL_DONE, &DONE}},
    .n_messages = 8};

static void
assert_page(const struct fake_script *script, const char *const *args, const char *page)
{
	struct answer a = fake_dray(script, args);

	assert_string_equal(a.err, "");
	assert_int_equal(a.code, CLI_OK);
	assert_string_equal(a.out, page);
	answer_fini(&a);
}
#define ASSERT_PAGE(script, page, ...) \
	assert_page(script, (const char *const[]){__VA_ARGS__, NULL}, page)

static void
test_status(void **state)
{
	(void)state;
	ASSERT_PAGE(&STATUS,
	    "drayd 0.1.0, process 4711, up for 3h12m, since 2026-03-01T08:48:00Z\n"
	    "configuration /etc/dray/dray.yaml\n"
	    "Landlock version 4\n"
	    "\n"
	    "ROUTE          FROM              CONDITION               "
	    "LAST RUN  NEXT RUN  WAITING  DONE  FAILED\n"
	    "acme-invoices  acme:/outbox      waiting                 "
	    "12s ago   in 18s          0   120       0\n"
	    "bolt           bolt:/out\\x0abox  waiting for the remote  "
	    "never     -               3     0       1\n"
	    "\n"
	    "REMOTE  ADDRESS               CONDITION                  SINCE\n"
	    "acme    sftp.acme.example:22  ok\n"
	    "bolt    bolt.example:2222     stopped: host key changed  5m00s ago\n"
	    "\n"
	    "SESSION  ACCOUNT  PEER             SINCE\n"
	    "      7  erp      10.0.0.1:40000   now\n"
	    "     12  -        [2001:db8::1]:5  3s ago\n"
	    "\n"
	    "What is stuck, and why:\n"
	    "  remote bolt: stopped: host key changed: it shows SHA256:x, not the pinned key\n"
	    "  route bolt: 1 failed: a.csv: the server said no\n"
	    "    see: dray transfers --state failed --route bolt\n",
	    "status");
}

static void
test_status_of_nothing(void **state)
{
	static const struct fake_script EMPTY = {.question = IPC_CTL_STATUS,
	    .text = "bolt",
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};
	static const struct fake_script TROUBLED = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_GATEWAY, &FULL_GATEWAY}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 2};

	(void)state;
	ASSERT_PAGE(&EMPTY, "\nNothing is stuck.\n", "status", "bolt");
	ASSERT_PAGE(&TROUBLED,
	    "drayd 0.1.0, process 1, up for 1s, since 2026-03-01T11:59:59Z\n"
	    "configuration c\n"
	    "no Landlock in this kernel: roles are confined by seccomp and an empty root alone\n"
	    "\n"
	    "What is stuck, and why:\n"
	    "  drayd: no space left in /var/lib/dray: fetching waits\n",
	    "status");
}

/* What a remote suffers from is told once, not again for each of its routes. */
static void
test_status_says_it_once(void **state)
{
	static const struct ipc_ctl_route ROUTE = {.name = S("bolt-all"),
	    .condition = S("in trouble"),
	    .trouble = S("it shows SHA256:x, not the pinned key")};
	static const struct ipc_ctl_route FAILED = {.name = S("bolt-csv"),
	    .condition = S("in trouble"),
	    .n_failed = 2,
	    .trouble = S("it shows SHA256:x, not the pinned key")};
	static const struct fake_script SCRIPT = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_ROUTE, &ROUTE}, {IPC_CTL_ROUTE, &FAILED},
		{IPC_CTL_REMOTE, &BAD_REMOTE}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 4};

	(void)state;
	struct answer a = FAKE_DRAY(&SCRIPT, "status");
	const char *stuck = strstr(a.out, "What is stuck");
	assert_non_null(stuck);
	assert_contains(stuck, "  remote bolt: stopped: host key changed: ");
	assert_null(strstr(stuck, "bolt-all"));
	assert_contains(stuck, "  route bolt-csv: 2 failed: ");
	answer_fini(&a);
}

static void
test_status_json(void **state)
{
	(void)state;
	struct answer a = FAKE_DRAY(&STATUS, "status", "--json");

	assert_int_equal(a.code, CLI_OK);
	write_file("status.json", a.out, 0644);
	assert_int_equal(shell("python3 -c 'import json; d = json.load(open(\"status.json\")); "
			       "assert list(d) == [\"gateway\", \"routes\", \"remotes\", "
			       "\"sessions\"]; assert d[\"gateway\"][\"pid\"] == 4711; "
			       "assert d[\"routes\"][1][\"from\"] == \"bolt:/out\\\\x0abox\"; "
			       "assert d[\"routes\"][1][\"failed\"] == 1; "
			       "assert d[\"routes\"][1][\"last_run\"] is None; "
			       "assert len(d[\"sessions\"]) == 2'"),
	    0);
	answer_fini(&a);
}

static const struct fake_script TRANSFERS = {.question = IPC_CTL_TRANSFERS,
    .text = "bolt",
    .messages = {{IPC_CTL_TRANSFER, &BAD_TRANSFER}, {IPC_CTL_TRANSFER, &GOOD_TRANSFER},
	{IPC_CTL_DONE, &DONE}},
    .n_messages = 3};

static void
test_transfers(void **state)
{
	(void)state;
	ASSERT_PAGE(&TRANSFERS,
	    "ID  ROUTE          STATE         SIZE  CHANGED  FILE                      "
	    "TROUBLE\n"
	    "18  -              ready      1.5 KiB  now      erp:/in/\\x1b[31m\\xff.csv  "
	    "the \\x1bline\\x1bbroke\n"
	    "17  acme-invoices  delivered  4.0 KiB  5s ago   acme:/outbox/a.csv\n",
	    "transfers", "--route", "bolt");
	ASSERT_PAGE(&TRANSFERS,
	    "ID  ROUTE          STATE         SIZE  CHANGED  FILE                      "
	    "TROUBLE\n"
	    "18  -              ready      1.5 KiB  now      erp:/in/\\x1b[31m\\xff.csv  "
	    "the \\x1bline\\x1bbroke\n"
	    "17  acme-invoices  delivered  4.0 KiB  5s ago   acme:/outbox/a.csv\n"
	    "There may be more: --limit 0 shows all.\n",
	    "transfers", "--route", "bolt", "--limit", "2");
}

static void
test_no_transfers(void **state)
{
	static const struct fake_script NONE = {.question = IPC_CTL_TRANSFERS,
	    .text = "",
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};

	(void)state;
	ASSERT_PAGE(&NONE, "No transfers.\n", "transfers");
	ASSERT_PAGE(&NONE, "", "transfers", "--json");
}

static void
test_transfers_json(void **state)
{
	(void)state;
	ASSERT_PAGE(&TRANSFERS,
	    "{\"id\":18,\"route\":\"\",\"state\":\"ready\",\"source\":\"erp\","
	    "\"path\":\"/in/\\\\x1b[31m\\\\xff.csv\",\"published\":\"\",\"size\":1536,\"mtime\":0,"
	    "\"sha256\":null,\"attempts\":2,\"seen\":\"2026-03-01T12:00:00.000000Z\","
	    "\"changed\":\"2026-03-01T12:00:00.000000Z\",\"retry\":\"2026-03-01T12:00:40.000000Z\","
	    "\"trouble\":\"the \\\\x1bline\\\\x1bbroke\"}\n"
	    "{\"id\":17,\"route\":\"acme-invoices\",\"state\":\"delivered\",\"source\":\"acme\","
	    "\"path\":\"/outbox/a.csv\",\"published\":\"invoices/20260301-a.csv\",\"size\":4096,"
	    "\"mtime\":\"2026-03-01T11:00:00.000000Z\",\"sha256\":\"e3b0c44200000000000000000000"
	    "000000000000000000000000000000000055\",\"attempts\":0,"
	    "\"seen\":\"2026-03-01T11:59:00.000000Z\",\"changed\":\"2026-03-01T11:59:55.000000Z\","
	    "\"retry\":null,\"trouble\":\"\"}\n",
	    "transfers", "--json", "--route", "bolt");
}

static const struct fake_script TRACE = {.question = IPC_CTL_TRACE,
    .text = "/outbox/a.csv",
    .messages = {{IPC_CTL_EVENT, &EVENTS[4]}, {IPC_CTL_EVENT, &EVENTS[0]},
	{IPC_CTL_TRANSFER, &GOOD_TRANSFER}, {IPC_CTL_EVENT, &EVENTS[3]},
	{IPC_CTL_EVENT, &EVENTS[1]}, {IPC_CTL_TRANSFER, &BAD_TRANSFER}, {IPC_CTL_EVENT, &EVENTS[2]},
	{IPC_CTL_DONE, &DONE}},
    .n_messages = 8};

static void
test_trace(void **state)
{
	(void)state;
	ASSERT_PAGE(&TRACE,
	    "transfer 17: /outbox/a.csv from acme\n"
	    "  route       acme-invoices\n"
	    "  state       delivered\n"
	    "  size        4.0 KiB (4096 bytes)\n"
	    "  modified    2026-03-01T11:00:00Z at the source\n"
	    "  sha256      e3b0c44200000000000000000000000000000000000000000000000000000055\n"
	    "  published   invoices/20260301-a.csv\n"
	    "\n"
	    "  2026-03-01T11:59:00.000000Z            seen at the source: 4096 bytes\n"
	    "  2026-03-01T11:59:00.001234Z      +1ms  fetched whole and safe on our disk\n"
	    "  2026-03-01T11:59:55.000000Z      +54s  delivered: by erp\n"
	    "\n"
	    "transfer 18: /in/\\x1b[31m\\xff.csv from erp\n"
	    "  state       ready\n"
	    "  size        1.5 KiB (1536 bytes)\n"
	    "  trouble     the \\x1bline\\x1bbroke\n"
	    "  tries       2 failed\n"
	    "  next try    in 40s\n"
	    "\n"
	    "  2026-03-01T12:00:00.000000Z            odd\\x09event\n",
	    "trace", "/outbox/a.csv");
}

static void
test_trace_json(void **state)
{
	(void)state;
	struct answer a = FAKE_DRAY(&TRACE, "--json", "trace", "/outbox/a.csv");

	assert_int_equal(a.code, CLI_OK);
	write_file("trace.json", a.out, 0644);
	assert_int_equal(shell("python3 -c 'import json; d = json.load(open(\"trace.json\")); "
			       "t = d[\"transfers\"]; assert len(t) == 2; "
			       "assert [e[\"what\"] for e in t[0][\"events\"]] == [\"seen\", "
			       "\"fetched\", \"taken\"]; assert len(t[1][\"events\"]) == 1; "
			       "assert t[0][\"sha256\"].startswith(\"e3b0c442\")'"),
	    0);
	answer_fini(&a);
}

static void
test_trace_of_nothing(void **state)
{
	static const struct fake_script NONE = {.question = IPC_CTL_TRACE,
	    .text = "nil\a",
	    .messages = {{IPC_CTL_EVENT, &EVENTS[4]}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 2};

	(void)state;
	struct answer a = FAKE_DRAY(&NONE, "trace", "nil\a");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_string_equal(a.out, "");
	assert_string_equal(a.err, "dray: no transfer has the number or the path \"nil\\x07\"\n");
	answer_fini(&a);
}

static void
test_run(void **state)
{
	static const struct fake_script STARTED = {.question = IPC_CTL_RUN,
	    .text = "bolt",
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};
	static const struct fake_script ENDED = {.question = IPC_CTL_RUN,
	    .text = "bolt",
	    .messages = {{IPC_CTL_ROUTE, &BAD_ROUTE}, {IPC_CTL_DONE, &RUN_DONE}},
	    .n_messages = 2};

	(void)state;
	ASSERT_PAGE(&STARTED, "route bolt: the run was started\n", "run", "bolt");
	ASSERT_PAGE(
	    &ENDED, "route bolt: the run has ended: 3 files, 1 failed\n", "run", "--wait", "bolt");
	ASSERT_PAGE(&ENDED,
	    "{\n  \"route\": \"bolt\",\n  \"ended\": true,\n  \"message\": \"3 files, 1 "
	    "failed\"\n}\n",
	    "run", "--wait", "bolt", "--json");
}

/* What drayd says no to: the words are its, the exit code is ours. */
static void
test_refused(void **state)
{
	static const struct fake_script UNKNOWN = {
	    .question = IPC_CTL_RUN, .messages = {{IPC_CTL_DONE, &NOT_FOUND}}, .n_messages = 1};
	static const struct fake_script NO_STATE = {.question = IPC_CTL_TRANSFERS,
	    .messages = {{IPC_CTL_DONE, &BAD_STATE}},
	    .n_messages = 1};
	static const struct fake_script CUT = {.question = IPC_CTL_TRANSFERS,
	    .messages = {{IPC_CTL_TRANSFER, &GOOD_TRANSFER}},
	    .n_messages = 1};

	(void)state;
	struct answer a = FAKE_DRAY(&UNKNOWN, "run", "nil");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_string_equal(a.err, "dray: there is no route \"nil\" (did you mean \"bolt\"?)\n");
	answer_fini(&a);
	a = FAKE_DRAY(&NO_STATE, "transfers", "--state", "raedy");
	assert_int_equal(a.code, CLI_USAGE);
	assert_string_equal(a.err, "dray: there is no state \"raedy\"\n");
	answer_fini(&a);
	a = FAKE_DRAY(&CUT, "transfers");
	assert_int_equal(a.code, CLI_FAILED);
	assert_contains(a.out, "\n17  acme-invoices  delivered ");
	assert_null(strstr(a.out, "There may be more"));
	assert_contains(a.err, "before its answer was complete");
	answer_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_status),
	    cmocka_unit_test(test_status_of_nothing),
	    cmocka_unit_test(test_status_says_it_once),
	    cmocka_unit_test(test_status_json),
	    cmocka_unit_test(test_transfers),
	    cmocka_unit_test(test_no_transfers),
	    cmocka_unit_test(test_transfers_json),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_trace_json),
	    cmocka_unit_test(test_trace_of_nothing),
	    cmocka_unit_test(test_run),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
