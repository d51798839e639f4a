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
static const struct ipc_ctl_address GOOD_ADDRESS = {
    .address = S("127.0.0.1:2222"), .listening = true};
static const struct ipc_ctl_address GOOD_ADDRESS_6 = {
    .address = S("[::1]:2222"), .listening = true};
static const struct ipc_ctl_address BAD_ADDRESS = {.address = S("10.0.0.1:22"),
    .trouble = S("cannot listen on 10.0.0.1 port 22: Address already in use")};
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
static const struct ipc_ctl_transfer UPLOAD = {.id = 19,
    .state = S("settled"),
    .source = S("erp\n"),
    .path = S("sub/order.xml"),
    .published = S("orders/sub/order.xml"),
    .size = 10,
    .mtime = NOW_S - 60,
    .changed_us = NOW_US};
#define LONG_TROUBLE \
	"the template makes a name of more than 255 bytes of \xc3\xa4\xc3\xb6\xc3\xbc: a \\x5c b"
static const struct ipc_ctl_transfer WAITING = {.id = 22,
    .route = S("bolt"),
    .state = S("staged"),
    .source = S("bolt"),
    .path = S("/out/a\n.csv"),
    .changed_us = NOW_US,
    .retry_us = NOW_US + 99 * US_PER_SEC,
    .trouble = S(LONG_TROUBLE)};
static const struct ipc_ctl_transfer WAITING_TOO = {.id = 23,
    .route = S("bolt"),
    .state = S("ready"),
    .source = S("bolt"),
    .path = S("b.csv"),
    .retry_us = NOW_US,
    .trouble = S(LONG_TROUBLE)};
static const struct ipc_ctl_transfer GIVEN_UP = {.id = 24,
    .route = S("bolt"),
    .state = S("failed"),
    .source = S("bolt"),
    .path = S("/out/"),
    .trouble = S("the server said no")};
static const struct ipc_ctl_transfer FAILED_UPLOAD = {
    .id = 25, .state = S("failed"), .source = S("erp"), .path = S("/c"), .trouble = S("no")};
static const struct ipc_ctl_event EVENTS[] = {
    {.transfer = 17,
	.at_us = NOW_US - 60 * US_PER_SEC,
	.what = S("seen"),
	.detail = S("4096 bytes")},
    {.transfer = 17, .at_us = NOW_US - 60 * US_PER_SEC + 1234, .what = S("fetched")},
    {.transfer = 17, .at_us = NOW_US - 5 * US_PER_SEC, .what = S("taken"), .detail = S("by erp")},
    {.transfer = 18, .at_us = NOW_US, .what = S("odd\tevent")},
    {.transfer = 99, .at_us = NOW_US, .what = S("of no transfer that was told")},
    {.transfer = 19, .at_us = NOW_US, .what = S("told"), .detail = S("close answered")},
    {.transfer = 17, .at_us = NOW_US, .what = S("told")},
};
static const struct ipc_ctl_done DONE = {.error = ERR_OK};
static const struct ipc_ctl_done RUN_DONE = {.error = ERR_OK, .message = S("3 files, 1 failed")};
static const struct ipc_ctl_done NOT_FOUND = {
    .error = ERR_NOENT, .message = S("drayd's own words")};
static const struct ipc_ctl_done UNREACHABLE = {.error = ERR_IO,
    .cause = IPC_CONNECT_UNREACHABLE + 1,
    .message = S("cannot connect to bolt.example port 22: Connection refused")};
static const struct ipc_ctl_done KEY_CHANGED = {
    .error = ERR_IO, .cause = IPC_CONNECT_HOST_KEY_CHANGED + 1, .message = S("another key")};
static const struct ipc_ctl_done SILENT_FAILURE = {.error = ERR_UNSUPPORTED};

static const struct ipc_ctl_folder PLAIN_FOLDER = {.name = S("plain")};
static const struct ipc_ctl_folder LEFT_FOLDER = {
    .name = S("left"), .n_partials = 2, .partial_bytes = 3 << 20};
