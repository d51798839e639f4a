/* Rows as JSON, and that hostile text never makes an invalid document. */
#include "harness.h"

#include "cli/json.h"
#include "cli/rows.h"

static char *
line_of(json_t *value)
{
	size_t len;
	char *text;
	FILE *f = open_memstream(&text, &len);

	json_print_line(value, f);
	fclose(f);
	return text;
}

static void
test_transfer(void **state)
{
	uint8_t hash[32];
	struct ipc_message m = {.type = IPC_CTL_TRANSFER};

	(void)state;
	memset(hash, 0xab, sizeof hash);
	m.ctl_transfer = (struct ipc_ctl_transfer){.id = 17,
	    .route = slice_str("acme-invoices"),
	    .state = slice_str("settled"),
	    .source = slice_str("acme"),
	    .path = slice_str("/outbox/a\"b.csv"),
	    .published = slice_str("invoices/a.csv"),
	    .size = 4096,
	    .mtime = NOW_S - 60,
	    .sha256 = slice_of(hash, sizeof hash),
	    .attempts = 2,
	    .seen_us = NOW_US,
	    .changed_us = NOW_US + 1,
	    .trouble = slice_str("")};
	char *text = line_of(json_new_row(&m));
	assert_string_equal(text,
	    "{\"id\":17,\"route\":\"acme-invoices\",\"state\":\"settled\",\"source\":\"acme\","
	    "\"path\":\"/outbox/a\\\"b.csv\",\"published\":\"invoices/a.csv\",\"size\":4096,"
	    "\"mtime\":\"2026-03-01T11:59:00.000000Z\","
	    "\"sha256\":\"abababababababababababababababababababababababababababababababab\","
	    "\"attempts\":2,\"seen\":\"2026-03-01T12:00:00.000000Z\","
	    "\"changed\":\"2026-03-01T12:00:00.000001Z\",\"retry\":null,\"trouble\":\"\"}\n");
	free(text);
}

static void
test_counts_and_bounds(void **state)
{
	struct ipc_message route = {.type = IPC_CTL_ROUTE};
	struct ipc_message transfer = {.type = IPC_CTL_TRANSFER};

	(void)state;
	route.ctl_route = (struct ipc_ctl_route){
	    .name = slice_str("r"), .n_waiting = 1, .n_done = UINT64_MAX, .last_run_us = INT64_MIN};
	char *text = line_of(json_new_row(&route));
	assert_contains(text, "\"waiting\":1,\"done\":9223372036854775807,\"failed\":0");
	assert_contains(text, "\"next_run\":null");
	free(text);
	transfer.ctl_transfer = (struct ipc_ctl_transfer){.mtime = INT64_MAX, .seen_us = INT64_MAX};
	text = line_of(json_new_row(&transfer));
	assert_contains(text, "\"sha256\":null");
	assert_contains(text, "\"mtime\":9223372036854775807");
	free(text);
}

/* Any bytes at all: what is printed is JSON again, with exactly the escaped text in it. */
static void
test_hostile_text(void **state)
{
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	for (size_t from = 0; from < sizeof bytes; from++) {
		struct slice raw = slice_of(bytes + from, sizeof bytes - from);
		json_t *object = json_new_object();
		json_error_t error;
		json_put(object, "text", json_new_text(raw));
		char *text = line_of(object);
		json_t *again = json_loads(text, 0, &error);
		assert_non_null(again);
		assert_null(strchr(text, 0x7f));
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		json_decref(again);
		free(text);
	}
}

/* A row keeps its text when the message's memory is gone. */
static void
test_rows_copy(void **state)
{
	char text[] = "original";
	struct rows rows;
	struct ipc_message m = {.type = IPC_CTL_EVENT};

	(void)state;
	rows_init(&rows);
	m.ctl_event = (struct ipc_ctl_event){
	    .transfer = 5, .what = slice_str(text), .detail = slice_str(text)};
	rows_add(&rows, &m);
	m.type = IPC_CTL_DONE;
	m.ctl_done = (struct ipc_ctl_done){.message = slice_of(NULL, 0)};
	rows_add(&rows, &m);
	memset(text, 'x', sizeof text - 1);
	const struct row *event = rows_next(&rows, IPC_CTL_EVENT, NULL);
	assert_non_null(event);
	assert_true(slice_is(event->m.ctl_event.what, "original"));
	assert_true(slice_is(event->m.ctl_event.detail, "original"));
	assert_int_equal(event->m.ctl_event.transfer, 5);
	assert_null(rows_next(&rows, IPC_CTL_EVENT, event));
	assert_non_null(rows_next(&rows, IPC_CTL_DONE, NULL));
	assert_null(rows_next(&rows, IPC_CTL_ROUTE, NULL));
	rows_fini(&rows);
	assert_null(rows_next(&rows, IPC_CTL_EVENT, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_transfer),
	    cmocka_unit_test(test_counts_and_bounds),
	    cmocka_unit_test(test_hostile_text),
	    cmocka_unit_test(test_rows_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