static const struct ipc_ctl_folder FULL_FOLDER = {.name = S("full"),
    .used_bytes = 1 << 20,
    .used_files = 3,
    .quota_bytes = 10 << 20,
    .quota_files = 100};
static const struct ipc_ctl_account FULL_ACCOUNT = {
    .name = S("erp"), .used_bytes = 9, .used_files = 3, .quota_files = 3};

/* The rows come in an order that nobody would choose. */
static const struct fake_script STATUS = {.question = IPC_CTL_STATUS,
    .text = "",
    .messages = {{IPC_CTL_SESSION, &SESSION}, {IPC_CTL_REMOTE, &GOOD_REMOTE},
	{IPC_CTL_ROUTE, &GOOD_ROUTE}, {IPC_CTL_SESSION, &STRANGER}, {IPC_CTL_GATEWAY, &GATEWAY},
	{IPC_CTL_REMOTE, &BAD_REMOTE}, {IPC_CTL_ROUTE, &BAD_ROUTE}, {IPC_CTL_TRANSFER, &GIVEN_UP},
	{IPC_CTL_ADDRESS, &BAD_ADDRESS}, {IPC_CTL_ADDRESS, &GOOD_ADDRESS},
	{IPC_CTL_ACCOUNT, &FULL_ACCOUNT}, {IPC_CTL_FOLDER, &PLAIN_FOLDER},
	{IPC_CTL_FOLDER, &LEFT_FOLDER}, {IPC_CTL_FOLDER, &FULL_FOLDER}, {IPC_CTL_DONE, &DONE}},
    .n_messages = 15};

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
	    "listening on 127.0.0.1:2222\n"
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
	    "FOLDER  PRIVATE    BYTES  QUOTA\n"
	    "left          2  3.0 MiB  -\n"
	    "full          0      0 B  1.0 MiB of 10.0 MiB, 3 of 100 files\n"
	    "\n"
	    "ACCOUNT  QUOTA\n"
	    "erp      3 of 3 files\n"
	    "\n"
	    "What is stuck, and why:\n"
	    "  address 10.0.0.1:22: not listening: Address already in use\n"
	    "  remote bolt: stopped: host key changed: it shows SHA256:x, not the pinned key\n"
	    "  route bolt: 1 failed: a.csv: the server said no\n"
	    "    see: dray transfers --state failed --route bolt\n"
	    "  transfer 24 of route bolt (): given up: the server said no: dray retry 24 tries "
	    "again\n",
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
	static const struct fake_script LISTENING = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_ADDRESS, &GOOD_ADDRESS}, {IPC_CTL_ADDRESS, &GOOD_ADDRESS_6},
		{IPC_CTL_DONE, &DONE}},
	    .n_messages = 3};
	static const struct ipc_ctl_address QUIET_ADDRESS = {.address = S("a:1")};
	static const struct fake_script DEAF = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_ADDRESS, &QUIET_ADDRESS}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 2};

	ASSERT_PAGE(&EMPTY, "\nNothing is stuck.\n", "status", "bolt");
	ASSERT_PAGE(&LISTENING,
	    "listening on 127.0.0.1:2222\nlistening on [::1]:2222\n\nNothing is stuck.\n",
	    "status");
	ASSERT_PAGE(&DEAF, "\nWhat is stuck, and why:\n  address a:1: not listening\n", "status");
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
	assert_contains(stuck, "  route bolt-csv: 2 failed\n");
	answer_fini(&a);
}

/* The files that don't move, of a route and of an account; one reason for several is told once. */
static void
test_status_transfers(void **state)
{
	static const struct fake_script SCRIPT = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_TRANSFER, &WAITING}, {IPC_CTL_TRANSFER, &WAITING_TOO},
		{IPC_CTL_TRANSFER, &GIVEN_UP}, {IPC_CTL_TRANSFER, &FAILED_UPLOAD},
		{IPC_CTL_DONE, &DONE}},
	    .n_messages = 5};

	(void)state;
	ASSERT_PAGE(&SCRIPT,
	    "\n"
	    "What is stuck, and why:\n"
	    "  transfer 22 of route bolt (a\\x0a.csv): tried again in 1m39s: " LONG_TROUBLE "\n"
	    "  transfer 23 of route bolt (b.csv): tried again at the next run: as above\n"
	    "  transfer 24 of route bolt (): given up: the server said no: dray retry 24 tries "
	    "again\n"
	    "  transfer 25 of account erp (c): given up: no\n",
	    "status");
}

/* A stopped remote's routes have a timer, but no next run; others have one. */
static void
test_status_next_run(void **state)
{
	static const struct ipc_ctl_route ROUTE = {.name = S("bolt-all"),
	    .from = S("bolt:/out"),
	    .condition = S("in trouble"),
	    .next_run_us = NOW_US + 7 * US_PER_SEC,
	    .trouble = S("it shows SHA256:x, not the pinned key")};
	static const struct ipc_ctl_route OTHER = {
	    .name = S("b"), .from = S("bol:t/"), .next_run_us = NOW_US + 7 * US_PER_SEC};
	static const struct fake_script SCRIPT = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_CTL_ROUTE, &ROUTE}, {IPC_CTL_ROUTE, &OTHER},
		{IPC_CTL_REMOTE, &BAD_REMOTE}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 4};

	(void)state;
	struct answer a = FAKE_DRAY(&SCRIPT, "status");
	assert_contains(a.out, "in trouble  never     when the remote goes on        0 ");
	assert_contains(a.out, "never     in 7s ");
	answer_fini(&a);
}

static void
test_status_json(void **state)
{
	(void)state;
	struct answer a = FAKE_DRAY(&STATUS, "status", "--json");

	assert_int_equal(a.code, CLI_OK);
	write_file("status.json", a.out, 0644);
	assert_int_equal(
	    shell("python3 -c 'import json; d = json.load(open(\"status.json\")); "
		  "assert list(d) == [\"gateway\", \"addresses\", \"routes\", "
		  "\"remotes\", \"sessions\", \"bans\", \"folders\", \"accounts\", \"stuck\"]; "
		  "assert [a[\"listening\"] for a in d[\"addresses\"]] == "
		  "[False, True]; assert d[\"stuck\"][0][\"id\"] == 24; assert "
		  "d[\"gateway\"][\"pid\"] == 4711; "
		  "assert d[\"routes\"][1][\"from\"] == \"bolt:/out\\\\x0abox\"; "
		  "assert d[\"routes\"][1][\"failed\"] == 1; "
		  "assert d[\"routes\"][1][\"last_run\"] is None; "
		  "assert d[\"folders\"][1][\"partials\"] == 2; "
		  "assert d[\"accounts\"][0][\"quota_files\"] == 3; "
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
	    "ID  ROUTE          STATE         SIZE  CHANGED  TROUBLE                FILE\n"
	    "18  -              ready      1.5 KiB  now      the \\x1bline\\x1bbroke  "
	    "erp:/in/\\x1b[31m\\xff.csv\n"
	    "17  acme-invoices  delivered  4.0 KiB  5s ago                          "
	    "acme:/outbox/a.csv\n",
	    "transfers", "--route", "bolt");
	ASSERT_PAGE(&TRANSFERS,
	    "ID  ROUTE          STATE         SIZE  CHANGED  TROUBLE                FILE\n"
	    "18  -              ready      1.5 KiB  now      the \\x1bline\\x1bbroke  "
	    "erp:/in/\\x1b[31m\\xff.csv\n"
	    "17  acme-invoices  delivered  4.0 KiB  5s ago                          "
	    "acme:/outbox/a.csv\n"
	    "There may be more: --limit 0 shows all.\n",
	    "transfers", "--route", "bolt", "--limit", "2");
}

/* A long trouble is cut, at a character, so that the file is still to be seen; an upload is named
 * by where it is. */
static void
test_transfers_wide(void **state)
{
	static const struct fake_script SCRIPT = {.question = IPC_CTL_TRANSFERS,
	    .messages = {{IPC_CTL_TRANSFER, &WAITING}, {IPC_CTL_TRANSFER, &UPLOAD},
		{IPC_CTL_DONE, &DONE}},
	    .n_messages = 3};

	(void)state;
	ASSERT_PAGE(&SCRIPT,
	    "ID  ROUTE  STATE    SIZE  CHANGED  "
	    "TROUBLE                                                       FILE\n"
	    "22  bolt   staged    0 B  now      "
	    "the template makes a name of more than 255 bytes of \xc3\xa4\xc3\xb6\xc3\xbc: a "
	    "\xe2\x80\xa6  bolt:/out/a\\x0a.csv\n"
	    "19  -      settled  10 B  now      "
	    "                                                              "
	    "erp\\x0a:orders/sub/order.xml\n",
	    "transfers");
}

static void
test_no_transfers(void **state)
{
	static const struct fake_script NONE = {.question = IPC_CTL_TRANSFERS,
	    .text = "",
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};

	(void)state;
	static const struct fake_script NONE_OF_IT = {
	    .question = IPC_CTL_TRANSFERS, .messages = {{IPC_CTL_DONE, &DONE}}, .n_messages = 1};

	ASSERT_PAGE(&NONE, "No transfers.\n", "transfers");
	ASSERT_PAGE(&NONE, "", "transfers", "--json");
	ASSERT_PAGE(&NONE_OF_IT, "No transfers.\n", "transfers", "--route", "bolt");
	/* Nothing is there of a route that isn't. What is there of one that was is listed. */
	static const char *const FORMS[][4] = {
	    {"transfers", "--route", "botl"}, {"transfers", "--json", "--route=botl"}};
	for (size_t i = 0; i < ARRAY_LEN(FORMS); i++) {
		struct answer a = fake_dray(&NONE_OF_IT, FORMS[i]);
		assert_int_equal(a.code, CLI_NOT_FOUND);
		assert_string_equal(a.out, "");
		assert_string_equal(
		    a.err, "dray: there is no route \"botl\" (did you mean \"bolt\"?)\n");
		answer_fini(&a);
	}
	static const struct fake_script OF_OLD = {.question = IPC_CTL_TRANSFERS,
	    .text = "gone",
	    .messages = {{IPC_CTL_TRANSFER, &GOOD_TRANSFER}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 2};
	struct answer a = FAKE_DRAY(&OF_OLD, "transfers", "--route", "gone");
	assert_int_equal(a.code, CLI_OK);
	answer_fini(&a);
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

/* Of an upload: who wrote it, and who was told; there is no source to speak of. */
static void
test_trace_upload(void **state)
{
	static const struct fake_script SCRIPT = {.question = IPC_CTL_TRACE,
	    .text = "19",
	    .messages = {{IPC_CTL_TRANSFER, &UPLOAD}, {IPC_CTL_EVENT, &EVENTS[5]},
		{IPC_CTL_DONE, &DONE}},
	    .n_messages = 3};
	static const struct fake_script FETCHED = {.question = IPC_CTL_TRACE,
	    .messages = {{IPC_CTL_TRANSFER, &GOOD_TRANSFER}, {IPC_CTL_EVENT, &EVENTS[6]},
		{IPC_CTL_DONE, &DONE}},
	    .n_messages = 3};

	(void)state;
	ASSERT_PAGE(&SCRIPT,
	    "transfer 19: sub/order.xml from erp\\x0a\n"
	    "  state       settled\n"
	    "  size        10 B (10 bytes)\n"
	    "  modified    2026-03-01T11:59:00Z by erp\\x0a\n"
	    "  published   orders/sub/order.xml\n"
	    "\n"
	    "  2026-03-01T12:00:00.000000Z            the account was told: close answered\n",
	    "trace", "19");
	struct answer a = FAKE_DRAY(&FETCHED, "trace", "17");
	assert_contains(a.out, " settled with the source\n");
	answer_fini(&a);
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
	static const struct fake_script REFUSED = {.question = IPC_CTL_TRACE,
	    .text = "nil\a",
	    .messages = {{IPC_CTL_DONE, &NOT_FOUND}},
	    .n_messages = 1};
	static const struct fake_script *const SCRIPTS[] = {&NONE, &REFUSED};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(SCRIPTS); i++) {
		struct answer a = FAKE_DRAY(SCRIPTS[i], "trace", "nil\a");
		assert_int_equal(a.code, CLI_NOT_FOUND);
		assert_string_equal(a.out, "");
		assert_string_equal(a.err,
		    "dray: no transfer has the number, path or name \"nil\\x07\": no route takes "
		    "it, it is too young, or it was never there\n");
		answer_fini(&a);
	}
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

static const struct ipc_ctl_ban V4_BAN = {
    .address = S("192.0.2.7"), .until_us = NOW_US + 90 * US_PER_SEC, .n_bans = 1};
static const struct ipc_ctl_ban V6_BAN = {
    .address = S("2001:db8::/64"), .until_us = NOW_US + 240 * US_PER_SEC, .n_bans = 3};
static const struct ipc_ctl_done NOT_BANNED = {.error = ERR_NOENT, .message = S("no")};
static const struct ipc_ctl_done LIFTED = {.error = ERR_OK, .message = S("1 lifted")};

static void
test_bans(void **state)
{
	static const struct fake_script LISTED = {.question = IPC_CTL_BANS,
	    .text = "",
	    .messages = {{IPC_CTL_BAN, &V4_BAN}, {IPC_CTL_BAN, &V6_BAN}, {IPC_CTL_DONE, &DONE}},
	    .n_messages = 3};
	static const struct fake_script NONE = {.question = IPC_CTL_BANS,
	    .text = "",
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};
	static const struct fake_script LIFT = {.question = IPC_CTL_BANS,
	    .text = "192.0.2.7",
	    .messages = {{IPC_CTL_DONE, &LIFTED}},
	    .n_messages = 1};

	(void)state;
	ASSERT_PAGE(&NONE, "No address is banned.\n", "bans");
	ASSERT_PAGE(&LISTED,
	    "ADDRESS        UNTIL     IN A ROW\n"
	    "192.0.2.7      in 1m30s         1\n"
	    "2001:db8::/64  in 4m00s         3\n",
	    "bans");
	ASSERT_PAGE(&LIFT, "1 lifted\n", "bans", "--lift", "192.0.2.7");
	ASSERT_PAGE(&NONE, "{\n  \"bans\": [],\n  \"message\": \"\"\n}\n", "bans", "--json");
}

static void
test_lift_of_what(void **state)
{
	static const struct fake_script UNKNOWN = {.question = IPC_CTL_BANS,
	    .text = "192.0.2.7",
	    .messages = {{IPC_CTL_DONE, &NOT_BANNED}},
	    .n_messages = 1};

	(void)state;
	struct answer a = FAKE_DRAY(&UNKNOWN, "bans", "--lift", "192.0.2.7");
	assert_int_equal(a.code, CLI_NOT_FOUND);
	assert_string_equal(a.err, "dray: 192.0.2.7 is not banned\n");
	answer_fini(&a);
}

static void
test_retry(void **state)
{
	static const struct fake_script AGAIN = {.question = IPC_CTL_RETRY,
	    .number = 24,
	    .messages = {{IPC_CTL_DONE, &DONE}},
	    .n_messages = 1};
	static const struct fake_script SAID = {.question = IPC_CTL_RETRY,
	    .number = INT64_MAX,
	    .messages = {{IPC_CTL_DONE, &RUN_DONE}},
	    .n_messages = 1};

	(void)state;
	ASSERT_PAGE(&AGAIN, "transfer 24: it is tried again\n", "retry", "24");
	ASSERT_PAGE(
	    &AGAIN, "{\n  \"transfer\": 24,\n  \"message\": \"\"\n}\n", "retry", "24", "--json");
	ASSERT_PAGE(&SAID, "transfer 9223372036854775807: it is tried again: 3 files, 1 failed\n",
	    "retry", "9223372036854775807");
}

/* A number is needed, and drayd isn't asked without one. */
static void
test_retry_of_what(void **state)
{
	static const char *const WRONG[] = {"", "x", "1-", "24 ", "9223372036854775808", "0x18"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
		struct answer a = DRAY("retry", WRONG[i]);
		assert_int_equal(a.code, CLI_USAGE);
		assert_contains(a.err, "\" is no transfer's number (dray transfers tells them)\n");
		answer_fini(&a);
	}
}

struct refusal_case {
	const char *args[5];
	enum ipc_type question;
	uint64_t number;
	const struct ipc_ctl_done *done;
	enum cli_exit code;
	const char *complaint;
};

/* What drayd says no to: about what, why, and with which exit code. */
static const struct refusal_case REFUSALS[] = {
    {{"run", "botl"}, IPC_CTL_RUN, 0, &NOT_FOUND, CLI_NOT_FOUND,
	"dray: there is no route \"botl\" (did you mean \"bolt\"?)\n"},
    {{"run", "quite-another\a"}, IPC_CTL_RUN, 0, &NOT_FOUND, CLI_NOT_FOUND,
	"dray: there is no route \"quite-another\\x07\"\n"},
    {{"status", "acme-invoice"}, IPC_CTL_STATUS, 0, &NOT_FOUND, CLI_NOT_FOUND,
	"dray: there is no route \"acme-invoice\" (did you mean \"acme-invoices\"?)\n"},
    {{"status", "bolt"}, IPC_CTL_STATUS, 0, &NOT_FOUND, CLI_NOT_FOUND,
	"dray: drayd doesn't know the route \"bolt\" yet: reload it\n"},
    {{"run", "bolt", "--wait"}, IPC_CTL_RUN, 0, &UNREACHABLE, CLI_FAILED,
	"dray: route bolt: cannot connect to bolt.example port 22: Connection refused\n"},
    {{"run", "bolt", "--wait"}, IPC_CTL_RUN, 0, &KEY_CHANGED, CLI_HOST_KEY,
	"dray: route bolt: another key\n"},
    {{"run", "b\a", "--wait"}, IPC_CTL_RUN, 0, &SILENT_FAILURE, CLI_FAILED,
	"dray: route b\\x07: operation not supported\n"},
    {{"retry", "7"}, IPC_CTL_RETRY, 7, &NOT_FOUND, CLI_NOT_FOUND, "dray: there is no transfer 7\n"},
    {{"retry", "7"}, IPC_CTL_RETRY, 7, &KEY_CHANGED, CLI_HOST_KEY,
	"dray: transfer 7: another key\n"},
};

static void
test_refused(void **state)
{
	static const struct fake_script CUT = {.question = IPC_CTL_TRANSFERS,
	    .messages = {{IPC_CTL_TRANSFER, &GOOD_TRANSFER}},
	    .n_messages = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
		const struct refusal_case *c = &REFUSALS[i];
		const struct fake_script script = {.question = c->question,
		    .number = c->number,
		    .messages = {{IPC_CTL_DONE, c->done}},
		    .n_messages = 1};
		struct answer a = fake_dray(&script, c->args);
		assert_string_equal(a.err, c->complaint);
		assert_int_equal(a.code, c->code);
		assert_string_equal(a.out, "");
		answer_fini(&a);
	}
	struct answer a = FAKE_DRAY(&CUT, "transfers");
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
	    cmocka_unit_test(test_status_transfers),
	    cmocka_unit_test(test_status_next_run),
	    cmocka_unit_test(test_status_json),
	    cmocka_unit_test(test_transfers),
	    cmocka_unit_test(test_transfers_wide),
	    cmocka_unit_test(test_no_transfers),
	    cmocka_unit_test(test_transfers_json),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_trace_upload),
	    cmocka_unit_test(test_trace_json),
	    cmocka_unit_test(test_trace_of_nothing),
	    cmocka_unit_test(test_run),
	    cmocka_unit_test(test_bans),
	    cmocka_unit_test(test_lift_of_what),
	    cmocka_unit_test(test_retry),
	    cmocka_unit_test(test_retry_of_what),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
